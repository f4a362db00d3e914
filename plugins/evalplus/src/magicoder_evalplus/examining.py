"""How a program is asked all the suites that count, and what is thought of it: an errand for the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from magicoder_core import sandbox
from magicoder_evalplus.references import Broken
from magicoder_evalplus.suites import Finding, Suite

_LONGEST_BYTES = 8 << 20
"""Inputs of both suites that are sent together."""


@dataclass(frozen=True)
class Examined:
    """What was found out about a program: its findings by suite, what it took (processor seconds), and where it ran."""

    findings: Mapping[str, Finding]
    cpu_seconds: float
    isolation: str

    @classmethod
    def of(cls, findings: Mapping[str, Finding], answers: Sequence[sandbox.Answers]) -> Examined:
        """From the findings and all that the sandbox said."""
        return cls(findings, round(sum(one.cpu_seconds for one in answers), 4), answers[0].isolation)


class Examination(Protocol):
    """Questions to a program, and what its answers are worth."""

    def errand(self, code: str) -> sandbox.Errand[Examined]:
        """Examine the program ``code``."""
        ...


Examinations = Examination | Broken
"""What the programs for a problem are asked; nothing where its own reference does not run."""


class Questions(Protocol):
    """Those of one suite."""

    @property
    def name(self) -> str:
        """``base`` or ``plus``."""
        ...

    def calls(self, code: str) -> sandbox.Calls:
        """What the sandbox is to do with the program ``code``."""
        ...

    def finding(self, code: str, answers: sandbox.Answers) -> Finding:
        """What its answers are worth."""
        ...


@dataclass(frozen=True)
class Apart:
    """Each suite in a process of its own, as EvalPlus has it."""

    suites: Sequence[Questions]

    def errand(self, code: str) -> sandbox.Errand[Examined]:
        """See `Examination`."""
        answers = []
        for suite in self.suites:
            answers.append((yield suite.calls(code)))  # noqa: PERF401 - no comprehension can yield
        pairs = zip(self.suites, answers, strict=True)
        return Examined.of({suite.name: suite.finding(code, one) for suite, one in pairs}, answers)


@dataclass(frozen=True)
class Together:
    """The calls of one suite and then those of another in one process: half as many processes.

    The first suite's answers are those that it would give alone. A program that is right in them and not in the others,
    or does not come so far, is asked the second suite alone: what counts is never what an earlier call left behind.
    """

    first: Suite
    second: Suite

    @cached_property
    def inputs(self) -> sandbox.Inputs:
        """The arguments of all calls."""
        return self.first.expected.inputs.followed_by(self.second.expected.inputs)

    @cached_property
    def limits(self) -> sandbox.Limits:
        """What a program may take."""
        suites = (self.first, self.second)
        seconds = [one for suite in suites for one in suite.expected.seconds or (0.0,) * suite.count]
        return self.first.rules.limits(seconds, len(seconds), suites=len(suites))

    def errand(self, code: str) -> sandbox.Errand[Examined]:
        """See `Examination`."""
        if len(self.inputs.data) > _LONGEST_BYTES:
            return (yield from Apart((self.first, self.second)).errand(code))
        program = sandbox.Program(code=code, name="solution", limits=self.limits)
        answers = yield sandbox.Calls(program=program, inputs=self.inputs)
        one, other = answers.parted(self.first.count)
        asked = [answers]
        found = self.first.finding(code, one)
        more = self.second.finding(code, other)
        if one.status != "pass" or (found.status == "pass" and more.status != "pass"):
            asked.append((yield self.second.calls(code)))
            more = self.second.finding(code, asked[-1])
        return Examined.of({self.first.name: found, self.second.name: more}, asked)


def examination_of(suites: Sequence[Suite]) -> Examination:
    """How a program is asked these suites of one task."""
    if len(suites) == 2 and not suites[0].rules.published:  # noqa: PLR2004 - a pair
        return Together(*suites)
    return Apart(suites)
