"""The pictures of an analysis: lengths, categories, and similarity to a benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from magicoder_quality.analysis.svg import Picture, look, shortened, ticks, width

_WIDTH = 900.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 24.0, 34.0, 58.0
_HIGH = 250.0
_NAME = 36
"""Characters of a set's name in a legend, at most."""

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    """One set's shares of rows, in percent, over equal bins that begin at 0."""

    name: str
    shares: Sequence[float]
    mean: float | None
    note: str


def pictures(facts: Facts) -> Iterator[tuple[str, Picture]]:
    """Each picture of an analysis, with the name of its file (without ``.svg``)."""
    if "lengths" in facts:
        for part in ("problem", "solution"):
            yield f"lengths-{part}", lengths(facts["lengths"], part)
    if "categories" in facts:
        yield "categories", categories(facts["categories"])
    for compared in facts.get("similarity", ()):
        yield f"similarity-{compared['benchmark']}", similarity(compared)


def lengths(facts: Facts, part: str) -> Picture:
    """How long problems or solutions are."""
    series = [
        Series(
            one["set"],
            _shares(one[part]["buckets"], one[part]["texts"]),
            one[part]["mean"],
            f"mean {one[part]['mean']:,.0f}, median {one[part]['median']:,}"
            + (
                f", {_percent(one[part]['over'], one[part]['texts'])} from {facts['shown']} on"
                if one[part]["over"]
                else ""
            ),
        )
        for one in facts["sets"]
    ]
    frame = _Frame(
        f"lengths-{part}",
        f"Length of {part}s",
        f"{part} length in tokens ({facts['encoding']}), buckets of {facts['bucket']}",
        facts["shown"],
        facts["bucket"],
        100,
    )
    return frame.drawn(series)


def similarity(facts: Facts) -> Picture:
    """How near rows come to a benchmark."""
    series = [
        Series(one["set"], _shares(one["histogram"], sum(one["histogram"])), one["mean"], f"mean {one['mean']:.3f}")
        for one in facts["sets"]
    ]
    last = max((place for one in series for place, share in enumerate(one.shares) if share), default=0)
    end = min(1.0, (last // 10 + 1) / 10)
    frame = _Frame(
        f"similarity-{facts['benchmark']}",
        f"Similarity to {facts['benchmark']}",
        f"greatest TF-IDF cosine over the {facts['items']} problems of {facts['benchmark']}, rounded to 0.01",
        end,
        0.01,
        0.1,
        centred=True,
    )
    return frame.drawn(series)


@dataclass(frozen=True)
class _Frame:
    """A picture of shares over a scale.

    Args:
        name: of the picture.
        title: of the picture.
        label: what the scale is, with its unit.
        end: where it ends; it begins at 0.
        bin: how wide a bin is.
        tick: how far ticks are apart.
        centred: whether a bin's middle is its value (values were rounded), or its beginning (they were cut off).
    """

    name: str
    title: str
    label: str
    end: float
    bin: float
    tick: float
    centred: bool = False

    def drawn(self, series: Sequence[Series]) -> Picture:
        """The whole picture."""
        top = _TOP + 18.0 * len(series)
        told = "; ".join(f"{one.name}: {one.note}" for one in series)
        picture = Picture(
            self.name, self.title, f"Share of rows by {self.label}. {told}.", _WIDTH, top + _HIGH + _BOTTOM
        )
        scale = ticks(max(max(one.shares, default=0) for one in series))
        self._grid(picture, scale, top)
        for number, one in enumerate(series):
            self._curve(picture, one, number, scale[-1], top)
        _legend(picture, series)
        return picture

    def _x(self, value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / self.end

    def _grid(self, picture: Picture, scale: Sequence[float], top: float) -> None:
        picture.text(_LEFT, 26, self.title, "head")
        for value in scale:
            y = top + _HIGH * (1 - value / scale[-1])
            picture.line(_LEFT, y, _WIDTH - _RIGHT, y, "grid" if value else "axis")
            picture.text(_LEFT - 8, y + 4, f"{value:g}%", "soft number", "end")
        for number in range(round(self.end / self.tick) + 1):
            x = self._x(number * self.tick)
            picture.line(x, top + _HIGH, x, top + _HIGH + 5, "axis")
            picture.text(x, top + _HIGH + 22, f"{number * self.tick:g}", "soft number", "middle")
        picture.text(
            (_LEFT + _WIDTH - _RIGHT) / 2, top + _HIGH + 45, f"{self.label}; triangles: means", "soft", "middle"
        )
        picture.text(16, top + _HIGH / 2, "share of rows", "soft", "middle", turned=-90)

    def _curve(self, picture: Picture, one: Series, number: int, most: float, top: float) -> None:
        """A stairway: a step for each bin, with its mean below as a mark."""
        base = top + _HIGH
        edges = [max(0.0, min(self.end, (place - self.centred / 2) * self.bin)) for place in range(len(one.shares) + 1)]
        points = []
        for (left, right), share in zip(pairwise(edges), one.shares, strict=True):
            if left < right:
                y = base - _HIGH * share / most
                points += [(self._x(left), y), (self._x(right), y)]
        if number == 0:
            picture.path([(points[0][0], base), *points, (points[-1][0], base)], f"area {look(number)}", closed=True)
        picture.path(points, f"line {look(number)}")
        if one.mean is not None and one.mean <= self.end:
            x = self._x(one.mean)
            picture.path([(x - 6, base + 9), (x + 6, base + 9), (x, base + 1)], f"bar {look(number)}", closed=True)


def _legend(picture: Picture, series: Sequence[Series]) -> None:
    """A line for each set, above the grid and on its right."""
    words = [f"{shortened(one.name, _NAME)}: {one.note}" for one in series]
    x = _WIDTH - _RIGHT - max(map(width, words))
    for number, line in enumerate(words):
        y = 26 + 18.0 * number
        picture.path([(x - 36, y - 4), (x - 8, y - 4)], f"line {look(number)}")
        picture.text(x, y, line)


def categories(facts: Facts) -> Picture:
    """How many rows are of which category."""
    sets = facts["sets"]
    totals = [sum(one["counts"]) for one in sets]
    names = [name.removesuffix(" Problems") for name in facts["categories"]]
    left = 24 + max(width(name) for name in names)
    thick = 15.0
    block = thick * len(sets) + 12
    top = 44 + 18.0 * len(sets)
    scale = ticks(
        max(
            (100 * count / total for one, total in zip(sets, totals, strict=True) for count in one["counts"] if total),
            default=0,
        )
    )
    told = "; ".join(
        f"{one['set']}: "
        + ", ".join(f"{name} {_percent(count, total)}" for name, count in zip(names, one["counts"], strict=True))
        for one, total in zip(sets, totals, strict=True)
    )
    picture = Picture(
        "categories", "Categories", f"Share of rows by category. {told}.", _WIDTH, top + block * len(names) + _BOTTOM
    )
    picture.text(24, 26, f"Categories of {_TEXTS[facts['text']]}", "head")
    wide = _WIDTH - left - 70
    bottom = top + block * len(names)
    for value in scale:
        x = left + wide * value / scale[-1]
        picture.line(x, top, x, bottom, "grid" if value else "axis")
        picture.text(x, bottom + 18, f"{value:g}%", "soft number", "middle")
    said = "share of rows that have a category" if any(totals) else "no text had a category"
    picture.text(left + wide / 2, bottom + 40, said, "soft", "middle")
    for place, name in enumerate(names):
        y = top + block * place + 6
        picture.text(left - 10, y + thick * len(sets) / 2 + 4, name, "", "end")
        for number, (one, total) in enumerate(zip(sets, totals, strict=True)):
            share = 100 * one["counts"][place] / total if total else 0.0
            picture.bar(left, y + thick * number, wide * share / scale[-1], thick - 1, f"bar {look(number)}")
            picture.text(left + wide * share / scale[-1] + 6, y + thick * number + 11, f"{share:.1f}%", "soft number")
    for number, (one, total) in enumerate(zip(sets, totals, strict=True)):
        y = 26 + 18.0 * (number + 1)
        picture.bar(24, y - 10, 28, 11, f"bar {look(number)}")
        picture.text(60, y, f"{shortened(one['set'], _NAME)}: {total:,} rows")
    return picture


_TEXTS = {
    "seed": "seeds",
    "problem": "problems",
    "solution": "solutions",
    "problem-solution": "problems with their solutions",
}


def _shares(numbers: Sequence[int], total: int) -> list[float]:
    return [100 * number / total if total else 0.0 for number in numbers]


def _percent(number: int, total: int) -> str:
    return f"{100 * number / total:.1f}%" if total else "0%"
