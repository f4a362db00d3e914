"""The table as Markdown: a table for each suite, then what is to be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from magicoder_core.judging.words import short
from magicoder_core.reporting import words
from magicoder_core.reporting.shapes import Column, Row, Suite, Table
from magicoder_core.reporting.telling import told

_SPECIAL = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]<>|"})


def page(table: Table) -> str:
    """The whole text. Names and words of others are escaped."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    for suite in table.suites:
        yield from (f"## {_plain(suite.title)}", "", f"{table.metric} in per cent, with 95% interval.", "")
        yield _row(["", *(_plain(column.title) for column in suite.columns)])
        yield _row(["---", *("---:" for _ in suite.columns)])
        for number, row in enumerate(suite.rows):
            yield _row([_name(row), *(_cell(suite, number, column) for column in suite.columns)])
        yield ""
        for item in suite.marks:
            yield f"- **{item.letter}** {_plain(words.mark(suite, item))}"
        for fact in (*words.unjudged(suite), *words.facts(suite)):
            yield f"- {_plain(fact)}"
        yield ""
    yield from ("## What the scores depend on", "")
    for score in table.scores:
        yield from (f"**{_plain(score.name)}, {_plain(score.benchmark)}**", "")
        yield from (f"- {name}: {_plain(text)}" for name, text in told(score))
        yield ""
    yield from (f"- {_plain(text)}" for text in words.closing(table))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _name(row: Row) -> str:
    return f"*{_plain(row.name)}* {_plain(words.origin(row))}" if row.published else _plain(row.name)


def _cell(suite: Suite, row: int, column: Column) -> str:
    cell = suite.rows[row].cells.get(column.key)
    if cell is None:
        return ""
    ends, letters = words.interval(cell), suite.letters(row, column.key)
    return words.value(cell) + (f" [{ends}]" if ends else "") + (f" **{letters}**" if letters else "")


def _plain(text: str) -> str:
    """One line, in which nothing is markup."""
    return short(text, len(text) + 1).translate(_SPECIAL)
