"""The memory that a box shares with the outside, and the messages that go over its socket.

    [0, JOB_BYTES)              the job: a marshalled tuple, written by the outside; limits of single calls behind it
    [HEAD, END)                 what the program says: a head (`Head`), and its answers from `STREAM` on
    [INFO, SIZE)                what it says of a failure

Nothing in the last two is believed: the outside copies it when no process of the program lives any more, and reads
the copy as the work of an enemy.
"""

from __future__ import annotations

import mmap
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Self

JOB_BYTES = 24 << 20
"""Bytes of a program with its input; no job is longer."""

SIZE = JOB_BYTES + (40 << 20)
KEPT_BYTES = 128 << 20
"""Memory that a program which answers calls may take beyond its limit, for what `keeping` holds."""

INFO_BYTES = 4096
"""Bytes of a failure's description."""

HEAD = JOB_BYTES
MARKED = HEAD + 4
STREAM = HEAD + 64
INFO = END = SIZE - INFO_BYTES
TOKEN_BYTES = 32
HELLO = b"ready\n"

# How far a program came, by its own account.
NOTHING, NO_CODE, RAISED, DEFINED, FINISHED, NO_MEMORY, FULL, NOT_STARTED, UNFIT = range(9)

# What an order is beside a Python program: a command; more of its job follow, or went before, in the same folder; it
# speaks with the outside over the box's own stream (`commands`, `service`).
COMMAND, KEEP, FOLLOWS, ATTACHED = 1, 2, 4, 8

# Why the server ended a program.
BY_ITSELF, CPU, CALL, WALL, CROWD, MEMORY, STOPPED = range(7)

_ORDER = struct.Struct("<QIII??4dQQIQQ")
_REPORT = struct.Struct("<iI2dI")
_SAID = struct.Struct("<III")
_HEAD = struct.Struct("<IIQI32s")
STATE = struct.Struct("<I")
MARK = struct.Struct("<IQ")
"""The part of a head that each answer changes: how many there are, and where they end."""

TOLD = struct.Struct("<I32s")
TOLD_AT = HEAD + 16
"""The rest of it: bytes of a failure's description, and the token."""


class Order(NamedTuple):
    """One program to run.

    ``job``: bytes of it in the region; ``calls``: how many limits of single calls (doubles) stand behind it;
    ``asked``: how many calls it is asked. ``kind``: of `COMMAND` and its like, added up.
    ``wall_clock``: the limits ``cpu_seconds`` and ``call_seconds`` mean elapsed time. ``call_seconds`` of 0 is none.
    The token of a ``script`` (`TOKEN_BYTES`) follows its order, and stays in the socket until the program asks for it.
    ``addresses``: of each process, in bytes; 0 is no limit.
    ``stall_seconds``: elapsed time that the program may spend without computing or waiting for a processor.
    """

    job: int
    calls: int
    asked: int
    kind: int
    script: bool
    wall_clock: bool
    cpu_seconds: float
    call_seconds: float
    stall_seconds: float
    ceiling_seconds: float
    memory: int
    addresses: int
    processes: int
    file: int
    output: int

    def pack(self) -> bytes:
        """As it crosses."""
        return _ORDER.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """What `pack` packed."""
        return cls(*_ORDER.unpack(data))

    @staticmethod
    def size() -> int:
        """Bytes of each order."""
        return _ORDER.size


class Report(NamedTuple):
    """How a program ended: exit status (negative: the signal), who ended it and why, seconds, bytes printed."""

    status: int
    reason: int
    cpu_seconds: float
    wall_seconds: float
    printed: int

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """What `pack` packed."""
        return cls(*_REPORT.unpack(data))

    @staticmethod
    def size() -> int:
        """Bytes of each report."""
        return _REPORT.size


def report(status: int, reason: int, cpu_seconds: float, wall_seconds: float, printed: bytes) -> bytes:
    """A `Report` as it crosses, with what was printed behind it."""
    return _REPORT.pack(status, reason, cpu_seconds, wall_seconds, len(printed)) + printed


class Said(NamedTuple):
    """What a command wrote, in the place of what a script printed: two streams, and what it gave back for a token."""

    stdout: bytes
    stderr: bytes
    token: bytes

    def pack(self) -> bytes:
        """As it crosses."""
        return _SAID.pack(*(len(part) for part in self)) + b"".join(self)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """What `pack` packed."""
        first, second, _ = _SAID.unpack_from(data)
        begin, end = _SAID.size + first, _SAID.size + first + second
        return cls(data[_SAID.size : begin], data[begin:end], data[end:])


class Head(NamedTuple):
    """How far a program came, how many calls it answered, where its answers end, bytes of its failure, its token."""

    state: int
    answered: int
    end: int
    info: int
    token: bytes

    @classmethod
    def read(cls, memory: mmap.mmap) -> Self:
        """What stands in the region: any numbers whatever; all of them 0 before a program begins."""
        return cls(*_HEAD.unpack_from(memory, HEAD))


def receive(line: socket.socket, size: int) -> bytes | None:
    """Exactly so many bytes; None when the other side has hung up."""
    data = line.recv(size)
    while data and len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            return None
        data += more
    return data or None
