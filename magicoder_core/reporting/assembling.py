"""From scores to a table: each figure to its row and column, averages, and the marks of what must not be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, product
from string import ascii_lowercase

from magicoder_core.judging.words import short
from magicoder_core.reporting import published
from magicoder_core.reporting.averaging import average, cell
from magicoder_core.reporting.comparing import conditions, differences
from magicoder_core.reporting.reading import Score
from magicoder_core.reporting.shapes import Cell, Column, Mark, Row, Suite, Table
from magicoder_core.reporting.suites import Figure, Layout, averages, figures, layout, ordered


@dataclass
class _Line:
    """A row that is being filled; ``key`` says whose it is."""

    key: str
    name: str
    cells: dict[str, Cell] = field(default_factory=dict)


@dataclass
class _Draft:
    """A suite that is being filled."""

    layout: Layout
    columns: dict[str, Column] = field(default_factory=dict)
    lines: list[_Line] = field(default_factory=list)

    def line(self, score: Score, taken: Iterable[str]) -> _Line:
        """The row of a score: the one of the same model, if it has room for these columns, else a new one."""
        wanted = set(taken)
        for line in self.lines:
            if line.key == score.row and not line.cells.keys() & wanted:
                return line
        number = sum(line.name.partition(" (#")[0] == score.name for line in self.lines)
        self.lines.append(_Line(score.row, f"{score.name} (#{number + 1})" if number else score.name))
        return self.lines[-1]


def table(scores: Sequence[Score], *, k: int = 1, with_published: bool = True) -> Table:
    """One table over scores.

    Args:
        scores: in the order in which their rows are to stand.
        k: of pass@k, which is what all figures are.
        with_published: have the paper's rows below, where it has any; they are of pass@1.
    """
    metric = f"pass@{k}"
    drafts: dict[str, _Draft] = {}
    unplaced: list[str] = []
    for place, score in sorted(enumerate(scores), key=_plain_first):
        draft = drafts.setdefault((made := layout(score)).key, _Draft(made))
        unplaced += _place(draft, place, score, metric)
    shown = with_published and metric == published.METRIC
    rank = {score_key: number for number, score_key in enumerate(dict.fromkeys(score.row for score in scores))}
    suites = [_suite(draft, scores, metric, rank, shown=shown) for draft in sorted(drafts.values(), key=_rank)]
    sources = {
        key: text for key, text in published.sources().items() if any(key in _origins(suite) for suite in suites)
    }
    return Table(metric=metric, suites=suites, scores=scores, unplaced=unplaced, sources=sources)


def _plain_first(item: tuple[int, Score]) -> bool:
    """A benchmark's own figure has its column before another's base tests are asked for theirs."""
    return item[1].benchmark.endswith("+")


def _rank(draft: _Draft) -> int:
    known = ("python", "multipl-e", "multipl-e mbpp", "ds1000", "ds1000 insertion")
    return known.index(draft.layout.key) if draft.layout.key in known else len(known)


def _origins(suite: Suite) -> set[str]:
    return {key for row in suite.rows for key in row.origin}


def _place(draft: _Draft, place: int, score: Score, metric: str) -> Iterator[str]:
    """Put a score's figures into their columns; gives a line for each that has no room."""
    found = figures(score)
    base = [figure for figure in found if figure.prefix]
    line = draft.line(score, [figure.column.key for figure in found if not figure.prefix])
    for figure in found:
        made = _cell(score, place, figure, metric)
        if made is None:
            continue
        if figure in base and figure.column.key in line.cells:
            yield (
                f"{line.name}: {figure.prefix}{metric} of {score.benchmark} is {_words(made)}; the column "
                f"{figure.column.title} has the score of {figure.column.key} itself"
            )
            continue
        draft.columns.setdefault(figure.column.key, figure.column)
        line.cells[figure.column.key] = made


def _words(made: Cell) -> str:
    low, high = 100 * (made.low or 0), 100 * (made.high or 0)
    return f"{100 * (made.value or 0):.1f}% [{low:.1f}, {high:.1f}]"


def _cell(score: Score, place: int, figure: Figure, metric: str) -> Cell | None:
    """A figure, or why there is none; None where a benchmark has no such figure at all."""
    metrics = score.groups[figure.group] if figure.group else score.report["metrics"]
    if (found := metrics.get(figure.prefix + metric)) is not None:
        return cell(found, place)
    if figure.prefix:
        return None
    statuses = metrics.get("statuses") or {}
    if any(number for status, number in statuses.items() if status != "harness_error"):
        return Cell(value=None, scores=(place,), why=f"no {metric}: a task has too few samples")
    return Cell(value=None, scores=(place,), why=f"not judged: {short(_reason(score, figure.group))}")


def _reason(score: Score, group: str) -> str:
    """Why nothing of a group could be judged, as the benchmark says of its first broken task."""
    broken = score.broken
    own = [reason for task, reason in broken.items() if task.startswith(f"{group}/")]
    every = set(broken.values())
    if own:
        return own[0]
    return (
        every.pop()
        if len(every) == 1
        else "its report tells under `broken`"
        if broken
        else "its report does not say why"
    )


def _suite(draft: _Draft, scores: Sequence[Score], metric: str, rank: Mapping[str, int], *, shown: bool) -> Suite:
    lines = sorted(draft.lines, key=lambda line: rank[line.key])
    columns = ordered(draft.layout, [*draft.columns.values()])
    for column, parts in averages(draft.layout, columns):
        columns.append(column)
        for line in lines:
            there = [(part, line.cells[part.key]) for part in parts if part.key in line.cells]
            if (mean := average(there, scores, metric)) is not None:
                line.cells[column.key] = mean
    own = [Row(name=line.name, cells=line.cells) for line in lines]
    beside = published.rows(columns) if shown else []
    made = Suite(
        key=draft.layout.key,
        title=draft.layout.title,
        columns=columns,
        rows=[*own, *beside],
        published=published.circumstances(draft.layout.key) if beside else "",
    )
    return replace(made, marks=_marks(made, scores))


def _marks(suite: Suite, scores: Sequence[Score]) -> list[Mark]:
    """What must not be compared, with the first row that has a figure there, or with the published ones."""
    found: dict[tuple[int, str], dict[str, list[str]]] = {}
    for column in suite.columns:
        for row, beside, reasons in _unlike(suite, column, scores):
            for reason in reasons:
                found.setdefault((row, beside), {}).setdefault(reason, []).append(column.key)
    letters = _letters()
    return [
        Mark(
            letter=next(letters),
            row=row,
            columns=tuple(
                column.key for column in suite.columns if any(column.key in there for there in told.values())
            ),
            beside=beside,
            reasons={reason: tuple(there) for reason, there in told.items()},
        )
        for (row, beside), told in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _unlike(suite: Suite, column: Column, scores: Sequence[Score]) -> Iterator[tuple[int, str, list[str]]]:
    """For each own figure of a column beside the first of them, and beside the published ones, what differs."""
    own = [
        (number, made)
        for number, row in enumerate(suite.rows)
        if not row.published and (made := row.cells.get(column.key)) is not None and made.value is not None
    ]
    theirs = any(row.published and column.key in row.cells for row in suite.rows)
    for number, made in own:
        first, other = own[0]
        if number != first:
            yield number, suite.rows[first].name, _beside(column, (made, other), scores)
        if theirs:
            wanted, titles = published.conditions(column.key), published.averaged(column.key)
            reasons = [why for place in made.scores for why in conditions(scores[place], made, wanted, titles)]
            yield number, "", list(dict.fromkeys(reasons))


def _beside(column: Column, cells: tuple[Cell, Cell], scores: Sequence[Score]) -> list[str]:
    """What differs between all that one figure is of and all that another is of."""
    pairs = product(*([scores[place] for place in made.scores] for made in cells))
    reasons = [reason for one, other in pairs for reason in differences(one, other, column, cells)]
    return list(dict.fromkeys(reasons))


def _letters() -> Iterator[str]:
    """a, b, ... z, aa, ab, ..."""
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))
