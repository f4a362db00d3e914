"""One figure over several columns, weighted by their tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from magicoder_core.reporting.reading import Score
from magicoder_core.reporting.shapes import Cell, Column


def cell(metric: Mapping[str, Any], place: int) -> Cell:
    """A figure of the report at ``place`` of `Table.scores`."""
    return Cell(
        value=metric["value"], low=metric["low"], high=metric["high"], tasks=int(metric["tasks"]), scores=(place,)
    )


def average(parts: Sequence[tuple[Column, Cell]], scores: Sequence[Score], metric: str) -> Cell | None:
    """The average over what could be judged of some columns; None if nothing could.

    Args:
        parts: the columns with the row's cells.
        scores: all scores, which the cells name by their places.
        metric: as ``pass@1``.
    """
    judged = [(column, part) for column, part in parts if part.value is not None]
    if not judged:
        return None
    titles, places = tuple(column.title for column, _ in judged), sorted({part.scores[0] for _, part in judged})
    made = _own(scores[places[0]], judged, metric) if len(places) == 1 else None
    value, low, high, tasks = made or _weighted([part for _, part in judged])
    return Cell(value=value, low=low, high=high, tasks=tasks, scores=tuple(places), over=titles)


def _own(score: Score, judged: Sequence[tuple[Column, Cell]], metric: str) -> tuple[float, float, float, int] | None:
    """What the report itself says of just these groups: its interval knows each task."""
    found = score.report["metrics"].get(metric)
    groups = {name for name, metrics in score.groups.items() if metric in metrics}
    if found is None or groups != {column.group for column, _ in judged}:
        return None
    return found["value"], found["low"], found["high"], int(found["tasks"])


def _weighted(cells: Sequence[Cell]) -> tuple[float, float, float, int]:
    """Mean, interval and number of tasks; the parts' distances to their own ends are added in quadrature.

    Source: Zou and Donner 2008, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, section 2, for a weighted sum of independent figures.
    """
    total = sum(cell.tasks or 0 for cell in cells)
    mean = below = above = 0.0
    for part in cells:
        value, weight = part.value or 0.0, (part.tasks or 0) / total
        mean += weight * value
        below += (weight * (value - (value if part.low is None else part.low))) ** 2
        above += (weight * ((value if part.high is None else part.high) - value)) ** 2
    return mean, max(0.0, mean - sqrt(below)), min(1.0, mean + sqrt(above)), total
