"""From counted verdicts to a benchmark's report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicoder_core import progress
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import RunError, attributed
from magicoder_core.judging.environment import versions
from magicoder_core.judging.selftest import SelfTest
from magicoder_core.recipe import Bound
from magicoder_core.records import Report, Verdict
from magicoder_core.scoring import KS, Tally


def make_report(
    bound: Bound[Benchmark],
    tally: Tally,
    test: SelfTest,
    facts: Mapping[str, str],
    decoding: Mapping[str, Any] | None = None,
) -> Report:
    """The score with its interval, and what it can only be compared beside.

    Args:
        bound: the benchmark.
        tally: what became of the programs.
        test: how the self-test went.
        facts: what is to stand beside the versions: the model, the file that was scored.
        decoding: how the answers were drawn, where they were drawn here.

    Raises:
        RunError: no program could be judged, or the benchmark fails to say what it is.
    """
    with attributed("benchmark", bound.name):
        provenance = dict(bound.provider.provenance())
    unjudged = tally.unjudged
    if unjudged is not None and tally.harness_errors == tally.total:
        raise RunError(f"{bound.name}: no program could be judged here; the last time: {unjudged.detail}")
    _tell(bound, tally, len(test.broken))
    count = len(tally.tasks)
    isolation = ", ".join(sorted(tally.isolation)) or "none"
    return Report(
        benchmark=bound.name,
        metrics=tally.summary(bound.provider.ks),
        groups=tally.grouped(bound.provider.ks),
        versions={
            **versions(bound),
            "subset": f"the first {count} problems" if bound.provider.limit else f"all {count} problems",
            "isolation": isolation,
            **provenance,
            **facts,
        },
        isolation=isolation,
        decoding=dict(decoding or {}),
        broken=tuple({"task_id": name, "reason": reason} for name, reason in test.broken.items()),
        self_test=test.counts(),
        harness_errors=tally.harness_errors,
    )


def _tell(bound: Bound[Benchmark], tally: Tally, broken: int) -> None:
    """Say what is not in the score and could be missed there."""
    if tally.harness_errors:
        of_broken = f", those of {broken} broken tasks among them" if broken else ""
        progress.say(
            f"{bound.name}: {tally.harness_errors} programs could not be judged here and are left out of the score"
            f"{of_broken}"
        )
    fewest = min((task.samples for task in tally.tasks.values() if task.samples), default=0)
    ks = bound.provider.ks
    if ks != KS and (missing := [k for k in ks if k > fewest]):
        names = ", ".join(f"pass@{k}" for k in missing)
        progress.say(f"{bound.name}: no {names}: a task has only {fewest} sample{'s' * (fewest != 1)}")


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """A verdict as it is written: nothing in it depends on how fast the machine was."""
    return {
        "task_id": verdict.problem_id,
        "sample": verdict.sample,
        "status": verdict.status,
        "detail": verdict.detail,
        "isolation": verdict.isolation,
        **verdict.extra,
    }
