"""From what a user typed to a run that is ready: recipe, providers, stages, directory, lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from magicoder_core import plugins, progress, recipe, rundir, stages
from magicoder_core.stages import Run, Stage


@dataclass(frozen=True)
class Wish:
    """What of a recipe to run: up to a stage, only one, one again; in a new directory."""

    to: str | None = None
    only: str | None = None
    redo: str | None = None
    new: bool = False


@contextmanager
def prepare(
    given: str, overrides: Sequence[str], directory: Path | None, wish: Wish
) -> Iterator[tuple[Run, list[Stage]]]:
    """A run and its stages, with the directory held for this process within the block.

    Nothing is written before the recipe is known to be right and what the pending stages need is known to be there.

    Raises:
        RecipeError: the recipe, a provider, an option or a stage is wrong.
        MagicoderError: something that a pending stage needs is missing here.
        RunError: the directory cannot be used, or another process is at work in it.
    """
    read = recipe.read(given, overrides)
    catalogue = plugins.catalogue()
    for line in catalogue.broken:
        progress.say(line)
    plan = recipe.bind(read, catalogue)
    chosen = stages.select(plan, to=wish.to, only=wish.only, redo=wish.redo)
    run = Run(read, plan, rundir.RunDirectory(rundir.locate(read, directory, new=wish.new)), catalogue)
    for _, problem in stages.preflight(plan, stages.pending(run, chosen, wish.redo)):
        if problem:
            raise problem
    with run.directory.locked():
        run.directory.begin(read, plan)
        yield run, chosen
