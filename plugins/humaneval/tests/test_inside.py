"""What runs in the box, without one: recording what tests ask, and playing answers to them."""

from collections import Counter, OrderedDict
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

import pytest
from magicoder_humaneval import HumanEval
from magicoder_humaneval.inside.crossing import Unsendable, adopt, image, plain
from magicoder_humaneval.inside.player import replay
from magicoder_humaneval.inside.recorder import record

TASKS = HumanEval()._tasks
TASK = (
    "def f(x):\n",
    "    return x + 1\n",
    "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 6\n",
    "f",
)
CALLS = [((1,), {}), ((5,), {})]


def values(*given):
    return [("value", value) for value in given]


@pytest.mark.parametrize("number", [0, 32, 33, 38, 50, 53, 75, 148])
def test_a_packaged_task_is_recorded_and_plays(number):
    task = TASKS[f"HumanEval/{number}"].parts
    kind, calls, answers, shared = record(*task)
    assert (kind, shared) == ("asked", False)
    assert record(*task)[1] == calls
    assert replay(task, calls, answers, 0, "") == ("pass", len(calls))
    assert replay(task, calls, answers[:-1], 0, "") == ("unanswered", len(calls) - 1)
    assert replay(task, calls, [*answers[:-1], ("raised", "Odd", "so", 7)], 0, "") == (
        "fail",
        "Odd: so (line 7 of the program)",
    )


def test_what_the_tests_ask_is_recorded():
    assert record(*TASK) == ("asked", CALLS, values(2, 6), False)


def test_a_reference_that_calls_itself_or_draws_numbers_asks_nothing():
    solution = "    import random\n    random.random()\n    return 0 if x < 1 else f(x - 1) + 1\n"
    test = "import random\ndef check(candidate):\n    for _ in range(3):\n        x = random.randint(0, 9)\n        assert candidate(x) == x\n"
    task = ("def f(x):\n", solution, test, "f")
    kind, calls, answers, _ = record(*task)
    assert (kind, len(calls)) == ("asked", 3)
    assert replay(task, calls, answers, 0, "") == ("pass", 3)


def test_answers_are_played_as_long_as_the_tests_ask_the_same():
    assert replay(TASK, CALLS, values(2, 6), 0, "") == ("pass", 2)
    assert replay(TASK, CALLS, values(2, 7), 0, "") == (
        "fail",
        "AssertionError: line 3 of the tests: assert candidate(5) == 6; the last call gave 7",
    )
    assert replay(TASK, [((1,), {}), ((True,), {})], values(2, 6), 0, "") == ("more", 1, (5,), {})
    assert replay(TASK, CALLS[:1], values(2), 0, "") == ("more", 1, (5,), {})
    assert replay(TASK, [((1.0,), {})], values(2), 0, "") == ("more", 0, (1,), {})
    assert replay(TASK, CALLS, [], 0, "") == ("unanswered", 0)
    assert replay(TASK, CALLS, values("no:x", 6), 0, "no:")[1].endswith("the last call gave <x>")


def test_tests_that_hold_everything_do_not_pass_unanswered():
    test = "def check(candidate):\n    for _ in range(2):\n        try:\n            candidate(1)\n        except BaseException:\n            pass\n"
    task = (*TASK[:2], test, "f")
    assert replay(task, [((1,), {})], [], 0, "") == ("unanswered", 0)


@pytest.mark.parametrize(
    "kind",
    [
        "SystemExit",
        "KeyboardInterrupt",
        "GeneratorExit",
        "UnicodeDecodeError",
        "_Halted",
        "ExceptionGroup",
        "a b",
        "int",
        "",
    ],
)
def test_no_kind_of_exception_passes(kind):
    said = replay(TASK, CALLS, [("raised", kind, "text", None)], 0, "")
    assert said[0] == "fail"
    assert "text" in said[1]


def test_a_huge_number_is_told():
    assert replay(TASK, CALLS, values(10**5000), 0, "")[1].endswith("the last call gave a huge number")


class Point(NamedTuple):
    x: int
    y: object


class Kind(StrEnum):
    A = "a"


def test_plain_data_are_copied_as_they_cross():
    given = [
        Point(x=1, y=OrderedDict(a=Counter("aa"))),
        Kind.A,
        Decimal("1.5"),
        Fraction(1, 2),
        range(3),
        {1: 2}.keys(),
    ]
    copied = plain(given)
    assert copied == [(1, {"a": {"a": 2}}), "a", Decimal("1.5"), Fraction(1, 2), range(3), {1: 2}.keys()]
    assert [type(item) for item in copied[:2]] == [tuple, str]
    assert type(copied[0][1]["a"]) is dict
    assert list(plain(x for x in [1, [2]])) == [1, [2]]
    assert plain({1: 2}.items()).__next__() == (1, 2)


def test_a_copied_iterator_leaves_its_original_as_it_was():
    once = plain(iter([1, 2]))
    assert list(plain(once)) == [1, 2]
    assert image(once) == image(iter([1, 2]))
    assert list(once) == [1, 2]


@pytest.mark.parametrize("value", [object(), [object()], {1: print}, (lambda: 1,), type])
def test_other_objects_do_not_cross(value):
    with pytest.raises(Unsendable, match="is no plain data"):
        plain(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ([1], (1,)),
        ({1: 2, 3: 4}, {3: 4, 1: 2}),
        ("a", b"a"),
        (Decimal(1), Decimal("1.0")),
    ],
)
def test_what_a_program_could_tell_apart_has_different_images(one, other):
    assert image(one) == image(plain(one))
    assert image(one) != image(other)
    assert image([one]) != image([other])


def test_no_number_is_the_same_for_every_program_yet_has_one_image():
    assert image(float("nan")) == image(float("nan"))
    assert image({"b", "a"}) == image({"a", "b"})


@pytest.mark.parametrize(
    ("mine", "after"),
    [
        ([3, 1], [1, 3, 5]),
        ([3, 1], []),
        ([[1], {2: 3}, {4}], [[1, 2], {2: 4}, set()]),
        ([(1, [2])], [(1, [3])]),
        ({1: [2]}, {1: [2, 3], 4: 5}),
        ([1, [2]], [[1], 2]),
    ],
)
def test_arguments_are_changed_as_the_call_changed_them(mine, after):
    inner = [item for item in mine if isinstance(item, list)]
    adopt(mine, after)
    assert mine == after
    assert all(any(item is kept for kept in mine) for item in inner) or not inner or mine == [[1], 2]
