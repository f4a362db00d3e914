"""All analyses of all sets, in two passes over the rows and in memory that does not grow with them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Literal, get_args

from magicoder_core import RunError, progress
from magicoder_quality.analysis import against, categories, lengths
from magicoder_quality.analysis.embedding import WORD_VECTORS, embedding
from magicoder_quality.analysis.frequencies import Frequencies
from magicoder_quality.analysis.rows import DataSet, Row, data_sets, written
from magicoder_quality.analysis.similarity import Index, Items, Near
from magicoder_quality.analysis.terms import terms

Part = Literal["lengths", "categories", "similarity"]
PARTS: Sequence[str] = get_args(Part)
"""The analyses there are."""

_BINS = 100
_CLOSEST = 20
"""How many of the most similar rows are named, and how many of the items that most rows are nearest to."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to look at, and how.

    Args:
        rows: the set that is analysed: a file or a folder.
        beside: sets to compare it with.
        columns: which columns of ``rows`` mean what, as ``problem=COLUMN,solution=COLUMN``.
        parts: which analyses; none given are all.
        against: benchmarks whose similarity is measured.
        embedding: see `magicoder_quality.analysis.embedding.embedding`.
        mode: the text of a row whose category is named.
    """

    rows: Path
    beside: Sequence[Path] = ()
    columns: str | None = None
    parts: Sequence[str] = ()
    against: Sequence[str] = ("humaneval",)
    embedding: str = WORD_VECTORS
    mode: categories.Mode = "problem"


def analyse(wish: Wish) -> dict[str, Any]:
    """All that is asked for, as plain JSON values; docs/analysis.md says what each field is.

    Raises:
        RunError: a file is missing, damaged or empty, or something that an analysis needs is not there.
        RecipeError: there is no such benchmark, or ``columns`` name none.
    """
    sets = data_sets([wish.rows, *wish.beside], wish.columns)
    chosen = wish.parts or PARTS
    items = [against.items(name) for name in dict.fromkeys(wish.against)] if "similarity" in chosen else []
    frequencies = Frequencies(term for item in items for term in item.terms)
    firsts = _first_pass(sets, wish, chosen, frequencies if items else None)
    facts: dict[str, Any] = {
        "analysis": 1,
        "sets": [
            {"name": one.name, "path": written(str(one.given)), "rows": first.rows}
            for one, first in zip(sets, firsts, strict=True)
        ],
    }
    if "lengths" in chosen:
        facts["lengths"] = _length_facts(sets, firsts)
    if "categories" in chosen:
        facts["categories"] = _category_facts(sets, firsts, wish)
    if items:
        facts["similarity"] = _similarity(sets, firsts, items, frequencies)
    facts["versions"] = {name: metadata.version(name) for name in _used(chosen, wish)}
    return facts


@dataclass
class _First:
    """What the first pass finds of one set."""

    problems: lengths.Lengths = field(default_factory=lengths.Lengths)
    solutions: lengths.Lengths = field(default_factory=lengths.Lengths)
    shares: categories.Shares | None = None
    rows: int = 0


def _first_pass(sets: Sequence[DataSet], wish: Wish, parts: Sequence[str], counted: Frequencies | None) -> list[_First]:
    """Everything but similarities, for which terms are ``counted``."""
    known = categories.Categories(embedding(wish.embedding)) if "categories" in parts else None
    count = lengths.counter() if "lengths" in parts else None
    firsts = []
    with _reading("look at rows", sets) as read:
        for one in sets:
            first = _First(shares=categories.Shares(known, wish.mode) if known else None)
            for row in read(one):
                first.rows += 1
                if count:
                    first.problems.add(count(row.problem))
                    first.solutions.add(count(row.solution))
                if first.shares:
                    first.shares.add(row)
                if counted:
                    counted.add(set(terms(_text(row))))
            if not first.rows:
                raise RunError(f"{one.given}: no rows to look at")
            firsts.append(first)
    return firsts


@contextmanager
def _reading(name: str, sets: Sequence[DataSet]) -> Iterator[Any]:
    """Read sets one after another, and tell how far that is."""
    with progress.task(name, total=float(sum(one.size for one in sets)), unit="B") as advance:
        yield lambda one: one.rows(advance)


def _text(row: Row) -> str:
    """What is compared of a row, as in the paper."""
    return f"{row.problem} {row.solution}"


def _length_facts(sets: Sequence[DataSet], firsts: Sequence[_First]) -> dict[str, Any]:
    return {
        "encoding": lengths.ENCODING,
        "bucket": lengths.BUCKET,
        "shown": lengths.SHOWN,
        "sets": [
            {"set": one.name, "problem": first.problems.facts(), "solution": first.solutions.facts()}
            for one, first in zip(sets, firsts, strict=True)
        ],
    }


def _category_facts(sets: Sequence[DataSet], firsts: Sequence[_First], wish: Wish) -> dict[str, Any]:
    found = [(one.name, first.shares) for one, first in zip(sets, firsts, strict=True)]
    return {
        "embedding": wish.embedding,
        "text": wish.mode,
        "categories": list(categories.NAMES),
        "sets": [{"set": name, **shares.facts()} for name, shares in found if shares],
    }


@dataclass
class _Similar:
    """The similarities of one set to one benchmark."""

    total: float = 0.0
    bins: list[int] = field(default_factory=lambda: [0] * (_BINS + 1))
    nearest: Counter[int] = field(default_factory=Counter)
    closest: list[tuple[float, int, int]] = field(default_factory=list)
    rows: int = 0

    def add(self, near: Near) -> None:
        """Count the next row."""
        self.rows += 1
        self.total += near.cosine
        self.bins[round(near.cosine * _BINS)] += 1
        if near.item is not None:
            self.nearest[near.item] += 1
            push = heapq.heappush if len(self.closest) < _CLOSEST else heapq.heappushpop
            push(self.closest, (near.cosine, -self.rows, near.item))

    def facts(self, items: Items) -> dict[str, Any]:
        """Figures, the histogram, and names; rows are counted from 1."""
        return {
            "mean": self.total / self.rows,
            "median": self._percentile(0.5),
            "p95": self._percentile(0.95),
            "max": max(self.closest)[0] if self.closest else 0.0,
            "histogram": self.bins,
            "nearest": [{"item": items.names[item], "rows": rows} for item, rows in _most(self.nearest)],
            "closest": [
                {"row": -row, "item": items.names[item], "cosine": cosine}
                for cosine, row, item in sorted(self.closest, reverse=True)
            ],
        }

    def _percentile(self, share: float) -> float:
        below = accumulate(self.bins)
        return next(place for place, passed in enumerate(below) if passed >= share * self.rows) / _BINS


def _most(counted: Counter[int]) -> list[tuple[int, int]]:
    """The most frequent, equal ones in the order of the benchmark."""
    return list(islice(sorted(counted.items(), key=lambda item: (-item[1], item[0])), _CLOSEST))


def _similarity(
    sets: Sequence[DataSet], firsts: Sequence[_First], items: Sequence[Items], frequencies: Frequencies
) -> list[dict[str, Any]]:
    """The second pass: each row against each benchmark."""
    indexes = [Index(item, frequencies) for item in items]
    found = [[_Similar() for _ in sets] for _ in indexes]
    with _reading("compare with benchmarks", sets) as read:
        for number, (one, first) in enumerate(zip(sets, firsts, strict=True)):
            rows = 0
            for rows, row in enumerate(read(one), 1):  # noqa: B007 - their number is asked for below
                counted = Counter(terms(_text(row)))
                for index, similar in zip(indexes, found, strict=True):
                    similar[number].add(index.nearest(counted))
            if rows != first.rows:
                raise RunError(f"{one.given}: {first.rows} rows at first and {rows} later: it changes; copy it before")
    return [
        {
            "benchmark": index.items.benchmark,
            "items": len(index.items.texts),
            "provenance": dict(index.items.provenance),
            "texts": frequencies.rows + len(index.items.texts),
            "terms_counted": len(frequencies.counted),
            "terms_exact": frequencies.exact,
            "cosine_error": index.error,
            "sets": [
                {"set": one.name, **similar.facts(index.items)} for one, similar in zip(sets, of_sets, strict=True)
            ],
        }
        for index, of_sets in zip(indexes, found, strict=True)
    ]


def _used(parts: Sequence[str], wish: Wish) -> Iterator[str]:
    """The distributions that decide what comes out."""
    yield "magicoder-quality"
    needed: Mapping[str, str] = {"lengths": "bpe-openai", "categories": "wordllama"}
    for part in parts:
        if part == "categories" and wish.embedding != WORD_VECTORS:
            yield "sentence-transformers"
        elif part in needed:
            yield needed[part]
