"""`magicoder filter`: any file of rows through any filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import installed, jsonl, plugins, progress, recipe
from magicoder_core.errors import RecipeError
from magicoder_core.filtering import inputs, layouts, outputs, work
from magicoder_core.filtering.job import Job
from magicoder_core.filtering.telling import report
from magicoder_core.overriding import override
from magicoder_core.plugins import Catalogue
from magicoder_core.providers import AskingFilter
from magicoder_core.recipe import Bound, Plan

_SETTINGS = ("generate", "sandbox")
"""Tables of a recipe that ``-o`` may speak of beside the filters'."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be filtered, by what, and where it goes.

    Args:
        rows: files and folders.
        use: names of filters, in order; one may stand several times.
        options: ``NAME.option=value``, as in a recipe: by number where a filter stands twice; without a name where there
            is one filter; ``generate.option=value`` and ``sandbox.option=value`` for asking and for running programs.
        kept: file of the rows that are kept.
        rejected: file of the others.
        report: file of the report, if it is wanted.
        columns: ``problem=COL,solution=COL``, see `layouts.named`.
        workers: processes that judge.
        new: begin anew.
    """

    rows: Sequence[Path]
    use: Sequence[str]
    options: Sequence[str] = ()
    kept: Path
    rejected: Path
    report: Path | None = None
    columns: str | None = None
    workers: int = 1
    new: bool = False


@dataclass(frozen=True)
class Filtered:
    """What came out: the report, and whether all of it had been done before."""

    told: dict[str, Any]
    known: bool


def filtered(wish: Wish) -> Filtered:
    """Filter, or go on, or find it done.

    Raises:
        RecipeError: no such filter, a wrong option, a wrong name of a file.
        RunError: rows cannot be read or written, or a filter failed.
        BudgetError: a limit on asking is reached.
    """
    job = prepared(wish, plugins.catalogue())
    outcome = work.run(job)
    told = report(job, outcome)
    if wish.report is not None:
        with outputs.mendable(wish.report):
            jsonl.write_json(wish.report, told)
    return Filtered(told, outcome.known)


def prepared(wish: Wish, catalogue: Catalogue) -> Job:
    """The job, with all that it needs looked at before anything is done.

    Raises:
        RecipeError: as `filtered`.
        RunError: a file is missing, or would be overwritten.
        MagicoderError: a filter cannot work here.
    """
    columns = layouts.named(wish.columns)
    plan = _plan(wish, catalogue)
    paths = inputs.found(wish.rows)
    _check_outputs(wish, paths)
    for line in catalogue.broken:
        progress.say(line)
    teachers = _teachers(plan, catalogue)
    chosen: list[Bound[Any]] = [*plan.filters, *teachers.values()]
    for bound in chosen:
        bound.provider.check()
    for option, path in _named(wish).items():
        if path is not None:
            outputs.tried(option, path)
    key = {
        "inputs": inputs.identity(paths),
        "columns": columns,
        "filters": [bound.key() for bound in plan.filters],
        "outputs": [str(wish.kept), str(wish.rejected)],
        "magicoder-core": installed.version("magicoder-core"),
    }
    return Job(
        inputs=paths,
        filters=plan.filters,
        kept=wish.kept,
        rejected=wish.rejected,
        key=key,
        journal=wish.kept.with_name(f"{wish.kept.name}.journal.jsonl"),
        teachers=teachers,
        settings=plan.generate,
        columns=columns,
        workers=wish.workers,
        files=_plugin_files(catalogue),
        weak=plan.sandbox.allow_weak_isolation,
        new=wish.new,
        lasting=True,
    )


def _plan(wish: Wish, catalogue: Catalogue) -> Plan:
    """The filters with their options, bound as a recipe's are."""
    if not wish.use:
        raise RecipeError("--use: names a filter; give at least one (magicoder plugins lists them)")
    filters: list[Any] = [{"use": name} for name in wish.use]
    table: dict[str, Any] = {"filter": filters}
    for text in wish.options:
        first = text.partition("=")[0].strip().partition(".")[0]
        known = first in _SETTINGS and first not in wish.use
        override(table if known else filters, text)  # type: ignore[arg-type]  # a list is stepped into likewise
    return recipe.bind(recipe.Recipe("filter", table, ""), catalogue)


def _teachers(plan: Plan, catalogue: Catalogue) -> dict[int, Any]:
    """Whom filters ask, where any asks."""
    if not any(isinstance(bound.provider, AskingFilter) for bound in plan.filters):
        return {}
    from magicoder_core.filtering.asking import teachers

    return teachers(plan.filters, catalogue, None)


def _plugin_files(catalogue: Catalogue) -> list[Path]:
    """The plugins that were given as files: they are registered under their paths."""
    names = [name for name, _ in catalogue.manager.list_name_plugin()]
    return [Path(name) for name in names if name.endswith(".py") and Path(name).is_file()]


def _check_outputs(wish: Wish, paths: Sequence[Path]) -> None:
    """Look whether the outputs can be made, and harm nothing that is read.

    Raises:
        RecipeError: the name of one tells no format.
        RunError: one is, or lies within, what is read; or two are the same.
    """
    outputs.check("--kept", wish.kept)
    outputs.check("--rejected", wish.rejected)
    beside = outputs.beside(wish.kept, wish.rejected)
    outputs.refuse_overlaps(_named(wish), [*wish.rows, *paths], beside)


def _named(wish: Wish) -> dict[str, Path | None]:
    """The files that are asked for, by option."""
    return {"--kept": wish.kept, "--rejected": wish.rejected, "--report": wish.report}
