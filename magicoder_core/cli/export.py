"""`magicoder export`: kept rows for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from magicoder_core.cli.common import run_argument


@click.command()
@run_argument
@click.option(
    "--as", "form", default="messages", show_default=True, help="messages, instruction-response or oss-instruct."
)
@click.option("--to", "target", type=click.Path(path_type=Path), help="The file to write; default: standard output.")
def export(run: Path, form: str, target: Path | None) -> None:
    """Write the kept rows of RUN as JSON Lines that trainers read."""
    from magicoder_core import exporting, jsonl, rundir

    rows = exporting.rows(rundir.existing(run), form)
    if target is None:
        for row in rows:
            click.echo(jsonl.dumps(row))
    else:
        click.echo(f"{jsonl.write(target, rows)} rows as {form} in {target}")
