"""The table as one page for a browser, which loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from magicoder_core.reporting import words
from magicoder_core.reporting.shapes import Cell, Suite, Table
from magicoder_core.reporting.telling import told
from magicoder_core.resources import templates


def page(table: Table) -> str:
    """The whole page. Names and words of others are escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(templates() / "report"), autoescape=True, trim_blocks=True)
    return environment.get_template("scores.html.jinja").render(
        metric=table.metric,
        names=list(dict.fromkeys(score.name for score in table.scores)),
        suites=[_suite(suite) for suite in table.suites],
        scores=[{"name": score.name, "benchmark": score.benchmark, "told": told(score)} for score in table.scores],
        closing=list(words.closing(table)),
    )


def _suite(suite: Suite) -> dict[str, Any]:
    return {
        "title": suite.title,
        "published": bool(suite.published),
        "columns": suite.columns,
        "rows": list(_rows(suite)),
        "marks": [(mark.letter, words.mark(suite, mark)) for mark in suite.marks],
        "unjudged": list(words.unjudged(suite)),
        "facts": list(words.facts(suite)),
    }


def _rows(suite: Suite) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(suite.rows):
        cells = [
            _cell(row.cells[column.key], suite.letters(number, column.key)) if column.key in row.cells else None
            for column in suite.columns
        ]
        yield {
            "name": row.name,
            "published": row.published,
            "origin": ", ".join(row.origin),
            "note": f"{row.place}: {row.note}" if row.note else row.place,
            "cells": cells,
        }


def _cell(cell: Cell, letters: str) -> dict[str, Any]:
    """The words of a figure, and in per cent where its interval is drawn."""
    made: dict[str, Any] = {
        "text": words.value(cell),
        "letters": letters,
        "ends": words.interval(cell, "\N{EN DASH}"),
        "why": cell.why,
    }
    if cell.value is not None and cell.low is not None and cell.high is not None:
        made["left"], made["wide"] = round(100 * cell.low, 2), round(100 * (cell.high - cell.low), 2)
        made["at"] = round(100 * cell.value, 2)
    return made
