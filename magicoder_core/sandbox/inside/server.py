"""The fork server: the first process of a box. It forks once for each program, watches it, and clears up after it.

It is trusted, and speaks with the outside over one socket, which no program inherits: an order comes in, the program
is forked, and when nothing of it lives any more a report goes out. Jobs and answers lie in memory that is shared with
the outside (`region`), so that they are copied once and no program can hold up the line.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enumerations, which a fork would pay for
import _sitebuiltins
import builtins
import contextlib
import gc
import marshal
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import NamedTuple

from . import locks, program, region, scratch, values, watch

PRELOADED = (
    "typing",
    "math",
    "cmath",
    "re",
    "collections",
    "collections.abc",
    "itertools",
    "functools",
    "operator",
    "heapq",
    "bisect",
    "string",
    "random",
    "copy",
    "datetime",
    "decimal",
    "fractions",
    "statistics",
    "hashlib",
    "json",
    "dataclasses",
    "enum",
    "abc",
    "textwrap",
    "traceback",
    "warnings",
    "contextlib",
    "inspect",
)
"""What programs import most; a fork inherits it. None of them starts a thread."""

_ROUNDS = 40
_ENDS = (1, 2, 3)
"""CLD_EXITED, CLD_KILLED and CLD_DUMPED of <signal.h>; a process that stops or goes on is told of, too."""

_WARM = """
from typing import Any, Dict, List, Optional, Tuple
import math, re
def solve(numbers: List[float], text: str = "a b") -> Optional[bool]:
    found: Dict[str, Tuple[int, Any]] = {word: (len(word), word) for word in text.split()}
    for index, number in enumerate(sorted(set(numbers))):
        if index % 2 == 0 and math.sqrt(abs(number)) > 1e9 or re.match(r"x+", text):
            return True
    return any(isinstance(item, tuple) and item[0] < 0 for item in found.values())
"""


class Box(NamedTuple):
    """What the server works with: the socket, its descriptor, the region, the places where programs write.

    ``alone`` says whether it is process 1 of a namespace of its own.
    """

    control: socket.socket
    place: int
    shared: mmap.mmap
    alone: bool
    scratch: tuple[str, ...]
    locks: program.Locks | None


def main(control: int, shared: int, folders: str, user: str, *lock: str) -> None:
    """Serve orders until the other side hangs up.

    Args:
        control: number of the descriptor of a stream socket.
        shared: number of the descriptor of the region.
        folders: the places to write, joined by colons; the first is where programs start.
        user: number of whom to become in a box that root made; empty elsewhere.
        lock: where there are no namespaces: the places that Landlock lets be read, and the folders it lets be listed,
            each joined by colons and empty without Landlock; number of the descriptor of a filter for each program.
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
    _settle()
    _warm_up()
    _hold()
    others = watch.threads(os.getuid()) if sys.platform == "linux" and os.getpid() != 1 else 0
    writable = (*scratched, os.devnull)
    readable, listed, filtered = (*lock, "", "", "")[:3]
    places = program.Locks(_split(readable), writable, _split(listed), _content(filtered), others)
    _lock(places)
    alone = os.getpid() == 1
    box = Box(line, control, memory, alone, scratched, None if alone else places)
    line.sendall(region.HELLO)
    # What programs write to standard error goes nowhere; up to here it was ours, to say why a box did not start.
    os.dup2(1, 2)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while (raw := region.receive(line, region.Order.size())) is not None:
            line.sendall(_attend(box, region.Order.unpack(raw)))
            scratch.empty(scratched)
    _end_all(box)


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(":")) if text else ()


def _content(number: str) -> bytes:
    """All that is to be read from a descriptor, which is closed; nothing if there is none."""
    if not number:
        return b""
    with os.fdopen(int(number), "rb") as file:
        return file.read()


def _lock(places: program.Locks) -> None:
    """Lock this process in as far as it may be, and out of its programs' reach."""
    # The interpreter's own handler would make even process 1 be hit.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # For `_soon`; a program unblocks it again.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    if sys.platform != "linux":
        return
    if os.getpid() != 1:
        locks.subreaper()
    if places.readable:
        locks.drop_capabilities()
        # Where its programs' processes are to be seen, which they themselves cannot.
        locks.lock((*places.readable, "/proc"), places.writable, places.listed)
    locks.dumpable(False)


def _become(user: int) -> None:
    """Be somebody else than root, for whom the kernel does not count processes; its rights go with it."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    locks.drop_capabilities()


def _settle() -> None:
    """Import and run what programs will need, and hold what is alive now out of the collector's sight."""
    _import_random()
    for name in PRELOADED:
        __import__(name)
    for name in [name for name in sys.path if name.startswith("/box")]:
        sys.path.remove(name)
    sys.argv = ["program.py"]
    _complete()
    for kind, most in (("RLIMIT_NOFILE", 256), ("RLIMIT_CORE", 0), ("RLIMIT_MSGQUEUE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, kind), (most, most))
    # Should the machine run out of memory, the kernel ends the largest process of a box before anybody else's.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - pathlib is not loaded here
        score.write("1000")


def _complete() -> None:
    """Have the names that the module `site` adds to Python's own; it is left out, for what else it does."""
    vars(builtins).update(
        exit=_sitebuiltins.Quitter("exit", "Ctrl-D"),
        quit=_sitebuiltins.Quitter("quit", "Ctrl-D"),
        help=_sitebuiltins._Helper(),  # noqa: SLF001 - no other name for it
        copyright=_sitebuiltins._Printer("copyright", sys.copyright),  # noqa: SLF001 - as above
        credits=_sitebuiltins._Printer("credits", "See www.python.org for more information."),  # noqa: SLF001 - as above
        license=_sitebuiltins._Printer("license", "See https://www.python.org/psf/license/"),  # noqa: SLF001 - as above
    )


def _hold() -> None:
    """Keep what is alive now out of the collector's sight: it would write to all of it."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _warm_up() -> None:
    """Do some jobs of our own, in this process: what Python learns of its own code then, programs need not learn."""
    arguments = marshal.dumps([([1.0, 2.0],), ([], "b")], values.VERSION)
    job = marshal.dumps((_WARM, "warm", "", "", ("solve", (arguments, True), ())), values.VERSION)
    # Not the region: the first order may already be in it.
    shared = mmap.mmap(-1, region.SIZE)
    for _ in range(_ROUNDS):
        shared[: len(job)] = job
        program.work(shared, len(job), None)
    shared.close()
    del sys.modules["warm"]


def _import_random() -> None:
    """Import `random` so that each program starts with the same numbers, and no fork takes time to draw others."""
    hook, os.register_at_fork = os.register_at_fork, lambda **_: None
    import random

    os.register_at_fork = hook
    random.seed(0)


def _attend(box: Box, order: region.Order) -> bytes:
    """Have one program run to its end; the report, with what it printed behind."""
    begin = time.monotonic()
    calls = box.shared[order.job : order.job + 8 * order.calls] if order.calls else b""
    pipes = program.Pipes() if order.script else None
    child = os.fork()
    if not child:
        program.main(box.shared, order, box.place, pipes, box.locks)
    reason, printed = region.BY_ITSELF, b""
    if pipes or not _soon(child, begin + watch.GLANCE):
        reason, printed = _see_out(box, order, child, begin, pipes, calls=calls)
    status, spent = _end_all(box, child)
    if pipes:
        printed += pipes.finish(order.output - len(printed), box.control)
    return region.report(status, reason, spent, time.monotonic() - begin, printed)


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
    box: Box, order: region.Order, child: int, begin: float, pipes: program.Pipes | None, *, calls: bytes
) -> tuple[int, bytes]:
    """Watch a program until it has ended, or must: the reason, and what it printed so far."""
    if pipes:
        pipes.keep_ours()
    watched = watch.Watched(child, order, box.shared, begin, box.scratch if box.alone else (), calls=calls)
    printed = bytearray()
    _wait(box, watched, pipes, printed)
    return watched.reason, bytes(printed)


def _wait(box: Box, watched: watch.Watched, pipes: program.Pipes | None, printed: bytearray) -> None:
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
    _send(-1 if box.alone else child, signal.SIGKILL)


def _end_all(box: Box, child: int = 0) -> tuple[int, float]:
    """End everything that still lives, and wait until it is gone.

    The exit status of ``child`` (negative: the signal that ended it), and the processor seconds of all. Whoever
    watches the child by ptrace holds it back from being waited for, so the others are ended first.
    """
    found, spent = 0, 0.0
    while True:
        if box.alone:
            try:  # noqa: SIM105 - `suppress` would touch more pages, which costs once for each program
                os.kill(-1, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # nobody is left
        elif watch.children():
            _kill_family()
        elif child:
            # Where the system does not show whose children there are, this is all that can be ended.
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            process, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            # Nor is anything left that has lost its parents: that would be ours by now.
            return found, spent
        spent += usage.ru_utime + usage.ru_stime
        if process == child:
            found = os.waitstatus_to_exitcode(status)
            child = 0


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
