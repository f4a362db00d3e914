"""Asks a model under test for programs: one answer after another into ``samples.jsonl``, none held in memory.

The model under test is a teacher: the recipe's ``[model]``, else the run's own checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, options, progress, trainers
from magicoder_core.asking import Asker, Gate, Journal, ParentAsk
from magicoder_core.asking.errand import FATAL, RETRIED
from magicoder_core.benchmarks import Benchmark
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import RunError, TeacherError, attributed
from magicoder_core.judging import Sample
from magicoder_core.providers import BatchTeacher, Teacher
from magicoder_core.recipe import Bound
from magicoder_core.records import Problem, Request
from magicoder_core.stages import train
from magicoder_core.stages.stage import Run
from magicoder_core.stages.window import in_order

SERVED_BY = "transformers"
"""The teacher that serves a checkpoint."""

_CUT = "length"
"""The ``finish_reason`` of an answer that had as many tokens as it may; see `Reply`."""


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
class Answered:
    """How many answers were written, and how many of them were cut at ``max_tokens``."""

    count: int
    cut: int


@dataclass(frozen=True)
class _Answer:
    """One answer to one problem; ``code`` is None if the model gave none, and ``note`` says why."""

    problem: Problem
    number: int
    code: str | None
    note: str
    request: str
    model: str

    def row(self) -> dict[str, Any]:
        """As a line of ``samples.jsonl``."""
        return {
            "task_id": self.problem.id,
            "sample": self.number,
            "solution": self.code,
            "finish_reason": self.note,
            "request": self.request,
            "teacher": self.model,
        }


def candidates(run: Run) -> list[Candidate]:
    """The models to score: the last checkpoint, on request the earlier ones and the model before tuning.

    Raises:
        RunError: there is no checkpoint yet, or the trainer does not say what it tunes.
    """
    plan = run.plan
    if plan.model:
        return [Candidate("model", plan.model)]
    *earlier, last = train.names(plan)
    chosen = [Candidate("tuned", _served(run, str(run.require(last, stage="train"))))]
    for number, name in enumerate(earlier if plan.evaluate.checkpoints == "all" else (), 1):
        served = _served(run, str(run.require(name, stage="train")))
        chosen.append(Candidate(f"trainer {number}", served, folder_of(number)))
    if plan.evaluate.baseline:
        base = trainers.origin([bound.provider for bound in plan.trainers], len(plan.trainers) - 1)
        if not base:
            raise RunError(f"evaluate.baseline: the trainer '{plan.trainers[-1].name}' does not say what it tunes")
        chosen.append(Candidate("baseline", _served(run, base), "baseline"))
    return chosen


def folder_of(trainer: int | str) -> str:
    """Where the files of an earlier trainer's checkpoint go, by the trainer's number from 1."""
    return f"trainer-{trainer}"


def _served(run: Run, model: str) -> Bound[Teacher]:
    found = run.catalogue.find("teacher", SERVED_BY, where="evaluate")
    teacher = options.bind(found.provider, {"model": model}, "evaluate")
    return Bound(found.name, teacher, found.distribution, found.version)  # type: ignore[arg-type]  # of kind teacher


def chosen(bound: Bound[Benchmark]) -> list[Problem]:
    """The problems that count: the first ``limit``, or all.

    Raises:
        RunError: there are none, or the benchmark fails.
    """
    with attributed("benchmark", bound.name):
        problems = list(islice(bound.provider.problems(), bound.provider.limit))
    if not problems:
        raise RunError(f"benchmark '{bound.name}': has no problem; look at its options data and limit")
    return problems


async def answer(run: Run, candidate: Candidate, bound: Bound[Benchmark], journal: Journal, path: Path) -> Answered:
    """Write the model's answers to ``path``, in the problems' order; gives how many they are.

    Raises:
        RunError: the model answered nothing at all, or what may pass stopped it: the same command goes on.
    """
    benchmark, teacher = bound.provider, candidate.teacher.provider
    width = max(run.plan.evaluate.concurrency, teacher.batch_size if isinstance(teacher, BatchTeacher) else 1)
    most = teacher.width if isinstance(teacher, DeferredTeacher) else 4 * width
    asker = Asker(teacher, candidate.teacher.name, journal, Gate(width, adaptive=False))
    problems = chosen(bound)
    wanted = ((problem, number) for problem in problems for number in range(benchmark.samples))
    name = f"{bound.name}, {candidate.label}"
    last, there, cut = "", 0, 0
    with (
        progress.task(f"answer {name}", len(problems) * benchmark.samples, "answer") as advance,
        jsonl.Writer(path) as out,
    ):
        async with asker.running():
            work = in_order(
                wanted, lambda item: _answer(benchmark, *item, asker, bound.name), lambda: most, finish=asker.finish
            )
            async with aclosing(work):
                async for _, given in work:
                    out.write(given.row())
                    last, there, cut = given.note, there + (given.code is not None), cut + (given.note == _CUT)
                    advance(**{key: round(value, 1) for key, value in teacher.status().items()})
        if not there:
            raise RunError(f"evaluate: {name}: the model answered nothing; the last time: {last}")
    return Answered(out.count, cut)


async def _answer(benchmark: Benchmark, problem: Problem, number: int, asker: Asker, name: str) -> _Answer:
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
        return _Answer(problem, number, None, f"no answer: {error.kind}: {error}", ask.requests[-1], asker.identity)
    with attributed("benchmark", name):
        code = benchmark.extract(problem, reply)
    return _Answer(problem, number, code, reply.finish_reason, ask.requests[-1], asker.identity)


def answers(path: Path) -> Iterator[Sample]:
    """The answers that `answer` has written, one after another."""
    for position, row in enumerate(jsonl.read(path)):
        yield Sample(position, row["task_id"], row["sample"], row["solution"], row["finish_reason"])


def decoding(candidate: Candidate, bound: Bound[Benchmark]) -> dict[str, Any]:
    """How the answers are drawn: what the benchmark asks for, what the teacher adds, and in which style it is asked."""
    benchmark = bound.provider
    with attributed("benchmark", bound.name):
        asked = benchmark.request(next(benchmark.problems())).sampling
    drawn = asked.over(candidate.teacher.provider.sampling())
    facts = {name: getattr(drawn, name) for name in ("temperature", "top_p", "max_tokens", "seed")}
    facts |= {"samples": benchmark.samples, "style": getattr(benchmark, "style", None)}
    return {name: value for name, value in facts.items() if value is not None}
