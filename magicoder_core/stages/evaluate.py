"""The stage `evaluate`: ask the model under test for programs, judge them in the sandbox, report the score.

    <benchmark>/samples.jsonl    {task_id, sample, solution, finish_reason, request, teacher}
    <benchmark>/verdicts.jsonl   {task_id, sample, status, detail, isolation} and what the benchmark adds
    <benchmark>/timings.jsonl    {task_id, sample, cpu_seconds}: apart, because they differ from run to run
    <benchmark>/report.json      metrics with their intervals, and all that a score needs beside it
    <benchmark>/verdicts.part    while programs are judged: the verdicts so far, see `judging.ledger`
    <benchmark>/baseline/...     the same for the model before tuning
    <benchmark>/trainer-1/...    the same for the checkpoint of the first of several trainers, the second one ...

Before the first answer is asked for, each benchmark's reference solutions and known mistakes are judged
(`judging.selftest`). Answers and verdicts stream: memory does not grow with the number of samples.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress, sandbox
from magicoder_core.asking import Journal
from magicoder_core.benchmarks import Benchmark
from magicoder_core.judging import Ledger, SelfTest, facts, judge, make_report, self_test, verdict_row
from magicoder_core.recipe import Bound, Plan
from magicoder_core.records import Report, Verdict
from magicoder_core.scoring import Tally
from magicoder_core.stages.answering import (
    SERVED_BY,
    Answered,
    Candidate,
    answer,
    answers,
    candidates,
    chosen,
    decoding,
    folder_of,
)
from magicoder_core.stages.stage import Counts, Run, Stage

__all__ = ["SERVED_BY", "STAGE"]


def _key(run: Run) -> Mapping[str, Any]:
    return {
        "models": {candidate.label: candidate.identity for candidate in candidates(run)},
        "model": run.plan.model.key() if run.plan.model else None,
        "benchmarks": [bound.key() for bound in run.plan.benchmarks],
        "isolation": "weak allowed" if run.plan.sandbox.allow_weak_isolation else "strong",
    }


def _work(run: Run) -> Counts:
    counts: Counts = {}
    tests = {bound.name: self_test(bound, [item.id for item in chosen(bound)]) for bound in run.plan.benchmarks}
    with Journal(run / "journal.jsonl") as journal:
        for candidate in candidates(run):
            for bound in run.plan.benchmarks:
                report = _score(run, candidate, bound, journal, tests[bound.name])
                broken = {"broken": [item["task_id"] for item in report.broken]} if report.broken else {}
                groups = {"groups": report.groups} if report.groups else {}
                counts.setdefault(bound.name, {})[candidate.label] = {**report.metrics, **groups, **broken}
    _sweep(run)
    return counts


def _sweep(run: Run) -> None:
    """Remove what is left of trainers that the recipe has no more."""
    there = set(map(folder_of, range(1, len(run.plan.trainers))))
    for bound in run.plan.benchmarks:
        for folder in (run / bound.name).glob(f"{folder_of('')}*"):
            if folder.name not in there and folder.name.removeprefix(folder_of("")).isdecimal():
                shutil.rmtree(folder)


def _score(run: Run, candidate: Candidate, bound: Bound[Benchmark], journal: Journal, test: SelfTest) -> Report:
    """Answers, verdicts and the report of one model on one benchmark."""
    folder = run / bound.name / candidate.folder
    folder.mkdir(parents=True, exist_ok=True)
    answered = asyncio.run(answer(run, candidate, bound, journal, folder / "samples.jsonl"))
    journal.flush()  # judging takes a while, in which nobody looks after the last answers
    label, drawn = f"{bound.name}, {candidate.label}", decoding(candidate, bound)
    _tell_of_cut(label, answered, drawn.get("max_tokens"))
    with Ledger(folder / "verdicts.part", facts(bound), new=run.anew) as ledger:
        given = answers(folder / "samples.jsonl")
        judge(bound, given, ledger, total=answered.count, broken=test.broken, label=label)
        groups = {problem.id: problem.group for problem in chosen(bound) if problem.group}
        tally = _written(folder, ledger, answered.count, groups)
        report = make_report(bound, tally, test, {"model": candidate.identity}, drawn)
        report = replace(report, cut=answered.cut)
        jsonl.write_json(folder / "report.json", report.to_dict())
        ledger.remove()
    return report


def _tell_of_cut(label: str, answered: Answered, limit: int | None) -> None:
    """Say how many answers were cut: their programs may fail for want of tokens, which a score does not show."""
    if answered.cut:
        were = "answer was" if answered.count == 1 else "answers were"
        at = "the most tokens that the teacher gives" if limit is None else f"max_tokens = {limit}"
        progress.say(f"{label}: {answered.cut} of {answered.count} {were} cut at {at}")


def _written(folder: Path, ledger: Ledger, count: int, groups: Mapping[str, str]) -> Tally:
    """Write the verdicts and, apart, their times; gives them counted."""
    tally = Tally(groups)
    with jsonl.Writer(folder / "verdicts.jsonl") as verdicts, jsonl.Writer(folder / "timings.jsonl") as timings:
        for verdict in ledger.first(count):
            verdicts.write(verdict_row(verdict))
            timings.write(_timing_row(verdict))
            tally.add(verdict)
    return tally


def _timing_row(verdict: Verdict) -> dict[str, Any]:
    return {"task_id": verdict.problem_id, "sample": verdict.sample, "cpu_seconds": round(verdict.cpu_seconds, 4)}


def _folders(plan: Plan) -> list[str]:
    folders = [""]
    if not plan.model:
        earlier = range(1, len(plan.trainers)) if plan.evaluate.checkpoints == "all" else ()
        folders += [*map("{}/".format, map(folder_of, earlier)), *(["baseline/"] if plan.evaluate.baseline else [])]
    files = ("samples.jsonl", "verdicts.jsonl", "report.json")
    return [f"{bound.name}/{folder}{file}" for bound in plan.benchmarks for folder in folders for file in files]


def guarded(run: Run) -> Counts:
    """The stage's work, with the isolation that the recipe allows."""
    with sandbox.weak_isolation(allowed=run.plan.sandbox.allow_weak_isolation), sandbox.standby():
        return _work(run)


STAGE = Stage(
    name="evaluate",
    providers=lambda plan: [*([plan.model] if plan.model else []), *plan.benchmarks],
    applies=lambda plan: bool(plan.benchmarks),
    outputs=_folders,
    key=_key,
    work=guarded,
)
