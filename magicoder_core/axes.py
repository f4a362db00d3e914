"""The table ``[matrix]`` of a recipe: which values vary, written as paths with a list of values each.

    [matrix]
    "trainer.learning_rate" = [1e-5, 5e-5]      # a path as of -o, in quotes; or nested tables: [matrix.trainer]
    "trainer.data_limit" = [1000, 10000]        # 2 x 2 combinations, the last one varies fastest

``[[matrix]]`` may stand several times: each is a product of its own, and all of them are run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from magicoder_core.errors import RecipeError

MATRIX = "matrix"

Point = Mapping[str, Any]
"""One combination: the value of each path that varies."""


def expand(table: dict[str, Any], where: str) -> None:
    """Write the quoted paths of a recipe's ``[matrix]`` as nested tables, so that an override finds them.

    Raises:
        RecipeError: a path stands twice, or within another; ``where`` names the recipe.
    """
    if MATRIX in table:
        given = table[MATRIX]
        rows = given if isinstance(given, list) else [given]
        nested = [_nested(row, where) if isinstance(row, dict) else row for row in rows]
        table[MATRIX] = nested if isinstance(given, list) else nested[0]


def _nested(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, values in _leaves(row):
        *above, last = path.split(".")
        place: Any = made
        for part in above:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place
        if not isinstance(place, dict) or last in place:
            raise RecipeError(f"{where}: {MATRIX}.{path}: stands there twice, or within another; leave one out")
        place[last] = values
    return made


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The paths of a table, in dots, each with what stands there."""
    for name, value in table.items():
        path = f"{above}.{name}" if above else str(name)
        if isinstance(value, dict):
            yield from _leaves(value, path)
        else:
            yield path, value


def check(given: Any, overrides: Sequence[str], where: str) -> None:
    """Look whether a recipe's ``[matrix]``, as `expand` left it, says what varies.

    Raises:
        RecipeError: it does not, or an override sets a value that it varies.
    """
    rows = given if isinstance(given, list) else [given]
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        raise RecipeError(f'{where}: {MATRIX}: a table of lists is needed, as "trainer.learning_rate" = [1e-5, 5e-5]')
    fixed = [text.partition("=")[0].strip() for text in overrides]
    for path, values in (leaf for row in rows for leaf in _leaves(row)):
        if not isinstance(values, list) or not values:
            raise RecipeError(f"{where}: {MATRIX}.{path}: a list of values is needed (got {values!r:.60})")
        if path.split(".")[0] in {MATRIX, "name"} or not all(path.split(".")):
            raise RecipeError(
                f"{where}: {MATRIX}.{path}: this cannot vary; give a path as of -o (trainer.learning_rate)"
            )
        if path in fixed:
            raise RecipeError(f"-o {path}: the recipe's matrix varies it; set -o {MATRIX}.{path}='[...]'")


def points(given: Any) -> list[Point]:
    """All combinations, each once, in the order in which they are written: the last list varies fastest."""
    rows = given if isinstance(given, list) else [given]
    found: list[Point] = []
    for row in rows:
        leaves = list(_leaves(row))
        for values in itertools.product(*(values for _, values in leaves)):
            point = dict(zip((path for path, _ in leaves), values, strict=True))
            if point not in found:
                found.append(point)
    return found
