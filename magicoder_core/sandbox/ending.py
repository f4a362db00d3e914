"""From how a program ended to its outcome."""

from __future__ import annotations

import signal
from typing import Any

from magicoder_core.records import Status
from magicoder_core.sandbox.box import Box, Ending, Gone
from magicoder_core.sandbox.isolation import Isolation
from magicoder_core.sandbox.program import Outcome, tidy

_NEARLY = 0.5
"""The kernel counts for its limit in ticks and reports precisely; on a busy machine the two differed by 22%."""


def failed(box: Box, isolation: Isolation, message: dict[str, Any], stdout: str = "") -> Outcome:
    """The outcome of a program that reported an exception (or sent something else) over its channel."""
    status: Status = "fail"
    if message.get("compile") is True:
        status = "compile_error"
    elif message.get("raised") == "MemoryError":
        status = "out_of_memory"
    return judged(box, isolation, status, about(message), stdout=stdout, stop=True)


def silent(box: Box, isolation: Isolation, gone: Gone, detail: str) -> Outcome:
    """The outcome of a program that fell silent (``detail`` says before what), or that talked nonsense."""
    if gone.nonsense:
        return judged(box, isolation, "fail", "the program sent what is no value", stop=True)
    return judged(box, isolation, "fail", detail)


def about(message: dict[str, Any]) -> str:
    """One line on an exception that a program reported."""
    kind, text, line = message.get("raised"), message.get("text"), message.get("line")
    if not isinstance(kind, str) or not isinstance(text, str):
        return "the program sent what is no value"
    place = f" (line {line} of the program)" if isinstance(line, int) else ""
    return f"{kind[:100]}: {text[:350]}{place}" if text else f"{kind[:100]}{place}"


def judged(
    box: Box, isolation: Isolation, status: Status, detail: str, *, stdout: str = "", stop: bool = False
) -> Outcome:
    """The outcome: the ``status`` the judge saw, or what the kernel did where the program merely fell silent.

    ``stop`` says that the judge knows all and ends the program; otherwise its own end says why it is gone.
    """
    try:
        ending = box.finish(stop=stop)
    except Gone:
        return _unreported(box, isolation, status, detail, stop=stop)
    if not stop:
        status, detail = _by_ending(ending, box, detail)
    return Outcome(
        status=status,
        detail=tidy(detail, box.places),
        stdout=stdout,
        cpu_seconds=round(ending.cpu_seconds, 4),
        wall_seconds=round(ending.wall_seconds, 4),
        isolation=isolation.level,
    )


def _by_ending(ending: Ending, box: Box, detail: str) -> tuple[Status, str]:
    limits = box.limits
    if ending.expired:
        return "timeout", f"still running after {limits.wall:g} s"
    if ending.crowded:
        return "fail", f"more than {limits.processes} processes at a time"
    # SIGXCPU is the kernel's word for the limit; whoever ignores it gets SIGKILL, as others may for other reasons.
    ignored = ending.status == -signal.SIGKILL and ending.cpu_seconds >= _NEARLY * limits.cpu_seconds
    if ending.status == -signal.SIGXCPU or ignored:
        return "timeout", f"used up its {limits.cpu_seconds:g} s of CPU time"
    if ending.status < 0:
        return "crash", f"killed by {_signal(-ending.status)}"
    return "fail", f"{detail} (exit status {ending.status})"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _unreported(box: Box, isolation: Isolation, status: Status, detail: str, *, stop: bool) -> Outcome:
    """No report from the warden: if the judge knew its verdict, that stands; else the box broke."""
    if not stop:
        status, detail = "harness_error", f"the sandbox broke: {box.complaint()}"
    return Outcome(status=status, detail=tidy(detail, box.places), isolation=isolation.level)
