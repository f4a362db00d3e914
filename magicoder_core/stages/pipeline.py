"""Drives the stages: what is done is used again, what changed is said, what fails can go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from magicoder_core import progress, sandbox
from magicoder_core.asking import Budget, check_text
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import MagicoderError, RecipeError, attributed
from magicoder_core.plugins import did_you_mean, find
from magicoder_core.recipe import Bound, Plan
from magicoder_core.records import Price, Sampling
from magicoder_core.stages import evaluate, filter, generate, mixing, seeds, train  # noqa: A004 - the stage's name
from magicoder_core.stages.stage import Counts, Run, Stage

STAGES: Sequence[Stage] = (seeds.STAGE, generate.STAGE, filter.STAGE, train.STAGE, evaluate.STAGE)


@dataclass(frozen=True)
class Result:
    """What became of one stage: its counts, and whether it had been done before."""

    stage: str
    reused: bool
    counts: Counts
    seconds: float


def select(plan: Plan, *, to: str | None = None, only: str | None = None, redo: str | None = None) -> list[Stage]:
    """The stages that a recipe has, up to ``to`` or ``only`` one of them.

    Raises:
        RecipeError: no stage of such a name (``redo`` is looked at too), or the recipe has none of them.
    """
    names = [stage.name for stage in STAGES]
    for given in (to, only, redo):
        if given and given not in names:
            hint = did_you_mean(given, names) or f"; there are: {', '.join(names)}"
            raise RecipeError(f"no stage named '{given}'{hint}")
    last = names.index(to) if to else len(names)
    chosen = [stage for stage in STAGES if stage.applies(plan) and names.index(stage.name) <= last]
    if only:
        chosen = [stage for stage in chosen if stage.name == only]
    if not chosen:
        raise RecipeError(f"the recipe has no table for the stage '{only or to or STAGES[0].name}'")
    return chosen


def pending(run: Run, chosen: Sequence[Stage], redo: str | None = None) -> list[Stage]:
    """The stages that are not done yet: the first such and all after it, whose input may change."""
    for number, stage in enumerate(chosen):
        if stage.name == redo or not _is_done(run, stage):
            return list(chosen[number:])
    return []


def _is_done(run: Run, stage: Stage) -> bool:
    try:
        known = stage.recognise(run, keep=False)
        return known or run.directory.is_done(stage.name, stage.key(run), stage.outputs(run.plan))
    except MagicoderError:
        return False


def preflight(plan: Plan, chosen: Sequence[Stage]) -> Iterator[tuple[str, MagicoderError | None]]:
    """Look at everything that stages need before anything is spent; yields a name and what is wrong with it, if it is."""
    for stage in chosen:
        for bound in stage.providers(plan):
            yield bound.name, _attempt(partial(_check, plan, bound))
        if stage is generate.STAGE and plan.generate.max_usd is not None:
            yield "generate.max_usd", _attempt(Budget(max_usd=plan.generate.max_usd, price=_price(plan)).check)
        if stage is train.STAGE:
            yield from ((name, _attempt(partial(mixing.check, path))) for name, path in mixing.files(plan))
            twice = (_attempt(partial(mixing.apart, bound.provider)) for bound in plan.trainers)
            yield from (("trainer.data", error) for error in twice if error)
    if evaluate.STAGE in chosen:
        if plan.model is None:
            yield evaluate.SERVED_BY, _attempt(lambda: find("teacher", evaluate.SERVED_BY))
        with sandbox.weak_isolation(allowed=plan.sandbox.allow_weak_isolation):
            yield "sandbox", _attempt(sandbox.required)


def _check(plan: Plan, bound: Bound[Any]) -> None:
    """A provider's own check; of a benchmark also whether the model under test can be asked in its style.

    Raises:
        MagicoderError: something is wrong.
    """
    train.check_alone(bound)
    bound.provider.check()
    if plan.model and isinstance(bound.provider, Benchmark):
        with attributed("benchmark", bound.name):
            problem = next(iter(bound.provider.problems()), None)
            raw = problem is not None and bound.provider.request(problem).raw
        if raw:
            check_text(plan.model.provider, plan.model.name)


def doubts(plan: Plan, chosen: Sequence[Stage]) -> Iterator[tuple[str, str]]:
    """What can run and is hardly meant so; yields a provider's name and a line about it.

    It is that filters have nothing to judge; that a trainer has no rows to learn from, or rows that no filter has seen;
    that checkpoints are to be scored, and another model is; that several answers to one problem are asked for at
    temperature 0. And what providers say themselves.
    """
    if plan.filters and plan.method is None and chosen:
        why = "[[filter]] judges the rows that a [method] makes, and the recipe has none: it does nothing"
        yield "filter", f"{why}; `magicoder filter FILE --use NAME` filters a file"
    if train.STAGE in chosen:
        yield from _doubtful_rows(plan)
    if plan.model and evaluate.STAGE in chosen:
        settings = plan.evaluate
        named = [*(['checkpoints = "all"'] if settings.checkpoints == "all" else [])]
        named += ["baseline = true"] if settings.baseline else []
        if named:
            why = f"with [model] that one alone is scored, and evaluate.{' and evaluate.'.join(named)} means nothing"
            yield plan.model.name, f"{why}: leave out the one or the other"
    for bound in plan.benchmarks if evaluate.STAGE in chosen else ():
        samples = bound.provider.samples
        if samples > 1 and _temperature(plan, bound) == 0:
            why = f"samples = {samples} at temperature 0 gives the same answer {samples} times, at {samples} times the price"
            yield bound.name, f"{why}: set samples = 1, or a temperature above 0"
    for bound in (bound for stage in chosen for bound in stage.providers(plan)):
        with attributed("plugin", bound.name):
            found = list(bound.provider.doubts())
        yield from ((bound.name, line) for line in found)


def _doubtful_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    for name in mixing.without_rows(plan):
        yield (
            name,
            'learns from the run\'s own rows, and the recipe makes none; name a file of rows, as data = "rows.jsonl"',
        )
    for name, lacking in mixing.unfiltered(plan):
        use = " ".join(f"--use {bound.name}" for bound in lacking)
        why = f"trainer.data: the rows of {name} go through no [[filter]], which judges the run's own rows alone"
        yield (
            "filter",
            f"{why}: `magicoder filter {name} {use} --kept KEPT.jsonl --rejected R.jsonl`, and name KEPT.jsonl",
        )


def _temperature(plan: Plan, bound: Bound[Benchmark]) -> float | None:
    """At which the model under test is asked, where that can be told: `preflight` says why not."""
    try:
        with attributed("benchmark", bound.name):
            problem = next(iter(bound.provider.problems()), None)
            asked = bound.provider.request(problem).sampling if problem else Sampling()
    except MagicoderError:
        return None
    return (asked.over(plan.model.provider.sampling()) if plan.model else asked).temperature


def _price(plan: Plan) -> Price | None:
    return plan.teacher.provider.price() if plan.teacher else None


def _attempt(check: Callable[[], object]) -> MagicoderError | None:
    try:
        check()
    except MagicoderError as error:
        return error
    return None


def run(run: Run, chosen: Sequence[Stage], redo: str | None = None) -> Iterator[Result]:
    """Run stages in order, and ``redo`` even if it is done; yields a `Result` as each ends.

    Raises:
        MagicoderError: a stage cannot go on; what it has so far is kept, and the same call goes on.
    """
    for stage in chosen:
        yield _one(run, stage, redo=stage.name == redo)


def _one(run: Run, stage: Stage, *, redo: bool) -> Result:
    directory = run.directory
    key = dict(stage.key(run))
    if not redo:
        stage.recognise(run, keep=True)
    if not redo and directory.is_done(stage.name, key, stage.outputs(run.plan)):
        directory.renew(stage.name)
        _tell_of_changes(run, stage)
        before = directory.stages[stage.name]
        return Result(stage.name, reused=True, counts=before["counts"], seconds=before["seconds"])
    if changed := directory.changes(stage.name, key):
        progress.say(f"{stage.name}: runs again, because this changed: {'; '.join(changed)}")
    continues = not redo and directory.was_interrupted(stage.name, key)
    directory.begin_stage(stage.name, key)
    try:
        counts = stage.work(replace(run, continues=continues, anew=redo))
    except BaseException as error:
        directory.end_stage(stage.name, "failed", error=_why(error))
        raise
    status = "incomplete" if stage.unfinished(run, counts) else "done"
    before = directory.stages[stage.name].get("output")
    directory.end_stage(stage.name, status, counts=counts, output=_digests(run, stage))
    if before != directory.stages[stage.name]["output"]:
        names = [item.name for item in STAGES]
        directory.outdate(names[names.index(stage.name) + 1 :])
    return Result(stage.name, reused=False, counts=counts, seconds=directory.stages[stage.name]["seconds"])


def _tell_of_changes(run: Run, stage: Stage) -> None:
    """Say which of a stage's files are not what it made; somebody's own hand is not undone."""
    made = run.directory.stages[stage.name]["output"]
    for name, digest in _digests(run, stage).items():
        if digest != made.get(name, digest):
            progress.say(
                f"{stage.name}: {name} was changed since; it is used as it is (--redo {stage.name} undoes that)"
            )


def _why(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"


def _digests(run: Run, stage: Stage) -> Mapping[str, str]:
    return {name: run.digest(name, stage=stage.name) for name in stage.outputs(run.plan)}
