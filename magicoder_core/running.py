"""From what a user typed to a run that is ready: recipe, providers, stages, directory, lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from magicoder_core import plugins, progress, recipe, rundir, stages
from magicoder_core.errors import MagicoderError, RunError
from magicoder_core.recipe import Plan
from magicoder_core.stages import Run, Stage

DEFAULT = "quickstart"
"""The recipe of whoever names none."""


class WishError(MagicoderError):
    """What was asked for contradicts itself, the recipe or the directory: wrong usage."""


@dataclass(frozen=True)
class Wish:
    """What of a recipe to run: up to a stage, only one, one again; in a new directory; the first snippets as a pilot.

    ``since`` is a stage to do again with what there is: `generate` then reads the journal anew and asks nobody.
    """

    to: str | None = None
    only: str | None = None
    redo: str | None = None
    since: str | None = None
    new: bool = False
    pilot: int | None = None

    @property
    def again(self) -> str | None:
        """The stage that is done again though it may be done."""
        return self.redo or self.since


@contextmanager
def prepare(
    given: str | None, overrides: Sequence[str], directory: Path | None, wish: Wish
) -> Iterator[tuple[Run, list[Stage]]]:
    """A run and its stages, with the directory held for this process within the block.

    Without a recipe ``given`` it is that of the run in ``directory``, else `DEFAULT`. Nothing is written before the
    recipe is known to be right and what the pending stages need is known to be there.

    Raises:
        WishError: the wish contradicts itself, the recipe or the directory.
        RecipeError: the recipe, a provider, an option or a stage is wrong.
        MagicoderError: something that a pending stage needs is missing here.
        RunError: the directory cannot be used, holds another recipe's run, or another process is at work in it.
    """
    read = recipe.read(_wanted(given, directory, wish), overrides)
    catalogue = plugins.catalogue()
    for line in catalogue.broken:
        progress.say(line)
    plan = recipe.bind(read, catalogue)
    chosen = stages.select(plan, to="generate" if wish.pilot else wish.to, only=wish.only, redo=wish.again)
    _check_redo(plan, chosen, wish)
    place = rundir.RunDirectory(rundir.locate(read, directory, new=wish.new))
    run = Run(read, plan, place, catalogue, replay=wish.since == "generate")
    _check_same(run, wish)
    pending = stages.pending(run, chosen, wish.again)
    for _, problem in stages.preflight(plan, pending):
        if problem:
            raise problem
    for name, doubt in stages.doubts(plan, pending):
        progress.say(f"warning: {name}: {doubt}")
    with run.directory.locked():
        run.directory.begin(read, plan)
        yield run, chosen


def _wanted(given: str | None, directory: Path | None, wish: Wish) -> str:
    """The recipe to read."""
    if directory is None or not (directory / "run.json").is_file():
        return given or DEFAULT
    if wish.new:
        raise WishError(f"--new: {directory} has a run already; give --dir another directory, or leave --new out")
    return given or str(directory / "recipe.json")


def _check_redo(plan: Plan, chosen: Sequence[Stage], wish: Wish) -> None:
    """A stage to be done again must be among those that run."""
    if wish.pilot is not None and "generate" not in [stage.name for stage in chosen]:
        raise WishError("--pilot: the recipe has no [method] and [teacher] to try")
    if wish.again is None or wish.again in [stage.name for stage in chosen]:
        return
    option = f"--redo {wish.redo}" if wish.redo else f"--from {wish.since}"
    there = [stage.name for stage in stages.select(plan)]
    if wish.again not in there:
        raise WishError(f"{option}: the recipe has no table for this stage; it has: {', '.join(there)}")
    limit = f"--only {wish.only}" if wish.only else f"--to {wish.to}"
    raise WishError(f"{option}: {limit} leaves this stage out")


def _check_same(run: Run, wish: Wish) -> None:
    """One directory, one recipe: another one's files would be taken for this one's, or lost."""
    before = run.directory.facts.get("name", run.recipe.name)
    if before != run.recipe.name and not wish.again:
        raise RunError(
            f"{run.directory.path}: has a run of the recipe '{before}', not of '{run.recipe.name}'; "
            "give --dir another directory, or --redo STAGE to go on here with this recipe"
        )
