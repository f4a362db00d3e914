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
    plan = recipe.bind(recipe.read(given, overrides), catalogue)
    return [
        Finding("python", good=True, detail=f"{platform.python_version()} on {platform.platform()}"),
        *(Finding("plugin", good=False, detail=line) for line in catalogue.broken),
        *(needed := list(_needed(plan))),
        *_doubts(plan),
        *([] if any(item.subject == "isolation" for item in needed) else [_sandbox()]),
        Finding("disk", good=True, detail=f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB free here"),
    ]


def _needed(plan: Plan) -> Iterator[Finding]:
    """What `stages.preflight` looked at; it names providers in the order of their stages, and other things between."""
    chosen = stages.select(plan)
    waiting = [bound for stage in chosen for bound in stage.providers(plan)]
    for name, problem in stages.preflight(plan, chosen):
        bound = waiting.pop(0) if waiting and waiting[0].name == name else None
        subject = "isolation" if name == "sandbox" and bound is None else name
        yield Finding(subject, good=problem is None, detail=str(problem) if problem else _detail(subject, bound))


def _doubts(plan: Plan) -> Iterator[Finding]:
    for name, doubt in stages.doubts(plan, stages.select(plan)):
        yield Finding(name, good=True, detail=doubt, doubtful=True)


def _detail(subject: str, bound: Bound[Any] | None) -> str:
    if bound is None and subject == "isolation":
        return _isolation(", weak as allowed")
    found = bound or plugins.catalogue().named(subject)[0]
    return f"{found.distribution} {found.version}"


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
