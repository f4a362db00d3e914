"""Cells and marks in words, the same in all forms of a table."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from magicoder_core.reporting.shapes import Cell, Mark, Row, Suite, Table

NOT_JUDGED = "not judged"


def percent(value: float) -> str:
    """A share in per cent, to one digit."""
    return f"{100 * value:.1f}"


def interval(cell: Cell, between: str = ", ") -> str:
    """The ends of the interval; empty where there is none."""
    if cell.low is None or cell.high is None:
        return ""
    return f"{percent(cell.low)}{between}{percent(cell.high)}"


def value(cell: Cell) -> str:
    """The figure, or that there is none."""
    return NOT_JUDGED if cell.value is None else percent(cell.value)


def mark(suite: Suite, item: Mark) -> str:
    """What a mark says; a reason that does not concern all figures of the row names those that it does."""
    there = {key for key, cell in suite.rows[item.row].cells.items() if cell.value is not None}
    beside = f"'{item.beside}'" if item.beside else "the published rows"
    reasons = [
        reason if set(columns) == there else f"in {_titles(suite, columns)}: {reason}"
        for reason, columns in sorted(item.reasons.items(), key=lambda found: set(found[1]) != there)
    ]
    return f"'{suite.rows[item.row].name}' is not to be compared with {beside}: {'; '.join(reasons)}"


def _titles(suite: Suite, keys: Collection[str]) -> str:
    return ", ".join(column.title for column in suite.columns if column.key in keys)


def unjudged(suite: Suite) -> Iterator[str]:
    """Why there are cells without a figure, a line for each row and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in suite.rows:
        for key, cell in row.cells.items():
            if cell.value is None:
                found.setdefault((row.name, cell.why), []).append(key)
    for (name, why), keys in found.items():
        yield f"'{name}' has no figure for {_titles(suite, keys)}: {why}"


def tasks(suite: Suite) -> Iterator[str]:
    """Over how many tasks the figures of each own row are."""
    for row in suite.rows:
        if not row.published:
            parts = [
                f"{column.title} {row.cells[column.key].tasks}"
                for column in suite.columns
                if column.key in row.cells and row.cells[column.key].value is not None
            ]
            if parts:
                yield f"tasks of '{row.name}': {', '.join(parts)}"


def origin(row: Row) -> str:
    """Of a published row, the short names of its sources, in brackets."""
    return f"[{', '.join(row.origin)}]" if row.origin else ""


def facts(suite: Suite) -> Iterator[str]:
    """What stands under a suite, a line each, besides its marks and what was not judged."""
    yield from tasks(suite)
    if suite.published:
        yield f"published: {suite.published}"
    yield from published(suite)


def published(suite: Suite) -> Iterator[str]:
    """Where the published rows stand, a line for each of the paper's tables, with what is to be known of a row."""
    found: dict[str, list[str]] = {}
    for row in suite.rows:
        if row.published:
            found.setdefault(row.place, []).append(f"{row.name} ({row.note})" if row.note else row.name)
    for place, names in found.items():
        yield f"{place}: {', '.join(names)}"


def closing(table: Table) -> Iterator[str]:
    """What stands under all suites."""
    yield from table.unplaced
    for key, source in table.sources.items():
        yield f"[{key}] {source}"
