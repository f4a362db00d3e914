"""The untrusted side: one forked process, from its limits to its last answer.

From `work` on, whatever stands in this process may have been changed by the program, this module included. That is
why nothing here decides anything: what the outside believes is how the process ended and what values it gave.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enumerations, which a fork would pay for
import contextlib
import fcntl
import gc
import marshal
import math
import mmap
import os
import resource
import socket
import sys
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from . import keeping, locks, region, seccomp, values

PROGRAM = "<program>"
_TEXT = 500
_THREADS = 112
"""The kernel counts threads with processes; the server counts processes alone."""

_BLOCK = 1 << 16
"""Bytes that a pipe holds."""

_WIDE = 1 << 20
"""The most that a pipe may hold for who is not root (Linux's default)."""

_SET_SIZE = 1031
"""F_SETPIPE_SZ of <linux/fcntl.h>; Python knows it since 3.10."""

_TICKS = 1.5
"""The kernel counts for its limit in ticks, which may be this many times the precise measure."""

_MANY_BYTES = 1 << 16

# What a program does to modules that it shares with us is no answer of its.
_dumps, _exit, _freeze, _getpid = marshal.dumps, os._exit, gc.freeze, os.getpid


class Locks(NamedTuple):
    """What each program is locked in with where it has no namespaces; all empty where it has.

    ``readable``, ``writable`` and ``listed`` are for Landlock, ``filter`` is a seccomp filter. ``others`` are the
    threads of the same user outside, which the kernel counts as well. Commands can read ``tools`` as well, and have a
    filter of their own (``starters``) that lets them start processes whoever they are. ``nice`` is their
    priority.
    """

    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    filter: bytes = b""
    others: int = 0
    tools: tuple[str, ...] = ()
    starters: bytes = b""
    nice: int = 10

    def for_commands(self) -> Locks:
        """The same, as a command has it."""
        return self._replace(readable=self.readable and (*self.readable, *self.tools), filter=self.starters)

    def close(self) -> None:
        """Lock this process in.

        Raises:
            OSError: the kernel refuses.
        """
        # However many they are, the server must come to its turn.
        os.setpriority(os.PRIO_PROCESS, 0, self.nice)
        if self.readable:
            # A second lock within the server's: nothing behind it can signal the server.
            locks.lock((*self.readable, "/proc/self"), self.writable, self.listed)
        if self.filter:
            # Without Landlock the level promises limits alone; not every kernel has filters.
            with contextlib.suppress(*(() if self.readable else (OSError,))):
                seccomp.install(seccomp.own(self.filter))


class Pipes:
    """What a script has beside the region: a pipe to print to, and a line on which it asks for its token."""

    def __init__(self) -> None:
        self.output, self._printer = os.pipe()
        self.asked, self._asker = socket.socketpair()
        self._told = False

    def keep_ours(self) -> None:
        """On the server's side: let go of the program's ends."""
        os.close(self._printer)
        self._asker.close()
        os.set_blocking(self.output, False)
        self.asked.setblocking(False)

    def take_theirs(self) -> socket.socket:
        """On the program's side: print to the pipe from now on; the end to ask for the token on."""
        os.dup2(self._printer, 1)
        for place in (self._printer, self.output):
            os.close(place)
        self.asked.close()
        return self._asker

    def places(self) -> tuple[int, int]:
        """Descriptors for the server to wait for."""
        return self.output, self.asked.fileno()

    def serve(self, ready: set[int], printed: bytearray, order: region.Order, control: socket.socket) -> list[int]:
        """Take what is printed, and answer who asks; the descriptors on which nothing more will come."""
        ended = []
        if self.output in ready and not self._drain(printed, order.output):
            ended.append(self.output)
        if self.asked.fileno() in ready:
            ended.append(self.asked.fileno())
            with contextlib.suppress(OSError):
                if self.asked.recv(1):
                    self._told = True
                    self.asked.send(region.receive(control, region.TOKEN_BYTES) or b"")
        return ended

    def finish(self, most: int, control: socket.socket) -> bytes:
        """What is left to be read, when nobody prints any more; no more of it than ``most`` bytes."""
        if not self._told:
            region.receive(control, region.TOKEN_BYTES)
        printed = bytearray()
        while self._drain(printed, most):
            pass
        os.close(self.output)
        self.asked.close()
        return bytes(printed)

    def _drain(self, printed: bytearray, most: int) -> bool:
        """Read a block and keep what there is room for; whether there may be more."""
        try:
            block = taken(self.output)
        except OSError:
            return False
        printed += block[: most - len(printed)]
        return bool(block)


def main(shared: mmap.mmap, order: region.Order, control: int, pipes: Pipes | None, locked: Locks | None) -> NoReturn:
    """Run the program of an order, and end.

    What this and `work` touch, each program has to copy a page for: they are as plain as can be.
    """
    # 70 says that something of ours broke; what the program itself raises is reported.
    status = 70
    try:
        os.close(control)
        os.setsid()
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        asker = pipes.take_theirs() if pipes else None
        limit(order, locked.others if locked else 0)
        if locked:
            locked.close()
        gc.enable()
        work(shared, order.job, asker)
        status = 0
    finally:
        _exit(status)


def taken(place: int) -> bytes:
    """What there is in a pipe, at most a MiB; nothing at its end.

    A pipe that was full is made larger: a flood costs a wait for a processor, on either side, each time it is full.

    Raises:
        BlockingIOError: there is nothing yet.
    """
    block = os.read(place, _WIDE)
    if len(block) == _BLOCK and sys.platform == "linux":
        # Refused to who has many; then it stays as it is.
        with contextlib.suppress(OSError):
            fcntl.fcntl(place, _SET_SIZE, _WIDE)
    return block


def limit(order: region.Order, others: int) -> None:
    """Put the kernel's limits on this process, where ``others`` threads of the same user are outside.

    Raises:
        OSError: the kernel refuses.
    """
    # A command's children may reach it unseen; then it goes on, and all together must have used up the limit.
    seconds = math.ceil(_TICKS * order.cpu_seconds) + 1
    processes = order.processes + others + _THREADS
    try:
        if not order.wall_clock:
            # The server's own measure comes first; this holds if it is held up.
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file, order.file))
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
        if order.addresses:
            resource.setrlimit(resource.RLIMIT_AS, (order.addresses, order.addresses))
    except (ValueError, OSError):
        # macOS refuses some of them; the level "rlimits" is the weak one.
        if sys.platform == "linux":
            raise


def work(shared: mmap.mmap, size: int, asker: socket.socket | None) -> None:
    """Do the job in the first ``size`` bytes of the region: run the program, and answer calls or ask for the token."""
    code, name, stdin, packages, calls = marshal.loads(shared[:size])  # noqa: S302 - it came from outside
    if packages:
        sys.path.append(packages)
    if stdin:
        _given(stdin)
    module = sys.modules[name] = ModuleType(name)
    state, me = region.NO_CODE, _getpid()
    try:
        compiled = compile(code, PROGRAM, "exec", dont_inherit=True)
        state = region.RAISED
        exec(compiled, module.__dict__)  # noqa: S102 - this is the sandbox
        if _getpid() != me:
            return  # a child of the program's that came to the end as well: it is not asked
        if asker is None:
            _answer_all(shared, module, *calls)
        else:
            _finish(shared, asker)
    except BaseException as error:  # noqa: BLE001 - boundary: whatever an untrusted program raises is data
        if _getpid() == me:
            spent = isinstance(error, MemoryError) and state == region.RAISED
            _fail(shared, region.NO_MEMORY if spent else state, error)


def _answer_all(
    shared: mmap.mmap, module: ModuleType, name: str, inputs: tuple[bytes, bool], whole: tuple[int, ...]
) -> None:
    """Call the function on one input after another.

    Raises:
        AttributeError: there is no such function.
        MemoryError: in a call.
    """
    arguments, plain = inputs
    function = getattr(module, name)
    given = marshal.loads(arguments) if plain else values.read(arguments)  # noqa: S302 - it came from outside
    if len(arguments) > _MANY_BYTES:
        _freeze()  # the collector need not look through the inputs
    count, end, me, kept = 0, region.STREAM, _getpid(), keeping.Kept()
    for args in given:
        try:
            kind, data = _spelled(function(*args), whole=count in whole)
        except MemoryError:
            raise
        except BaseException as error:  # noqa: BLE001 - boundary: whatever an untrusted program raises is data
            kind, data = values.RAISED, _dumps(_failure(error), values.VERSION)
        if _getpid() != me:
            return  # a child that returns from the call that made it
        begin, end = end, end + values.HEAD_BYTES + len(data)
        if end > region.END:
            region.STATE.pack_into(shared, region.HEAD, region.FULL)
            return
        # The account last: what it speaks of is there.
        shared[begin:end] = kind + len(data).to_bytes(4, "little") + data
        count += 1  # noqa: SIM113 - counts what was answered, which an exception must not disturb
        region.MARK.pack_into(shared, region.MARKED, count, end)
        kept.look()
    region.STATE.pack_into(shared, region.HEAD, region.FINISHED)


def _spelled(value: Any, *, whole: bool) -> tuple[bytes, bytes]:
    """A value as it crosses: its kind, and its bytes or what stands for them."""
    if not whole and (data := values.long_digest(value)):
        return values.LARGE, data
    data = values.spell(value)
    if whole or len(data) <= values.LARGE_BYTES:
        return values.VALUE, data
    return values.LARGE, values.digest(data)


def _finish(shared: mmap.mmap, asker: socket.socket) -> None:
    """Fetch the token of the run, and give it back."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stdout.flush()
    asker.send(b"?")
    region.TOLD.pack_into(shared, region.TOLD_AT, 0, asker.recv(region.TOKEN_BYTES))


def _fail(shared: mmap.mmap, state: int, error: BaseException) -> None:
    note(shared, state, _dumps(_failure(error), values.VERSION))


def note(shared: mmap.mmap, state: int, data: bytes) -> None:
    """Leave a word on a failure in the region."""
    data = data[: region.INFO_BYTES]
    shared[region.INFO : region.INFO + len(data)] = data
    region.TOLD.pack_into(shared, region.TOLD_AT, len(data), b"")
    region.STATE.pack_into(shared, region.HEAD, state)


def _given(stdin: str) -> None:
    """Let the program read ``stdin``."""
    with open(".stdin", "w+b") as file:  # noqa: PTH123 - pathlib is not loaded here
        os.unlink(".stdin")  # noqa: PTH108 - as above
        file.write(stdin.encode("utf-8", "surrogatepass"))
        file.seek(0)
        os.dup2(file.fileno(), 0)


def _failure(error: BaseException) -> tuple[str, str, int | None]:
    """An exception's type, text and line, as far as it gives them away."""
    try:
        text = "".join(str(error.msg if isinstance(error, SyntaxError) else error))[:_TEXT]
    except BaseException:  # noqa: BLE001 - boundary: the error is the program's own class
        text = ""
    return type(error).__name__[:100], text, _line(error)


def _line(error: BaseException) -> int | None:
    """The line of the program where an error came up, counted from 1."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line if type(line) is int else None
