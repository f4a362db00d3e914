"""What a machine has and lacks for a recipe: the findings of `magicoder check`."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import plugins, recipe, sandbox, stages
from magicoder_core.recipe import Bound, Plan


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, whether it is as it must be, and a line about it."""

    subject: str
    good: bool
    detail: str


def check_recipe(given: str, overrides: Sequence[str]) -> list[Finding]:
    """Everything that a recipe needs, and plugins that did not load.

    Raises:
        RecipeError: the recipe itself is wrong.
    """
    catalogue = plugins.catalogue()
    plan = recipe.bind(recipe.read(given, overrides), catalogue)
    return [
        Finding("python", good=True, detail=f"{platform.python_version()} on {platform.platform()}"),
        *(Finding("plugin", good=False, detail=line) for line in catalogue.broken),
        *_providers(plan),
        _isolation(),
        Finding("disk", good=True, detail=f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB free here"),
    ]


def _providers(plan: Plan) -> Iterator[Finding]:
    details = {bound.name: _detail(bound) for bound in plan.providers()}
    for name, problem in stages.preflight(plan, stages.select(plan)):
        if name in details:
            yield Finding(name, good=problem is None, detail=str(problem) if problem else details[name])


def _detail(bound: Bound[Any]) -> str:
    return f"{bound.distribution} {bound.version}"


def _isolation() -> Finding:
    found = sandbox.probe()
    detail = f"{found.level}, {found.origin}" if not found.problem else f"{found.problem}; {found.remedy}"
    return Finding("isolation", good=not found.problem, detail=detail)
