"""How a program is asked all the suites that count, and what is thought of it: an errand for the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from magicoder_core import sandbox
from magicoder_evalplus.references import Broken
from magicoder_evalplus.suites import Finding


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
    """Each suite in a process of its own, as EvalPlus has it: what one leaves behind helps and harms no other."""

    suites: Sequence[Questions]

    def errand(self, code: str) -> sandbox.Errand[Examined]:
        """Examine the program ``code``."""
        answers = []
        for suite in self.suites:
            answers.append((yield suite.calls(code)))  # noqa: PERF401 - no comprehension can yield
        pairs = zip(self.suites, answers, strict=True)
        return Examined.of({suite.name: suite.finding(code, one) for suite, one in pairs}, answers)


Examinations = Apart | Broken
"""What the programs for a problem are asked; nothing where its own reference does not run."""
