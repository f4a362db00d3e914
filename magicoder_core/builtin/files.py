"""Seed source ``files``: snippets from source code on this machine."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from magicoder_core import Origin, RecipeError, RunError, SeedSource, Shard, Snippet, progress
from magicoder_core.builtin.languages import ANY, ending, name_of, of_extensions
from magicoder_core.seeding import draw, interleave, mixed, refusal

if TYPE_CHECKING:
    from magicoder_core.builtin.corpora import Document
    from magicoder_core.builtin.listing import Listing

LARGEST = 1 << 20
"""Bytes; longer files are generated, or data that only looks like code."""


@dataclass(frozen=True, kw_only=True)
class Files(SeedSource):
    """Draws snippets from folders, globs, git checkouts, files and installed Python packages.

    One snippet a document, of 1 to ``max_lines`` consecutive lines, in an order that mixes the whole corpus. Of a
    git checkout only tracked files are read; hidden folders and installed dependencies are left out.
    """

    paths: Annotated[
        tuple[str, ...],
        "folders, globs, files or `package:NAME`; relative to where you are. Empty: the standard library of this Python",
    ] = ()
    languages: Annotated[
        tuple[str, ...], "which languages, told by file name endings; `any` for all that are known"
    ] = ("python",)
    extensions: Annotated[
        dict[str, str], "languages of further file name endings, or other ones, as {foo = 'foolang', m = 'matlab'}"
    ] = field(default_factory=dict)
    mix: Annotated[
        dict[str, int] | str | None,
        "how many snippets of each language, as {python = 40, rust = 10}, or `paper` for the published 80,000;"
        " instead of `languages`",
    ] = None
    limit: Annotated[int | None, "how many snippets; none: the whole `mix`, or one for each file"] = None
    max_lines: Annotated[int, "the longest snippet, in lines"] = 15
    licences: Annotated[
        tuple[str, ...], "use only files that are known to be under these (SPDX names); empty: whatever they are under"
    ] = ()

    def __post_init__(self) -> None:
        """Refuse what could only fail later.

        Raises:
            RecipeError: an unknown language or mix, or a number below 1.
        """
        self._endings  # noqa: B018 - looks the languages up
        for name, value in (("limit", self.limit), ("max_lines", self.max_lines)):
            if value is not None and value < 1:
                raise RecipeError(f"seed_source.{name}: must be at least 1 (got {value})")

    def check(self) -> None:
        """Look whether every path exists and there is a file to read.

        Raises:
            RecipeError: a path does not exist, or a package is not installed.
            RunError: there is no file of these languages.
        """
        from magicoder_core.builtin import corpora

        for path in self.paths:
            next(corpora.documents(path), None)
        if not any(ending(document.path) in self._endings for document in self._places()):
            raise RunError(self._nothing())

    def snippets(self, shard: Shard) -> Iterator[Snippet]:
        """Yield one snippet for each document of the shard; documents are read one by one.

        Raises:
            RecipeError: a path does not exist, or a package is not installed.
            RunError: there is no file of these languages.
        """
        skipped: Counter[str] = Counter()
        listings = self._listings(shard.seed)
        streams = {name: self._draws(name, documents, shard, skipped) for name, documents in listings.items()}
        own = 0
        for snippet, mine in islice(interleave(streams, self._mix), self.limit):
            own += mine
            if mine:
                yield snippet
        progress.say(_account(own, skipped))

    def _draws(
        self, name: str, documents: Iterable[Document], shard: Shard, skipped: Counter[str]
    ) -> Iterator[tuple[Snippet, bool]]:
        """Snippets of all shards' documents, and whether they are this one's; the shard's own others are counted."""
        given = 0
        for number, document in enumerate(documents):
            mine = number % shard.count == shard.index
            # With a limit or a mix, each shard must know how far the others get, or together they would pass it.
            if not mine and self.limit is None and self._mix is None:
                continue
            snippet = self._snippet(document, shard.seed)
            if isinstance(snippet, str):
                skipped[snippet] += mine
            else:
                given += 1
                yield snippet, mine
        if self._mix:
            progress.say(f"files: {name} ran out after {given:,} of {self._mix[name]:,} snippets")

    @cached_property
    def _mix(self) -> Mapping[str, int] | None:
        if self.mix is None:
            return None
        if self.languages not in (("python",), ()):
            raise RecipeError("seed_source.mix: names the languages itself; leave `languages` out")
        wanted = mixed(self.mix, "seed_source.mix")
        names = {name_of(language): count for language, count in wanted.items()}
        if len(names) < len(wanted) or ANY in names:
            raise RecipeError("seed_source.mix: each language must be named, and once")
        return names

    @property
    def _languages(self) -> tuple[str, ...]:
        return tuple(self._mix or self.languages)

    @cached_property
    def _endings(self) -> dict[str, str]:
        where = "seed_source.mix" if self._mix else "seed_source.languages"
        return of_extensions(self._languages, where, self.extensions)

    def _places(self) -> Iterator[Document]:
        """All documents, of whatever language."""
        from magicoder_core.builtin import corpora

        if not self.paths:
            return corpora.standard_library()
        return chain.from_iterable(map(corpora.documents, self.paths))

    def _listings(self, seed: int) -> Mapping[str, Listing]:
        """All documents of the wanted languages, each once, in the run's order; by language if there is a mix."""
        from magicoder_core.builtin.listing import Listing

        listings = {name: Listing(seed) for name in self._mix or ("all",)}
        seen: set[bytes] = set()
        for document in self._places():
            language = self._endings.get(ending(document.path))
            if language and (len(self.paths) < 2 or _new(document, seen)):  # noqa: PLR2004 - one place names none twice
                listings[language if self._mix else "all"].add(document)
        if not any(map(len, listings.values())):
            raise RunError(self._nothing())
        return listings

    def _nothing(self) -> str:
        where = ", ".join(f"'{path}'" for path in self.paths) or "the standard library of this Python"
        endings = Counter(end for document in self._places() if (end := ending(document.path)))
        there = ", ".join(f"{count} .{end}" for end, count in endings.most_common(3)) or "no source file at all"
        return f"seed_source.paths: no {' or '.join(self._languages)} file in {where}; there is: {there}"

    def _snippet(self, document: Document, seed: int) -> Snippet | str:
        """The document's snippet, or why it has none."""
        from magicoder_core.builtin import licences

        text = _read(document.file)
        if isinstance(text, Unreadable):
            return text.why
        corpus = document.corpus
        licence = licences.of_file(text) or corpus.licence
        if self.licences and (refused := refusal(licence, self.licences)):
            return refused
        drawn = draw(text, document.key, seed, self.max_lines)
        if drawn is None:
            return "blank"
        code, first, last = drawn
        origin = Origin(
            corpus=corpus.name,
            path=document.path,
            repository=corpus.repository,
            revision=corpus.revision,
            licence=licence,
            lines=(first, last),
        )
        return Snippet(code=code, language=self._endings[ending(document.path)], origin=origin)


@dataclass(frozen=True)
class Unreadable:
    """Why a file gives no text."""

    why: str


def _read(file: Path) -> str | Unreadable:
    try:
        if file.stat().st_size > LARGEST:
            return Unreadable(f"over {LARGEST >> 20} MiB")
        data = file.read_bytes()
        return Unreadable("binary") if b"\0" in data else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Unreadable("not UTF-8")
    except OSError:
        return Unreadable("unreadable")


def _new(document: Document, seen: set[bytes]) -> bool:
    """Whether the file was not named before, by another place."""
    name = hashlib.sha256(os.fsencode(document.file)).digest()[:16]
    known = name in seen
    seen.add(name)
    return not known


def _account(given: int, skipped: Counter[str]) -> str:
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(skipped.items()) if count)
    return f"files: {given} snippets" + (f"; skipped {skipped.total()} documents: {reasons}" if reasons else "")
