"""`magicoder run`: drive a recipe's stages, and say where everything lies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from magicoder_core.cli.common import json_option, override_option, plugin_option
from magicoder_core.cli.output import emit, shown, write

if TYPE_CHECKING:
    from magicoder_core.recipe import Recipe
    from magicoder_core.running import Wish
    from magicoder_core.stages import Run, Stage


def _directory(_: click.Context, __: click.Parameter, given: str | None) -> Path | None:
    if given is not None and not given.strip():
        raise click.BadParameter("names no directory")
    return Path(given) if given else None


@click.command()
@click.argument("recipe", required=False)
@override_option
@click.option("--to", metavar="STAGE", help="Stop after this stage: seeds, generate, filter, train or evaluate.")
@click.option("--only", metavar="STAGE", help="Run this stage alone.")
@click.option("--redo", metavar="STAGE", help="Run this stage though it is done; answers in the journal stay paid.")
@click.option(
    "--from",
    "since",
    metavar="STAGE",
    help="Run this stage again with what there is: generate reads the journal anew and asks for nothing.",
)
@click.option(
    "--pilot",
    type=click.IntRange(min=1),
    metavar="N",
    help="Try the first N snippets, and forecast acceptance, tokens, money and time of the whole.",
)
@click.option("--new", is_flag=True, help="Begin a new run, even if this recipe has one.")
@click.option(
    "--dir", "directory", type=click.Path(), callback=_directory, help="The run directory; default: under runs/."
)
@plugin_option
@json_option
def run(recipe: str | None, overrides: tuple[str, ...], directory: Path | None, *, as_json: bool, **wish: Any) -> None:
    """Run RECIPE: a TOML file, or the name of a packaged one; with a table [matrix], once for each combination of its values.

    Without RECIPE it is that of the run in --dir, else quickstart. The same command again goes on where it stopped, or
    says that all is done.
    """
    from magicoder_core.errors import RunError
    from magicoder_core.running import Wish, WishError

    _check_together(wish)
    try:
        _drive(recipe, overrides, directory, Wish(**wish), as_json=as_json)
    except WishError as error:
        raise click.UsageError(str(error)) from error
    except BrokenPipeError as error:
        # Not of our own output, see `write`; click would take it for that and end without a word.
        raise RuntimeError("a stage wrote to a process or a connection that is gone") from error
    except OSError as error:
        if error.filename is None:
            raise
        line = f"{error.filename}: {error.strerror}; mend that and run the same command again: nothing is lost"
        raise RunError(line) from error


def _check_together(wish: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other."""
    pairs = [("to", "only"), ("redo", "since"), *(("pilot", other) for other in ("to", "only", "redo", "since"))]
    for one, other in pairs:
        if wish[one] and wish[other]:
            names = [f"--{name}".replace("since", "from") for name in (one, other)]
            raise click.UsageError(f"{' and '.join(names)}: they exclude each other; give one of them")


def _drive(
    recipe: str | None, overrides: tuple[str, ...], directory: Path | None, wish: Wish, *, as_json: bool
) -> None:
    """Run the stages, and tell of each as it ends."""
    from magicoder_core import axes, launched, matrix, rundir, running

    tell = emit if as_json else _say
    launch = launched.here()
    if launch and launch.rank:
        launched.follow(launch, recipe or running.DEFAULT, overrides, directory, lambda line: write(line, sys.stderr))
        return
    read = running.wanted(recipe, overrides, directory, wish)
    place = rundir.locate(read, directory, new=wish.new)
    leading = launched.leading(launch, launch.folder(read, directory)) if launch else nullcontext()
    with shown(as_json=as_json), leading:
        if axes.MATRIX in read.table:
            matrix.drive(read, place, wish, tell)
        else:
            _one(read, place, wish, tell)


def _one(read: Recipe, place: Path, wish: Wish, tell: Callable[..., None]) -> None:
    """Run one recipe's stages."""
    from magicoder_core import page, running, summary
    from magicoder_core.stages import Result

    def told(result: Result, line: str) -> None:
        tell("stage", line=line, stage=result.stage, reused=result.reused, counts=result.counts)

    with running.prepare(read, place, wish) as (prepared, chosen):
        tell("run", name=prepared.recipe.name, directory=str(prepared.directory.path))
        if wish.pilot:
            _pilot(prepared, chosen, wish.pilot, tell)
            return
        results = running.carry_out(prepared, chosen, wish.again, told)
        page.write(prepared.directory)
        lines = summary.closing(prepared, results)
        tell("done", lines=lines, directory=str(prepared.directory.path), reused=all(item.reused for item in results))


def _pilot(prepared: Run, chosen: Sequence[Stage], number: int, tell: Callable[..., None]) -> None:
    """Draw snippets, try the first ones, tell the forecast."""
    from magicoder_core import stages

    for _ in stages.run(prepared, [stage for stage in chosen if stage.name == "seeds"]):
        pass
    forecast = stages.pilot(prepared, number)
    for line in forecast.lines():
        prepared.directory.log(line)
    tell("pilot", lines=forecast.lines(), **forecast.to_dict())


def _say(_: str, **facts: Any) -> None:
    """What a person reads of an event."""
    write("\n".join(facts.get("lines") or [facts.get("line") or f"{facts['name']}: {facts['directory']}"]))
