"""Kept rows, each with the snippet that it was made of, in one pass over both files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.records import Instruction, Snippet
from magicoder_core.rundir import RunDirectory

UNKNOWN = "unknown"


@dataclass
class Tally:
    """What the exported rows are: how many, of which languages, corpora, licences and methods."""

    rows: int = 0
    orphans: int = 0
    """Rows whose snippet is not among the run's: somebody edited a file."""
    languages: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows by corpus and licence."""

    def count(self, row: Instruction, snippet: Snippet | None) -> None:
        """Count one row."""
        self.rows += 1
        self.orphans += snippet is None
        self.languages[row.language] += 1
        self.methods[row.method] += 1
        origin = snippet.origin if snippet else None
        self.sources[origin.corpus if origin else UNKNOWN, (origin and origin.licence) or UNKNOWN] += 1


def joined(directory: RunDirectory, tally: Tally) -> Iterator[tuple[Instruction, Snippet | None]]:
    """Each kept row with its snippet, or None if that is not there; rows are counted in ``tally``.

    Raises:
        RunError: a line of either file is damaged; the message names file and line.
    """
    with (directory / "snippets.jsonl").open("rb") as file:
        snippets = _Snippets(directory / "snippets.jsonl", file)
        for number, data in enumerate(jsonl.read(directory / "kept.jsonl"), 1):
            try:
                row = Instruction.from_dict(data)
            except (KeyError, TypeError) as error:
                raise RunError(f"{directory / 'kept.jsonl'}: row {number} is no instruction ({error})") from error
            snippet = snippets.find(row.parent)
            tally.count(row, snippet)
            yield row, snippet


class _Snippets:
    """Snippets by id, read once in the order in which rows ask for them.

    Rows come in their snippets' order, so that the next one is always ahead. Only where a file was edited by hand is
    an index of ids made, of 100 bytes a snippet.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._number = -1
        self._last: Snippet | None = None
        self._index: dict[str, tuple[int, int]] | None = None

    def find(self, name: str) -> Snippet | None:
        """The snippet of that id, with its place as ``index`` where it does not say one."""
        if self._last is not None and self._last.id == name:
            return self._last
        while self._index is None and (line := self._file.readline()):
            if not line.strip():
                continue
            self._number += 1
            self._last = self._snippet(line, self._number)
            if self._last.id == name:
                return self._last
        return self._jump(name)

    def _jump(self, name: str) -> Snippet | None:
        if self._index is None:
            self._index = dict(self._places())
        if name not in self._index:
            return None
        number, offset = self._index[name]
        self._file.seek(offset)
        self._last = self._snippet(self._file.readline(), number)
        return self._last

    def _places(self) -> Iterator[tuple[str, tuple[int, int]]]:
        self._file.seek(0)
        number, offset = 0, 0
        for line in self._file:
            if line.strip():
                yield self._snippet(line, number).id, (number, offset)
                number += 1
            offset += len(line)

    def _snippet(self, line: bytes, number: int) -> Snippet:
        try:
            made = Snippet.from_dict(jsonl.decoded(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{self._path}: snippet {number + 1} is damaged ({error})") from error
        return made if made.index is not None else replace(made, index=number)
