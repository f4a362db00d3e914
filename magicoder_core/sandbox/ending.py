"""From how a program ended to its status and a line that says why."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

from magicoder_core.records import Status
from magicoder_core.sandbox.box import Ending
from magicoder_core.sandbox.inside import region, values
from magicoder_core.sandbox.limits import Limits
from magicoder_core.sandbox.program import raised
from magicoder_core.sandbox.speed import speed

_BY_KERNEL = frozenset({-signal.SIGXCPU, -signal.SIGKILL})
"""The kernel's word for the limit; whoever ignores the first gets the second. A program may send itself either."""

_NEARLY = 0.5
"""The kernel counts for its limit in ticks and reports precisely; on a busy machine the two differed by 22%."""


def judged(ending: Ending, limits: Limits, *, done: bool, before: str) -> tuple[Status, str]:
    """What became of a program: ``pass`` if it is ``done`` and nothing speaks against it.

    ``before`` says what it should have come to before it ended.
    """
    report = ending.report
    if stopped := _stopped(report, limits):
        return stopped
    if ending.head.state in _SAID:
        return _SAID[ending.head.state], _told(ending)
    if done:
        return "pass", ""
    if ending.head.state == region.FULL:
        return "fail", f"its answers take more than {(region.END - region.STREAM) >> 20} MiB"
    if report.status < 0:
        return "crash", f"killed by {_signal(-report.status)}"
    return "fail", f"{before} (exit status {report.status})"


def ended(ending: Ending, limits: Limits, *, compiles: bool, before: str) -> tuple[Status, str] | None:
    """What went wrong with a command; None if it exited with 0 and was not ended ``before`` something."""
    report = ending.report
    if stopped := _stopped(report, limits):
        return stopped
    if ending.head.state == region.NOT_STARTED:
        return "harness_error", ending.info.decode("utf-8", "replace")
    if ending.head.state == region.UNFIT:
        return "compile_error" if compiles else "fail", ending.info.decode("utf-8", "replace")
    if not report.status:
        return ("fail", before) if before else None
    said = region.Said.unpack(ending.printed)
    line = _line(said.stderr, errors=compiles) or _line(said.stdout, errors=compiles)
    if report.status < 0:
        return "crash", f"killed by {_signal(-report.status)}" + (f": {line}" if line else "")
    return "compile_error" if compiles else "fail", line or f"exit status {report.status}"


def _line(output: bytes, *, errors: bool) -> str:
    """The last line that says something; of a compiler's the first that speaks of an error, if there is one."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower()] if errors else []
    return (wrong or lines[-1:] or [""])[0]


_SAID: Mapping[int, Status] = {
    region.NO_CODE: "compile_error",
    region.RAISED: "fail",
    region.NO_MEMORY: "out_of_memory",
}


def _stopped(report: region.Report, limits: Limits) -> tuple[Status, str] | None:
    """The word on a program that was ended because it took too much, or took too much before it ended."""
    clock = "CPU time" if limits.clock == "cpu" else "time"
    spent = report.cpu_seconds if limits.clock == "cpu" else report.wall_seconds
    killed = report.status in _BY_KERNEL and report.reason == region.BY_ITSELF
    by_kernel = killed and report.cpu_seconds >= _NEARLY * limits.cpu_seconds
    if report.reason == region.CPU or by_kernel or spent > most_seconds(limits):
        return "timeout", f"used up its {limits.cpu_seconds:g} s of {clock}"
    if report.reason == region.CALL:
        return "timeout", f"a call used up its {clock}"
    return _OTHERWISE[report.reason](limits) if report.reason in _OTHERWISE else None


_OTHERWISE: Mapping[int, Callable[[Limits], tuple[Status, str]]] = {
    region.WALL: lambda limits: ("timeout", f"still there after {limits.wall:g} s in which it did nothing"),
    region.CROWD: lambda limits: ("fail", f"more than {limits.processes} processes at a time"),
    region.MEMORY: lambda _: ("out_of_memory", "more memory or more files than it may have"),
    region.STOPPED: lambda _: ("harness_error", "ended from outside"),
}


def most_seconds(limits: Limits) -> float:
    """Seconds of the limits' clock that a program may take on this machine."""
    return limits.cpu_seconds * (1.0 if limits.clock == "wall" else speed())


def _told(ending: Ending) -> str:
    try:
        return str(raised(values.read(ending.info)))
    except (ValueError, RecursionError):
        return "the program sent what is no value"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
