"""The gold self-test: before anything is spent, programs whose verdict is known are judged in this very environment.

Each reference must pass and each known mistake must fail. A task whose own reference does not pass, or of which the
benchmark itself finds that it cannot be judged, is broken here and left out of the score, visibly; a mistake that
passes stops everything. References that passed are remembered for a day, under all that a verdict depends on; even
then the first of them and all mistakes are judged again.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Self

from magicoder_core import progress
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import RunError, attributed
from magicoder_core.judging.environment import facts
from magicoder_core.judging.judge import closed
from magicoder_core.judging.ledger import key_of
from magicoder_core.models import cache_dir
from magicoder_core.recipe import Bound
from magicoder_core.records import Submission, Verdict

CANARIES = 3
"""References that are judged even where all are remembered."""

REFERENCE = "its own reference does not pass"
"""Begins the reason why a task is broken whose reference was judged."""

DAY = 24 * 3600.0
"""Seconds for which a success is remembered."""

_TOLD = 10


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """How it went: references and mistakes judged, now or within a day, and each broken task with the reason.

    ``fit`` counts the tasks that a test of the benchmark's own (`Benchmark.broken`) found fit to be judged here.
    """

    references: int = 0
    mistakes: int = 0
    fit: int = 0
    broken: Mapping[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """For a report: the same each time."""
        return {"references": self.references, "mistakes": self.mistakes, **({"fit": self.fit} if self.fit else {})}


def self_test(bound: Bound[Benchmark], chosen: Iterable[str]) -> SelfTest:
    """Judge the references of the ``chosen`` problems, and all known mistakes.

    Raises:
        RunError: a known mistake passes or cannot be judged, no reference passes, or the benchmark failed.
        SandboxError: programs cannot be isolated here.
    """
    wanted = set(chosen)
    with attributed("benchmark", bound.name):
        hopeless = {name: why for name, why in bound.provider.broken(wanted).items() if name in wanted}
        _tell_of_hopeless(bound.name, hopeless, len(wanted))
        references = [item for item in bound.provider.references() if item.problem_id in wanted - hopeless.keys()]
        mistakes = list(bound.provider.mistakes())
    looked = type(bound.provider).broken is not Benchmark.broken
    if not references and not looked:
        progress.say(f"{bound.name}: brings no reference solutions: whether right programs pass here is not known")
    fit = len(wanted) - len(hopeless) if looked else 0
    if not references and not mistakes:
        return SelfTest(fit=fit, broken=hopeless)
    memory = _Memory.read(bound)
    broken = _broken(bound, references, mistakes, memory)
    memory.write()
    _tell(bound.name, broken, len(references))
    return SelfTest(references=len(references), mistakes=len(mistakes), fit=fit, broken={**hopeless, **broken})


def self_tested(counts: Mapping[str, int], broken: int = 0) -> str:
    """What a self-test judged before, from its counts in a report; ``broken`` of the references did not pass."""
    references, mistakes = counts.get("references", 0), counts.get("mistakes", 0)
    failed = f", {broken} did not" if broken else ""
    judged = f"{references - broken} references passed{failed}, {mistakes} known mistakes failed"
    if "fit" not in counts:
        return judged
    own = f"{counts['fit']} tasks found fit by the benchmark's own test"
    return f"{own}; {judged}" if references or mistakes else own


def _broken(
    bound: Bound[Benchmark], references: Sequence[Submission], mistakes: Sequence[Submission], memory: _Memory
) -> dict[str, str]:
    """Judge what must be judged; gives each broken task with the reason."""
    before = set(memory.passed)
    due = [item for number, item in enumerate(references) if number < CANARIES or item.problem_id not in before]
    verdicts = _judged(bound, [*due, *mistakes])
    broken = {}
    for verdict in verdicts[: len(due)]:
        if verdict.status == "pass":
            memory.note(verdict.problem_id)
        else:
            why = f"{verdict.status}: {verdict.detail}" if verdict.detail else verdict.status
            broken[verdict.problem_id] = f"{REFERENCE}: {why}"
    _refuse(bound.name, verdicts[len(due) :], broken)
    if before & broken.keys():
        memory.passed.clear()
        progress.say(f"{bound.name}: a reference that passed before does not any more; all are judged again")
        return _broken(bound, references, mistakes, memory)
    return broken


def _judged(bound: Bound[Benchmark], programs: Sequence[Submission]) -> list[Verdict]:
    """One verdict for each, in order."""
    found: list[Verdict] = []
    with (
        progress.task(f"self-test {bound.name}", len(programs), "program") as advance,
        attributed("benchmark", bound.name),
        closed(bound.provider.judge(iter(programs))) as verdicts,
    ):
        for verdict in verdicts:
            found.append(verdict)
            advance()
    due = [(item.problem_id, item.sample) for item in programs]
    if [(item.problem_id, item.sample) for item in found] != due:
        raise RunError(f"benchmark '{bound.name}': its verdicts in the self-test are not those that were due; mend it")
    return found


def _refuse(name: str, mistakes: Sequence[Verdict], broken: Mapping[str, str]) -> None:
    """Each mistake must fail, and at least one must be judged: those for broken tasks say nothing.

    Raises:
        RunError: one passes, or says nothing.
    """
    telling = [one for one in mistakes if one.status != "harness_error" or one.problem_id not in broken]
    for verdict in telling or mistakes[:1]:
        where = f"{name}: self-test: a program for {verdict.problem_id} that is known to be wrong"
        if verdict.status == "pass":
            raise RunError(f"{where} passes here: no verdict can be trusted; look at the option data, or report this")
        if verdict.status == "harness_error":
            raise RunError(f"{where} cannot be judged here ({verdict.detail}); 'magicoder check' says what is missing")


def _tell_of_hopeless(name: str, broken: Mapping[str, str], tasks: int) -> None:
    """Say what cannot be judged here, each reason once with how many tasks it costs.

    Raises:
        RunError: that is all of them.
    """
    for why, number in Counter(broken.values()).items():
        progress.say(f"{name}: {number} of {tasks} tasks cannot be judged here and are left out of the score: {why}")
    if broken and len(broken) == tasks:
        raise RunError(f"{name}: no task can be judged here: {next(iter(broken.values()))}; see 'magicoder check'")


def _tell(name: str, broken: Mapping[str, str], references: int) -> None:
    """Show broken tasks by name.

    Raises:
        RunError: all are.
    """
    told = [f"{task}: {reason}" for task, reason in islice(broken.items(), _TOLD)]
    if broken and len(broken) == references:
        raise RunError(f"{name}: self-test: no reference solution passes here, as {told[0]}; see 'magicoder check'")
    for line in told:
        progress.say(f"{name}: broken here and left out of the score: {line}")
    if len(broken) > _TOLD:
        progress.say(f"{name}: and {len(broken) - _TOLD} more; the report names them all")


@dataclass
class _Memory:
    """Which references passed within a day, in a file of the cache.

    ``passed`` has for each problem when, in seconds since 1970.
    """

    path: Path
    facts: Mapping[str, Any]
    passed: dict[str, float]

    @classmethod
    def read(cls, bound: Bound[Benchmark]) -> Self:
        """What is remembered under the benchmark's present facts."""
        known = facts(bound)
        path = cache_dir() / "self-tests" / f"{bound.name}-{key_of(known)}.json"
        now = time.time()
        try:
            passed = json.loads(path.read_bytes())["passed"]
            fresh = {name: when for name, when in passed.items() if 0 <= now - when < DAY}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            fresh = {}
        return cls(path, known, fresh)

    def note(self, problem: str) -> None:
        """Remember that a reference passed; the first time counts, so that a day is a day."""
        self.passed.setdefault(problem, time.time())

    def write(self) -> None:
        """Keep it, if the cache can be written: without it the next test is longer, no more."""
        text = json.dumps({"facts": self.facts, "passed": self.passed}, indent=2)
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A name of its own: two scorings may end at once.
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as part:
                part.write(text)
            Path(name).replace(self.path)
