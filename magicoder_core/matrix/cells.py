"""From a recipe with a ``[matrix]`` to one recipe for each combination of its values, with a readable name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from magicoder_core import axes, recipe
from magicoder_core.content import content_id
from magicoder_core.overriding import put
from magicoder_core.recipe import Recipe

_LONGEST_VALUE = 32
_LONGEST_NAME = 120
"""Characters; file systems allow 255 bytes for a folder's name."""

_DIGITS = 6

_LIMITS = ("max_usd", "max_tokens", "max_requests")
"""Of the table ``[generate]``: what each run may spend."""


@dataclass(frozen=True)
class Cell:
    """One combination: the name of its run directory, its value for each path that varies, its recipe."""

    name: str
    values: Mapping[str, Any]
    recipe: Recipe


def cells(read: Recipe) -> list[Cell]:
    """The cells of a recipe with a ``[matrix]``, in its order. A name follows from the values alone.

    Raises:
        RecipeError: a value cannot stand where its path leads.
    """
    points = axes.points(read.table[axes.MATRIX])
    heads = headings(path for point in points for path in point)
    made: dict[str, Cell] = {}
    for point in points:
        cell = Cell(_name(point, heads), point, _recipe(read, point))
        made.setdefault(cell.recipe.key, cell)
    return _told_apart(list(made.values()))


def headings(paths: Iterable[str]) -> dict[str, str]:
    """A short name for each path: its last part, where no other path ends so and it says something."""
    known = list(dict.fromkeys(paths))
    lasts = [path.rpartition(".")[2] for path in known]
    clear = {last for last in lasts if lasts.count(last) == 1 and last != "use" and not last.isdecimal()}
    return {path: last if last in clear else path for path, last in zip(known, lasts, strict=True)}


def text(value: Any) -> str:
    """A value as people write it: ``1e-05``, ``true``, ``kept 1.0 + evol.jsonl 0.5``."""
    if isinstance(value, dict):
        return " + ".join(f"{name} {text(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " + ".join(map(text, value)) or "[]"
    return value if isinstance(value, str) else json.dumps(value)


def spending(found: Sequence[Cell]) -> list[str]:
    """A line for each limit of ``[generate]``: what cells may spend together, of which each is a run of its own."""
    said = []
    for name in _LIMITS:
        given = [cell.recipe.table.get("generate", {}).get(name) for cell in found]
        limits = [limit for limit in given if isinstance(limit, int | float)]
        if limits:
            each = f"{name} = {limits[0]:g}" if len(set(limits)) == 1 else name
            said.append(f"{each} holds for each cell: up to {len(limits)} times, {sum(limits):g} in all")
    return said


def _recipe(read: Recipe, point: Mapping[str, Any]) -> Recipe:
    table = deepcopy({name: value for name, value in read.table.items() if name != axes.MATRIX})
    for path, value in point.items():
        put(table, _written(table, path), deepcopy(value), f"{axes.MATRIX}.")
    # As JSON: the text of the whole matrix would be another recipe's in the cell's directory.
    return recipe.resolved(table, json.dumps(table), f"{read.name}, {axes.MATRIX}")


def _written(table: Mapping[str, Any], path: str) -> str:
    """A path as it leads where it would lead in the recipe's text, in which an only trainer is no list: ``[trainer]``."""
    first, *others = path.split(".")
    rows = table.get(first)
    only = rows[0] if first in recipe.LISTED and isinstance(rows, list) and len(rows) == 1 else None
    if only is None or not others[1:] or others[0].isdecimal() or others[0] == only.get("use"):
        return path
    return ".".join([first, "0", *others])


def _name(point: Mapping[str, Any], heads: Mapping[str, str]) -> str:
    name = ",".join(f"{_plain(heads[path])}={_folder(value)}" for path, value in point.items()).lstrip(".-")
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}-{content_id(dict(point))[:_DIGITS]}"


def _plain(text: str) -> str:
    """A text without what would lead elsewhere in a folder's name, or be read as something else."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text)


def _folder(value: Any) -> str:
    """A value as a part of a folder's name; with digits of its hash where that says less than the value."""
    plain = _plain(text(value).replace(" + ", "+"))[:_LONGEST_VALUE]
    if plain and plain == text(value) and not isinstance(value, dict | list):
        return plain
    return f"{plain}-{content_id({'value': value})[:_DIGITS]}".lstrip("-")


def _told_apart(found: Sequence[Cell]) -> list[Cell]:
    """Cells whose names are all different: the text "1" and the number 1 are read alike."""
    names = [cell.name for cell in found]
    return [
        Cell(f"{cell.name}-{cell.recipe.key}", cell.values, cell.recipe) if names.count(cell.name) > 1 else cell
        for cell in found
    ]
