"""Filter ``decontaminate``: no row that holds a piece of a benchmark, by named levels.

What is looked for comes from the benchmarks themselves (`Benchmark.needles`). Each level finds other copies, and says what
it has found where; what becomes of the row is for its policy: ``reject`` drops it, ``flag`` keeps it and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from magicoder_core import Filter, Instruction, Judgement, Needle, RecipeError, names, progress
from magicoder_decontamination.hits import Hit, Parts, evidence
from magicoder_decontamination.needles import name_of

if TYPE_CHECKING:
    from magicoder_decontamination.finding import Finder

TEXT_LEVELS: Final = ("exact", "whitespace", "tokens", "ngram-coverage", "ast")
BEHAVIOUR: Final = "behaviour"
COMPAT: Final = "magicoder-compat"
NAMES: Final = (COMPAT, *TEXT_LEVELS, BEHAVIOUR)
PUBLISHED: Final = frozenset({"mbpp", "humaneval", "apps", "gsm8k", "ds1000"})
"""Benchmarks of which the published filter has needles."""

POLICIES: Final = ("reject", "flag")

_SHOWN: Final = 5
"""Hits of a row, beside the surest, that the evidence has."""


@dataclass(frozen=True, kw_only=True)
class Decontaminate(Filter):
    """Drops or flags a row that holds a piece of a benchmark: copied, reformatted, reworded, renamed, or solved by it."""

    by_row = True

    against: Annotated[
        tuple[str, ...],
        "the benchmarks that must not leak into the training data: NAME, or NAME=PATH with its data in a local file",
    ] = ("humaneval",)
    levels: Annotated[
        tuple[str, ...],
        "how rows are looked at: magicoder-compat, exact, whitespace, tokens, ngram-coverage, ast, behaviour; LEVEL=flag "
        "keeps the row and says so, LEVEL=reject drops it (default; of behaviour only strong finds are dropped)",
    ] = (*TEXT_LEVELS,)
    coverage: Annotated[
        float, "ngram-coverage: share of a needle's runs of five words from which on it counts as found"
    ] = 0.5
    min_characters: Annotated[int, "shorter needles, white space aside, are not looked for; at least 8"] = 12
    allow: Annotated[tuple[str, ...], "texts that are no contamination, though a benchmark has them"] = ()
    min_confidence: Annotated[float, "finds that are less sure than this only flag; 0: none"] = 0.0
    memory: Annotated[
        Path | None, "a file that remembers what rows were looked at for what; a later run looks only for what is new"
    ] = None

    def __post_init__(self) -> None:
        """Refuse what would match everything or nothing.

        Raises:
            ValueError: an unknown level or policy, a level twice, no level, or numbers out of range.
        """
        if self.min_characters < 8:  # noqa: PLR2004 - "return x" and the like are in every row
            raise ValueError(f"min_characters must be at least 8 (got {self.min_characters})")
        if not 0 < self.coverage <= 1:
            raise ValueError(f"coverage: a share above 0 and up to 1 is needed (got {self.coverage})")
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence: between 0 and 1 (got {self.min_confidence})")
        if not self.against:
            raise ValueError("against: at least one benchmark is needed")
        levels = [name for name, _ in map(_split, self.levels)]
        benchmarks = list(map(name_of, self.against))
        if len(set(benchmarks)) < len(benchmarks):
            raise ValueError(f"against: each benchmark once (got {', '.join(benchmarks)})")
        if not levels or len(set(levels)) < len(levels):
            raise ValueError(f"levels: each once, and at least one (got {', '.join(levels) or 'none'})")
        for name, policy in map(_split, self.levels):
            if name not in NAMES:
                raise ValueError(f"levels: no level '{name}'; there are: {', '.join(NAMES)}")
            if policy not in POLICIES:
                raise ValueError(f"levels: {name}={policy}: a policy is one of {', '.join(POLICIES)}")

    @property
    def policies(self) -> Mapping[str, str]:
        """What becomes of a row, by level."""
        return dict(map(_split, self.levels))

    def check(self) -> None:
        """Look the benchmarks up.

        Raises:
            RecipeError: there is no benchmark of that name, or the published level knows none of them.
            RunError: data are named and not there.
        """
        from magicoder_decontamination.needles import benchmark

        for entry in self.against:
            benchmark(entry, "decontaminate.against").check()
        named = set(map(name_of, self.against))
        if COMPAT in self.policies and not named & PUBLISHED:
            raise RecipeError(
                f"decontaminate.levels: {COMPAT} knows {', '.join(sorted(PUBLISHED))}, and 'against' names none of them"
            )

    def inputs(self) -> Mapping[str, Path]:
        """The local data that are looked for: those that ``against`` names, and those that environment variables do."""
        from magicoder_decontamination.needles import benchmark

        found: dict[str, Path] = {}
        for entry in self.against:
            path = entry.partition("=")[2]
            own = benchmark(entry, "decontaminate.against").inputs()
            own = {"data": Path(path.strip()), **own} if path else own
            found |= {f"against {name_of(entry)}.{option}": file for option, file in own.items()}
        return found

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the surest hit of the levels that decide, see `hits.evidence`, and how many ``hits`` there are.

        ``also`` has the surest other hits, one for each level and problem.

        Raises:
            RecipeError: there is no benchmark of that name.
            RunError: a benchmark gives nothing to look for, or the memory is no such file.
            SandboxError: ``behaviour`` is asked for, and programs cannot be isolated here.
        """
        return [self._judged(parts_of(row), hits) for row, hits in zip(batch, self.hits(batch), strict=True)]

    def hits(self, batch: Sequence[Instruction]) -> list[list[Hit]]:
        """For each row all that is found in it; raises as `judge`."""
        return self._finder.find(batch, list(map(parts_of, batch)))

    def needles(self) -> list[Needle]:
        """All that is looked for, as the benchmarks give it; raises as `judge`."""
        return [needle for one in self._finder.sets for needle in one.needles]

    def report(self) -> Mapping[str, Any]:
        """The needle sets with their hashes."""
        return {
            "needle_sets": {one.name: {"hash": one.digest, "needles": len(one.needles)} for one in self._finder.sets}
        }

    @cached_property
    def _finder(self) -> Finder:
        from magicoder_decontamination.finding import Finder

        finder = Finder.of(self)
        told = ", ".join(f"{len(one.needles)} of {one.name}" for one in finder.sets)
        progress.say(f"decontaminate: needles: {told}; levels: {', '.join(self.policies)}")
        if others := _not_named(self.against):
            progress.say(f"decontaminate: not looked for, as 'against' does not name them: {', '.join(others)}")
        return finder

    def _judged(self, parts: Parts, hits: Sequence[Hit]) -> Judgement:
        if not hits:
            return _KEPT
        rejecting = [hit for hit in hits if self._rejects(hit)]
        ordered = sorted(rejecting or hits, key=_surest)
        first = ordered[0]
        others = {(hit.level, hit.needle.benchmark, hit.needle.problem_id): hit for hit in reversed(ordered[1:])}
        others.pop((first.level, first.needle.benchmark, first.needle.problem_id), None)
        also = [evidence(hit, parts) for hit in sorted(others.values(), key=_surest)[:_SHOWN]]
        shown = evidence(first, parts) | {"hits": len(hits)} | ({"also": also} if also else {})
        return Judgement(keep=not rejecting, reason=f"overlaps {first.needle.benchmark}: {first.level}", evidence=shown)

    def _rejects(self, hit: Hit) -> bool:
        sure = hit.strong if hit.level == BEHAVIOUR else hit.confidence >= self.min_confidence
        return sure and self.policies[hit.level] == "reject"


def _not_named(against: Sequence[str]) -> list[str]:
    """The benchmarks that are installed and not among those of ``against``."""
    named = set(map(name_of, against))
    return [name for name in names("benchmark") if name not in named]


def parts_of(row: Instruction) -> Parts:
    """The parts of a row that are looked at."""
    if row.tests:
        return Parts(("problem", "solution", "tests"), (row.problem, row.solution, row.tests))
    return Parts(("problem", "solution"), (row.problem, row.solution))


def _split(entry: str) -> tuple[str, str]:
    name, equals, policy = entry.partition("=")
    name = name.strip()
    default = "flag" if name == BEHAVIOUR else "reject"
    return name, policy.strip() if equals else default


def _surest(hit: Hit) -> tuple[float, int, str, str, int]:
    return -hit.confidence, NAMES.index(hit.level), hit.needle.benchmark, hit.needle.problem_id, hit.start


_KEPT: Final = Judgement(keep=True)
