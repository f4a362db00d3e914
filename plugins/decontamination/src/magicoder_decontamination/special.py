"""The levels that look at rows in their own way: the published one, and behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from magicoder_core import Instruction, Needle
from magicoder_decontamination.hits import Hit, Parts

if TYPE_CHECKING:
    from magicoder_decontamination.behaviour import Solved
    from magicoder_decontamination.compat import MagicoderCompat
    from magicoder_decontamination.decontaminate import Decontaminate
    from magicoder_decontamination.finding import Special


def special(asked: Decontaminate) -> Mapping[str, Special]:
    """Those of a filter's levels that are asked for."""
    from magicoder_decontamination.decontaminate import BEHAVIOUR, COMPAT

    made = {COMPAT: _published, BEHAVIOUR: _behaviour}
    return {name: made[name](asked) for name in asked.policies if name in made}


def _published(asked: Decontaminate) -> Special:
    from magicoder_decontamination.compat import SETS, MagicoderCompat
    from magicoder_decontamination.needles import name_of

    paths = {name_of(entry): Path(path) for entry in asked.against if (path := entry.partition("=")[2])}
    options = {name.replace("-", ""): path for name, path in paths.items() if name in {one[0] for one in SETS.values()}}
    filters: dict[frozenset[str], MagicoderCompat] = {}

    def find(names: set[str], rows: Sequence[Instruction], parts: Sequence[Parts]) -> list[list[Hit]]:
        del rows
        key = frozenset(names)
        if key not in filters:
            ignored = tuple(name for name, (benchmark, *_) in SETS.items() if benchmark not in names)
            filters[key] = MagicoderCompat(ignored=ignored, **options)  # type: ignore[arg-type]  # names of sets
        found = filters[key].find([Parts(part.names[:2], part.texts[:2]) for part in parts])
        return [_of(filters[key], *found[row]) if row in found else [] for row in range(len(parts))]

    return find


def _of(compat: MagicoderCompat, number: int, start: int) -> list[Hit]:
    name, needle, substring = compat.needles[number]
    end = start + len(substring)
    return [Hit(level="magicoder-compat", needle=needle, start=start, end=end, confidence=1.0, note=f"{name}_match")]


def _behaviour(asked: Decontaminate) -> Special:
    from magicoder_decontamination.behaviour import Behaviour
    from magicoder_decontamination.needles import benchmark

    examiner = Behaviour([benchmark(entry, "decontaminate.against") for entry in asked.against])

    def find(names: set[str], rows: Sequence[Instruction], parts: Sequence[Parts]) -> list[list[Hit]]:
        found = examiner.examine(rows, names)
        return [[_solved(one, part) for one in solved] for solved, part in zip(found, parts, strict=True)]

    return find


_WEAK: Final = 0.5
"""Confidence in a find that may be an accident: the task is trivial, and the row does not speak of it."""


def _solved(found: Solved, parts: Parts) -> Hit:
    """A solved task as a hit, at the line where the function begins."""
    text = parts.texts[parts.names.index(found.field)]
    lines = text.splitlines(keepends=True)
    start = parts.start(found.field, sum(map(len, lines[: found.line - 1])))
    end = start + len(lines[found.line - 1].rstrip()) if found.line <= len(lines) else start
    needle = Needle(benchmark=found.benchmark, problem_id=found.problem_id, kind="tests", text="")
    facts = [f"function {found.function} passes its tests", f"similarity of the words {found.similarity:.2f}"]
    facts += [f"trivial: {found.why_trivial}"] if found.trivial else []
    facts += ["meant for something else"] if found.accidental else []
    sure = 1.0 if found.strong else _WEAK
    return Hit(
        level="behaviour",
        needle=needle,
        start=start,
        end=end,
        confidence=sure,
        note="; ".join(facts),
        strong=found.strong,
    )
