"""What a table is made of. Figures are shares between 0 and 1, as in a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from magicoder_core.reporting.reading import Score


@dataclass(frozen=True, kw_only=True)
class Column:
    """One figure of a suite.

    Args:
        key: names it in JSON and among published figures, as ``humaneval+`` or ``multipl-e/java``.
        title: as short as a terminal wants it.
        group: the group of problems (`Problem.group`) that it is about; empty for a whole benchmark.
    """

    key: str
    title: str
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One figure of one row; ``value`` is None where nothing could be judged, and ``why`` then says why.

    Args:
        value: the share of tasks that were solved.
        low: the lower end of its 95% interval; None where a published figure has none.
        high: the upper end.
        tasks: over how many tasks; None where that was not published.
        scores: which scores it is of, by their place in `Table.scores`.
        over: the columns that an average is over, by their titles.
        why: why there is no figure.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    tasks: int | None = None
    scores: tuple[int, ...] = ()
    over: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model, or a file of samples, in one suite; of a published one it is told where it stands.

    Args:
        name: as it is shown.
        cells: by the columns' keys; a column that is not there was not scored.
        published: whether the figures are the paper's.
        origin: the sources of a published row, by their keys in `Table.sources`.
        place: where a published row stands, as ``Table 1``.
        note: what is to be known of it.
    """

    name: str
    cells: Mapping[str, Cell]
    published: bool = False
    origin: tuple[str, ...] = ()
    place: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Why figures of one row must not be compared with others; ``letter`` stands beside each of them.

    Args:
        letter: a, b, ... z, aa.
        row: the place of the row that it is about, among its suite's.
        columns: the columns' keys.
        beside: the row that it is not to be compared with; empty where those are the published ones.
        reasons: what differs, a phrase each, with the columns in which it does.
    """

    letter: str
    row: int
    columns: tuple[str, ...]
    beside: str
    reasons: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Columns that stand together with all rows that have one of them, the published ones last."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    marks: Sequence[Mark] = ()
    published: str = ""
    """The conditions under which the published figures came about, as far as they are known."""

    def letters(self, row: int, column: str) -> str:
        """The marks of a cell, as ``a,b``."""
        return ",".join(mark.letter for mark in self.marks if mark.row == row and column in mark.columns)


@dataclass(frozen=True, kw_only=True)
class Table:
    """All suites, the scores that they are made of, and the sources of published figures."""

    metric: str
    suites: Sequence[Suite]
    scores: Sequence[Score]
    unplaced: Sequence[str] = ()
    """Figures for which the columns had no place, a line each."""
    sources: Mapping[str, str] = field(default_factory=dict)
