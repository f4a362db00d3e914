"""Values that are put into a recipe's table by the way that leads to them: ``trainer.epochs``, ``filter.0.against``."""

from __future__ import annotations

import tomllib
from typing import Any

from magicoder_core.errors import RecipeError


def override(table: dict[str, Any], text: str) -> None:
    """Put ``path.to.option=value`` into the table; the value is TOML where it reads as TOML, else text.

    Raises:
        RecipeError: it is not of that form, or its path leads nowhere.
    """
    path, equals, value = text.partition("=")
    parts = path.strip().split(".")
    if not equals or not all(parts):
        raise RecipeError(f"-o {text}: write it as option=value, with the way to it in a recipe (path.to.option=value)")
    put(table, path.strip(), _value(value.strip()), "-o ")


def put(table: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Put a value where ``path`` leads (``trainer.epochs``, ``filter.decontaminate.against``, ``benchmark.0.limit``).

    Raises:
        RecipeError: it leads nowhere; the message begins with ``where`` and the path.
    """
    parts = path.split(".")
    place: Any = table
    for number, part in enumerate(parts[:-1]):
        place = _step(place, part, f"{where}{'.'.join(parts[: number + 1])}")
    if isinstance(place, list):
        place = _only(place, f"{where}{path}")
    place[parts[-1]] = value


def _step(place: Any, part: str, where: str) -> Any:
    following = _entry(place, part, where) if isinstance(place, list) else place.setdefault(part, {})
    if not isinstance(following, dict | list):
        raise RecipeError(f"{where}: is no table but {following!r}")
    return following


def _entry(rows: list[Any], part: str, where: str) -> Any:
    if part.isdecimal() and int(part) < len(rows):
        return rows[int(part)]
    named = [row for row in rows if isinstance(row, dict)]
    if chosen := [row for row in named if row.get("use") == part]:
        if len(chosen) > 1:
            numbers = ", ".join(str(number) for number, row in enumerate(rows) if row in chosen)
            raise RecipeError(f"{where}: there are {len(chosen)} of that name; give the number ({numbers})")
        return chosen[0]
    raise RecipeError(f"{where}: no such entry; there are: {', '.join(str(row.get('use', '?')) for row in named)}")


def _only(rows: list[Any], where: str) -> Any:
    if len(rows) != 1:
        raise RecipeError(f"{where}: there are {len(rows)} entries; say which, by number or by name")
    if not isinstance(rows[0], dict):
        raise RecipeError(f"{where}: {rows!r} has no tables; give the list whole")
    return rows[0]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
