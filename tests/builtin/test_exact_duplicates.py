"""Filter `exact-duplicates`."""

from __future__ import annotations

import gc
import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magicoder_core import Instruction, RunError
from magicoder_core.builtin import exact_duplicates
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


@given(st.text(st.characters(max_codepoint=0x7F)) | st.text())
def test_white_space_is_what_python_splits_at(text):
    assert exact_duplicates._bare(text) == "".join(text.split()).encode("utf-8", "surrogatepass")


def repeating(count):
    """Rows of which many repeat a part of an earlier one."""
    rnd = random.Random(5)
    return [
        row(f"p{rnd.randrange(count)}", f"s{rnd.randrange(count)}", f"{rnd.randrange(count)}") for _ in range(count)
    ]


def plainly(rows):
    """What the published loop says, with the kept row that is duplicated."""
    seen, said = ({}, {}, {}), []
    for item in rows:
        parts = list(
            zip(seen, (item.parent, item.problem, item.solution), ("seed", "problem", "solution"), strict=True)
        )
        met = [(name, ids[part]) for ids, part, name in parts if part in ids]
        said.append(met[0] if met else None)
        if not met:
            for ids, part, _ in parts:
                ids[part] = item.id
    return said


@pytest.mark.parametrize("in_memory", [1, 7, 100, 1 << 18])
@pytest.mark.parametrize("batch", [1, 7, 400])
def test_the_disk_makes_no_difference(monkeypatch, in_memory, batch):
    monkeypatch.setattr(exact_duplicates, "IN_MEMORY", in_memory)
    rows, tried = repeating(400), ExactDuplicates()
    judged = [each for begin in range(0, len(rows), batch) for each in tried.judge(rows[begin : begin + batch])]
    told = [None if each.keep else (each.evidence["field"], each.evidence["duplicate_of"]) for each in judged]
    assert told == plainly(rows)
    assert 50 < sum(each.keep for each in judged) < 350
    assert (tried._seen._disk is not None) == (in_memory < 200)


def test_memory_holds_no_more_than_it_should(monkeypatch):
    monkeypatch.setattr(exact_duplicates, "IN_MEMORY", 30)
    tried = ExactDuplicates()
    for item in repeating(1000):
        tried.judge([item])
        assert len(tried._seen._recent) < 30


def test_a_full_disk_is_said(monkeypatch):
    monkeypatch.setattr(exact_duplicates, "IN_MEMORY", 300)
    tried = ExactDuplicates()
    tried.judge(repeating(300))
    tried._seen._disk._base.execute("PRAGMA max_page_count = 8")
    with pytest.raises(RunError, match=r"^exact-duplicates cannot write down .* full.* TMPDIR$"):
        tried.judge([row(f"other {number}", f"more {number}", f"x{number}") for number in range(5000)])


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files here")
def test_files_are_closed_with_the_filter(monkeypatch):
    monkeypatch.setattr(exact_duplicates, "IN_MEMORY", 30)
    # A cache of no pages makes the database open its file at once.
    monkeypatch.setattr(exact_duplicates, "_CACHE_KIB", 0)
    gc.collect()
    before = open_files()
    tried = ExactDuplicates()
    tried.judge(repeating(3000))
    assert open_files() > before
    del tried
    gc.collect()
    assert open_files() == before


def test_a_recalled_run_goes_on_as_if_it_had_never_stopped(monkeypatch):
    monkeypatch.setattr(exact_duplicates, "IN_MEMORY", 40)
    rows, first, again = repeating(300), ExactDuplicates(), ExactDuplicates()
    said = list(first.judge(rows))
    again.recall(rows[:180])
    assert list(again.judge(rows[180:])) == said[180:]
