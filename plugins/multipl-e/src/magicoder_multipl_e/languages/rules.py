"""What became of a program: from how its last command ended and what it said to a verdict's status."""

from __future__ import annotations

import re
from typing import Protocol

from magicoder_core import Status, sandbox
from magicoder_multipl_e.languages.model import Language

_LOOKED_AT = 2048
"""Characters of each stream that the official runner keeps of programs that it polls."""

_PIPE, _POLLED = 65_536, 10_240
"""Bytes that a pipe holds, and those that the official runner reads of it in a second (1,024 every 0.1 seconds)."""

_FINAL: frozenset[Status] = frozenset({"timeout", "out_of_memory", "compile_error", "harness_error"})


class Ran(Protocol):
    """What is looked at of a `magicoder_core.sandbox.Ran`."""

    @property
    def status(self) -> Status:
        """As the sandbox sees it: ``pass`` if all exited with 0 and the token came back."""

    @property
    def detail(self) -> str:
        """Why, in a line."""

    @property
    def exit_code(self) -> int | None:
        """Of the deciding command; None if it was killed or stopped."""

    @property
    def stdout(self) -> str:
        """What it wrote there."""

    @property
    def stderr(self) -> str:
        """The same."""


def rule(language: Language, ran: Ran, *, by_status: bool = False) -> tuple[Status, str]:
    """The status of a program, and why it does not pass.

    Args:
        language: whose marks are looked for.
        ran: its last command, or the first that failed.
        by_status: exit status 0 is enough, as for the official runner; else the token must have come back, too.
    """
    if ran.status in _FINAL:
        return ran.status, ran.detail
    if ran.status == "pass" or (by_status and ran.exit_code == 0):
        refused = _refused(language, ran)
        return ("fail", refused) if refused else ("pass", "")
    if ran.exit_code == 0:
        return "fail", _refused(language, ran) or ran.detail
    return _ended_badly(language, ran)


def most_bytes(seconds: float) -> int:
    """Bytes that a program can write to one stream in so many seconds before the official runner's polling stops it."""
    return _PIPE + int(_POLLED * seconds)


def flooded(ran: Ran, seconds: float) -> str:
    """Why a program that was polled timed out officially, whatever it came to here; empty if it did not.

    ``ran`` must have kept at least `most_bytes` of each stream.
    """
    most = most_bytes(seconds)
    if max(len(stream.encode("utf-8", "replace")) for stream in (ran.stdout, ran.stderr)) <= most:
        return ""
    return f"it wrote more than the {most:,} bytes that the official runner reads of a stream in {seconds:g} s"


def _refused(language: Language, ran: Ran) -> str:
    """Why exit status 0 is no success; empty if it is one."""
    marks = language.marks
    most = _LOOKED_AT if language.polled else None
    error = ran.stderr[:most]
    if marks.silent and error:
        found = re.search(marks.tells, error, re.MULTILINE) if marks.tells else None
        return f"it wrote on standard error: {_around(error, found.start()) if found else _line(error)}"
    if marks.refused:
        for stream in (getattr(ran, name)[:most] for name in marks.refused_in):
            if found := re.search(marks.refused, stream):
                return f"its output has '{found[0]}': {_around(stream, found.start())}"
    return ""


def _ended_badly(language: Language, ran: Ran) -> tuple[Status, str]:
    """A failed test, no program at all, too deep a recursion, no memory left: by what it said last."""
    marks = language.marks
    said = f"{ran.stderr}\n{ran.stdout}"
    kinds: tuple[tuple[str, Status], ...] = (
        (marks.memory, "out_of_memory"),
        (marks.depth, "crash"),
        (marks.syntax, "compile_error"),
        (marks.assertion, "fail"),
    )
    for pattern, status in kinds:
        found = re.search(pattern, said, re.MULTILINE) if pattern else None
        if found:
            return status, _around(said, found.start())
    found = re.search(marks.tells, said, re.MULTILINE) if marks.tells else None
    return ran.status, _around(
        said, found.start(found.lastindex or 0)
    ) if found and ran.status == "fail" else ran.detail


def _around(text: str, place: int) -> str:
    """The line of a text that this place is in."""
    begin, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    return _shown(text[begin : end if end >= 0 else len(text)])


def _line(text: str) -> str:
    """The first line that is not blank."""
    return next((_shown(line) for line in text.splitlines() if line.strip()), "")


def _shown(line: str) -> str:
    """A line without this machine's places, its other spaces and what a terminal would obey."""
    told = " ".join(sandbox.without_places(line[:1000]).split())[:300]
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in told)
