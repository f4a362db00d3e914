"""`magicoder explain`: the lineage of a record."""

from __future__ import annotations

from pathlib import Path

import click

from magicoder_core.cli.common import json_option, print_json, run_argument


@click.command()
@run_argument
@click.argument("record", metavar="ID")
@json_option
def explain(run: Path, record: str, *, as_json: bool) -> None:
    """Walk the lineage of the record ID of RUN: what it came from, and what came of it.

    ID is a snippet's, a request's or a row's id (or its beginning), a problem as HumanEval/0, or the word checkpoint.
    """
    from magicoder_core import lineage, rundir

    steps = lineage.walk(rundir.existing(run), record)
    if as_json:
        print_json([step.facts() for step in steps])
    else:
        for line in lineage.tell(steps):
            click.echo(click.style(line, bold=True) if line.startswith(">") else line)
