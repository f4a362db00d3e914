"""Drives the stages: what is done is used again, what changed is said, what fails can go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from magicoder_core import progress, sandbox
from magicoder_core.errors import MagicoderError, RecipeError
from magicoder_core.plugins import did_you_mean
from magicoder_core.recipe import Plan
from magicoder_core.stages import evaluate, filter, generate, seeds, train  # noqa: A004 - the stage's name
from magicoder_core.stages.stage import Counts, Run, Stage

STAGES: Sequence[Stage] = (seeds.STAGE, generate.STAGE, filter.STAGE, train.STAGE, evaluate.STAGE)


@dataclass(frozen=True)
class Result:
    """What became of one stage: its counts, and whether it had been done before."""

    stage: str
    reused: bool
    counts: Counts
    seconds: float


def preflight(plan: Plan) -> Iterator[tuple[str, MagicoderError | None]]:
    """Look at everything that the plan needs before anything is spent; yields a name and what is wrong with it."""
    for bound in plan.providers():
        yield bound.name, _attempt(bound.provider.check)
    if plan.benchmarks:
        with sandbox.weak_isolation(allowed=plan.sandbox.allow_weak_isolation):
            yield "sandbox", _attempt(sandbox.require)


def _attempt(check: Any) -> MagicoderError | None:
    try:
        check()
    except MagicoderError as error:
        return error
    return None


def run(run: Run, *, to: str | None = None, only: str | None = None, redo: str | None = None) -> Iterator[Result]:
    """Run the stages that the recipe has, up to ``to`` or ``only`` one of them; ``redo`` does one again.

    Yields a `Result` for each stage as it ends.

    Raises:
        RecipeError: no such stage, or the recipe has none of them.
        MagicoderError: a stage cannot go on; what it has so far is kept, and the same call goes on.
    """
    chosen = _chosen(run.plan, to, only, redo)
    for _, problem in preflight(run.plan):
        if problem:
            raise problem
    for stage in chosen:
        yield _one(run, stage, redo=stage.name == redo)


def _chosen(plan: Plan, to: str | None, only: str | None, redo: str | None) -> list[Stage]:
    names = [stage.name for stage in STAGES]
    for given in _given(to, only, redo):
        if given not in names:
            raise RecipeError(
                f"no stage named '{given}'{did_you_mean(given, names) or '; there are: ' + ', '.join(names)}"
            )
    last = names.index(to) if to else len(names)
    chosen = [stage for stage in STAGES if stage.applies(plan) and names.index(stage.name) <= last]
    if only:
        chosen = [stage for stage in chosen if stage.name == only]
    if not chosen:
        raise RecipeError(f"the recipe has no table for the stage '{only or to}'")
    return chosen


def _given(*names: str | None) -> list[str]:
    return [name for name in names if name]


def _one(run: Run, stage: Stage, *, redo: bool) -> Result:
    directory = run.directory
    key = dict(stage.key(run))
    if not redo and directory.is_done(stage.name, key, stage.outputs(run.plan)):
        before = directory.stages[stage.name]
        return Result(stage.name, reused=True, counts=before["counts"], seconds=before["seconds"])
    if changed := directory.changes(stage.name, key):
        progress.say(f"{stage.name}: runs again, because this changed: {'; '.join(changed)}")
    continues = not redo and directory.was_interrupted(stage.name, key)
    directory.begin_stage(stage.name, key)
    try:
        counts = stage.work(replace(run, continues=continues))
    except BaseException as error:
        directory.end_stage(stage.name, "failed", error=_why(error))
        raise
    directory.end_stage(stage.name, "done", counts=counts, output=_digests(run, stage))
    return Result(stage.name, reused=False, counts=counts, seconds=directory.stages[stage.name]["seconds"])


def _why(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"


def _digests(run: Run, stage: Stage) -> Mapping[str, str]:
    return {name: run.digest(name, stage=stage.name) for name in stage.outputs(run.plan)}
