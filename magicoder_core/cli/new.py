"""`magicoder new`: the start of a plugin of one's own."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("kind")
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write NAME into.",
)
def new(kind: str, name: str, folder: Path) -> None:
    """Write a plugin package: a provider of KIND called NAME, with its tests.

    KIND is seed-source, method, teacher, filter, trainer or benchmark.
    """
    from magicoder_core import scaffold
    from magicoder_core.errors import PluginError

    try:
        kind = scaffold.kind_of(kind)
    except PluginError as error:
        raise click.UsageError(str(error)) from error
    for path in (files := scaffold.create(kind, name, folder)):
        click.echo(path)
    package = next(path.parent for path in files if path.name == "pyproject.toml")
    click.echo(f"\nnext: cd {package}; pip install -e . pytest; pytest; magicoder plugins {package.name}")
