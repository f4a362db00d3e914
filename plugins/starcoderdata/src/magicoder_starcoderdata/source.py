"""Draws snippets from StarCoderData's documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Annotated

from magicoder_core import Origin, RecipeError, SeedSource, Shard, Snippet, progress
from magicoder_core.seeding import draw
from magicoder_starcoderdata.languages import folder

if TYPE_CHECKING:
    from magicoder_starcoderdata.documents import Document


@dataclass(frozen=True, kw_only=True)
class StarCoderData(SeedSource):
    """Draws snippets from StarCoderData: one of each document, the languages in turn, in the corpus's own order.

    The corpus says nothing of licences, so they are unknown here. It is gated on the Hub: accept its terms there
    and put an access token into the environment. Documents are streamed, nothing is kept on the disk.
    """

    languages: Annotated[tuple[str, ...], "which languages, as python or c-sharp; documents come from each in turn"] = (
        "python",
    )
    limit: Annotated[int, "how many snippets; the whole corpus has hundreds of millions of documents"] = 1000
    paths: Annotated[
        tuple[str, ...], "Parquet or JSONL files with its columns, or folders of them; empty: stream from the Hub"
    ] = ()
    lines: Annotated[int, "the longest snippet, in lines"] = 15
    revision: Annotated[str | None, "commit, tag or branch of the corpus on the Hub; none: its newest state"] = None
    token_env: Annotated[str, "environment variable that holds the Hub's access token"] = "HF_TOKEN"  # noqa: S105 - its name

    def __post_init__(self) -> None:
        """Refuse what could only fail later.

        Raises:
            RecipeError: no language, one that the corpus lacks, or a number below 1.
        """
        if not self._folders:
            raise RecipeError("seed_source.languages: at least one is needed")
        for name, value in (("limit", self.limit), ("lines", self.lines)):
            if value < 1:
                raise RecipeError(f"seed_source.{name}: must be at least 1 (got {value})")

    def snippets(self, shard: Shard) -> Iterator[Snippet]:
        """Yield at most ``limit`` snippets, counted over all shards, document by document.

        Raises:
            RecipeError: a local path is missing, or the language of its files cannot be told.
            RunError: a local file is broken, or the Hub does not give the corpus.
        """
        account = _Account()
        try:
            yield from self._drawn(shard, account)
        finally:
            progress.say(account.line())

    def _drawn(self, shard: Shard, account: _Account) -> Iterator[Snippet]:
        given = 0
        for number, document in enumerate(self._documents()):
            snippet = self._snippet(document, shard.seed)
            mine = number % shard.count == shard.index
            if mine:
                account.note(snippet)
            # Each shard draws for the others too: it must know when all together have reached the limit.
            if isinstance(snippet, Snippet):
                given += 1
                if mine:
                    yield snippet
                if given == self.limit:
                    return

    def _documents(self) -> Iterator[Document]:
        """The documents of all languages in turn, so that any limit is shared out evenly."""
        streams = [self._of(language) for language in self._folders]
        return (document for row in zip_longest(*streams) for document in row if document is not None)

    def _of(self, language: str) -> Iterable[Document]:
        from magicoder_starcoderdata import hub, local

        if self.paths:
            files = local.files(self.paths, language, alone=len(self._folders) == 1)
            return chain.from_iterable(local.documents(file, language) for file in files)
        return hub.documents(language, self.revision, self.token_env)

    def _snippet(self, document: Document, seed: int) -> Snippet | str:
        """The document's snippet, or why it has none."""
        if "\0" in document.text:
            return "binary"
        drawn = draw(document.text, document.key, seed, self.lines)
        if drawn is None:
            return "blank"
        code, first, last = drawn
        corpus = document.corpus
        origin = Origin(corpus=corpus, path=document.path, repository=document.repository, lines=(first, last))
        return Snippet(code=code, language=document.language, origin=origin)

    @cached_property
    def _folders(self) -> tuple[str, ...]:
        """The corpus's folders of the wanted languages, each once."""
        return tuple(dict.fromkeys(folder(language) for language in self.languages))


@dataclass
class _Account:
    """What became of the documents of one shard."""

    given: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def note(self, snippet: Snippet | str) -> None:
        if isinstance(snippet, str):
            self.skipped[snippet] += 1
        else:
            self.given += 1

    def line(self) -> str:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(self.skipped.items()))
        skipped = f"; skipped {self.skipped.total()} documents: {reasons}" if reasons else ""
        return f"starcoderdata: {self.given} snippets{skipped}"
