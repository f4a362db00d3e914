"""`magicoder show`: what a run made."""

from __future__ import annotations

from pathlib import Path

import click

from magicoder_core.cli.common import json_option, print_json, run_argument, table


@click.command()
@run_argument
@json_option
def show(run: Path, *, as_json: bool) -> None:
    """Show what RUN made: its stages with counts and times, its scores, a row; of a matrix of runs its table."""
    from magicoder_core import matrix, rundir, summary

    if matrix.is_matrix(run):
        line, found = matrix.overview(run)
        shown = [click.style(line, bold=True), "", table(matrix.grid(found), bold=0)]
        print_json(found) if as_json else click.echo("\n".join(shown))
        return
    directory = rundir.existing(run)
    if as_json:
        print_json(directory.facts)
    else:
        head, *lines = summary.overview(directory)
        click.echo("\n".join([click.style(head, bold=True), *lines]))
