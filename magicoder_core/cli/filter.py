"""`magicoder filter`: any rows, through any filters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from magicoder_core.cli.common import plugin_option, table
from magicoder_core.cli.output import shown

if TYPE_CHECKING:
    from magicoder_core.filtering.command import Filtered

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("rows", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--use", multiple=True, required=True, metavar="NAME", help="A filter; repeatable, in this order.")
@click.option(
    "-o",
    "options",
    multiple=True,
    metavar="NAME.OPTION=VALUE",
    help="An option of a filter; repeatable. Of two of one name the number tells which, from 0.",
)
@click.option("--kept", type=_FILE, required=True, metavar="K", help="The kept rows: .jsonl, .jsonl.gz or .parquet.")
@click.option("--rejected", type=_FILE, required=True, metavar="R", help="The others, each with the reason.")
@click.option("--report", type=_FILE, metavar="J.json", help="Counts by filter and reason, scores, versions.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Processes.")
@click.option(
    "--columns",
    metavar="problem=COL,solution=COL",
    help="Where the parts of a row stand, if not in known columns; also seed, language, tests, id, parent, messages.",
)
@click.option("--new", is_flag=True, help="Begin anew; default: go on, or say that it is done.")
@plugin_option
def filter(rows: tuple[Path, ...], **wish: Any) -> None:  # noqa: A001 - the name of the command
    """Put ROWS through filters: files of JSON Lines (packed or not), JSON or Parquet, or folders of them.

    Interrupted, the same command goes on where it stopped, and writes the same files.
    """
    from magicoder_core.filtering.command import Wish, filtered

    with shown(as_json=False):
        made = filtered(Wish(rows=rows, **wish))
    _tell(made)


def _tell(made: Filtered) -> None:
    """The summary."""
    from magicoder_core.filtering import telling

    if made.known:
        click.echo("All of this was done before; --new does it again.")
    click.echo(table([list(row) for row in telling.totals(made.told)]))
    click.echo()
    click.echo(table([list(row) for row in telling.by_filter(made.told)]))
    if scores := [list(row) for row in telling.scores(made.told)]:
        click.echo()
        click.echo(table(scores))
    for line in telling.asked(made.told):
        click.echo(line)
