"""The benchmark's data: files ``<suite>-<language>-reworded.jsonl``, one such file, or the official copy on the Hub."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from magicoder_core import RunError, progress
from magicoder_multipl_e import naming

KNOWN: Mapping[str, str] = {
    "humaneval-cpp": "4910aa71c605",
    "humaneval-cs": "b79d1a41ab8c",
    "humaneval-d": "98d9bd9eefee",
    "humaneval-go": "41f2ce7f82f1",
    "humaneval-java": "a38a4fab2136",
    "humaneval-jl": "d1de7724977d",
    "humaneval-js": "47536b7f7a02",
    "humaneval-lua": "0b0e7af68016",
    "humaneval-php": "588a969eb171",
    "humaneval-pl": "faded23384d5",
    "humaneval-r": "ae66d068faff",
    "humaneval-rb": "20dbc5f06d5b",
    "humaneval-rkt": "6963224fde3a",
    "humaneval-rs": "3e528744b7b6",
    "humaneval-scala": "66811b1fd41c",
    "humaneval-sh": "f4a6fc2f6ecf",
    "humaneval-swift": "4de14494655d",
    "humaneval-ts": "dac2c1577ad9",
    "mbpp-cpp": "cf7859bfa420",
    "mbpp-java": "3a963fb383e8",
    "mbpp-js": "9bb4dd80a309",
    "mbpp-php": "fcd754936382",
    "mbpp-rs": "79d6d0458852",
    "mbpp-swift": "544646e13740",
}
"""The first 12 hex digits of the sha256 of each published file, unpacked."""

_GZIP = b"\x1f\x8b"
_TEXTS = ("name", "language", "prompt", "tests")


@dataclass(frozen=True, kw_only=True)
class Task:
    r"""One record: ``id`` is ``<language>/<name>``, ``language`` a key of `naming.NAMES`.

    A program is judged as ``program + "\n" + tests``.
    """

    id: str
    name: str
    language: str
    prompt: str
    tests: str
    stop_tokens: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where records are from: a name, the sha256 of the bytes (unpacked) or of the records, and whether it is known."""

    name: str
    sha256: str
    known: bool


@dataclass(frozen=True, kw_only=True)
class Data:
    """Tasks by id, languages and suites in the chosen order, and where they are from."""

    tasks: Mapping[str, Task]
    sources: tuple[Source, ...]
    languages: tuple[str, ...] = field(default=())

    @property
    def sha256(self) -> str:
        """One hash of what decides verdicts (ids, prompts, tests, stop tokens), the same wherever the data are from."""
        whole = hashlib.sha256()
        for task in self.tasks.values():
            whole.update(json.dumps([task.id, task.prompt, task.tests, task.stop_tokens]).encode("utf-8"))
        return whole.hexdigest()

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites that the tasks are of, as their names tell: ``humaneval``, ``mbpp``, ``other``."""
        names = [task.name for task in self.tasks.values()]
        found = [next((suite for begin, suite in _SUITES.items() if name.startswith(begin)), "other") for name in names]
        return tuple(dict.fromkeys(found))


_SUITES = {"HumanEval_": "humaneval", "mbpp_": "mbpp"}
"""The suites by what the names of their records begin with."""


def suites(suite: str) -> tuple[str, ...]:
    """The parts of the file names that an option ``suite`` stands for."""
    return ("humaneval", "mbpp") if suite == "both" else (suite,)


@lru_cache(maxsize=4)
def read(place: Path, suite: str, languages: tuple[str, ...]) -> Data:
    """Read a folder's files, or one file.

    Args:
        place: the folder or the file; packed with gzip or not.
        suite: ``humaneval``, ``mbpp`` or ``both``.
        languages: keys; none means the paper's, or of one file those that it has.

    Raises:
        RunError: a file is missing or is no such file; the message names file and line.
    """
    if not place.is_dir():
        return _of_file(place, languages)
    chosen = languages or naming.PAPER
    if lacking := missing(place, suite, chosen):
        raise RunError(_without(place, lacking))
    files = [_file(place, part, language) for language in chosen for part in suites(suite)]
    return _gathered([_loaded(path) for path in files], chosen)


def missing(folder: Path, suite: str, languages: Iterable[str]) -> list[str]:
    """The names of the files that a folder lacks for some languages."""
    files = [_file(folder, part, language) for language in languages for part in suites(suite)]
    return [path.name for path in files if not path.is_file()]


def everything(place: Path) -> Iterator[Task]:
    """The tasks of a file, or of all files below a folder, whatever they are called.

    Raises:
        RunError: there is none, or one cannot be read.
    """
    files = sorted(path for path in place.rglob("*.jsonl*") if path.is_file()) if place.is_dir() else [place]
    if not files:
        raise RunError(f"multipl-e.data: {place} holds no .jsonl file")
    for path in files:
        yield from _tasks(_text(_bytes(path), path), path)


def _file(folder: Path, suite: str, language: str) -> Path:
    """The file of a suite in a language, packed if only that is there."""
    plain = folder / f"{suite}-{language}-reworded.jsonl"
    packed = plain.with_name(f"{plain.name}.gz")
    return packed if packed.is_file() and not plain.is_file() else plain


def _without(folder: Path, lacking: Sequence[str]) -> str:
    others = sorted(path.name.split("-reworded")[0] for path in folder.glob("*-reworded.jsonl*"))
    return (
        f"multipl-e.data: {folder} has no {', '.join(lacking)}; there are: {', '.join(others) or 'none'}; choose with "
        "'languages' and 'suite', or leave out 'data' to have them from the Hub"
    )


def _of_file(path: Path, languages: tuple[str, ...]) -> Data:
    found = _loaded(path)
    there = tuple(dict.fromkeys(task.language for task in found.tasks))
    lacking = [name for name in languages if name not in there]
    if lacking:
        raise RunError(f"multipl-e.data: {path} holds no task in {', '.join(lacking)}, but in {', '.join(there)}")
    chosen = languages or there
    kept = [task for name in chosen for task in found.tasks if task.language == name]
    return _gathered([_Loaded(tuple(kept), found.source)], chosen)


@dataclass(frozen=True)
class _Loaded:
    tasks: tuple[Task, ...]
    source: Source


def _gathered(loaded: Iterable[_Loaded], languages: tuple[str, ...]) -> Data:
    tasks: dict[str, Task] = {}
    found = list(loaded)
    for one in found:
        for task in one.tasks:
            if task.id in tasks:
                raise RunError(f"multipl-e.data: {one.source.name}: there are two tasks with the id '{task.id}'")
            tasks[task.id] = task
    return Data(tasks=tasks, sources=tuple(one.source for one in found), languages=languages)


@lru_cache(maxsize=64)
def _loaded(path: Path) -> _Loaded:
    raw = _bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    known = digest[:12] in KNOWN.values()
    if not known:
        progress.say(
            f"warning: multipl-e: {path.name} is not one of the published files (sha256 {digest}); it is used all the same"
        )
    tasks = tuple(_tasks(_text(raw, path), path))
    if not tasks:
        raise RunError(f"multipl-e.data: {path} holds no task")
    return _Loaded(tasks, Source(name=path.name, sha256=digest, known=known))


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RunError(f"multipl-e.data: {path} is a damaged gzip file ({error})") from error
    except OSError as error:
        raise RunError(f"multipl-e.data: cannot read {path} ({error.strerror})") from error


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RunError(f"multipl-e.data: {path}:{line}: not UTF-8 text") from error


def _tasks(text: str, path: Path) -> Iterator[Task]:
    # Not splitlines(): it would also split at characters that JSON strings may hold.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"multipl-e.data: {path}:{number}"
            try:
                record = json.loads(line)
            except ValueError as error:
                raise RunError(f"{where}: not JSON ({error})") from error
            yield task_of(record, where)


def task_of(record: Any, where: str) -> Task:
    """One record as a task.

    Raises:
        RunError: it is none; the message begins with ``where``.
    """
    if not isinstance(record, dict):
        raise RunError(f"{where}: a JSON object was expected, not {type(record).__name__}")
    for name in _TEXTS:
        if not isinstance(record.get(name), str):
            raise RunError(f"{where}: the field '{name}' is missing or no text; is this multipl-e?")
    stops = record.get("stop_tokens")
    if not isinstance(stops, list) or not all(isinstance(one, str) and one for one in stops):
        raise RunError(f"{where}: the field 'stop_tokens' is missing or no list of texts")
    try:
        language = naming.key(record["language"])
    except ValueError as error:
        raise RunError(f"{where}: {error}") from error
    return Task(
        id=f"{language}/{record['name']}",
        name=record["name"],
        language=language,
        prompt=record["prompt"],
        tests=record["tests"],
        stop_tokens=tuple(stops),
    )
