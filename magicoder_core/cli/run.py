"""`magicoder run`: drive a recipe's stages, and say where everything lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from magicoder_core.cli.common import json_option, override_option, plugin_option
from magicoder_core.cli.output import emit, shown


@click.command()
@click.argument("recipe", default="quickstart")
@override_option
@click.option("--to", metavar="STAGE", help="Stop after this stage: seeds, generate, filter, train or evaluate.")
@click.option("--only", metavar="STAGE", help="Run this stage alone.")
@click.option("--redo", metavar="STAGE", help="Run this stage though it is done; answers in the journal stay paid.")
@click.option("--new", is_flag=True, help="Begin a new run, even if this recipe has one.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="The run directory; default: under runs/.")
@plugin_option
@json_option
def run(recipe: str, overrides: tuple[str, ...], directory: Path | None, *, as_json: bool, **wish: Any) -> None:
    """Run RECIPE (a TOML file, or the name of a packaged one; default: quickstart).

    The same command again goes on where it stopped, or says that all is done.
    """
    from magicoder_core import page, stages, summary
    from magicoder_core.running import Wish, prepare

    wanted = Wish(**wish)
    with shown(as_json=as_json), prepare(recipe, overrides, directory, wanted) as (prepared, chosen):
        tell = emit if as_json else _say
        tell("run", name=prepared.recipe.name, directory=str(prepared.directory.path))
        results = []
        for result in stages.run(prepared, chosen, wanted.redo):
            results.append(result)
            line = summary.stage_line(result)
            prepared.directory.log(line)
            tell("stage", line=line, stage=result.stage, reused=result.reused, counts=result.counts)
        page.write(prepared.directory)
        lines = summary.closing(prepared, results)
        tell("done", lines=lines, directory=str(prepared.directory.path), reused=all(item.reused for item in results))


def _say(_: str, **facts: Any) -> None:
    """What a person reads of an event."""
    lines = facts.get("lines") or [facts.get("line") or f"{facts['name']}: {facts['directory']}"]
    click.echo("\n".join(lines))
