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
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; default: standard output.",
)
def export(run: Path, form: str, target: Path | None) -> None:
    """Write the kept rows of RUN as JSON Lines that trainers read."""
    from magicoder_core import exporting, jsonl, rundir
    from magicoder_core.errors import RunError

    rows = exporting.rows(rundir.existing(run), form)
    if target is None:
        for row in rows:
            click.echo(jsonl.dumps(row))
        return
    try:
        number = jsonl.write(target, rows)
    except OSError as error:
        raise RunError(f"--to {target}: cannot be written: {error.filename}: {error.strerror}") from error
    click.echo(f"{number} rows as {form} in {target}")
