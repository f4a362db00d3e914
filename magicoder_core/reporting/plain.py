"""The table as plain JSON values, for programs."""

from __future__ import annotations

from typing import Any

from magicoder_core.reporting.shapes import Cell, Row, Suite, Table


def document(table: Table) -> dict[str, Any]:
    """All of it; figures are shares between 0 and 1, ``scores`` of a cell are places in the list of scores."""
    return {
        "metric": table.metric,
        "suites": [_suite(suite) for suite in table.suites],
        "scores": [{"name": score.name, "path": str(score.path), **score.report} for score in table.scores],
        "unplaced": list(table.unplaced),
        "sources": dict(table.sources),
    }


def _suite(suite: Suite) -> dict[str, Any]:
    return {
        "key": suite.key,
        "title": suite.title,
        "columns": [{"key": column.key, "title": column.title, "group": column.group} for column in suite.columns],
        "rows": [_row(suite, number, row) for number, row in enumerate(suite.rows)],
        "marks": [
            {
                "letter": mark.letter,
                "row": mark.row,
                "columns": list(mark.columns),
                "beside": mark.beside or None,
                "reasons": {reason: list(columns) for reason, columns in mark.reasons.items()},
            }
            for mark in suite.marks
        ],
        **({"published": suite.published} if suite.published else {}),
    }


def _row(suite: Suite, number: int, row: Row) -> dict[str, Any]:
    cells = {column.key: _cell(row.cells[column.key]) for column in suite.columns if column.key in row.cells}
    origin = {"table": row.place, "source": list(row.origin), "note": row.note} if row.published else {}
    for key, cell in cells.items():
        if letters := suite.letters(number, key):
            cell["marks"] = letters.split(",")
    return {"name": row.name, "published": row.published, **origin, "cells": cells}


def _cell(cell: Cell) -> dict[str, Any]:
    made: dict[str, Any] = {"value": cell.value}
    if cell.low is not None:
        made |= {"low": cell.low, "high": cell.high, "tasks": cell.tasks}
    if cell.scores:
        made["scores"] = list(cell.scores)
    if cell.over:
        made["over"] = list(cell.over)
    return made | ({"why": cell.why} if cell.why else {})
