"""Run a program and tell the CPU time of all that came of it, as one line of JSON.

    python clients/accounted.py TOLD.json SECONDS PROGRAM ARGUMENT...

What a parent is told of the children it waited for is not all. Orphans are handed to the machine's first process, and
their time with them: so this one asks the kernel for all orphans below it (a "child subreaper") and waits for each.
Processes that die with their pid namespace are waited for by nobody. So where a control group of version 2 can be made,
its account, of whatever ran, is what counts: ``cpu`` is that of the group, else the children's; ``waited`` is theirs in
any case. Linux only.

A program that takes more than SECONDS is killed with all that it started, and so are processes that outlive it by 5 s.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
GRACE = 5.0
_PR_SET_CHILD_SUBREAPER = 36


def account(program: list[str], seconds: float) -> dict[str, object]:
    """What it took: seconds of ``cpu``, ``waited`` and ``wall``, ``peak`` of one process in MB, and the ``status``."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    group, begun = _group(), time.monotonic()
    child = _start(program, group)
    status, wall = _wait(child, seconds), time.monotonic() - begun
    heirs = _bury()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited, counted = used.ru_utime + used.ru_stime, _close(group)
    return {
        "cpu": waited if counted is None else counted,
        "waited": waited,
        "complete": counted is not None,
        "wall": wall,
        "peak": used.ru_maxrss * 1024 / 1e6,
        "status": status,
        "heirs": heirs,
    }


def _start(program: list[str], group: Path | None) -> int:
    child = os.fork()
    if child:
        return child
    try:
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()))
        os.execvp(program[0], program)
    except OSError as error:
        print(error, file=sys.stderr)
    os._exit(127)


def _wait(child: int, seconds: float) -> int:
    """The exit status of ``child``, or minus the signal that ended it; orphans are waited for by the way."""
    signal.signal(signal.SIGALRM, lambda *_: _kill())
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _bury() -> int:
    """Wait for all orphans and return how many there were; those that live on get a little time, then they are killed."""
    signal.setitimer(signal.ITIMER_REAL, GRACE, 0.2)
    heirs = 0
    with suppress(ChildProcessError):
        while True:
            os.wait()
            heirs += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    return heirs


def _kill() -> None:
    """Kill the children that there are now; what is orphaned by that is killed by the next alarm."""
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)


def _group() -> Path | None:
    for root in GROUPS:
        folder = root / f"accounted-{os.getpid()}"
        with suppress(OSError):
            folder.mkdir()
            if (folder / "cgroup.procs").exists():  # else it is a plain folder: no control groups of version 2 here
                return folder
            folder.rmdir()
    return None


def _close(group: Path | None) -> float | None:
    if not group:
        return None
    used = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    with suppress(OSError):  # something lives there still; then it stays
        group.rmdir()
    return int(used["usage_usec"]) / 1e6


if __name__ == "__main__":
    told, limit, *command = sys.argv[1:]
    Path(told).write_text(json.dumps(account(command, float(limit))), encoding="utf-8")
