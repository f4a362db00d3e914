"""`magicoder score`: any model's samples, judged by one benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from magicoder_core.cli.common import plugin_option, table
from magicoder_core.cli.output import shown

if TYPE_CHECKING:
    from magicoder_core.judging import Score

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("benchmark")
@click.argument("samples", type=click.Path(path_type=Path))
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the benchmark; repeatable.")
@click.option("--json", "report", type=_FILE, metavar="R.json", help="Write the report with all verdicts.")
@click.option(
    "--eval-results", "official", is_flag=True, help="Write the official scorer's results beside the samples."
)
@click.option("--results", type=_FILE, metavar="PATH", help="Write the official scorer's results to PATH.")
@click.option("--incomplete", is_flag=True, help="Score the tasks that have a sample, though others have none.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Programs at a time; default: one per core.")
@click.option(
    "--allow-weak-isolation", "weak", is_flag=True, help="Accept limits alone where nothing better can be had."
)
@click.option("--new", is_flag=True, help="Judge all again; default: verdicts that are known are kept.")
@plugin_option
def score(benchmark: str, samples: Path, workers: int | None, **wish: Any) -> None:
    """Score SAMPLES by BENCHMARK, as humaneval+: a file of {task_id, solution or completion}, or a folder.

    Interrupted, the same command goes on where it stopped.
    """
    from magicoder_core import sandbox
    from magicoder_core.judging import Wish
    from magicoder_core.judging import score as judged

    with shown(as_json=False), sandbox.workers(workers):
        made = judged(Wish(benchmark=benchmark, samples=samples, **wish))
    _tell(made)


def _tell(made: Score) -> None:
    """The summary."""
    from magicoder_core.judging import telling

    click.echo(table([[name, value] for name, value in telling.scores(made)], bold=1))
    click.echo(telling.programs(made))
    for line in telling.left_out(made):
        click.echo(line)
    _failed(list(telling.failures(made)))
    click.echo()
    click.echo("The score depends on:")
    click.echo(table([[name, value] for name, value in telling.depends(made)], indent="  "))
    for path in made.written:
        click.echo(f"written: {path}")


def _failed(failures: list[Any]) -> None:
    """The tasks that failed, with the first test that did; a table on a terminal."""
    from magicoder_core.judging.telling import SHOWN

    if not failures:
        return
    more = f"; the first {SHOWN}" if len(failures) > SHOWN else ""
    click.echo(f"\n{len(failures)} tasks with a program that did not pass{more}:")
    if not sys.stdout.isatty():
        click.echo(table([list(item) for item in failures[:SHOWN]], indent="  "))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shape = Table("task", "passed", "status", "why", box=None, padding=(0, 2, 0, 0))
    for item in failures[:SHOWN]:
        # What programs say is text: brackets are no markup.
        shape.add_row(*map(Text, item))
    Console().print(shape)
