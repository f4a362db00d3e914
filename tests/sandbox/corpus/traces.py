"""What a run may leave on the machine: processes, descriptors, threads."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

Process = tuple[int, int]
"""Its number, and its start in clock ticks since boot: numbers are used again."""


def tree(root: int) -> set[Process]:
    """All living descendants of a process, those in boxes included: the whole machine's numbers are seen from here."""
    children: dict[int, list[Process]] = {}
    for number in _numbers():
        if (fields := _stat(number)) and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append((number, int(fields[19])))
    found: set[Process] = set()
    waiting = [root]
    while waiting:
        born = children.get(waiting.pop(), [])
        found.update(born)
        waiting += [number for number, _ in born]
    return found


def alive(processes: set[Process]) -> set[Process]:
    """Those that still are."""
    return {(number, start) for number, start in processes if _started(number) == start}


def gone(processes: set[Process], seconds: float) -> set[Process]:
    """Waits until all have ended, at most ``seconds``; who has not."""
    deadline = time.monotonic() + seconds
    while (left := alive(processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def named(mark: str) -> list[str]:
    """Command lines of all other processes of the machine that hold ``mark``."""
    found = []
    for number in set(_numbers()) - {os.getpid()}:
        try:
            line = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if mark in line:
            found.append(line)
    return found


def held() -> set[tuple[object, str]]:
    """The descriptors that are open in this process, by number and what they are of, and its threads.

    What is there later and was not before was left behind; what others let go of in between does not count.
    """
    found: set[tuple[object, str]] = {(thread.ident, thread.name) for thread in threading.enumerate()}
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            # One of them is the list itself.
            if not (target := str(path.readlink())).startswith("/proc/"):
                found.add((path.name, target))
    return found


def _numbers() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _started(number: int) -> int | None:
    """When a process was started; None if it has ended."""
    fields = _stat(number)
    return int(fields[19]) if fields and fields[0] != "Z" else None


def _stat(number: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; none if the process is gone."""
    try:
        return Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].decode().split()
    except OSError:
        return []
