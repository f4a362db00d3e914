"""``magicoder models``: the model files that are known by name."""

from __future__ import annotations

import dataclasses
import json

import click

from magicoder_core import models as door
from magicoder_core.models import Model


@click.group()
def models() -> None:
    """List the models that are known by name, and fetch them."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def list_models(*, as_json: bool) -> None:
    """List the known models: name, size, licence, and whether they are in the cache."""
    known = list(door.catalogue().values())
    if as_json:
        click.echo(json.dumps([_entry(model) for model in known], indent=2))
        return
    width = max(len(model.name) for model in known)
    click.echo(f"{'name':<{width}}  {'MiB':>6}  {'licence':<10}  {'cached':<6}  description")
    for model in known:
        have = "yes" if door.cached(model.name) else "no"
        click.echo(f"{model.name:<{width}}  {model.size >> 20:>6}  {model.licence:<10}  {have:<6}  {model.description}")


@models.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Fetch the model NAME unless it is here, check it, and print its path."""
    click.echo(str(door.resolve(name)))


def _entry(model: Model) -> dict[str, object]:
    path = door.cached(model.name)
    return dataclasses.asdict(model) | {"cached": str(path) if path else None}
