"""Filter `exact-duplicates`."""

from __future__ import annotations

import pickle

from magicoder_core import Instruction
from magicoder_core.builtin.exact_duplicates import ExactDuplicates
from magicoder_core.testing import FilterContract, instruction


def row(problem: str, solution: str, parent: str = "") -> Instruction:
    return Instruction(problem=problem, solution=solution, language="python", method="m", parent=parent)


class TestExactDuplicates(FilterContract):
    provider = ExactDuplicates()
    kept = (instruction(), instruction("Other.", "other", "rust"))


def reasons(rows, **options):
    return [judgement.reason for judgement in ExactDuplicates(**options).judge(rows)]


def test_each_part_counts_and_white_space_does_not():
    rows = [
        row("Do  it.", "x = 1", "a"),
        row("Do\n\tit.", "y = 2", "b"),
        row("Do that.", "x=1", "c"),
        row("Do more.", "z = 3", "a"),
        row("do it.", "X = 1", "d"),
    ]
    assert reasons(rows) == [None, "duplicate problem", "duplicate solution", "duplicate seed", None]


def test_the_first_reason_in_the_published_order():
    rows = [row("p", "s", "a"), row("p", "s", "a"), row("p", "s", "b")]
    assert reasons(rows) == [None, "duplicate seed", "duplicate problem"]


def test_evidence_names_the_kept_row_and_the_field():
    rows = [row("p", "s", "a"), row("p2", "s2", "b"), row("p3", "s2", "c")]
    assert ExactDuplicates().judge(rows)[2].evidence == {"field": "solution", "duplicate_of": rows[1].id}


def test_a_dropped_row_shadows_nobody():
    rows = [row("p", "s", "a"), row("p", "s2", "b"), row("p3", "s2", "c")]
    assert reasons(rows) == [None, "duplicate problem", None]


def test_a_problem_equal_to_a_solution_is_no_duplicate():
    assert reasons([row("x", "y"), row("y", "x")]) == [None, None]


def test_rows_without_a_snippet_are_no_duplicates_of_each_other():
    assert reasons([row("p1", "s1"), row("p2", "s2")]) == [None, None]


def test_the_parts_can_be_chosen():
    rows = [row("p", "s", "a"), row("p", "s", "a")]
    assert reasons(rows, fields=("solution",)) == [None, "duplicate solution"]
    assert reasons(rows, fields=()) == [None, None]


def test_what_was_seen_stays_with_the_instance_and_is_not_pickled():
    first = ExactDuplicates()
    first.judge([row("p", "s", "a")])
    assert not first.judge([row("p", "s", "a")])[0].keep
    assert pickle.loads(pickle.dumps(first)).judge([row("p", "s", "a")])[0].keep
