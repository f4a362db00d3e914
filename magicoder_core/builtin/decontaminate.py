"""Filter ``decontaminate``: no row that holds a piece of a benchmark.

A row is dropped if one of a benchmark's needles (its prompts, docstrings, solutions: whatever the benchmark says)
stands in it, capitals and all white space aside. So re-indented, re-wrapped and upper-cased copies are caught, which
the published filter lets pass; reworded and renamed ones are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, cast

from magicoder_core import Benchmark, Filter, Instruction, Judgement, Needle, RecipeError, RunError, find, progress
from magicoder_core.builtin.substrings import Substrings

_EXCERPT = 160


@dataclass(frozen=True)
class _Haystack:
    """The needles to look for, their bare texts, and the index over them."""

    needles: Sequence[Needle]
    bare: Sequence[str]
    index: Substrings


@dataclass(frozen=True, kw_only=True)
class Decontaminate(Filter):
    """Drops a row that holds a piece of a benchmark, capitals and white space aside."""

    by_row = True

    against: Annotated[tuple[str, ...], "the benchmarks that must not leak into the training data"] = ("humaneval",)
    min_characters: Annotated[int, "shorter pieces, white space aside, occur in any code and are not looked for"] = 20

    def __post_init__(self) -> None:
        """Refuse a limit that would match everything.

        Raises:
            RecipeError: ``min_characters`` is below 8.
        """
        if self.min_characters < 8:  # noqa: PLR2004 - "return x" and the like are in every row
            raise RecipeError(f"decontaminate: min_characters must be at least 8 (got {self.min_characters})")

    def check(self) -> None:
        """Look the benchmarks up.

        Raises:
            RecipeError: there is no benchmark of that name.
        """
        for name in self.against:
            _benchmark(name)

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the longest piece found: ``benchmark``, ``problem_id`` and ``kind`` of the needle, ``field`` of the
        row, ``offset`` and ``excerpt`` in it (characters of the text as it stands), and how many needles hit.

        Raises:
            RecipeError: there is no benchmark of that name.
            RunError: a benchmark gives nothing to look for.
        """  # noqa: D205 - one sentence
        return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        hits = [(name, text, *hit) for name, text in _parts(row) for hit in self._stack.index.search(_bare(text))]
        if not hits:
            return Judgement(keep=True)
        name, text, number, start = max(hits, key=lambda hit: len(self._stack.bare[hit[2]]))
        needle = self._stack.needles[number]
        evidence = {
            "benchmark": needle.benchmark,
            "problem_id": needle.problem_id,
            "kind": needle.kind,
            "field": name,
            **_place(text, start, len(self._stack.bare[number])),
            "hits": len(hits),
        }
        return Judgement(keep=False, reason=f"overlaps {needle.benchmark}", evidence=evidence)

    @cached_property
    def _stack(self) -> _Haystack:
        found = [(needle, _bare(needle.text)) for name in self.against for needle in _needles(name)]
        kept = [(needle, bare) for needle, bare in found if len(bare) >= self.min_characters]
        short = len(found) - len(kept)
        told = f"; {short} shorter than {self.min_characters} characters are left out" if short else ""
        progress.say(f"decontaminate: looks for {len(kept)} pieces of {', '.join(self.against)}{told}")
        bare = [text for _, text in kept]
        return _Haystack([needle for needle, _ in kept], bare, Substrings(bare, self.min_characters))


def _benchmark(name: str) -> type[Benchmark]:
    try:
        return cast("type[Benchmark]", find("benchmark", name))
    except RecipeError as error:
        raise RecipeError(f"decontaminate.against: {error}") from error


def _needles(name: str) -> list[Needle]:
    needles = list(_benchmark(name)().needles())
    if not needles:
        raise RunError(f"decontaminate.against: benchmark '{name}' gives nothing to look for; leave it out")
    return needles


def _parts(row: Instruction) -> Iterator[tuple[str, str]]:
    yield "problem", row.problem
    yield "solution", row.solution
    if row.tests:
        yield "tests", row.tests


def _bare(text: str) -> str:
    """The text as it is compared: folded case, no white space. Comments stay: cutting them needs the language."""
    return "".join(text.casefold().split())


def _place(text: str, start: int, length: int) -> dict[str, Any]:
    """Where characters ``start`` to ``start + length`` of the bare text stand in ``text``, and how it reads there."""
    # Character by character, because folding may lengthen one ("ß" becomes "ss"); only for rows that are dropped.
    places = [place for place, sign in enumerate(text) for _ in _bare(sign)]
    first, last = places[start], places[start + length - 1]
    excerpt = text[first : last + 1]
    return {"offset": first, "excerpt": excerpt if len(excerpt) <= _EXCERPT else f"{excerpt[:_EXCERPT]}..."}
