"""A score in words: what it is, what became of the programs, which tasks failed and with which test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from magicoder_core.judging.score import Score
from magicoder_core.judging.selftest import REFERENCE, self_tested
from magicoder_core.judging.words import named, short
from magicoder_core.records import Verdict

SHOWN = 20
"""Failed tasks that are shown."""


class Failed(NamedTuple):
    """A task of which not every sample passed: how many of how many did, and the first that did not."""

    task: str
    passed: str
    status: str
    detail: str


def scores(made: Score) -> list[tuple[str, str]]:
    """Each metric with its value: per cent, the 95% interval, over how many tasks; then those of the groups."""
    found = []
    for group, metrics in {"": made.report.metrics, **made.report.groups}.items():
        plus = any(name.startswith("base ") for name in metrics)
        values = {name: value for name, value in metrics.items() if name != "statuses"}
        if not values:
            found.append((group, f"not judged: {_counted(metrics['statuses'])}"))
        for name, value in values.items():
            beside = ", base and plus tests" if plus and not name.startswith("base ") else ""
            found.append((f"{group} {name}".lstrip(), _value(value) + beside))
    return found


def _value(value: dict[str, float]) -> str:
    low, high = 100 * value["low"], 100 * value["high"]
    return f"{100 * value['value']:.1f}% [{low:.1f}, {high:.1f}] on {value['tasks']:g} tasks"


def _counted(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in statuses.items()) or "no program"


def programs(made: Score) -> str:
    """What became of the programs, and what was left out."""
    counts = _counted(made.report.metrics["statuses"])
    known = f"; {made.known} verdicts known from before" if made.known else ""
    return f"{made.survey.total} programs for {len(made.survey.known)} tasks: {counts}{known}"


def left_out(made: Score) -> Iterator[str]:
    """What is not in the score, a line each."""
    report = made.report
    if made.missing:
        yield f"missing: {len(made.missing)} tasks have no sample: {named(made.missing, SHOWN)}"
    if made.survey.unknown:
        yield (
            f"unknown: {made.survey.unknown.total()} samples of {len(made.survey.unknown)} tasks that the benchmark "
            f"does not have: {named(made.survey.unknown, SHOWN)}"
        )
    if made.survey.left_out:
        yield f"beyond the limit: {made.survey.left_out} samples"
    yield from _broken(report.broken)
    if report.harness_errors:
        yield f"not judged: {report.harness_errors} programs, which count for nothing"
        if (last := made.tally.unjudged) is not None:
            yield f"not judged: the last one: {last.problem_id}, sample {last.sample}: {short(last.detail)}"


def _broken(items: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """What cannot be judged here: by the task, or the reason alone where many share it."""
    reasons: dict[str, list[str]] = {}
    for item in items:
        reasons.setdefault(item["reason"], []).append(item["task_id"])
    for why, tasks in islice(reasons.items(), SHOWN):
        yield f"broken here: {tasks[0] if len(tasks) == 1 else f'{len(tasks)} tasks'}: {short(why)}"
    if len(reasons) > SHOWN:
        yield f"broken here: {sum(map(len, list(reasons.values())[SHOWN:]))} tasks more"


def failures(made: Score) -> Iterator[Failed]:
    """The tasks with a sample that did not pass, in the samples' order."""
    for name, task in made.tally.tasks.items():
        if task.missed is not None:
            yield Failed(short(name), f"{task.passed}/{task.samples}", _status(task.missed), short(task.missed.detail))


def depends(made: Score) -> list[tuple[str, str]]:
    """What the score depends on: data, semantics, isolation, versions, the self-test."""
    test = made.report.self_test
    broken = sum(item["reason"].startswith(REFERENCE) for item in made.report.broken)
    return [*made.report.versions.items(), ("self-test", self_tested(test, broken))]


def _status(verdict: Verdict) -> str:
    base = verdict.extra.get("base_status")
    plus = verdict.extra.get("plus_status")
    return f"{verdict.status} (base {base}, plus {plus})" if base and plus else verdict.status
