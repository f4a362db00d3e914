"""The fork server: the first process of a box. It forks once for each program, watches it, and clears up after it.

It is trusted, and speaks with the outside over one socket, which no program inherits: an order comes in, the program
is forked, and when nothing of it lives any more a report goes out. Jobs and answers lie in memory that is shared with
the outside (`region`), so that they are copied once and no program can hold up the line.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enumerations, which a fork would pay for
import contextlib
import json
import mmap
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NamedTuple, Union

from . import command, locks, preparing, program, region, scratch, watch

_FIRST = -20
_ENDS = (1, 2, 3)
"""CLD_EXITED, CLD_KILLED and CLD_DUMPED of <signal.h>; a process that stops or goes on is told of, too."""


class Box(NamedTuple):
    """What the server works with: the socket, its descriptor, the region, the places where programs write.

    ``alone`` says whether it is process 1 of a namespace of its own, ``apart`` whether it can send a signal to all that
    it can reach, which is nobody outside. ``stream`` is the descriptor of what a resident
    speaks with the outside over. Of a server that an image made large, ``own`` are the bytes of memory and of addresses.
    """

    control: socket.socket
    place: int
    shared: mmap.mmap
    alone: bool
    apart: bool
    scratch: tuple[str, ...]
    locks: program.Locks | None
    stream: int
    own: tuple[int, int]


_Pipes = Union[program.Pipes, command.Streams, None]  # noqa: UP007 - Python 3.9 runs it


def main(control: int, shared: int, folders: str, user: str, image: str, *lock: str) -> None:
    """Serve orders until the other side hangs up.

    Args:
        control: number of the descriptor of a stream socket.
        shared: number of the descriptor of the region.
        folders: the places to write, joined by colons; the first is where programs start.
        user: number of whom to become in a box that root made; empty elsewhere.
        image: a JSON list of folders of packages, modules to import now, the number of the descriptor of a stream
            (-1: there is none), and places that Landlock lets commands read beside the others.
        lock: where there are no namespaces: the places that Landlock lets be read, and the folders it lets be listed,
            each joined by colons and empty without Landlock; numbers of the descriptors of the filters for each program
            and for each command.
    """
    line = socket.socket(fileno=control)
    memory = mmap.mmap(shared, region.SIZE)
    os.close(shared)
    scratched = tuple(folders.split(":"))
    os.chdir(scratched[0])
    for place in scratched:
        scratch.open_up(place)
    if user:
        _become(int(user))
    preparing.settle()
    packages, preload, stream, tools = json.loads(image)
    own = preparing.preloaded(packages, preload)
    preparing.warm_up()
    preparing.hold()
    others = watch.threads(os.getuid()) if sys.platform == "linux" and os.getpid() != 1 else 0
    writable = (*scratched, os.devnull)
    readable, listed, filtered, starters = (*lock, "", "", "", "")[:4]
    contents = _content(filtered), _content(starters)
    nice = min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
    places = program.Locks(
        _split(readable), writable, _split(listed), contents[0], others, tuple(tools), contents[1], nice
    )
    alone = os.getpid() == 1
    apart = _lock(places) or alone
    box = Box(line, control, memory, alone, apart, scratched, None if alone else places, stream, own)
    line.sendall(region.HELLO)
    # What programs write to standard error goes nowhere; up to here it was ours, to say why a box did not start.
    os.dup2(1, 2)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        kept = False
        while (raw := region.receive(line, region.Order.size())) is not None:
            order = region.Order.unpack(raw)
            if kept and not order.kind & region.FOLLOWS:
                scratch.empty(scratched)
            line.sendall(_attend(box, order))
            kept = bool(order.kind & region.KEEP)
            if not kept:
                scratch.empty(scratched)
    _end_all(box)
    if not alone:
        # Whoever hung up may have been killed, and removes nothing any more.
        scratch.dissolve(scratched[0])


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(":")) if text else ()


def _content(number: str) -> bytes:
    """All that is to be read from a descriptor, which is closed; nothing if there is none."""
    if not number:
        return b""
    with os.fdopen(int(number), "rb") as file:
        return file.read()


def _lock(places: program.Locks) -> bool:
    """Lock this process in as far as it may be, and out of its programs' reach; whether it reaches nobody outside."""
    # The interpreter's own handler would make even process 1 be hit.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # For `_soon`; a program unblocks it again.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    if sys.platform != "linux":
        return False
    if os.getpid() != 1:
        locks.subreaper()
        with contextlib.suppress(PermissionError):
            # Root's processes are counted by this one alone: it must come to its turn, however many they are.
            os.setpriority(os.PRIO_PROCESS, 0, _FIRST)
    parent = os.getppid()
    refused = _refused(parent)
    if places.readable:
        locks.drop_capabilities()
        # Where its programs' processes are to be seen, which they themselves cannot.
        folder = os.path.dirname(places.writable[0])  # noqa: PTH120 - pathlib is not loaded here
        # For `scratch.dissolve`; programs have a lock of their own, which lets them write in one part of the folder.
        writable, cleared = (folder, *places.writable), (os.path.dirname(folder),)  # noqa: PTH120 - as above
        locks.lock((*places.for_commands().readable, "/proc"), writable, places.listed, cleared)
    locks.dumpable(False)
    # Not by the kernel's version: a signal to everybody must not be sent on a mere belief.
    return bool(places.readable) and not refused and _refused(parent)


def _refused(process: int) -> bool:
    """Whether it may not be sent a signal, though it is there."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _become(user: int) -> None:
    """Be somebody else than root, for whom the kernel does not count processes; its rights go with it."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    locks.drop_capabilities()


def _attend(box: Box, order: region.Order) -> bytes:
    """Have one program run to its end; the report, with what it printed behind."""
    begin = time.monotonic()
    calls = box.shared[order.job : order.job + 8 * order.calls] if order.calls else b""
    pipes: Any = _pipes(box, order)  # of the order's kind, which the child is not to look at
    if box.own[1] and order.addresses and not order.kind:
        order = order._replace(addresses=order.addresses + box.own[1])
    child = os.fork()
    if not child:
        if order.kind:
            command.main(box.shared, order, box.place, pipes, box.locks and box.locks.for_commands())
        program.main(box.shared, order, box.place, pipes, box.locks)
    reason, printed, seen = region.BY_ITSELF, b"", 0.0
    if pipes or not _soon(child, begin + watch.GLANCE):
        reason, printed, seen = _see_out(box, order, child, begin, pipes, calls=calls)
    status, spent = _end_all(box, child)
    if pipes:
        printed += pipes.finish(order.output - len(printed), box.control)
    return region.report(status, reason, max(spent, seen), time.monotonic() - begin, printed)


def _pipes(box: Box, order: region.Order) -> _Pipes:
    """What a program writes to beside the region."""
    if order.kind & region.COMMAND:
        return command.Streams(order, box.control, box.stream)
    return program.Pipes() if order.script else None


def _soon(child: int, due: float) -> bool:
    """Whether the program's own process ends before long. Most do, and this is all that they cost."""
    if not hasattr(_signal, "sigtimedwait"):
        return False
    while (left := due - time.monotonic()) > 0:
        told = _signal.sigtimedwait((_signal.SIGCHLD,), left)
        if told is None:
            return False
        if told.si_code not in _ENDS:
            continue
        # Of several ends only one is told: it may be that of an orphan of the program's.
        if told.si_pid == child or os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
    return False


def _see_out(
    box: Box, order: region.Order, child: int, begin: float, pipes: _Pipes, *, calls: bytes
) -> tuple[int, bytes, float]:
    """Watch a program until it has ended, or must: the reason, what it printed so far, processor seconds seen."""
    if pipes:
        pipes.keep_ours()
    watched = watch.Watched(
        child, order, box.shared, begin, box.scratch if box.alone else (), own=box.own[0], calls=calls
    )
    printed = bytearray()
    _wait(box, watched, pipes, printed)
    return watched.reason, bytes(printed), watched.cpu


def _wait(box: Box, watched: watch.Watched, pipes: _Pipes, printed: bytearray) -> None:
    """Wait until the program's own process has ended, ended by us if it must."""
    poll = select.poll()
    # Not for what can be read: the token of a script lies there.
    poll.register(box.control, getattr(select, "POLLRDHUP", 0))
    for place in [*([watched.handle] if watched.handle >= 0 else []), *(pipes.places() if pipes else [])]:
        poll.register(place, select.POLLIN)
    pause = watch.GLANCE
    while True:
        ready = {place for place, _ in poll.poll(pause * 1000)}
        if watched.handle in ready or watched.over():
            break
        if pipes and ready:
            for place in pipes.serve(ready, printed, watched.order, box.control):
                poll.unregister(place)
        if box.control.fileno() in ready:
            # Nobody is there any more who could want to know.
            poll.unregister(box.control)
            watched.reason = region.STOPPED
        pause = _looked(box, watched) if time.monotonic() > watched.due else pause
    watched.close()


def _looked(box: Box, watched: watch.Watched) -> float:
    """End the program if it has taken too much; seconds until it is to be looked at again."""
    if watched.reason or watched.look():
        _kill(box, watched.child)
    pause = watched.pause()
    watched.due = time.monotonic() + pause
    return pause


def _kill(box: Box, child: int) -> None:
    """End the program's own process; from process 1 of a namespace, all of it."""
    _send(-1 if box.apart else child, signal.SIGKILL)


def _end_all(box: Box, child: int = 0) -> tuple[int, float]:
    """End everything that still lives, and wait until it is gone.

    The exit status of ``child`` (negative: the signal that ended it), and the processor seconds of all. Whoever
    watches the child by ptrace holds it back from being waited for, so the others are ended first.
    """
    found, spent = 0, 0.0
    while True:
        _kill_all(box, child)
        wait = 0
        # Who has ended already needs no more signals: a bomb leaves thousands.
        while True:
            try:
                process, status, usage = os.wait4(-1, wait)
            except ChildProcessError:
                # Nor is anything left that has lost its parents: that would be ours by now.
                return found, spent
            if not process:
                break
            spent += usage.ru_utime + usage.ru_stime
            if process == child:
                found = os.waitstatus_to_exitcode(status)
                child = 0
            wait = os.WNOHANG


def _kill_all(box: Box, child: int) -> None:
    """Send all that lives the signal that ends it; ``child`` is 0 when it has been waited for."""
    if box.apart:
        try:  # noqa: SIM105 - `suppress` would touch more pages, which costs once for each program
            os.kill(-1, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nobody is left
    elif watch.children():
        if child:
            # All of its group at once, which no fork escapes: that is most of them.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
        _kill_family()
    elif child:
        # Where the system does not show whose children there are, this is all that can be ended.
        _send(child, signal.SIGKILL)


def _kill_family() -> None:
    """End all descendants. First they are stopped: who is killed makes room for others to be born, who is stopped not."""
    stopped: set[int] = set()
    while more := set(watch.family(os.getpid())) - stopped:
        for process in more:
            _send(process, signal.SIGSTOP)
        stopped |= more
    for process in stopped:
        _send(process, signal.SIGKILL)


def _send(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)
