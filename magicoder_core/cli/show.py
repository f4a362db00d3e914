"""`magicoder show`: what a run made."""

from __future__ import annotations

from pathlib import Path

import click

from magicoder_core.cli.common import json_option, print_json, run_argument


@click.command()
@run_argument
@json_option
def show(run: Path, *, as_json: bool) -> None:
    """Show what RUN made: its stages with counts and times, its scores, a row."""
    from magicoder_core import rundir, summary

    directory = rundir.existing(run)
    if as_json:
        print_json(directory.facts)
    else:
        head, *lines = summary.overview(directory)
        click.echo("\n".join([click.style(head, bold=True), *lines]))
