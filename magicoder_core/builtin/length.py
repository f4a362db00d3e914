"""Filter ``length``: problems and solutions of a sensible size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from magicoder_core import Filter, Instruction, Judgement, RecipeError


@dataclass(frozen=True, kw_only=True)
class Length(Filter):
    """Drops a row whose problem or solution is too short or too long, in characters."""

    by_row = True

    min_problem: Annotated[int, "fewest characters of a problem"] = 30
    max_problem: Annotated[int, "most characters of a problem"] = 8000
    min_solution: Annotated[int, "fewest characters of a solution"] = 30
    max_solution: Annotated[int, "most characters of a solution"] = 8000

    def __post_init__(self) -> None:
        """Refuse limits that nothing can meet.

        Raises:
            RecipeError: a minimum is above its maximum.
        """
        for part, low, high in self._limits:
            if low > high:
                raise RecipeError(f"length: min_{part} = {low} is above max_{part} = {high}; nothing could be kept")

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the part at fault (``field``), its length in ``characters`` and the ``limit``."""
        return [self._judge(row) for row in batch]

    @property
    def _limits(self) -> tuple[tuple[str, int, int], ...]:
        return ("problem", self.min_problem, self.max_problem), ("solution", self.min_solution, self.max_solution)

    def _judge(self, row: Instruction) -> Judgement:
        lengths = {"problem": len(row.problem.strip()), "solution": len(row.solution.strip())}
        for part, low, high in self._limits:
            if not low <= lengths[part] <= high:
                short = lengths[part] < low
                evidence = {"field": part, "characters": lengths[part], "limit": low if short else high}
                reason = f"{part} too {'short' if short else 'long'}"
                return Judgement(keep=False, reason=reason, evidence=evidence)
        return Judgement(keep=True)
