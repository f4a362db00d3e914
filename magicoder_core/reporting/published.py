"""The paper's rows: facts with their sources, read from ``published.json`` beside this module."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from magicoder_core.reporting.shapes import Cell, Column, Row

METRIC = "pass@1"
"""What all published figures are."""


@cache
def _facts() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(Path(__file__).with_name("published.json").read_text("utf-8"))
    return found


def rows(columns: Sequence[Column]) -> list[Row]:
    """The published rows that have a figure in one of these columns."""
    keys, made = [column.key for column in columns], []
    for row in _facts()["rows"]:
        cells = {key: Cell(value=row["scores"][key] / 100) for key in keys if key in row["scores"]}
        if cells:
            facts = {"origin": tuple(row["source"]), "place": row["table"], "note": row.get("note", "")}
            made.append(Row(name=row["model"], cells=cells, published=True, **facts))
    return made


def conditions(column: str) -> Mapping[str, Any]:
    """What is known of how the figures of a column came about; see `comparing.conditions`."""
    found: Mapping[str, Any] = _facts()["conditions"].get(column, {})
    return found


def averaged(column: str) -> Sequence[str]:
    """The titles of the columns that a published average is over; empty for a column that is none."""
    found: Sequence[str] = _facts()["averages"].get(column, ())
    return found


def circumstances(suite: str) -> str:
    """The same of a suite, in words; empty where nothing is published."""
    return str(_facts()["suites"].get(suite, ""))


def sources() -> Mapping[str, str]:
    """What the sources are, by their short names."""
    found: Mapping[str, str] = _facts()["sources"]
    return found
