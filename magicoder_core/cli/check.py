"""`magicoder check`: look whether a recipe can run here, before anything is spent."""

from __future__ import annotations

import click

from magicoder_core.cli.common import json_option, override_option, plugin_option, print_json, table


@click.command()
@click.argument("recipe", default="quickstart")
@override_option
@plugin_option
@json_option
def check(recipe: str, overrides: tuple[str, ...], *, as_json: bool) -> None:
    """Look whether RECIPE (default: quickstart) can run here, and say what is missing; exit 1 if something is."""
    from magicoder_core.checking import check_recipe

    findings = check_recipe(recipe, overrides)
    if as_json:
        print_json([{"subject": item.subject, "good": item.good, "detail": item.detail} for item in findings])
    else:
        marks = {True: "ok", False: "MISSING"}
        rows = [["WARNING" if item.doubtful else marks[item.good], item.subject, item.detail] for item in findings]
        click.echo(table(rows, bold=1, colours={"ok": "green", "WARNING": "yellow", "MISSING": "red"}))
    if not all(item.good for item in findings):
        raise SystemExit(1)
