"""The journal: one record for the end of each attempt, appended before anybody looks at the answer.

A line is ``{"crc": "0a1b2c3d", "entry": {...}}`` with the CRC-32 of the entry's bytes as they stand. A last line
that a crash tore is cut off when the journal is opened, and told. Only the place of an answer is kept in memory.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from magicoder_core import progress
from magicoder_core.errors import RunError
from magicoder_core.records import Record, Reply, Request

_HEAD = b'{"crc": "'
_MIDDLE = b'", "entry": '


@dataclass(frozen=True, kw_only=True)
class Entry(Record):
    """The end of one attempt: an answer, or the kind of failure and its message.

    ``parent`` is the id of what the request was asked for: a snippet, or ``benchmark/problem``. ``charged`` tells
    whether the provider billed a failed attempt.
    """

    nested: ClassVar[dict[str, type[Record]]] = {"request": Request, "reply": Reply}

    key: str
    teacher: str
    parent: str
    request: Request
    reply: Reply | None = None
    error: str | None = None
    message: str | None = None
    charged: bool = True


class Journal:
    """Append-only file of entries; answers are found by key.

    Raises:
        RunError: a line before the last one is damaged; the message names file and line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._end = self._index()

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Make it durable and close it."""
        os.fsync(self._file)
        os.close(self._file)

    def __len__(self) -> int:
        """Number of answers."""
        return len(self._places)

    def find(self, key: str) -> Reply | None:
        """The answer of that key, if there is one."""
        place = self._places.get(key)
        if place is None:
            return None
        entry = _entry(os.pread(self._file, place[1], place[0]))
        return Reply.from_dict(entry["reply"])

    def append(self, entry: Entry) -> None:
        """Write ``entry`` in one call, so that a kill leaves it whole or torn at the very end.

        Raises:
            RunError: the disk is full or fails; the run must end, since its next answers would be lost too.
        """
        body = json.dumps(entry.to_dict(), ensure_ascii=True, separators=(",", ":")).encode("ascii")
        line = b"".join((_HEAD, b"%08x" % zlib.crc32(body), _MIDDLE, body, b"}\n"))
        self._write(line)
        if entry.reply is not None:
            self._places[entry.key] = (self._end, len(line))
        self._end += len(line)

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their writing."""
        return entries(self.path)

    def _write(self, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise RunError(
                f"{self.path}: {error.strerror}; mend that and run the same command again: all answers so far are kept"
            ) from error

    def _index(self) -> int:
        """Read all places; returns where the next entry goes."""
        end = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                entry = _whole(line)
                if entry is None:
                    self._cut(end, number, last=not lines.read(1))
                    break
                if entry.get("reply") is not None:
                    self._places[entry["key"]] = (end, len(line))
                end += len(line)
        return end

    def _cut(self, end: int, number: int, *, last: bool) -> None:
        if not last:
            raise RunError(f"{self.path}:{number}: damaged; later answers follow, so nothing is cut; restore this line")
        os.ftruncate(self._file, end)
        progress.say(f"journal: line {number} was torn by a crash and is cut off; its request is asked again")


def entries(path: Path) -> Iterator[Entry]:
    """All whole entries of a journal file, without opening it for writing."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if (entry := _whole(line)) is not None:
                yield Entry.from_dict(entry)


def _whole(line: bytes) -> dict[str, Any] | None:
    try:
        return _entry(line)
    except ValueError:
        return None


def _entry(line: bytes) -> dict[str, Any]:
    """The entry in a line; ValueError if it is not what was written."""
    if not (line.startswith(_HEAD) and line.endswith(b"}\n")):
        raise ValueError("no journal line")
    checksum, _, body = line[len(_HEAD) : -2].partition(_MIDDLE)
    if int(checksum, 16) != zlib.crc32(body):
        raise ValueError("wrong checksum")
    entry: dict[str, Any] = json.loads(body)
    return entry
