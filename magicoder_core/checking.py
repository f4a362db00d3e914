"""What a machine has and lacks for a recipe: the findings of `magicoder check`."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from magicoder_core import axes, matrix, plugins, recipe, sandbox, stages
from magicoder_core.errors import attributed
from magicoder_core.plugins import Catalogue
from magicoder_core.recipe import Bound, Plan, Recipe

_WEAKEST = "rlimits"
"""The level that a recipe or a command must allow."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, whether it is as it must be, and a line about it.

    A ``doubtful`` one can run and is hardly meant so.
    """

    subject: str
    good: bool
    detail: str
    doubtful: bool = False


def check_recipe(given: str, overrides: Sequence[str]) -> list[Finding]:
    """Everything that a recipe needs, and plugins that did not load.

    Raises:
        RecipeError: the recipe itself is wrong.
    """
    catalogue = plugins.catalogue()
    read = recipe.read(given, overrides)
    needed = _of_cells(read, catalogue) if axes.MATRIX in read.table else _of_plan(recipe.bind(read, catalogue))
    return [
        Finding("python", good=True, detail=f"{platform.python_version()} on {platform.platform()}"),
        *(Finding("plugin", good=False, detail=line) for line in catalogue.broken),
        *needed,
        *([] if any(item.subject == "isolation" for item in needed) else [_sandbox()]),
        Finding("disk", good=True, detail=f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB free here"),
    ]


def _of_plan(plan: Plan) -> list[Finding]:
    return [*_needed(plan), *_doubts(plan)]


def _of_cells(read: Recipe, catalogue: Catalogue) -> list[Finding]:
    """What the cells of a matrix need: what is found alike in all of them once, anything else with the cell's name."""
    found: dict[str, list[Finding]] = {}
    cells = matrix.cells(read)
    for cell in cells:
        with matrix.named(cell):
            found[cell.name] = _of_plan(recipe.bind(cell.recipe, catalogue))
    common = [item for item in next(iter(found.values())) if all(item in others for others in found.values())]
    return [
        Finding("matrix", good=True, detail=f"{len(found)} cells: {', '.join(found)}"),
        *(Finding("matrix", good=True, detail=line) for line in matrix.spending(cells)),
        *common,
        *(
            replace(item, detail=f"{name}: {item.detail}")
            for name, findings in found.items()
            for item in findings
            if item not in common
        ),
    ]


def _needed(plan: Plan) -> Iterator[Finding]:
    """What `stages.preflight` looked at; it names providers in the order of their stages, and other things between."""
    chosen = stages.select(plan)
    waiting = [bound for stage in chosen for bound in stage.providers(plan)]
    for name, problem in stages.preflight(plan, chosen):
        bound = waiting.pop(0) if waiting and waiting[0].name == name else None
        subject = "isolation" if name == "sandbox" and bound is None else name
        yield Finding(subject, good=problem is None, detail=str(problem) if problem else _detail(subject, bound))
        if bound is not None and problem is None:
            yield from _notes(bound)


def _notes(bound: Bound[Any]) -> Iterator[Finding]:
    with attributed("plugin", bound.name):
        lines = list(bound.provider.notes())
    yield from (Finding(bound.name, good=True, detail=line) for line in lines)


def _doubts(plan: Plan) -> Iterator[Finding]:
    for name, doubt in stages.doubts(plan, stages.select(plan)):
        yield Finding(name, good=True, detail=doubt, doubtful=True)


def _detail(subject: str, bound: Bound[Any] | None) -> str:
    if bound is None and subject == "isolation":
        return _isolation(", weak as allowed")
    found = bound or next(iter(plugins.catalogue().named(subject)), None)
    return f"{found.distribution} {found.version}" if found else "as it must be"


def _sandbox() -> Finding:
    """How strongly untrusted code can be locked in here, for a recipe that runs none."""
    return Finding("sandbox", good=True, detail=_isolation())


def _isolation(weak: str = "") -> str:
    """The level that this machine gives, and how to get a better one; ``weak`` is said of the weakest."""
    found = sandbox.probe()
    if not found.problem:
        return f"{found.level}, {found.origin}" if found.origin else found.level
    return (
        f"{found.level}{weak if found.level == _WEAKEST else ''}: {found.problem}; for a stronger one: {found.remedy}"
    )
