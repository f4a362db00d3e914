"""From what a user typed to a run that is ready: recipe, providers, stages, directory, lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from magicoder_core import axes, plugins, progress, recipe, rundir, stages, summary
from magicoder_core.errors import MagicoderError, RunError
from magicoder_core.plugins import Catalogue
from magicoder_core.recipe import Plan, Recipe
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Result, Run, Stage

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
def prepare(read: Recipe, place: Path, wish: Wish) -> Iterator[tuple[Run, list[Stage]]]:
    """A run of a recipe in the directory ``place`` and its stages, with the directory held within the block.

    Nothing is written before the recipe is known to be right and what the pending stages need is known to be there.

    Raises:
        WishError: the wish contradicts itself, the recipe or the directory.
        RecipeError: the recipe, a provider, an option or a stage is wrong.
        MagicoderError: something that a pending stage needs is missing here.
        RunError: the directory cannot be used, holds another recipe's run, or another process is at work in it.
    """
    run, chosen = ready(read, place, catalogue(), wish)
    look(run, chosen, wish)
    with held(run):
        yield run, chosen


def wanted(given: str | None, overrides: Sequence[str], directory: Path | None, wish: Wish) -> Recipe:
    """The recipe that is meant: without one ``given`` that of the run in ``directory``, else `DEFAULT`.

    Raises:
        WishError: the directory has a run, and a new one was wished for.
        RecipeError: there is no such recipe, or it is wrong.
    """
    return recipe.read(_wanted(given, directory, wish), overrides)


def catalogue() -> Catalogue:
    """The providers there are; plugins that do not load are told."""
    found = plugins.catalogue()
    for line in found.broken:
        progress.say(line)
    return found


def ready(read: Recipe, place: Path, known: Catalogue, wish: Wish) -> tuple[Run, list[Stage]]:
    """A recipe's run in a directory, and the stages that are wished for; nothing is written.

    Raises:
        WishError, RecipeError, RunError: as `prepare`.
    """
    plan = recipe.bind(read, known)
    chosen = stages.select(plan, to="generate" if wish.pilot else wish.to, only=wish.only, redo=wish.again)
    _check_redo(plan, chosen, wish)
    run = Run(read, plan, rundir.RunDirectory(place), known, replay=wish.since == "generate")
    check_same(run.directory, read, wish)
    return run, chosen


def look(run: Run, chosen: Sequence[Stage], wish: Wish) -> None:
    """Look whether everything that pending stages need is here.

    Raises:
        MagicoderError: something is missing.
    """
    pending = stages.pending(run, chosen, wish.again)
    for _, problem in stages.preflight(run.plan, pending):
        if problem:
            raise problem
    for name, doubt in stages.doubts(run.plan, pending):
        progress.say(f"warning: {name}: {doubt}")


@contextmanager
def held(run: Run) -> Iterator[None]:
    """Hold a run's directory for this process within the block; what is about to run stands in it.

    Raises:
        RunError: another process holds it, or it cannot be written.
    """
    with run.directory.locked():
        run.directory.begin(run.recipe, run.plan)
        yield


def carry_out(
    run: Run, chosen: Sequence[Stage], again: str | None, tell: Callable[[Result, str], None]
) -> list[Result]:
    """Run stages, ``again`` even if it is done, note a line about each and ``tell`` it as it ends.

    Raises:
        MagicoderError: as `stages.run`.
    """
    results = []
    for result in stages.run(run, chosen, again):
        results.append(result)
        line = summary.stage_line(result)
        run.directory.log(line)
        tell(result, line)
    return results


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


def check_same(directory: RunDirectory, read: Recipe, wish: Wish) -> None:
    """One directory, one recipe: another one's files would be taken for this one's, or lost.

    Raises:
        RunError: there is another recipe's run, or a matrix of runs where there is to be one, or the other way round.
    """
    before = directory.facts.get("name", read.name)
    if before != read.name and not wish.again:
        raise RunError(
            f"{directory.path}: has a run of the recipe '{before}', not of '{read.name}'; "
            "give --dir another directory, or --redo STAGE to go on here with this recipe"
        )
    if directory.facts and (rundir.CELLS in directory.facts) != (axes.MATRIX in read.table):
        there = "a matrix of runs" if rundir.CELLS in directory.facts else "a run without a matrix"
        raise RunError(f"{directory.path}: has {there} of this recipe; give --dir another directory")
