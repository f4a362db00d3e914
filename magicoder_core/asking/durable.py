"""Makes what was written to a file durable, in groups, while whoever writes goes on.

The kernel's own queue does it where there is one (Linux AIO, 4.18 and later), else a thread. A thread has to have the
interpreter before and after; while that is busy it is woken each time that a system call lets go of it, mostly in vain:
measured at 2,000 records a second that costs a third of all the CPU time that a record takes.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Protocol

LONGEST: Final = 0.05
"""Seconds that a record may wait for the disk."""

MOST: Final = 64
"""Records that may wait together; the disk is asked for whichever comes first."""

_NOT_HERE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""What the kernel says where its queue does not know this kind of file."""

Failed = Callable[[OSError], None]


class Disk(Protocol):
    """Whoever calls ``fdatasync`` for us, one call at a time."""

    def busy(self) -> bool:
        """Whether the last call is still going on."""

    def ask(self) -> None:
        """Begin a call."""

    def close(self) -> None:
        """Wait for the last call."""


class Syncer:
    """Has ``fdatasync`` called for a descriptor; whoever writes never waits for the disk, and hears of its failure.

    Args:
        descriptor: of a file that is open for writing.
        disk: makes what calls it, of the descriptor and of what is told a failure.
    """

    def __init__(self, descriptor: int, disk: Callable[[int, Failed], Disk] | None = None) -> None:
        self._descriptor = descriptor
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._make = disk or disk_of
        self._disk: Disk | None = None
        self.error: OSError | None = None
        """Why the disk failed, once it did."""

    def wrote(self) -> None:
        """One more record was written."""
        self._waiting = waiting = self._waiting + 1
        if waiting >= MOST:
            self._sync()
        elif self._timer is None or self._loop is None or self._loop.is_closed():
            self._set_timer()

    @property
    def busy(self) -> bool:
        """Whether the disk still works on a group."""
        return self._disk is not None and self._disk.busy()

    def flush(self) -> None:
        """Wait until all that was written so far is on the disk.

        Raises:
            OSError: the disk failed.
        """
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self.error = error
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """End it; what the file's owner wrote last is for that owner to make durable.

        Raises:
            OSError: the disk failed.
        """
        self._unset_timer()
        if self._disk is not None:
            self._disk.close()
        if self.error is not None:
            raise self.error

    def _set_timer(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # nothing goes on here between one record and the next
        self._timer = self._loop.call_later(LONGEST, self._due)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self._sync()

    def _sync(self) -> None:
        self._disk = self._disk or self._make(self._descriptor, self._failed)
        if self._disk.busy():  # slower than the records come: the next group is larger
            if self._timer is None:
                self._set_timer()
            return
        self._unset_timer()
        self._waiting = 0
        self._disk.ask()

    def _failed(self, error: OSError) -> None:
        self.error = error


def disk_of(descriptor: int, failed: Failed) -> Disk:
    """The kernel's queue if it can be had, else a thread."""
    try:
        return KernelQueue(descriptor, failed)
    except (ImportError, OSError, RuntimeError, SystemError):  # not Linux, an old kernel, a container that forbids it
        return Thread(descriptor, failed)


class KernelQueue:
    """The queue of the kernel; a thread takes over where it does not know this kind of file.

    Raises:
        ImportError: there is none in this kernel, or none that `caio` knows.
        SystemError: it may not be used.
    """

    def __init__(self, descriptor: int, failed: Failed) -> None:
        from caio.linux_aio import Context, Operation

        self._descriptor, self._failed = descriptor, failed
        self._queue, self._operation = Context(max_requests=1), Operation
        self._out = False
        self._instead: Thread | None = None

    def busy(self) -> bool:
        """Whether the last call is still going on."""
        if self._out:
            self._reap()
        return self._out if self._instead is None else self._instead.busy()

    def ask(self) -> None:
        """Begin a call."""
        if self._instead is not None:
            self._instead.ask()
            return
        operation = self._operation.fdsync(self._descriptor)
        operation.set_callback(self._done)
        self._out = True
        try:
            self._queue.submit(operation)
        except Exception:  # noqa: BLE001 - the library has a class of its own for each reason
            self._out = False
            self._give_up()

    def close(self) -> None:
        """Wait for the last call."""
        while self._out:
            self._reap(min_requests=1, timeout=1)
        if self._instead is not None:
            self._instead.close()

    def _reap(self, **wait: int) -> None:
        with suppress(SystemError):  # a signal came; what is over is seen the next time
            self._queue.process_events(**wait)

    def _give_up(self) -> None:
        self._instead = Thread(self._descriptor, self._failed)
        self._instead.ask()

    def _done(self, result: int) -> None:
        """It is over; a failure comes as its negative number, taken for one without a sign."""
        self._out = False
        if result >> 63:
            number = (1 << 64) - result
            if number in _NOT_HERE:
                self._give_up()
            else:
                self._failed(OSError(number, os.strerror(number)))


class Thread:
    """A thread that calls, for other systems."""

    def __init__(self, descriptor: int, failed: Failed) -> None:
        self._descriptor, self._failed = descriptor, failed
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._call: Future[Any] | None = None

    def busy(self) -> bool:
        """Whether the last call is still going on."""
        if self._call is not None and self._call.done():
            call, self._call = self._call, None
            if isinstance(error := call.exception(), OSError):
                self._failed(error)
        return self._call is not None

    def ask(self) -> None:
        """Begin a call."""
        self._call = self._pool.submit(os.fdatasync, self._descriptor)

    def close(self) -> None:
        """Wait for the last call."""
        self._pool.shutdown()
        self.busy()
