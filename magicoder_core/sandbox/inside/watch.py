"""A program under watch: what it has used so far, and whether that is too much.

The measure is processor time, of all its processes together. Elapsed time counts only while the program neither
computes nor waits for a processor (``/proc/PID/schedstat`` says how long it waited): a busy machine ends no program.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import sys
import time
from typing import NamedTuple

from . import region

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SHARED = 24 << 20
"""Bytes of each process that are the server's own, and shared."""

_FILES = 40_000
"""Entries in the places to write: each takes a kilobyte of the kernel's memory."""

_ON_THEIR_WAY = 100
GLANCE = 0.05
"""Seconds after which a program that still runs is looked at for the first time."""

_LONGEST = 0.1


class Use(NamedTuple):
    """What a process has used: its own processor seconds, those of children it waited for, seconds in the run queue.

    ``memory`` and ``touched`` are in bytes: what it holds now, and at most what it ever began to hold, children it
    waited for included.
    """

    own: float
    waited: float
    queued: float
    memory: int
    touched: int


class Watched:
    """A program's own process and all that came of it; ``reason`` says why it was ended, if it was.

    ``calls`` are the limits of single calls, copied before the program could write where they stand. ``places`` are where
    programs write, in a namespace of their own; elsewhere there are none. ``own`` is what each process shares with a
    server that is larger than most.
    """

    def __init__(
        self,
        child: int,
        order: region.Order,
        shared: mmap.mmap,
        begin: float,
        places: tuple[str, ...],
        *,
        own: int = 0,
        calls: bytes = b"",
    ) -> None:
        self.child = child
        self.order = order
        self.due = begin + GLANCE
        self.handle = os.pidfd_open(child) if hasattr(os, "pidfd_open") else -1
        self.reason = region.BY_ITSELF
        self._shared = shared
        self._outside = -1
        self._begin = begin
        self._places = places
        self._seen: dict[int, Use] = {}
        self._call = (-1, 0.0)
        self._calls = struct.unpack(f"<{order.calls}d", calls)
        self._used = 0.0
        self.cpu = 0.0
        """Processor seconds that were seen so far. Children that nobody waits for are in no other account."""
        # A command has nothing of the server, and a system's libraries are nobody's.
        self._exact = bool(order.kind & region.COMMAND)
        self._own = 0 if self._exact else max(own, _SHARED)

    def over(self) -> bool:
        """Whether the program's own process has ended, where no descriptor says so."""
        if self.handle >= 0:
            return False
        return os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def close(self) -> None:
        """Let go of the process."""
        if self.handle >= 0:
            os.close(self.handle)

    def pause(self) -> float:
        """Seconds until it should be looked at again."""
        if self.handle < 0:
            return 0.005
        left = self.order.cpu_seconds - self._used
        return min(max(left / 2, 0.02), _LONGEST)

    def look(self) -> bool:
        """Measure, and say whether the program must end."""
        elapsed = time.monotonic() - self._begin
        living = self._living()
        if 0 < self.order.processes < len(living):
            # At once: to measure thousands takes longer than to start them.
            self.reason = region.CROWD
            return True
        for process in living:
            if use := measured(process, exact=self._exact):
                self._seen[process] = use
        cpu = spent(self._seen, set(living))
        queued = sum(use.queued for use in self._seen.values())
        self.cpu = max(self.cpu, cpu)
        self._used = elapsed if self.order.wall_clock else cpu
        held = sum(max(self._seen[one].memory - self._own, 0) for one in living if one in self._seen)
        self.reason = self._too_much(elapsed, elapsed - cpu - queued, held + self._kept(living))
        return bool(self.reason)

    def _too_much(self, elapsed: float, stalled: float, held: int) -> int:
        order = self.order
        if self._used > order.cpu_seconds:
            return region.CPU
        if self._call_too_long():
            return region.CALL
        if stalled > order.stall_seconds or elapsed > order.ceiling_seconds:
            return region.WALL
        return region.MEMORY if held > order.memory or self._littered() else region.BY_ITSELF

    def _call_too_long(self) -> bool:
        """Whether the call under way, by the program's own account, has used up what a single call may take."""
        order = self.order
        if not order.call_seconds:
            return False
        count = min(region.Head.read(self._shared).answered, order.asked)
        # A program may say what it likes: no call begins twice, and there are no more than it is asked.
        if count > self._call[0]:
            self._call = (count, self._used)
        count = self._call[0]
        most = self._calls[count] if count < order.calls else order.call_seconds
        return self._used - self._call[1] > most

    def _kept(self, living: list[int]) -> int:
        """Bytes of shared memory that processes hold and have mapped away, so that no account of theirs has it.

        Only the machine has. What it holds more than at the first look, if that is over twice the limit, is laid at the
        door of a program that has such memory mapped at all and touched so much.
        """
        found = shared_memory()
        if self._outside < 0:
            self._outside = found
        grown, most = found - self._outside, 2 * self.order.memory
        if grown <= most or sum(use.touched for use in self._seen.values()) <= most:
            return 0
        return grown if any(map(shares, living)) else 0

    def _littered(self) -> bool:
        # The places lie in file systems of the box's own.
        found = [os.statvfs(place) for place in self._places]
        return any(place.f_files - place.f_ffree > _FILES for place in found)

    def _living(self) -> list[int]:
        if self._places:
            return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208 - pathlib is not loaded here
        return [self.child, *family(self.child)] if sys.platform == "linux" else [self.child]


def spent(seen: dict[int, Use], living: set[int]) -> float:
    """Processor seconds of all that were seen. A process that is gone may be counted by the parent that waited for it."""
    own = sum(use.own for process, use in seen.items() if process in living)
    gone = sum(use.own for process, use in seen.items() if process not in living)
    waited = sum(use.waited for process, use in seen.items() if process in living)
    return own + max(gone, waited)


def children() -> list[int]:
    """The children of this process (Linux)."""
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children") as file:  # noqa: PTH123 - as above
            return [int(process) for process in file.read().split()]
    except FileNotFoundError:
        return family(me) if sys.platform == "linux" else []


def family(process: int) -> list[int]:
    """All living descendants of a process, by the process table (Linux)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        if name.isdigit() and (fields := _stat(int(name))) and fields[0] != b"Z":
            children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [process]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += born
    return found


def threads(user: int) -> int:
    """How many threads a user has, and a few more that may be on their way (Linux)."""
    found = _ON_THEIR_WAY
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        with contextlib.suppress(OSError, IndexError):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:  # noqa: PTH116 - as above
                found += int(_stat(int(name))[17])
    return found


def _stat(process: int) -> list[bytes]:
    """The fields of ``/proc/PID/stat`` from the state on; none if it is gone."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123 - pathlib is not loaded here
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def measured(process: int, *, exact: bool = False) -> Use | None:
    """What a process has used; None if it is gone. If ``exact``, its memory without what it has mapped of files."""
    fields = _stat(process)
    if not fields:
        return None
    waited = (int(fields[13]) + int(fields[14])) * _TICK
    try:
        # The clock of a process, as clock_getcpuclockid gives it.
        own = time.clock_gettime((~process << 3) | 2)
    except OSError:
        own = (int(fields[11]) + int(fields[12])) * _TICK
    memory = resident(process) if exact else int(fields[21]) * _PAGE
    return Use(own, waited, _queued(process), memory, (int(fields[7]) + int(fields[8])) * _PAGE)


def taken(process: int) -> tuple[int, int]:
    """Bytes of memory and of addresses that a process has taken (Linux)."""
    fields = _stat(process)
    return (int(fields[21]) * _PAGE, int(fields[20])) if fields else (0, 0)


def resident(process: int) -> int:
    """Bytes of memory of a process, without what it has mapped of files; 0 if it is gone (Linux).

    The tables of its pages count: who reads one byte in every second MiB of addresses takes nothing else.
    """
    total = 0
    with contextlib.suppress(OSError), open(f"/proc/{process}/status", "rb") as file:  # noqa: PTH123 - as above
        for line in file:
            if line.startswith((b"RssAnon:", b"RssShmem:", b"VmPTE:")):
                total += int(line.split()[1]) << 10
    return total


def shared_memory() -> int:
    """Bytes of shared memory and of files in memory that all of the machine holds; 0 where it does not say."""
    with contextlib.suppress(OSError), open("/proc/meminfo", "rb") as file:  # noqa: PTH123 - as above
        for line in file:
            if line.startswith(b"Shmem:"):
                return int(line.split()[1]) << 10
    return 0


def shares(process: int) -> bool:
    """Whether a process holds memory that it could share with its children (Linux)."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/maps", "rb") as file:  # noqa: PTH123 - as above
        return b" /dev/zero (deleted)\n" in file.read()
    return False


def _queued(process: int) -> float:
    """Seconds that its threads waited for a processor."""
    total = 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 - as above
            with open(f"/proc/{process}/task/{thread}/schedstat") as file:  # noqa: PTH123 - as above
                total += int(file.read().split()[1])
    return total / 1e9
