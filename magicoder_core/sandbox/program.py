"""What goes into the sandbox, and what comes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from magicoder_core.records import Status
from magicoder_core.sandbox.limits import Limits

DETAIL_CHARACTERS = 500
"""At most 2,000 bytes of UTF-8."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


@dataclass(frozen=True, kw_only=True)
class Program:
    """One untrusted program. The only language of this version is ``python``."""

    code: str
    stdin: str = ""
    language: str = "python"
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a program.

    ``detail`` says why it did not pass, in at most 2,000 bytes, the same for each run of a deterministic program.
    ``stdout`` is what it printed, up to the limit (nothing for an `Examination`). ``cpu_seconds`` counts the
    program and the children it waited for, without the box. ``isolation`` is the level it ran under.
    """

    status: Status
    detail: str = ""
    stdout: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    isolation: str = ""


Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """An untrusted program whose functions are called from outside the box, where the tests are.

    ``check`` is trusted. It is given a stand-in for each name in ``functions``; a call runs in the box, arguments
    and value cross as plain data, and an exception of the program arrives as `ProgramError`. The program passes
    exactly if ``check`` returns. It runs in a thread of this process, one for each program at work.
    """

    program: Program
    functions: tuple[str, ...]
    check: Callable[[Functions], None]

    @classmethod
    def of(cls, code: str, check: Callable[[Functions], None], *functions: str) -> Examination:
        """The examination of a Python program by ``check``, which calls those functions, under the usual limits."""
        return cls(program=Program(code=code), functions=functions, check=check)


def tidy(text: str, places: Mapping[str, str]) -> str:
    """A detail without what differs between two runs or tells of this machine: addresses and ``places``."""
    for place, name in places.items():
        text = text.replace(place, name)
    # A lone surrogate would make the record unwritable.
    text = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    text = _ADDRESS.sub("0x...", text)
    return text if len(text) <= DETAIL_CHARACTERS else text[: DETAIL_CHARACTERS - 3] + "..."
