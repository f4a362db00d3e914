"""The stage `evaluate`: ask the model under test for programs, judge them in the sandbox, report the score.

    <benchmark>/samples.jsonl    {task_id, sample, solution, finish_reason, request, teacher}
    <benchmark>/verdicts.jsonl   {task_id, sample, status, detail, isolation}
    <benchmark>/timings.jsonl    {task_id, sample, cpu_seconds}: apart, because they differ from run to run
    <benchmark>/report.json      metrics with their intervals, and all that a score needs beside it
    <benchmark>/baseline/...     the same for the model before tuning

The model under test is a teacher: the recipe's ``[model]``, else the run's own checkpoint.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import islice
from typing import Any

from magicoder_core import jsonl, options, progress, sandbox, scoring
from magicoder_core.asking import Asker, Gate, Journal, ParentAsk
from magicoder_core.asking.errand import FATAL, RETRIED
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import RunError, TeacherError, attributed
from magicoder_core.providers import BatchTeacher, Benchmark, Teacher
from magicoder_core.recipe import Bound, Plan
from magicoder_core.records import Problem, Report, Request, Submission, Verdict
from magicoder_core.stages import train
from magicoder_core.stages.stage import Counts, Run, Stage
from magicoder_core.stages.window import in_order

SERVED_BY = "transformers"
"""The teacher that serves a checkpoint."""


@dataclass(frozen=True)
class Candidate:
    """A model under test; ``folder`` is where its files go, below the benchmark's own."""

    label: str
    teacher: Bound[Teacher]
    folder: str = ""

    @property
    def identity(self) -> str:
        """What names it in the journal."""
        return f"{self.teacher.name}:{self.teacher.provider.identity}"


@dataclass(frozen=True)
class Sample:
    """One answer to one problem; ``code`` is None if the model gave none, and ``note`` says why."""

    problem: Problem
    number: int
    code: str | None
    note: str
    request: str
    model: str


def candidates(run: Run) -> list[Candidate]:
    """The models to score, the one before tuning last."""
    plan = run.plan
    if plan.model:
        return [Candidate("model", plan.model)]
    run.require(train.CHECKPOINT, stage="train")
    chosen = [Candidate("tuned", _served(run, str(run / train.CHECKPOINT)))]
    if plan.evaluate.baseline and plan.trainer:
        if not plan.trainer.provider.base:
            raise RunError(f"evaluate.baseline: the trainer '{plan.trainer.name}' does not say what it tunes")
        chosen.append(Candidate("baseline", _served(run, plan.trainer.provider.base), "baseline"))
    return chosen


def _served(run: Run, model: str) -> Bound[Teacher]:
    found = run.catalogue.find("teacher", SERVED_BY, where="evaluate")
    teacher = options.bind(found.provider, {"model": model}, "evaluate")
    return Bound(found.name, teacher, found.distribution, found.version)  # type: ignore[arg-type]  # of kind teacher


def _key(run: Run) -> Mapping[str, Any]:
    return {
        "models": {candidate.label: candidate.identity for candidate in candidates(run)},
        "model": run.plan.model.key() if run.plan.model else None,
        "benchmarks": [bound.key() for bound in run.plan.benchmarks],
        "isolation": "weak allowed" if run.plan.sandbox.allow_weak_isolation else "strong",
    }


def _work(run: Run) -> Counts:
    counts: Counts = {}
    with Journal(run / "journal.jsonl") as journal:
        for candidate in candidates(run):
            for bound in run.plan.benchmarks:
                report = _score(run, candidate, bound, journal)
                counts.setdefault(bound.name, {})[candidate.label] = dict(report.metrics)
    return counts


def _score(run: Run, candidate: Candidate, bound: Bound[Benchmark], journal: Journal) -> Report:
    """Answers, verdicts and the report of one model on one benchmark."""
    folder = run / bound.name / candidate.folder
    folder.mkdir(parents=True, exist_ok=True)
    samples = asyncio.run(_answers(run, candidate, bound, journal))
    journal.flush()  # judging takes a while, in which nobody looks after the last answers
    jsonl.write(folder / "samples.jsonl", (_sample_row(sample) for sample in samples))
    verdicts = judge(bound.provider, samples, f"{bound.name}, {candidate.label}")
    jsonl.write(folder / "verdicts.jsonl", (verdict_row(verdict) for verdict in verdicts))
    jsonl.write(folder / "timings.jsonl", (_timing_row(verdict) for verdict in verdicts))
    report = make_report(bound, verdicts, {"model": candidate.identity})
    jsonl.write_json(folder / "report.json", report.to_dict())
    return report


async def _answers(run: Run, candidate: Candidate, bound: Bound[Benchmark], journal: Journal) -> list[Sample]:
    benchmark, teacher = bound.provider, candidate.teacher.provider
    width = max(run.plan.evaluate.concurrency, teacher.batch_size if isinstance(teacher, BatchTeacher) else 1)
    most = teacher.width if isinstance(teacher, DeferredTeacher) else 4 * width
    asker = Asker(teacher, candidate.teacher.name, journal, Gate(width, adaptive=False))
    with attributed("benchmark", bound.name):
        wanted = [(problem, number) for problem in chosen(benchmark) for number in range(benchmark.samples)]
    if not wanted:
        raise RunError(f"benchmark '{bound.name}': has no problem; look at its options data and limit")
    name = f"{bound.name}, {candidate.label}"
    samples = []
    with progress.task(f"answer {name}", len(wanted), "answer") as advance:
        async with asker.running():
            work = in_order(
                wanted, lambda item: _answer(benchmark, *item, asker, bound.name), lambda: most, finish=asker.finish
            )
            async with aclosing(work):
                async for _, sample in work:
                    samples.append(sample)
                    advance(**{key: round(value, 1) for key, value in teacher.status().items()})
    if samples and all(sample.code is None for sample in samples):
        raise RunError(f"evaluate: {name}: the model answered nothing; the last time: {samples[-1].note}")
    return samples


def chosen(benchmark: Benchmark) -> Iterator[Problem]:
    """The problems that count: the first ``limit``, or all."""
    return islice(benchmark.problems(), benchmark.limit)


async def _answer(benchmark: Benchmark, problem: Problem, number: int, asker: Asker, name: str) -> Sample:
    """One answer. A request that this model can never answer is noted; what may pass stops the stage, resumable."""
    with attributed("benchmark", name):
        asked = benchmark.request(problem)
    request = Request(messages=asked.messages, sampling=replace(asked.sampling, sample=number))
    ask = ParentAsk(asker, f"{name}/{problem.id}")
    try:
        reply = await ask(request)
    except TeacherError as error:
        if error.kind in FATAL | RETRIED:
            raise RunError(f"evaluate: {problem.id}: {error}; run the same command again to go on") from error
        return Sample(problem, number, None, f"no answer: {error.kind}: {error}", ask.requests[-1], asker.identity)
    with attributed("benchmark", name):
        code = benchmark.extract(problem, reply)
    return Sample(problem, number, code, reply.finish_reason, ask.requests[-1], asker.identity)


def judge(benchmark: Benchmark, samples: Iterable[Sample], name: str) -> list[Verdict]:
    """One verdict for each sample, in order; a problem that the model refuses is one that it does not solve.

    Raises:
        RunError: the benchmark failed, or gave no verdict, or one for another program.
    """
    listed = list(samples)
    programs = (
        Submission(problem_id=sample.problem.id, code=sample.code, sample=sample.number)
        for sample in listed
        if sample.code is not None
    )
    result = []
    with progress.task(f"judge {name}", len(listed), "program") as advance, attributed("benchmark", name):
        verdicts = benchmark.judge(programs)
        for sample in listed:
            result.append(_unanswered(sample) if sample.code is None else _own(next(verdicts, None), sample))
            advance(passed=sum(verdict.status == "pass" for verdict in result))
    return result


def _own(verdict: Verdict | None, sample: Sample) -> Verdict:
    """The verdict, if it is the sample's."""
    if verdict is None or (verdict.problem_id, verdict.sample) != (sample.problem.id, sample.number):
        raise ValueError(f"no verdict on {sample.problem.id}, sample {sample.number}, where it was due (got {verdict})")
    return verdict


def _unanswered(sample: Sample) -> Verdict:
    return Verdict(problem_id=sample.problem.id, sample=sample.number, status="fail", detail=sample.note)


def make_report(bound: Bound[Benchmark], verdicts: list[Verdict], facts: Mapping[str, str]) -> Report:
    """The score of ``verdicts`` with its interval, and what it can only be compared beside.

    Raises:
        RunError: no program could be judged, or the benchmark fails to say what it is.
    """
    statuses = Counter(verdict.status for verdict in verdicts)
    problems = len({verdict.problem_id for verdict in verdicts})
    limit = bound.provider.limit
    with attributed("benchmark", bound.name):
        provenance = bound.provider.provenance()
    versions = {
        "magicoder-core": metadata.version("magicoder-core"),
        bound.distribution: bound.version,
        "subset": f"the first {problems} problems" if limit else f"all {problems} problems",
        "isolation": ", ".join(sorted({verdict.isolation for verdict in verdicts} - {""})) or "none",
        **provenance,
        **facts,
    }
    if (broken := statuses["harness_error"]) == len(verdicts):
        raise RunError(f"{bound.name}: no program could be judged here; the last time: {verdicts[-1].detail}")
    if broken:
        progress.say(f"{bound.name}: {broken} programs could not be judged here and are left out of the score")
    metrics = {**scoring.summary(scoring.results(verdicts)), "statuses": dict(sorted(statuses.items()))}
    return Report(benchmark=bound.name, metrics=metrics, versions=versions)


def _sample_row(sample: Sample) -> dict[str, Any]:
    return {
        "task_id": sample.problem.id,
        "sample": sample.number,
        "solution": sample.code,
        "finish_reason": sample.note,
        "request": sample.request,
        "teacher": sample.model,
    }


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """A verdict as it is written: nothing in it depends on how fast the machine was."""
    return {
        "task_id": verdict.problem_id,
        "sample": verdict.sample,
        "status": verdict.status,
        "detail": verdict.detail,
        "isolation": verdict.isolation,
    }


def _timing_row(verdict: Verdict) -> dict[str, Any]:
    return {"task_id": verdict.problem_id, "sample": verdict.sample, "cpu_seconds": round(verdict.cpu_seconds, 4)}


def _folders(plan: Plan) -> list[str]:
    baseline = [""] if plan.model or not plan.evaluate.baseline else ["", "baseline/"]
    files = ("samples.jsonl", "verdicts.jsonl", "report.json")
    return [f"{bound.name}/{folder}{file}" for bound in plan.benchmarks for folder in baseline for file in files]


def guarded(run: Run) -> Counts:
    """The stage's work, with the isolation that the recipe allows."""
    with sandbox.weak_isolation(allowed=run.plan.sandbox.allow_weak_isolation):
        return _work(run)


STAGE = Stage(
    name="evaluate",
    providers=lambda plan: [*([plan.model] if plan.model else []), *plan.benchmarks],
    applies=lambda plan: bool(plan.benchmarks),
    outputs=_folders,
    key=_key,
    work=guarded,
)
