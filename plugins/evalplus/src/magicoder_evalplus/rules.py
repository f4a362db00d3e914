"""What the semantics of a score are: how long a program may take, and how its answers are compared.

Source of the figures: evalplus/evalplus, v0.3.1 and 26d6d00, ``evalplus/config.py`` and ``evalplus/eval/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from magicoder_core import sandbox
from magicoder_evalplus.oracles import FIND_ZERO

FACTOR = 4.0
"""How many times longer than the reference a call may take."""

SUITE_SECONDS = 60.0
"""The most that all calls of a suite may take together."""

STALL_SECONDS = 15.0
"""How long a program may sleep, or wait for what never comes, where CPU time is the limit."""

MEMORY_BYTES = 4 << 30

_JOIN_SECONDS = 2.0
"""EvalPlus waits so much longer for a suite's process before it ends it: a second of its own, one when it joins."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One semantics.

    Args:
        name: as the option ``semantics`` has it.
        least: seconds that each call has in any case.
        clock: what seconds are: ``cpu`` or ``wall``.
        published: whether EvalPlus' own rules hold, in all.
        finds_zero: whether HumanEval/32 can be passed at all.
    """

    name: str
    least: float = 4.0
    clock: Literal["cpu", "wall"] = "cpu"
    published: bool = False
    finds_zero: bool = True

    def limits(self, seconds: Sequence[float], calls: int) -> sandbox.Limits:
        """Limits for a suite of so many calls.

        Args:
            seconds: what each call took the reference, on the nominal machine; empty if all were short.
            calls: how many there are.
        """
        # Wall time is not scaled by the machine's speed, and the reference was not faster there either.
        scale = sandbox.speed() if self.clock == "wall" else 1.0
        each = tuple(max(self.least, FACTOR * scale * one) for one in seconds) or (self.least,) * calls
        whole = min(SUITE_SECONDS, sum(each)) + _JOIN_SECONDS if self.published else SUITE_SECONDS
        return sandbox.Limits(
            cpu_seconds=whole,
            call_seconds=max(each, default=None) if len(set(each)) <= 1 else each,
            wall_seconds=None if self.published else STALL_SECONDS,
            memory_bytes=MEMORY_BYTES,
            clock=self.clock,
        )

    @property
    def quirks(self) -> str:
        """What of EvalPlus' own rules is odd and holds, and where even its own semantics are not it, in words."""
        kept = ["once a float was expected 1e-6 is near enough for all further answers of a suite"]
        if self.published:
            kept.append("lists of unequal shapes are compared by numpy's broadcasting")
            kept.append("open, os.getcwd, subprocess.Popen and others are None, and reading input raises")
        if not self.finds_zero:
            kept.append(f"no answer of {FIND_ZERO} (HumanEval/32) passes")
        if self.published:
            kept.append("unlike EvalPlus': only plain values can pass, and its own memory is not counted")
        return "; ".join(kept)

    def __str__(self) -> str:
        """The limits in words."""
        return self._told(f"a call max({self.least:g} s, {FACTOR:g} x reference)", "a suite")

    def without_reference(self, call: str) -> str:
        """The limits in words where no reference says how long a ``call`` may take."""
        return self._told(f"{call} {self.least:g} s", "all of a task")

    def _told(self, call: str, suite: str) -> str:
        clock = "CPU time" if self.clock == "cpu" else "elapsed time"
        if self.published:
            whole = f"{suite} min({SUITE_SECONDS:g} s, the sum of its calls) + {_JOIN_SECONDS:g} s"
        else:
            whole = f"{suite} {SUITE_SECONDS:g} s, and {STALL_SECONDS:g} s of waiting"
        return f"{clock}: {call}, {whole}; memory {MEMORY_BYTES >> 30} GiB"


RULES: Mapping[str, Rules] = {
    rules.name: rules
    for rules in (
        Rules(name="strict"),
        Rules(name="evalplus-0.3.1", least=1.0, clock="wall", published=True, finds_zero=False),
        Rules(name="evalplus-main", clock="wall", published=True),
    )
}
