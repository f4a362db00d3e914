"""Which columns stand together, and which figure of a report goes where.

The order is the paper's: HumanEval and MBPP with and without a plus (its Tables 1 and 4), MultiPL-E by language (Table
2), DS-1000 by library (Table 3). Any other benchmark with groups of problems is a suite of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from magicoder_core.reporting.reading import Score
from magicoder_core.reporting.shapes import Column

AVERAGE, ALL = "average", "all"
"""The last parts of the keys of columns that are averages: over the published languages, over all groups."""

PYTHON = "python"
"""The key of the suite of HumanEval and MBPP."""

_LANGUAGES = {
    "java": "Java",
    "js": "JS",
    "cpp": "C++",
    "php": "PHP",
    "swift": "Swift",
    "rs": "Rust",
    "ts": "TS",
    "go": "Go",
    "cs": "C#",
    "py": "Python",
    "rb": "Ruby",
    "jl": "Julia",
    "pl": "Perl",
    "lua": "Lua",
    "r": "R",
    "rkt": "Racket",
    "scala": "Scala",
    "sh": "Bash",
    "d": "D",
}
"""Languages of MultiPL-E by its own short names, the paper's six first."""

_SIX = tuple(_LANGUAGES)[:6]

_LIBRARIES = {
    "matplotlib": "plt",
    "numpy": "np",
    "pandas": "pd",
    "pytorch": "torch",
    "scipy": "scipy",
    "sklearn": "sklearn",
    "tensorflow": "tf",
}
"""Libraries of DS-1000 as its data call them, and as the paper's Table 3 does."""

_SEVERAL = 2

_SUBSETS = {"humaneval": "HumanEval", "mbpp": "MBPP", "both": "HumanEval and MBPP"}
_MODES = {"completion": "Completion", "insertion": "Insertion"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a suite's columns are made.

    Args:
        key: the suite's, and the first part of its columns' keys.
        title: of the suite.
        names: the groups that are known, in order, each with its title.
        average: the groups of the published average, if that is not over all of them.
        whole: the column over all groups.
    """

    key: str
    title: str
    names: Mapping[str, str] = field(default_factory=dict)
    average: tuple[str, ...] = ()
    whole: str = ALL


class Figure(NamedTuple):
    """One figure of a report: its column, and where it stands (a group, or the whole; and with which prefix)."""

    column: Column
    group: str = ""
    prefix: str = ""


_COLUMNS = {
    "humaneval": Column(key="humaneval", title="HumanEval"),
    "humaneval+": Column(key="humaneval+", title="HumanEval+"),
    "mbpp": Column(key="mbpp", title="MBPP"),
    "mbpp+": Column(key="mbpp+", title="MBPP+"),
}


def layout(score: Score) -> Layout:
    """The suite that a score belongs to."""
    name = score.benchmark
    if name in _COLUMNS:
        return Layout(key=PYTHON, title="HumanEval and MBPP")
    if name == "multipl-e":
        subset = score.versions.get("suite", "humaneval")
        key = name if subset == "humaneval" else f"{name} {subset}"
        title = f"MultiPL-E, {_SUBSETS.get(subset, subset)}"
        return Layout(key=key, title=title, names=_LANGUAGES, average=_SIX)
    if name == "ds1000":
        mode = str(score.versions.get("mode", "completion")).lower()
        key = name if mode == "completion" else f"{name} {mode}"
        return Layout(key=key, title=f"DS-1000, {_MODES.get(mode, mode)}", names=_LIBRARIES)
    if score.groups:
        return Layout(key=name, title=name)
    return Layout(key="others", title="Other benchmarks")


def figures(score: Score) -> list[Figure]:
    """The figures of a report that have a column; averages are not among them (see `averages`)."""
    made = layout(score)
    if made.key == PYTHON:
        plain = score.benchmark.removesuffix("+")
        base = [Figure(_COLUMNS[plain], prefix="base ")] if score.benchmark.endswith("+") else []
        return [*base, Figure(_COLUMNS[score.benchmark])]
    if score.groups:
        return [Figure(_column(made, group), group) for group in score.groups]
    if made.key == "others":
        return [Figure(Column(key=score.benchmark, title=score.benchmark))]
    return [Figure(Column(key=f"{made.key}/{made.whole}", title=made.whole))]


def _column(made: Layout, group: str) -> Column:
    known = group.lower()
    title = made.names.get(known, group)
    return Column(key=f"{made.key}/{title if made.names is _LIBRARIES else known}", title=title, group=group)


def averages(made: Layout, columns: Sequence[Column]) -> list[tuple[Column, Sequence[Column]]]:
    """The columns that are averages over others, each with those; one group alone needs none."""
    groups = [column for column in columns if column.group]
    if len(groups) < _SEVERAL:
        return []
    some = [column for column in groups if column.group.lower() in made.average]
    found: list[tuple[Column, Sequence[Column]]] = []
    if some:
        found.append((Column(key=f"{made.key}/{AVERAGE}", title=AVERAGE), some))
    if len(some) < len(groups):
        found.append((Column(key=f"{made.key}/{made.whole}", title=made.whole), groups))
    return found


def ordered(made: Layout, columns: Sequence[Column]) -> list[Column]:
    """Columns of one suite: known ones in their order, then others in the order met; what is over all groups last."""
    known = [*_COLUMNS] if made.key == PYTHON else [f"{made.key}/{name}" for name in _known(made)]
    ranks = {key: number for number, key in enumerate(known)}
    whole = f"{made.key}/{made.whole}"
    return sorted(columns, key=lambda column: (column.key == whole, ranks.get(column.key, len(ranks))))


def _known(made: Layout) -> Sequence[str]:
    return [*(made.names.values() if made.names is _LIBRARIES else made.names)]
