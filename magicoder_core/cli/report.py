"""`magicoder report`: one table over any number of scores."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("scores", nargs=-1, required=True, metavar="[NAME=]PATH...")
@click.option(
    "--published/--no-published", default=True, show_default=True, help="Have the paper's rows beside your own."
)
@click.option("-k", type=click.IntRange(min=1), default=1, show_default=True, metavar="K", help="Show pass@K.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--json", type=_FILE, metavar="T.json", help="Write the table for programs.")
@click.option("--html", type=_FILE, metavar="T.html", help="Write the table as one page that needs nothing else.")
def report(*, markdown: bool, **wish: Any) -> None:
    """Put scores into one table: reports of `magicoder score --json`, run directories, matrices of runs.

    Reports that are given the same NAME share a row. What must not be compared is marked, with the reason.
    """
    from magicoder_core.reporting import Wish
    from magicoder_core.reporting import report as made_of

    table, written = made_of(Wish(**wish))
    if markdown:
        from magicoder_core.reporting.markdown import page

        click.echo(page(table), nl=False)
    else:
        from magicoder_core.reporting.text import WIDTH, lines

        width = min(WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDTH
        for line in lines(table, max(width, WIDTH // 2)):
            click.echo(click.style(line.text, bold=True) if line.strong else line.text)
    for path in written:
        click.echo(f"written: {path}", err=markdown)
