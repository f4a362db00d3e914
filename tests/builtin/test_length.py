"""Filter `length`."""

from __future__ import annotations

import pytest

from magicoder_core import Instruction, RecipeError
from magicoder_core.builtin.length import Length
from magicoder_core.testing import FilterContract, instruction


class TestLength(FilterContract):
    provider = Length()
    kept = (instruction(),)
    dropped = (instruction(problem="Add."), instruction(solution="x" * 8001))


def judged(problem: int, solution: int) -> object:
    limits = Length(min_problem=3, max_problem=5, min_solution=2, max_solution=4)
    row = Instruction(problem="p" * problem, solution="s" * solution, language="x", method="m", parent="")
    return limits.judge([row])[0]


@pytest.mark.parametrize(("problem", "solution"), [(3, 2), (5, 4), (4, 3)])
def test_the_limits_are_allowed(problem, solution):
    assert judged(problem, solution).keep


@pytest.mark.parametrize(
    ("problem", "solution", "reason", "evidence"),
    [
        (2, 3, "problem too short", {"field": "problem", "characters": 2, "limit": 3}),
        (6, 3, "problem too long", {"field": "problem", "characters": 6, "limit": 5}),
        (4, 1, "solution too short", {"field": "solution", "characters": 1, "limit": 2}),
        (4, 5, "solution too long", {"field": "solution", "characters": 5, "limit": 4}),
    ],
)
def test_what_is_beyond_is_dropped_with_its_length(problem, solution, reason, evidence):
    judgement = judged(problem, solution)
    assert (judgement.keep, judgement.reason, judgement.evidence) == (False, reason, evidence)


def test_white_space_around_does_not_count():
    row = Instruction(problem=" " * 100, solution="s" * 100, language="x", method="m", parent="")
    assert Length().judge([row])[0].reason == "problem too short"


def test_limits_that_nothing_can_meet():
    with pytest.raises(RecipeError, match="min_solution = 9 is above max_solution = 8"):
        Length(min_solution=9, max_solution=8)
