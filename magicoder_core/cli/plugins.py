"""`magicoder plugins`: what there is to put into a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from magicoder_core import plugins as door
from magicoder_core.cli.common import json_option, plugin_option, print_json, table
from magicoder_core.errors import RecipeError

if TYPE_CHECKING:
    from magicoder_core.options import Option

_WIDE = 40
"""Characters of a default that are shown."""


@click.command()
@click.argument("name", required=False)
@plugin_option
@json_option
def plugins(name: str | None, *, as_json: bool) -> None:
    """List all providers, or show the one called NAME with its options."""
    catalogue = door.catalogue()
    for line in catalogue.broken:
        click.echo(f"magicoder: {line}", err=True)
    found = catalogue.named(name) if name else list(catalogue.found.values())
    if name and not found:
        names = sorted({item.name for item in catalogue.found.values()})
        raise RecipeError(
            f"no provider named '{name}'{door.did_you_mean(name, names) or '; there are: ' + ', '.join(names)}"
        )
    if as_json:
        print_json([_facts(item, whole=bool(name)) for item in found])
    elif name:
        click.echo("\n\n".join(_described(item) for item in found))
    else:
        click.echo(table([[item.kind, item.name, item.summary, item.distribution] for item in found], bold=1))


def _facts(item: door.Found, *, whole: bool) -> dict[str, object]:
    from magicoder_core.options import schema

    facts: dict[str, object] = {
        "kind": item.kind,
        "name": item.name,
        "summary": item.summary,
        "distribution": item.distribution,
        "version": item.version,
        "class": f"{item.provider.__module__}.{item.provider.__qualname__}",
    }
    return facts | {"schema": schema(item.provider)} if whole else facts


def _described(item: door.Found) -> str:
    from magicoder_core.options import options

    rows = [
        [option.name, option.type, _default(option, item.provider), option.help] for option in options(item.provider)
    ]
    head = f"{item.kind} {item.name} ({item.distribution} {item.version})\n{item.summary}"
    return f"{head}\n{table(rows, indent='  ', bold=0)}" if rows else head


def _default(option: Option, provider: type) -> str:
    """The default in a few words: of a mapping its keys, of what is long its beginning; --json has all of it."""
    if option.default is None:
        return "required"
    text = option.default
    if len(text) > _WIDE and (keys := _keys(provider, option.name)):
        text = "{" + ", ".join(keys) + "}"
    return f"default {text if len(text) <= _WIDE else text[: _WIDE - 3] + '...'}"


def _keys(provider: type, name: str) -> list[str]:
    """The keys of an option's default, if that is a mapping."""
    item = next(item for item in dataclasses.fields(provider) if item.name == name)
    made = item.default_factory() if item.default_factory is not dataclasses.MISSING else item.default
    return list(map(str, made)) if isinstance(made, Mapping) else []
