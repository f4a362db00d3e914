"""The table for a terminal: a figure with its interval below it, columns in blocks as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from magicoder_core.judging.words import short
from magicoder_core.reporting import words
from magicoder_core.reporting.shapes import Cell, Column, Suite, Table
from magicoder_core.reporting.telling import told

WIDTH = 100
"""Columns of a terminal that a table takes at most."""

_NAMES = 30
_GAP = "  "


class Line(NamedTuple):
    """One line; a strong one is a heading."""

    text: str
    strong: bool = False


def lines(table: Table, width: int = WIDTH) -> Iterator[Line]:
    """All of it, no line longer than ``width``."""
    for suite in table.suites:
        yield Line(f"{suite.title}: {table.metric} in per cent, with 95% interval", strong=True)
        for block in _blocks(suite, width):
            yield Line("")
            yield from block
        yield Line("")
        for item in suite.marks:
            yield from _paragraph(f"{item.letter}: {words.mark(suite, item)}", width)
        for fact in (*words.unjudged(suite), *words.facts(suite)):
            yield from _paragraph(fact, width)
        yield Line("")
    yield from _scores(table, width)
    for closing in words.closing(table):
        yield from _paragraph(closing, width)


def _paragraph(text: str, width: int) -> Iterator[Line]:
    line = short(text, len(text) + 1)
    wrapped = textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="     ", break_on_hyphens=False)
    yield from map(Line, wrapped)


def _scores(table: Table, width: int) -> Iterator[Line]:
    """What each score depends on."""
    for number, score in enumerate(table.scores):
        yield Line(short(f"{score.name}, {score.benchmark}", width), strong=True)
        for name, text in told(score):
            yield from _paragraph(f"{name}: {text}", width)
        if number < len(table.scores) - 1 or table.sources or table.unplaced:
            yield Line("")


def _blocks(suite: Suite, width: int) -> Iterator[list[Line]]:
    """The suite's columns, as many at a time as there is room for, and each time about as many."""
    names = [short(f"{row.name} {words.origin(row)}") for row in suite.rows]
    cells = {
        column.key: [_lines_of(suite, number, column) for number in range(len(suite.rows))] for column in suite.columns
    }
    widths = {
        column.key: max(len(line) for lines in [[_title(column)], *cells[column.key]] for line in lines or [""])
        for column in suite.columns
    }
    left = width - sum(len(_GAP) + size for size in widths.values())
    first = min(max(map(len, names)), max(_NAMES, left), width // 2)
    for columns in _parted(suite.columns, [widths[column.key] for column in suite.columns], width - first):
        yield list(_block(suite, names, columns, (first, widths, cells)))


def _title(column: Column) -> str:
    return short(column.title, 20)


def _parted(columns: Sequence[Column], widths: Sequence[int], room: int) -> Iterator[Sequence[Column]]:
    """Runs of columns, none wider than the room (if one column is not): as few as can be, and of even number."""
    fits = max(1, room // (max(widths) + len(_GAP)))
    count = -(-len(columns) // fits)
    start = 0
    for number in range(count):
        size = len(columns) // count + (number < len(columns) % count)
        yield columns[start : start + size]
        start += size


def _block(
    suite: Suite,
    names: Sequence[str],
    columns: Sequence[Column],
    shape: tuple[int, dict[str, int], dict[str, list[list[str]]]],
) -> Iterator[Line]:
    """Heading, own rows, published rows."""
    first, widths, cells = shape
    yield Line(_joined(["", *map(_title, columns)], [first, *(widths[column.key] for column in columns)]))
    told = False
    for number, row in enumerate(suite.rows):
        there = [cells[column.key][number] for column in columns]
        if not any(there):
            continue
        if row.published and not told:
            told = True
            yield Line("published")
        name = textwrap.wrap(names[number], first) or [""]
        for step in range(max(len(name), *map(len, there))):
            parts = [item[step] if step < len(item) else "" for item in (name, *there)]
            yield Line(_joined(parts, [first, *(widths[column.key] for column in columns)]))


def _joined(parts: Iterable[str], widths: Iterable[int]) -> str:
    """The name on the left of its column, everything else on the right of its own."""
    padded = [
        part.rjust(width) if number else part.ljust(width)
        for number, (part, width) in enumerate(zip(parts, widths, strict=True))
    ]
    return _GAP.join(padded).rstrip()


def _lines_of(suite: Suite, row: int, column: Column) -> list[str]:
    """The lines of a cell; marks stand behind the figure."""
    cell = suite.rows[row].cells.get(column.key)
    if cell is None:
        return []
    if cell.value is None:
        return words.value(cell).split()
    return [f"{words.value(cell)}{_letters(suite, row, column)}", *filter(None, [_ends(cell)])]


def _letters(suite: Suite, row: int, column: Column) -> str:
    letters = suite.letters(row, column.key)
    return f" {letters}" if letters else ""


def _ends(cell: Cell) -> str:
    return words.interval(cell, "-")
