"""Draws snippets from the documents of a corpus that has a folder for each language."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import Origin, RecipeError, RunError, SeedSource, Shard, Snippet, progress
from magicoder_core.seeding import draw, interleave, mixed, refusal
from magicoder_starcoderdata.languages import spoken_tag, tag

if TYPE_CHECKING:
    from magicoder_starcoderdata.corpora import Corpus
    from magicoder_starcoderdata.documents import Document, Row
    from magicoder_starcoderdata.published import Drawn

MODES = ("default", "compat")
DEFAULT_LIMIT = 1000
PUBLISHED_LINES = 15


@dataclass(frozen=True, kw_only=True)
class CorpusSource(SeedSource):
    """What the sources of this plugin share: all but which corpus a language is taken from."""

    languages: Annotated[tuple[str, ...], "which languages, as python or c-sharp; snippets come from each in turn"] = (
        "python",
    )
    mix: Annotated[
        dict[str, int] | str | None,
        "how many snippets of each language, as {python = 40, rust = 10}, or `paper` for the published 80,000;"
        " instead of `languages`",
    ] = None
    limit: Annotated[
        int | None, f"how many snippets in all; none: the whole `mix`, or {DEFAULT_LIMIT} where there is none"
    ] = None
    paths: Annotated[
        tuple[str, ...],
        "Parquet, JSONL or Arrow files with its columns, or folders of them; empty: stream from the Hub",
    ] = ()
    lines: Annotated[int, "the longest snippet, in lines"] = PUBLISHED_LINES
    licences: Annotated[
        tuple[str, ...],
        "use only documents that are known to be under these (SPDX names); empty: whatever they are under",
    ] = ()
    mode: Annotated[
        str, "`default`, or `compat`: rows, order and lines exactly as the published program drew them, faults included"
    ] = "default"
    start: Annotated[int, "position in the published order to begin at; only for the mode `compat`"] = 0
    revision: Annotated[str | None, "commit, tag or branch of the corpus on the Hub; none: its newest state"] = None
    token_env: Annotated[str, "environment variable that holds the Hub's access token"] = "HF_TOKEN"  # noqa: S105 - its name

    def __post_init__(self) -> None:
        """Refuse what could only fail later.

        Raises:
            RecipeError: no language or a wrong one, an unknown mix or mode, a number out of range, or options that
                rule each other out.
        """
        for name, value, least in (("limit", self.limit, 1), ("lines", self.lines, 1), ("start", self.start, 0)):
            if value is not None and value < least:
                raise RecipeError(f"seed_source.{name}: must be at least {least} (got {value})")
        if self.mode not in MODES:
            raise RecipeError(f"seed_source.mode: no mode '{self.mode}'; there are: {', '.join(MODES)}")
        if self.mode == "default" and self.start:
            raise RecipeError("seed_source.start: only the mode 'compat' has an order of rows to begin in")
        if self.mode == "compat" and self.lines != PUBLISHED_LINES:
            raise RecipeError(f"seed_source.lines: the published draw is of at most 15 lines (got {self.lines})")
        if not self._languages:
            raise RecipeError("seed_source.languages: at least one is needed")
        self._refuse_unlicensed()

    def check(self) -> None:
        """Look whether there is a token, or whether the local files can be read; nothing is asked of the Hub.

        Raises:
            RecipeError: a local path is missing, or the language of its files cannot be told.
            RunError: no token, a local file is broken, or has no licences though some are asked for.
        """
        from magicoder_starcoderdata import hub

        for language in self._languages:
            if self.paths:
                self._check_local(language)
            else:
                hub.check(self.corpus(language), self.token_env)

    def snippets(self, shard: Shard) -> Iterator[Snippet]:
        """Yield at most ``limit`` snippets, counted over all shards, document by document.

        Each shard draws for the others too: it must know when all together have reached their numbers.

        Raises:
            RecipeError: a local path is missing, or the language of its files cannot be told.
            RunError: a local file is broken, or the Hub does not give the corpus.
        """
        account = _Account(self.name)
        streams = {language: self._draws(language, shard, account) for language in self._languages}
        try:
            for document, drawn in islice(interleave(streams, self._mix), self._most):
                if document.row % shard.count == shard.index:
                    account.given += 1
                    yield _snippet(document, drawn)
        finally:
            progress.say(account.line())

    @property
    @abstractmethod
    def name(self) -> str:
        """The source's name in a recipe."""

    @abstractmethod
    def corpus(self, language: str) -> Corpus:
        """The corpus that a language is taken from."""

    def revision_of(self, corpus: Corpus) -> str | None:  # noqa: ARG002 - one of several corpora, in a subclass
        """The state of the corpus that is asked for."""
        return self.revision

    def _draws(self, language: str, shard: Shard, account: _Account) -> Iterator[tuple[Document, Drawn]]:
        """The documents of one language that give a snippet, and that; the others are counted."""
        given = 0
        drawn = self._published if self.mode == "compat" else partial(self._drawn, seed=shard.seed)
        for document, found in drawn(language):
            if isinstance(found, str):
                # Only by the shard whose document it is, so that all accounts add up.
                account.skipped[found] += document.row % shard.count == shard.index
            else:
                given += 1
                yield document, found
        wanted = (self._mix or {}).get(language)
        if len(self._languages) > 1 or wanted:
            progress.say(
                f"{self.name}: {language} ran out after {given:,}{f' of {wanted:,}' if wanted else ''} snippets"
            )

    def _drawn(self, language: str, seed: int) -> Iterator[tuple[Document, Drawn | str]]:
        """Each document with its snippet, or with why it has none."""
        allowed, lines = self.licences, self.lines
        for document in self._documents(language):
            text = document.text
            if why := _unfit(document, language) or (refusal(document.licence, allowed) if allowed else None):
                yield document, why
            else:
                yield document, draw(text, document.key, seed, lines) or "blank"

    def _published(self, language: str) -> Iterator[tuple[Document, Drawn | str]]:
        """The same as published: blank and binary documents count, and so many rows are used, not snippets."""
        from magicoder_starcoderdata import published

        rows = published.drawn(self._documents(language, strip=False), self.start)
        wanted = (self._mix or {}).get(language) or (None if self._others(language) else self._most)
        for document, found in islice(rows, wanted):
            refused = refusal(document.licence, self.licences) if self.licences else None
            yield document, refused or found or "empty"

    def _documents(self, language: str, *, strip: bool = True) -> Iterator[Document]:
        from magicoder_starcoderdata.documents import document

        corpus = self.corpus(language)
        revision = self.revision_of(corpus)
        name = corpus.local if self.paths else f"{corpus.hub}@{revision}" if revision else corpus.hub
        return (
            document(row, number, language, name, strip=strip)
            for number, row in enumerate(self._rows(language, corpus))
        )

    def _rows(self, language: str, corpus: Corpus) -> Iterable[Row]:
        from magicoder_starcoderdata import hub, local

        if self.paths:
            return chain.from_iterable(map(local.rows, local.files(self.paths, language, self._others(language))))
        return hub.rows(corpus, language, self.revision_of(corpus), self.token_env)

    def _check_local(self, language: str) -> None:
        from magicoder_starcoderdata import local
        from magicoder_starcoderdata.documents import LICENCES

        files = local.files(self.paths, language, self._others(language))
        if not files:
            raise RunError(f"seed_source.paths: no {' or '.join(local.ENDINGS)} file in {', '.join(self.paths)}")
        for file in files[:1]:
            if self.licences and not set(LICENCES) & set(local.columns(file)):
                raise RunError(
                    f"seed_source.licences: {file} has no column {' or '.join(LICENCES)}: all would be refused"
                )

    def _refuse_unlicensed(self) -> None:
        """With ``licences``, a corpus that names none would be refused document by document."""
        silent = [] if self.paths else [name for name in self._languages if not self.corpus(name).licensed]
        if self.licences and silent:
            raise RecipeError(
                f"seed_source.licences: {self.corpus(silent[0]).name} does not say licences, so all {silent[0]} would be"
                ' refused; use = "the-stack" does, and local files may'
            )

    def _others(self, language: str) -> list[str]:
        return [name for name in self._languages if name != language]

    @property
    def _most(self) -> int | None:
        return self.limit or (None if self._mix else DEFAULT_LIMIT)

    @cached_property
    def _mix(self) -> Mapping[str, int] | None:
        if self.mix is None:
            return None
        wanted: dict[str, int] = {}
        for language, count in mixed(self.mix, "seed_source.mix").items():
            if (name := tag(language, "seed_source.mix")) in wanted:
                raise RecipeError(f"seed_source.mix: '{name}' is named twice")
            wanted[name] = count
        if self.languages not in (("python",), ()):
            raise RecipeError("seed_source.mix: names the languages itself; leave `languages` out")
        return wanted

    @cached_property
    def _languages(self) -> tuple[str, ...]:
        """The wanted languages as snippets name them, each once."""
        return tuple(self._mix or dict.fromkeys(map(tag, self.languages)))


def _unfit(document: Document, language: str) -> str | None:
    """Why no snippet can be drawn of a document."""
    if not document.text:
        return "empty"
    if "\0" in document.text:
        return "binary"
    if document.spoken and spoken_tag(document.spoken) != language:
        return "of another language"
    return None


def _snippet(document: Document, drawn: Any) -> Snippet:
    code, first, last = drawn
    origin = Origin(
        corpus=document.corpus,
        path=document.path,
        repository=document.repository,
        revision=document.revision,
        licence=document.licence,
        lines=(first, last),
        row=document.row,
    )
    return Snippet(code=code, language=document.language, origin=origin)


@dataclass
class _Account:
    """What became of the documents of one shard."""

    name: str
    given: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(self.skipped.items()) if count)
        skipped = f"; skipped {self.skipped.total()} documents: {reasons}" if reasons else ""
        return f"{self.name}: {self.given} snippets{skipped}"
