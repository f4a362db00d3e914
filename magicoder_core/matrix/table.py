"""What came of a matrix of runs: ``matrix.json`` for programs, ``matrix.md`` for people, a line for each cell.

All of it is read from the cells' own directories, so that it can be written at any time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, summary
from magicoder_core.errors import RunError
from magicoder_core.matrix.cells import Cell, headings, text
from magicoder_core.matrix.sharing import TAKEN
from magicoder_core.rundir import CELLS, RunDirectory

TABLE = "matrix.json"
_READABLE = "matrix.md"
_TRAINING = "training.jsonl"
"""What a trainer writes while it runs: objects with ``loss``, and now and then ``held_out_loss``."""

_LOSSES = ("loss", "held_out_loss")
_PLAIN = frozenset({"model", "tuned"})
"""Labels of models that need no mention: each cell has one of them, beside which others may stand."""


def is_matrix(folder: Path) -> bool:
    """Whether a directory is that of a matrix of runs.

    Raises:
        RunError: its ``run.json`` is damaged.
    """
    return CELLS in RunDirectory(folder).facts


def write(folder: Path, name: str, cells: Sequence[Cell], failed: Mapping[str, str]) -> None:
    """Write both files, whole.

    Args:
        folder: the directory of the matrix, with a run directory for each cell that was begun.
        name: the recipe's.
        cells: what there is to run.
        failed: why a cell could not go on, by its name.
    """
    found = [_line(folder / cell.name, cell, failed.get(cell.name)) for cell in cells]
    varied = list(dict.fromkeys(path for cell in cells for path in cell.values))
    table = {"name": name, "varied": varied, "cells": found}
    jsonl.write_json(folder / TABLE, table)
    jsonl.write_text(folder / _READABLE, _markdown(table))


def _line(place: Path, cell: Cell, failed: str | None) -> dict[str, Any]:
    stages = RunDirectory(place).stages
    counts = {name: stage.get("counts") or {} for name, stage in stages.items()}
    done = {name: counts[name] for name, stage in stages.items() if stage["status"] == "done"}
    rows = [
        counts.get("train", {}).get("rows"),
        counts.get("filter", {}).get("kept"),
        counts.get("generate", {}).get("rows"),
    ]
    return {
        "name": cell.name,
        "values": dict(cell.values),
        "recipe_key": cell.recipe.key,
        "status": _status(stages, failed),
        **({"error": failed} if failed else {}),
        "stages": {
            name: {key: stage[key] for key in ("status", "seconds", TAKEN) if key in stage}
            for name, stage in stages.items()
        },
        "rows": next((number for number in rows if number is not None), None),
        **(_losses(place, len(cell.recipe.table.get("trainer", []))) if "train" in done else {}),
        "scores": _scores(done.get("evaluate", {})),
    }


def _status(stages: Mapping[str, Any], failed: str | None) -> str:
    """``done`` also of a cell that was run to a certain stage only: its stages are told one by one."""
    if failed:
        return "failed"
    if not stages:
        return "waiting"
    return next((stage["status"] for stage in stages.values() if stage["status"] != "done"), "done")


def _losses(place: Path, trainers: int) -> dict[str, float]:
    """The last losses that the last of so many trainers wrote down, where it did."""
    last: dict[str, float] = {}
    log = place / "logs" / ("train" if trainers == 1 else f"train-{trainers}") / _TRAINING
    for line in jsonl.read(log) if log.is_file() else ():
        last |= {name: line[name] for name in _LOSSES if isinstance(line.get(name), int | float)}
    return last


def _scores(counts: Mapping[str, Any]) -> dict[str, Any]:
    """By benchmark, model and metric: value and interval."""
    return {
        benchmark: {
            label: {name: value for name, value in metrics.items() if name not in summary.BESIDE}
            for label, metrics in models.items()
        }
        for benchmark, models in counts.items()
    }


def grid(table: Mapping[str, Any]) -> list[list[str]]:
    """The table for reading: a line of headings, then one for each cell; columns that say nothing are left out."""
    cells = table["cells"]
    heads = headings(table["varied"])
    columns = {
        head: [text(cell["values"][path]) if path in cell["values"] else "" for cell in cells]
        for path, head in heads.items()
    }
    columns["status"] = ["" if cell["status"] == "done" else cell["status"] for cell in cells]
    columns["rows"] = ["" if cell["rows"] is None else str(cell["rows"]) for cell in cells]
    for name in _LOSSES:
        columns[name.replace("_", "-")] = [f"{cell[name]:.4f}" if name in cell else "" for cell in cells]
    shown = [_shown(cell["scores"]) for cell in cells]
    for head in dict.fromkeys(head for row in shown for head in row):
        columns[head] = [row.get(head, "") for row in shown]
    kept = {head: column for head, column in columns.items() if any(column)}
    return [list(kept), *map(list, zip(*kept.values(), strict=True))]


def _shown(scores: Mapping[str, Any]) -> dict[str, str]:
    """A cell's scores in words, by heading."""
    made = {}
    for benchmark, models in scores.items():
        for label, metrics in models.items():
            for metric, value in metrics.items():
                made[f"{benchmark} {metric}{'' if label in _PLAIN else f' ({label})'}"] = summary.score(value)
    return made


def _markdown(table: Mapping[str, Any]) -> str:
    head, *rows = [[_cell(item) for item in row] for row in grid(table)]
    lines = [f"# {table['name']}", "", _row(head), _row(["---"] * len(head)), *map(_row, rows)]
    wrong = [f"- {cell['name']}: {_cell(cell['error'])}" for cell in table["cells"] if "error" in cell]
    return "\n".join([*lines, *(["", *wrong] if wrong else []), ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: str) -> str:
    return " ".join(value.replace("|", "\\|").split())


def read(folder: Path) -> dict[str, Any]:
    """``matrix.json``.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads((folder / TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        again = "run the same command again: it is written anew"
        raise RunError(f"{folder / TABLE}: not readable ({error}); {again}") from error
    return found


def overview(folder: Path) -> tuple[str, dict[str, Any]]:
    """A line about a matrix of runs, and its table.

    Raises:
        RunError: as `read`.
    """
    table = read(folder)
    done = sum(cell["status"] == "done" for cell in table["cells"])
    return f"{table['name']}  {folder}  {done} of {len(table['cells'])} cells done", table
