"""The journal: one record for the end of each attempt, on its way to the disk before anybody reads the answer.

A line is ``{"crc":"0a1b2c3d","key":"...","end":"...","entry":{...}}``; the CRC-32 is over all bytes from ``"key"`` to
the end of the line. ``end`` is ``body`` (an answer as it came over a wire), ``reply`` (one of a teacher in this
process), the kind of a failure, or ``note``. Keys and ends stand at fixed places, so that a journal is indexed at the
speed of the disk, without reading JSON: that is what makes going on after 80,000 answers a matter of a second.

A last line that a crash tore is cut off when the journal is opened, and told; so is a damaged one further up, which is
left out. Of an answer only its place is kept in memory.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import zlib
from base64 import b64decode, b64encode
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self, cast

from magicoder_core import jsonl, progress
from magicoder_core.asking.durable import Syncer
from magicoder_core.errors import ErrorKind, RunError
from magicoder_core.lazily import orjson
from magicoder_core.records import Reply, Request

_HEAD = b'{"crc":"'
_SUMMED = len(_HEAD) + 10
"""Where the bytes begin that the checksum is over."""

_KEY = slice(_SUMMED + 7, _SUMMED + 39)
"""The 32 hex digits of the key."""

_END = _SUMMED + 48
"""Where the word of ``end`` begins."""

_RESULTS = frozenset({"body", "reply", "content_filter"})
"""Ends that answer the same request again; after any other it is asked once more."""

_MOMENT = 0.005
"""Seconds between two looks at the disk."""

_LENGTH = 32
"""Bits of a place that hold the line's length."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """The end of one attempt: an answer, or the kind of failure and its message.

    ``parent`` is the id of what the request was asked for: a snippet, or ``benchmark/problem``. An answer is ``body``,
    the bytes that came, or ``reply``. ``charged`` tells whether the provider billed a failed attempt. ``at`` is when
    it ended (seconds since 1970), ``seconds`` how long it took.
    """

    key: str
    teacher: str
    parent: str
    request: Request
    body: bytes | None = None
    reply: Reply | None = None
    error: ErrorKind | None = None
    message: str | None = None
    charged: bool = True
    at: float = 0.0
    seconds: float = 0.0

    @property
    def end(self) -> str:
        """``body``, ``reply`` or the kind of failure."""
        return self.error or ("reply" if self.body is None else "body")

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain JSON values, for people and programs that look at it; bytes are none."""
        made = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "body"}
        reply = None if self.reply is None else self.reply.to_dict()
        return made | {"request": self.request.to_dict(), "reply": reply}

    def encoded(self, **more: Any) -> bytes:
        """What is written of it besides its key and its end, as JSON, with ``more`` beside it."""
        library = orjson()
        # The request was spelled to name it; it need not be again.
        request = library.Fragment(self.request.spelled())
        line = {"teacher": self.teacher, "parent": self.parent, "request": request}
        self._tell_end(line)
        line |= more
        try:
            made: bytes = library.dumps(line)
        except library.JSONEncodeError:
            made = jsonl.encoded(line | {"request": self.request.to_dict()})
        return made

    def _tell_end(self, line: dict[str, Any]) -> None:
        if self.body is not None:
            _write_body(line, self.body)
        if self.reply is not None:
            line["reply"] = self.reply.to_dict()
        if self.error is not None:
            line["message"] = self.message
        if self.error is not None or not self.charged:
            line["charged"] = self.charged
        line["at"], line["seconds"] = round(self.at, 3), round(self.seconds, 4)

    @classmethod
    def of_line(cls, key: str, end: str, line: Mapping[str, Any]) -> Self:
        """The entry that `encoded` wrote."""
        reply = line.get("reply")
        return cls(
            key=key,
            teacher=line["teacher"],
            parent=line["parent"],
            request=Request.from_dict(line["request"]),
            body=_read_body(line),
            reply=None if reply is None else Reply.from_dict(reply),
            error=None if end in {"body", "reply"} else cast("ErrorKind", end),
            message=line.get("message"),
            charged=line.get("charged", True),
            at=line.get("at", 0.0),
            seconds=line.get("seconds", 0.0),
        )


def _write_body(line: dict[str, Any], body: bytes) -> None:
    """Bytes in JSON: as text where they are UTF-8, as nearly all are."""
    try:
        line["body"] = body.decode("utf-8")
    except UnicodeDecodeError:
        line["base64"] = b64encode(body).decode("ascii")


def _read_body(line: Mapping[str, Any]) -> bytes | None:
    if "base64" in line:
        return b64decode(line["base64"])
    return str(line["body"]).encode("utf-8") if "body" in line else None


@dataclass
class Journal:
    """Append-only file of entries; answers are found by key. One process at a time.

    Raises:
        RunError: another process has it open, or it cannot be opened.
    """

    path: Path
    _places: dict[bytes, int] = field(default_factory=dict, init=False, repr=False)
    _noted: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """Open, lock, cut a torn end and index."""
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise RunError(f"{self.path}: cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise RunError(f"{self.path}: another process is writing it; wait for that run or end it") from error
        self._syncer = Syncer(self._file)
        self.size = self._index()

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Make it durable and close it."""
        try:
            self._syncer.close()
            os.fsync(self._file)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            os.close(self._file)

    def __len__(self) -> int:
        """Number of requests that have an answer."""
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        """Whether a request has an answer."""
        return bytes.fromhex(key) in self._places

    def find(self, key: str) -> Entry | None:
        """The last answer of that key, if there is one: an entry with a body, a reply, or a refusal that is final."""
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        return _entry(os.pread(self._file, place & (1 << _LENGTH) - 1, place >> _LENGTH))

    def append(self, entry: Entry) -> None:
        """Write ``entry`` in one call, so that a kill leaves it whole or torn at the very end.

        Raises:
            RunError: the disk is full or fails; the run must end, since its next answers would be lost too.
        """
        end = entry.end
        place = self._write(entry.key, end, entry.encoded())
        if end in _RESULTS:
            self._places[bytes.fromhex(entry.key)] = place

    def note(self, kind: str, content: Mapping[str, Any]) -> None:
        """Write something else that must be known after a crash; `synced` tells when it is on the disk.

        Raises:
            RunError: as `append`.
        """
        self._write("0" * 32, "note", jsonl.encoded({"kind": kind, "content": content}))
        self._noted.append((kind, content))

    def notes(self, kind: str) -> list[Mapping[str, Any]]:
        """All notes of a kind, in order, those of earlier runs included."""
        return [content for noted, content in self._noted if noted == kind]

    async def synced(self) -> None:
        """Wait until all that was written so far is on the disk.

        Raises:
            RunError: the disk fails.
        """
        try:
            await asyncio.to_thread(self._syncer.flush)
        except OSError as error:
            raise self._failed(error) from error
        # The system tells a failure once: to the group that was under way, if there was one.
        while self._syncer.busy:  # noqa: ASYNC110 - the kernel tells only who looks
            await asyncio.sleep(_MOMENT)
        if self._syncer.error is not None:
            raise self._failed(self._syncer.error)

    def flush(self) -> None:
        """Have all that was written so far on the disk, in a program that does nothing meanwhile.

        Raises:
            RunError: the disk fails.
        """
        try:
            self._syncer.flush()
        except OSError as error:
            raise self._failed(error) from error

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """All entries in the order of their writing, from the byte ``start`` on."""
        return entries(self.path, start)

    def _write(self, key: str, end: str, content: bytes) -> int:
        """Append a line; returns its place and length."""
        if self._syncer.error is not None:
            raise self._failed(self._syncer.error)
        line = _line(key, end, content)
        length = len(line)
        try:
            written = os.write(self._file, line)
            while written < length:
                written += os.write(self._file, line[written:])
        except OSError as error:
            os.ftruncate(self._file, self.size)
            raise self._failed(error) from error
        place = self.size << _LENGTH | length
        self.size += length
        self._syncer.wrote()
        return place

    def _failed(self, error: OSError) -> RunError:
        return RunError(
            f"{self.path}: {error.strerror}; mend that and run the same command again: all answers so far are kept"
        )

    def _index(self) -> int:
        """Read all places and notes; returns where the next entry goes."""
        start = 0
        torn: list[tuple[int, int]] = []
        results = {end.encode("ascii") for end in _RESULTS}
        with self.path.open("rb", buffering=1 << 20) as lines:
            for number, line in enumerate(lines, 1):
                if not _is_whole(line):
                    torn.append((number, start))
                elif (end := line[_END : line.index(b'"', _END)]) in results:
                    self._places[unhexlify(line[_KEY])] = start << _LENGTH | len(line)
                elif end == b"note":
                    noted = _content(line)
                    self._noted.append((noted["kind"], noted["content"]))
                start += len(line)
        return self._mended(torn, start)

    def _mended(self, torn: list[tuple[int, int]], size: int) -> int:
        """Cut a torn end off; damaged lines before it stay where they are, since nothing more can be had of them."""
        if torn and not _follows(self.path, torn[-1][1]):
            number, size = torn.pop()
            progress.say(f"journal: line {number} was torn by a crash and is cut off; its request is asked again")
            os.ftruncate(self._file, size)
        for number, _ in torn:
            progress.say(f"journal: line {number} is damaged and left out; its request is asked again")
        return size


def _follows(path: Path, start: int) -> bool:
    """Whether another line follows the one at ``start``."""
    with path.open("rb") as lines:
        lines.seek(start)
        lines.readline()
        return bool(lines.read(1))


def entries(path: Path, start: int = 0) -> Iterator[Entry]:
    """All whole entries of a journal file from the byte ``start`` on, without opening it for writing."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            if _is_whole(line) and not line.startswith(b'note"', _END):
                yield _entry(line)


def _line(key: str, end: str, content: bytes) -> bytes:
    summed = b'"key":"%s","end":"%s","entry":%s}' % (key.encode(), end.encode(), content)
    return b'%s%08x",%s\n' % (_HEAD, zlib.crc32(summed), summed)


def _is_whole(line: bytes) -> bool:
    """Whether a line is what was written."""
    summed = b"%08x" % zlib.crc32(line[_SUMMED:-1])
    return line.startswith(summed, len(_HEAD)) and line.startswith(_HEAD) and line.endswith(b"}\n")


def _content(line: bytes) -> dict[str, Any]:
    content: dict[str, Any] = jsonl.decoded(line[line.index(b'"entry":', _END) + 8 : -2])
    return content


def _entry(line: bytes) -> Entry:
    end = line[_END : line.index(b'"', _END)].decode("ascii")
    return Entry.of_line(line[_KEY].decode("ascii"), end, _content(line))
