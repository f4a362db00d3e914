"""The benchmarks' data: a release of EvalPlus, or a local file of the same fields.

    HumanEval+   task_id, prompt, entry_point, canonical_solution, base_input, plus_input, atol (and more)
    MBPP+        the same
    MBPP         task_id, text, code, test_list, test_setup_code: the original, see `original`

A file is known by the md5 of its unzipped text, which is the ``hash`` that EvalPlus prints with a score.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from magicoder_core import Needle, RunError, jsonl, progress
from magicoder_evalplus.download import obtain
from magicoder_evalplus.needles import needles_of
from magicoder_evalplus.releases import Release, name_of

SUITES = ("base", "plus")

_GZIP = b"\x1f\x8b"
_TEXTS = ("task_id", "prompt", "entry_point", "canonical_solution")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One record of EvalPlus' data. Its inputs stay text until they are asked for: they are most of the file.

    ``atol`` is the absolute tolerance of its answers.
    """

    id: str
    prompt: str
    entry_point: str
    solution: str
    atol: float
    line: str

    @property
    def program(self) -> str:
        """The whole reference program."""
        return self.prompt + self.solution

    def needles(self, benchmark: str) -> Iterator[Needle]:
        """What decontamination must look for."""
        return needles_of(benchmark, self.id, self.prompt, self.entry_point, self.solution)

    def arguments(self, suite: str) -> Sequence[list[Any]]:
        """The arguments of each call of a suite (``base``, ``plus``), as JSON has them."""
        return list(_record(self.line)[f"{suite}_input"])


@dataclass(frozen=True, kw_only=True)
class File:
    """A data file: its name and version as far as known, its hashes, and its records' lines with their numbers.

    ``md5`` is of the unzipped text, ``sha256`` of the file as it is stored.
    """

    name: str
    version: str
    md5: str
    sha256: str
    lines: tuple[tuple[int, str], ...]
    path: Path

    def error(self, number: int, message: str) -> RunError:
        """An error about one line."""
        return RunError(f"{self.path}:{number}: {message}")

    def records(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Each record: the number of its line, its text, its fields.

        Raises:
            RunError: a line is no JSON object.
        """
        for number, line in self.lines:
            try:
                record = _fields(line)
            except ValueError as error:
                raise self.error(number, f"not JSON ({error})") from error
            if not isinstance(record, dict):
                raise self.error(number, f"a JSON object was expected, not {type(record).__name__}")
            yield number, line, record

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """EvalPlus' tasks by id, in the file's order.

        Raises:
            RunError: a record is none; the message names the line.
        """
        return {
            task.id: task for number, line, record in self.records() for task in [_task(self, number, line, record)]
        }


def _fields(line: str) -> Any:
    """What a line says, quickly: inputs with whole numbers of more than 64 bits, or NaN, may be no longer exact."""
    try:
        return jsonl.decoded(line.encode())
    except ValueError:
        return json.loads(line)


@lru_cache(maxsize=8)
def _record(line: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(line)
    return record


def opened(path: Path | None, release: Release) -> File:
    """The local file ``path``, or a release, downloaded if need be. An unknown hash is told once.

    Raises:
        RunError: it cannot be had or read, is damaged, or holds no record.
    """
    file = path or obtain(release)
    try:
        status = file.stat()
        return _opened(file, release.benchmark, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise RunError(f"{release.benchmark}.data: cannot read {file} ({error.strerror})") from error


@lru_cache(maxsize=4)
def _opened(file: Path, benchmark: str, *_: int) -> File:
    """The file as it is now; kept for as long as it is."""
    raw = file.read_bytes()
    text = unzipped(raw, file)
    md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
    version = name_of(md5)
    if version is None:
        progress.say(f"{benchmark}: {file.name} is no release that is known here (md5 {md5} of its text)")
    return File(
        name=file.name,
        version=version or "unknown",
        md5=md5,
        sha256=hashlib.sha256(raw).hexdigest(),
        lines=tuple(_lines(text, file)),
        path=file,
    )


def unzipped(raw: bytes, file: Path) -> bytes:
    """The text of a file, packed or not.

    Raises:
        RunError: it is damaged.
    """
    try:
        return gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"{file} is a damaged gzip file ({error})") from error


def _lines(text: bytes, file: Path) -> Iterator[tuple[int, str]]:
    # Not splitlines(): it would also split at characters that JSON strings may hold.
    found = False
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            found = True
            try:
                yield number, line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise RunError(f"{file}:{number}: not UTF-8 text") from error
    if not found:
        raise RunError(f"{file} holds no task")


def _task(file: File, number: int, line: str, record: Mapping[str, Any]) -> Task:
    for name in _TEXTS:
        if not isinstance(record.get(name), str):
            raise file.error(number, f"the field '{name}' is missing or no text")
    for name in (f"{suite}_input" for suite in SUITES):
        value = record.get(name)
        # Mbpp/793 of MBPP+ v0.2.0 has an object without members for no inputs.
        if value != {} and not (isinstance(value, list) and all(isinstance(item, list) for item in value)):
            raise file.error(number, f"the field '{name}' is missing or no list of argument lists")
    atol = record.get("atol")
    if not isinstance(atol, int | float) or atol < 0:
        raise file.error(number, "the field 'atol' is missing or no number")
    return Task(
        id=record["task_id"],
        prompt=record["prompt"],
        entry_point=record["entry_point"],
        solution=record["canonical_solution"],
        atol=float(atol),
        line=line,
    )
