"""What columns mean."""

from __future__ import annotations

import hashlib
import json

import pytest

from magicoder_core import Instruction, RecipeError
from magicoder_core.filtering.layouts import LayoutError, Layouts, named


def made(row, columns=None):
    return Layouts(named(columns)).instruction(row)


PAIRS = [
    ({"problem": "p", "solution": "s"}, "p", "s"),
    ({"lang": "rust", "raw_index": 3, "seed": "x", "problem": "p", "solution": "s"}, "p", "s"),
    ({"instruction": "p", "response": "s"}, "p", "s"),
    ({"instruction": "p", "output": "s"}, "p", "s"),
    ({"instruction": "p", "input": "", "output": "s"}, "p", "s"),
    ({"instruction": "p", "input": None, "output": "s"}, "p", "s"),
    ({"instruction": "p", "input": "more", "output": "s"}, "p\nInput: more", "s"),
    ({"problem": "p", "solution": "s", "instruction": "q", "response": "r"}, "p", "s"),
    ({"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "s"}]}, "p", "s"),
    (
        {
            "messages": [
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": "p"},
                {"role": "assistant", "content": "s"},
                {"role": "user", "content": "q"},
                {"role": "tool", "content": "42"},
                {"role": "assistant", "content": "t"},
            ]
        },
        "p\n\nq",
        "s\n\nt",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "p"}, {"type": "image", "image": "x"}]}]},
        "p",
        "",
    ),
    ({"messages": [{"role": "assistant", "content": None, "tool_calls": []}]}, "", ""),
    ({"id": "identity_1", "conversations": [{"from": "human", "value": "p"}, {"from": "gpt", "value": "s"}]}, "p", "s"),
    ({"conversations": []}, "", ""),
]


@pytest.mark.parametrize(("row", "problem", "solution"), PAIRS)
def test_problem_and_solution_are_found_by_the_columns(row, problem, solution):
    instruction = made(row)
    assert (instruction.problem, instruction.solution) == (problem, solution)


def test_a_row_means_the_same_whatever_stands_before_it():
    layouts = Layouts()
    alone = [Layouts().instruction(row) for row, *_ in PAIRS]
    assert [layouts.instruction(row) for row, *_ in PAIRS] == alone
    assert [layouts.instruction(row) for row, *_ in reversed(PAIRS)] == alone[::-1]


def test_columns_can_be_named():
    row = {"q": "p", "a": "s", "code": "x = 1", "lg": "go", "t": "assert x", "name": 7}
    instruction = made(row, "problem=q, solution=a,seed=code,language=lg,tests=t,id=name")
    assert (instruction.problem, instruction.solution, instruction.language) == ("p", "s", "go")
    assert (instruction.tests, instruction.id) == ("assert x", "7")
    assert instruction.parent


def test_a_named_column_stands_beside_a_known_layout():
    assert made({"instruction": "p", "output": "s", "lg": "go"}, "language=lg").language == "go"
    assert made({"talk": [{"role": "user", "content": "p"}]}, "messages=talk").problem == "p"


def test_our_own_record_is_itself_under_the_name_that_it_has():
    own = Instruction(
        problem="p",
        solution="s",
        language="rust",
        method="m",
        parent="abc",
        tests="t",
        requests=("r",),
        scores={"a": 1},
    )
    again = made(json.loads(json.dumps(own.to_dict())))
    assert again == own
    assert made(own.to_dict() | {"id": "known so"}).id == "known so"


def test_equal_seeds_are_equal_parents_white_space_aside():
    rows = [{"problem": "p", "solution": "s", "seed": seed} for seed in ("a b\n", " a\tb\x1c", "a\u00a0b", "ab", "a c")]
    parents = [made(row).parent for row in rows]
    assert len(set(parents[:4])) == 1
    assert parents[3] == hashlib.blake2b(b"ab", digest_size=16).hexdigest()
    assert parents[4] not in parents[:4]


LEAD = "Write a solution to the following coding problem:\n"


@pytest.mark.parametrize(
    ("row", "columns", "asked"),
    [
        ({"problem": "p", "solution": "s"}, None, f"{LEAD}p"),
        ({"lang": "rust", "seed": "x", "problem": "p", "solution": "s"}, None, f"{LEAD}p"),
        ({"problem": "p", "solution": "s", "instruction": "q", "output": "r"}, None, f"{LEAD}p"),
        ({"problem": "p", "solution": "s", "wording": "formal"}, None, f"{LEAD}p"),
        ({"problem": "p", "solution": "s", "wording": "instruction"}, None, "p"),
        ({"instruction": "p", "response": "s"}, None, "p"),
        ({"instruction": "p", "output": "s"}, None, "p"),
        ({"instruction": "p", "input": " ", "output": "s"}, None, "p"),
        ({"instruction": "p", "input": "3 4", "output": "s"}, None, "p\nInput: 3 4"),
        ({"problem": "x", "instruction": "p", "output": "s"}, None, "p"),
        ({"messages": [{"role": "user", "content": "p"}]}, None, "p"),
        ({"conversations": [{"from": "human", "value": "p"}]}, None, "p"),
        ({"task": "p", "answer": "s"}, "problem=task,solution=answer", f"{LEAD}p"),
        ({"instruction": "p", "answer": "s"}, "problem=instruction,solution=answer", "p"),
        ({"problem": "x", "solution": "y", "talk": [{"role": "user", "content": "p"}]}, "messages=talk", "p"),
    ],
)
def test_only_a_problem_gets_the_papers_line_before_it(row, columns, asked):
    read = made(row, columns)
    assert read.instruction == asked
    assert made(json.loads(json.dumps(read.to_dict()))).instruction == asked, "as a row of our own, too"
    assert Instruction.from_dict(json.loads(json.dumps(read.to_dict()))).instruction == asked


@pytest.mark.parametrize("seed", ["", None])
def test_no_seed_is_no_parent(seed):
    assert made({"problem": "p", "solution": "s", "seed": seed}).parent == ""


def test_a_parent_of_its_own_wins_over_a_seed():
    assert made({"problem": "p", "solution": "s", "seed": "x", "parent": "abc"}).parent == "abc"
    assert made({"problem": "p", "solution": "s", "seed": "x", "parent": None}).parent


@pytest.mark.parametrize(
    ("solution", "language"),
    [
        ("```python\nx\n```", "python"),
        ("Look:\n\n```py\nx\n```\n```rust\n```", "python"),
        ("``` C++\nx\n```", "cpp"),
        ("````js {.numbered}\nx", "javascript"),
        ("```\nx\n```", ""),
        ("no fence", ""),
    ],
)
def test_a_language_that_no_column_tells_is_that_of_the_first_fence(solution, language):
    assert made({"problem": "p", "solution": solution}).language == language
    assert made({"problem": "p", "solution": solution, "lang": ""}).language == language
    assert made({"problem": "p", "solution": solution, "language": "go"}).language == "go"


def test_tests_may_be_a_list():
    row = {"problem": "p", "solution": "s", "tests": ["assert 1", "assert 2"]}
    assert made(row).tests == "assert 1\nassert 2"
    assert made(row | {"tests": []}).tests is None


@pytest.mark.parametrize(
    ("row", "columns", "line"),
    [
        ({"text": "x"}, None, "no columns problem and solution, instruction and response or output"),
        ({"text": "x"}, None, "there are: text; name them with --columns problem=COLUMN,solution=COLUMN"),
        ({"problem": "p", "solution": 3}, None, "the field 'solution' is no text (got 3)"),
        ({"problem": None, "solution": "s"}, None, "the field 'problem' is no text (got None)"),
        ({"instruction": "p", "output": "s", "input": 3}, None, "the field 'input' is no text (got 3)"),
        ({"problem": "p", "solution": "s", "tests": {"a": 1}}, None, "--columns tests= leaves it out"),
        ({"messages": "hello"}, None, "the field 'messages' is no list of turns"),
        ({"messages": ["hello"]}, None, "the field 'messages[0]' is no turn"),
        ({"messages": [{"content": "x"}]}, None, "the field 'messages[0]' does not say who speaks"),
        ({"messages": [{"role": "user", "content": 3}]}, None, "the field 'messages[0]' is no text (got 3)"),
        ({"query": "p", "answer": "s"}, "problem=qery,solution=answer", "did you mean 'query'?"),
    ],
)
def test_a_row_of_no_known_layout_says_what_is_wrong_and_what_to_do(row, columns, line):
    with pytest.raises(LayoutError) as caught:
        made(row, columns)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_column_that_is_somebody_elses_can_be_left_out():
    row = {"problem": "p", "solution": "s", "tests": {"a": 1}, "parent": 3, "seed": 1}
    assert made(row, "tests=,parent=,seed=").tests is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("problem", "--columns problem: write it as problem=COLUMN,solution=COLUMN"),
        ("problm=a", "--columns problm: no such part of a row; did you mean 'problem'?"),
        ("problem=a", "--columns: problem and solution are needed together; name the columns of both"),
    ],
)
def test_columns_that_are_not_named_rightly(text, line):
    with pytest.raises(RecipeError) as caught:
        named(text)
    assert str(caught.value) == line
