"""Seed source ``files``: snippets from source code on this machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from magicoder_core import Origin, RecipeError, RunError, SeedSource, Shard, Snippet, progress
from magicoder_core.builtin.languages import ending, of_extensions
from magicoder_core.seeding import draw

if TYPE_CHECKING:
    from magicoder_core.builtin.corpora import Document

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
    languages: Annotated[tuple[str, ...], "which languages, told by file name endings"] = ("python",)
    limit: Annotated[int | None, "how many snippets; none: one for each file"] = None
    max_lines: Annotated[int, "the longest snippet, in lines"] = 15

    def __post_init__(self) -> None:
        """Refuse what could only fail later.

        Raises:
            RecipeError: an unknown language, or a number below 1.
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
        given = own = 0
        for number, document in enumerate(self._documents(shard.seed)):
            if given == self.limit:
                break
            mine = number % shard.count == shard.index
            # With a limit, each shard must know how far the others get, or together they would pass it.
            if not mine and self.limit is None:
                continue
            snippet = self._snippet(document, shard.seed)
            if isinstance(snippet, str):
                skipped[snippet] += mine
                continue
            given += 1
            if mine:
                own += 1
                yield snippet
        progress.say(_account(own, skipped))

    @cached_property
    def _endings(self) -> dict[str, str]:
        return of_extensions(self.languages, "seed_source.languages")

    def _places(self) -> Iterator[Document]:
        """All documents, of whatever language."""
        from magicoder_core.builtin import corpora

        if not self.paths:
            return corpora.standard_library()
        return chain.from_iterable(map(corpora.documents, self.paths))

    def _documents(self, seed: int) -> list[Document]:
        """All documents of the wanted languages, each once, in the run's order."""
        wanted: dict[Path, Document] = {}
        for document in self._places():
            if ending(document.path) in self._endings:
                wanted.setdefault(document.file, document)
        if not wanted:
            raise RunError(self._nothing())
        # By hash: `limit` then takes a spread over the corpus instead of its first folder.
        return sorted(wanted.values(), key=lambda document: _rank(seed, document))

    def _nothing(self) -> str:
        where = ", ".join(f"'{path}'" for path in self.paths) or "the standard library of this Python"
        endings = Counter(end for document in self._places() if (end := ending(document.path)))
        there = ", ".join(f"{count} .{end}" for end, count in endings.most_common(3)) or "no source file at all"
        return f"seed_source.paths: no {' or '.join(self.languages)} file in {where}; there is: {there}"

    def _snippet(self, document: Document, seed: int) -> Snippet | str:
        """The document's snippet, or why it has none."""
        from magicoder_core.builtin import licences

        text = _read(document.file)
        if isinstance(text, Unreadable):
            return text.why
        drawn = draw(text, document.key, seed, self.max_lines)
        if drawn is None:
            return "blank"
        code, first, last = drawn
        corpus = document.corpus
        origin = Origin(
            corpus=corpus.name,
            path=document.path,
            repository=corpus.repository,
            revision=corpus.revision,
            licence=licences.of_file(text) or corpus.licence,
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


def _rank(seed: int, document: Document) -> bytes:
    return hashlib.sha256(f"{seed}\0{document.key}".encode("utf-8", "surrogatepass")).digest()


def _account(given: int, skipped: Counter[str]) -> str:
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(skipped.items()) if count)
    return f"files: {given} snippets" + (f"; skipped {skipped.total()} documents: {reasons}" if reasons else "")
