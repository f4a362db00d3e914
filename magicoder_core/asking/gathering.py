"""The files of a batch, and what the journal knows of batches.

A batch's folder has, until the batch has ended, ``<name>.jsonl`` (what is submitted) and ``<name>.asked.jsonl``
(who asked what, so that an answer can be kept though nobody waits for it any more).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from magicoder_core.asking.journal import Entry
from magicoder_core.deferring import Batch, batch_name
from magicoder_core.records import Request

NOTE = "batch"
"""The kind of the journal's notes on batches: ``{name, state}``, with ``teacher, mark, keys, again`` or ``id`` where they come up."""


class Notebook(Protocol):
    """What of the journal is needed here."""

    path: Path

    def find(self, key: str) -> object | None:
        """What it has of a key, if anything."""
        ...

    def note(self, kind: str, content: Mapping[str, Any]) -> None:
        """Write something down."""
        ...

    def notes(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """All that was written down, in order."""
        ...

    async def synced(self) -> None:
        """All that was written so far is on the disk."""
        ...


@dataclass(frozen=True)
class Known:
    """A batch that may be under way; without an ``id`` it is known only that it was intended.

    ``again`` are places in ``keys``: of these the journal had a result before.
    """

    batch: Batch
    keys: tuple[str, ...]
    teacher: str
    again: frozenset[int]


def unfinished(notes: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, Known]:
    """The batches that were intended and of which no end was noted, by name, in their order."""
    found: dict[str, Known] = {}
    for note in notes:
        name = str(note["name"])
        match note["state"]:
            case "intended":
                batch = Batch(name=name, size=len(note["keys"]), folder=folder, mark=note["mark"])
                found[name] = Known(batch, tuple(note["keys"]), note["teacher"], frozenset(note["again"]))
            case "submitted":
                found[name] = replace(found[name], batch=replace(found[name].batch, id=note["id"]))
            case _:
                del found[name]
    return found


class Gathering:
    """Requests on their way into one batch: only their keys are in memory, all else is in two files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.batch = Batch(name=batch_name(), size=0, folder=folder)
        self.keys: list[str] = []
        self.bytes = 0
        self.touched = asyncio.get_running_loop().time()
        self.full = asyncio.Event()
        self._files = self.batch.input.open("wb"), asked(self.batch).open("wb")

    def add(self, entry: Entry, line: bytes) -> None:
        """One more request: who asks what, and its line for the provider."""
        self._files[0].write(line + b"\n")
        told = {"key": entry.key, "parent": entry.parent, "request": entry.request.to_dict()}
        self._files[1].write(json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n")
        self.keys.append(entry.key)
        self.bytes += len(line) + 1
        self.touched = asyncio.get_running_loop().time()

    async def seal(self) -> Batch:
        """Its files are on the disk; returns the whole batch."""
        await asyncio.to_thread(self._sync)
        return replace(self.batch, size=len(self.keys))

    def _sync(self) -> None:
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
            file.close()

    def discard(self) -> None:
        """Give it up: nobody knows of it yet."""
        for file in self._files:
            file.close()
        remove(self.batch)


def asked(batch: Batch) -> Path:
    """The file that says who asked what."""
    return batch.folder / f"{batch.name}.asked.jsonl"


class Asked:
    """Who asked what in a batch, by key; the file is read when the first is wanted, and may be gone."""

    def __init__(self, batch: Batch, teacher: str) -> None:
        self._path, self._teacher = asked(batch), teacher
        self._places: dict[str, int] | None = None

    def entry(self, key: str) -> Entry | None:
        """The entry without its end, if it is known."""
        if self._places is None:
            self._places = self._index()
        if (place := self._places.get(key)) is None:
            return None
        with self._path.open("rb") as lines:
            lines.seek(place)
            told = json.loads(lines.readline())
        request = Request.from_dict(told["request"])
        return Entry(key=key, teacher=self._teacher, parent=told["parent"], request=request)

    def _index(self) -> dict[str, int]:
        places, place = {}, 0
        if self._path.exists():
            with self._path.open("rb") as lines:
                for line in lines:
                    places[json.loads(line)["key"]] = place
                    place += len(line)
        return places


def remove(batch: Batch) -> None:
    """Remove all of a batch's files, the teacher's included."""
    for path in batch.folder.glob(f"{batch.name}.*"):
        path.unlink(missing_ok=True)


def tidy(folder: Path, names: Sequence[str]) -> None:
    """Remove the files of batches that a crash left before they were intended or after they had ended."""
    for path in folder.glob("magicoder-*.*"):
        if path.name.partition(".")[0] not in names:
            path.unlink(missing_ok=True)
