"""Options and small prints that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from magicoder_core.cli.main import load_plugins

F = TypeVar("F", bound=Callable[..., Any])


def _load(ctx: click.Context, _: click.Parameter, files: tuple[Path, ...]) -> None:  # noqa: ARG001 - click's signature
    load_plugins(files)


def plugin_option(command: F) -> F:
    """``--plugin FILE``, also after the command's name."""
    return click.option(
        "--plugin",
        multiple=True,
        type=click.Path(path_type=Path),
        callback=_load,
        expose_value=False,
        is_eager=True,
        help="A plugin file to load; repeatable.",
    )(command)


def override_option(command: F) -> F:
    """``-o path=value``."""
    return click.option(
        "-o", "overrides", multiple=True, metavar="PATH=VALUE", help="Override one value of the recipe; repeatable."
    )(command)


def json_option(command: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")(command)


def run_argument(command: F) -> F:
    """``RUN``: a run directory."""
    return click.argument("run", type=click.Path(path_type=Path))(command)


def print_json(value: object) -> None:
    """One indented JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, default=str))


def table(
    rows: Sequence[Sequence[str]], indent: str = "", bold: int | None = None, colours: Mapping[str, str] | None = None
) -> str:
    """Columns padded to their widest cell; the last column is left as it is; on a terminal one may be bold, and cells coloured.

    Plain `click.style`, which `click.echo` takes away in a pipe: rich would cost half as much again to start.
    """
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(max(map(len, rows), default=0))]
    lines = []
    for row in rows:
        cells = [cell.ljust(widths[number]) if number < len(row) - 1 else cell for number, cell in enumerate(row)]
        if colour := (colours or {}).get(row[0]):
            cells[0] = click.style(cells[0], fg=colour)
        if bold is not None:
            cells[bold] = click.style(cells[bold], bold=True)
        lines.append(indent + "  ".join(cells).rstrip())
    return "\n".join(lines)
