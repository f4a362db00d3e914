"""The JSONL of 2024 and the Hub's copy of it: a record for each problem."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from magicoder_core import RunError
from magicoder_ds1000.data import Data, Mode, Task, digest, gathered, library_of

HUB = "xlangai/DS-1000"

_GZIP = b"\x1f\x8b"
_TEXTS = ("prompt", "reference_code", "code_context")


def of_file(path: Path, mode: Mode) -> Data:
    """The data of a JSONL file, packed or not.

    Raises:
        RunError: it is damaged or no such file, or insertion is asked for, which only the older tree has.
        OSError: it cannot be read.
    """
    _only_completion(path.name, mode)
    raw = path.read_bytes()
    tasks = gathered(_tasks(_lines(raw, path)), str(path))
    return Data(name=path.name, sha256=hashlib.sha256(raw).hexdigest(), form="jsonl", mode=mode, tasks=tasks)


def of_hub(revision: str, mode: Mode) -> Data:
    """The Hub's copy at a revision (a commit, or a branch as ``main``), through the library `datasets`.

    Raises:
        RunError: it cannot be had.
    """
    from magicoder_ds1000.data import WHERE, told

    _only_completion(HUB, mode)
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise RunError("ds1000.hub: needs 'datasets': pip install 'magicoder-ds1000[hub]', or set 'data'") from error
    try:
        found = [dict(row) for row in datasets.load_dataset(HUB, split="test", revision=revision)]
    except Exception as error:  # boundary: whatever the Hub's client fails with
        cause = " ".join(str(error).split())[:200]
        raise RunError(
            f"ds1000.hub: {HUB} at {revision} cannot be had ({type(error).__name__}: {cause}); {WHERE}"
        ) from error
    tasks = gathered(_tasks((f"{HUB}:{number}", row) for number, row in enumerate(found, 1)), HUB)
    sha256 = digest(json.dumps(row, sort_keys=True).encode() for row in found)
    return told(Data(name=f"{HUB}@{revision}", sha256=sha256, form="jsonl", mode=mode, tasks=tasks))


def _only_completion(name: str, mode: Mode) -> None:
    if mode != "completion":
        raise RunError(
            f"ds1000.mode: {name} has no insertion problems, which only the older tree has (ds1000_data.zip of "
            "HKUNLP/DS-1000); name that as 'data', or set mode = 'completion'"
        )


def _lines(raw: bytes, path: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"ds1000.data: {path} is a damaged gzip file ({error}); get it anew") from error
    # Not splitlines(): it would also split at characters that JSON strings may hold.
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            try:
                yield f"ds1000.data: {path}:{number}", json.loads(line)
            except ValueError as error:
                raise RunError(f"ds1000.data: {path}:{number}: not JSON ({error}); is this DS-1000?") from error


def _tasks(rows: Iterable[tuple[str, Any]]) -> Iterator[Task]:
    seen: Counter[str] = Counter()
    for row, (where, record) in enumerate(rows):
        task = _task(where, record, row, seen)
        seen[task.library] += 1
        yield task


def _task(where: str, record: Any, row: int, seen: Mapping[str, int]) -> Task:
    """A record as a task; where it does not say its number in the library, it is counted."""
    if not isinstance(record, dict):
        raise RunError(f"{where}: a JSON object was expected, not {type(record).__name__}")
    for name in _TEXTS:
        if not isinstance(record.get(name), str):
            raise RunError(f"{where}: the field '{name}' is missing or no text; is this DS-1000?")
    facts = record.get("metadata")
    if not isinstance(facts, dict):
        raise RunError(f"{where}: the field 'metadata' is missing or no object; is this DS-1000?")
    if "[insert]" not in record["code_context"]:
        raise RunError(f"{where}: its code_context has no [insert], where answers go")
    library = library_of(facts.get("library"), where)
    return Task(
        library=library,
        number=_number(facts, "library_problem_id", seen.get(library, 0), where),
        prompt=record["prompt"],
        reference=record["reference_code"],
        context=record["code_context"],
        cases=_number(facts, "test_case_cnt", 1, where),
        row=_number(facts, "problem_id", row, where),
    )


def _number(facts: Mapping[str, Any], name: str, default: int, where: str) -> int:
    value = facts.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise RunError(f"{where}: metadata.{name} is no whole number (got {value!r:.40})") from error
