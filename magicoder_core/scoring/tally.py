"""Verdicts counted as they come, in memory that grows with the tasks and not with the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from magicoder_core.records import Verdict
from magicoder_core.scoring.metrics import KS, metrics

BASE, PLUS = "base_status", "plus_status"
"""The keys of ``Verdict.extra`` that say how a program fared with the base tests alone, and with the others."""


@dataclass(slots=True)
class Task:
    """One task's samples: how many were judged, how many of them passed, and with the base tests alone.

    ``missed`` is the first sample that was judged and did not pass.
    """

    samples: int = 0
    passed: int = 0
    base_samples: int = 0
    base_passed: int = 0
    missed: Verdict | None = None


@dataclass
class Tally:
    """What became of all programs so far.

    A ``harness_error`` is ours or the machine's and no sample of the model's: it is counted under ``statuses`` and
    nowhere else, so a task may be left with fewer samples or none. ``groups`` has the group of each task that has one.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    statuses_of: dict[str, Counter[str]] = field(default_factory=dict)
    """The same for each group."""

    isolation: set[str] = field(default_factory=set)
    cpu_seconds: float = 0.0
    unjudged: Verdict | None = None
    """The last verdict that says nothing about the model."""

    @property
    def total(self) -> int:
        """Verdicts so far."""
        return self.statuses.total()

    @property
    def harness_errors(self) -> int:
        """Verdicts that say nothing about the model, because the sandbox or the machine failed."""
        return self.statuses["harness_error"]

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        task = self.tasks.setdefault(verdict.problem_id, Task())
        self.statuses[verdict.status] += 1
        if group := self.groups.get(verdict.problem_id):
            self.statuses_of.setdefault(group, Counter())[verdict.status] += 1
        self.cpu_seconds += verdict.cpu_seconds
        if verdict.isolation:
            self.isolation.add(verdict.isolation)
        if verdict.status == "harness_error":
            self.unjudged = verdict
            return
        task.samples += 1
        task.passed += verdict.status == "pass"
        if verdict.status != "pass" and task.missed is None:
            task.missed = verdict
        base = verdict.extra.get(BASE, "harness_error")
        if PLUS in verdict.extra and base != "harness_error":
            task.base_samples += 1
            task.base_passed += base == "pass"

    def metrics(self, ks: Sequence[int] = KS) -> dict[str, dict[str, float]]:
        """``pass@k``, and ``base pass@k`` where a benchmark has plus tests as well; see `metrics.metrics`."""
        return _metrics(self.tasks.values(), ks)

    def summary(self, ks: Sequence[int] = KS) -> dict[str, Any]:
        """The metrics, and under ``statuses`` what became of the programs."""
        return {**self.metrics(ks), "statuses": dict(sorted(self.statuses.items()))}

    def grouped(self, ks: Sequence[int] = KS) -> dict[str, dict[str, Any]]:
        """The `summary` of each group, in the groups' own order; of one that was not judged, its statuses alone."""
        members: dict[str, list[Task]] = {}
        for name, group in self.groups.items():
            members.setdefault(group, []).append(self.tasks.get(name) or Task())
        return {
            group: {**_metrics(tasks, ks), "statuses": dict(sorted(self.statuses_of.get(group, Counter()).items()))}
            for group, tasks in members.items()
        }


def _metrics(tasks: Collection[Task], ks: Sequence[int]) -> dict[str, dict[str, float]]:
    found = metrics(((task.samples, task.passed) for task in tasks), ks)
    base = metrics(((task.base_samples, task.base_passed) for task in tasks), ks)
    return found | {f"base {name}": value for name, value in base.items()}
