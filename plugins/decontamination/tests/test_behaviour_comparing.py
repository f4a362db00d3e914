"""Whether answers as the sandbox hands them out agree with what an example expects."""

from collections import Counter, OrderedDict
from decimal import Decimal
from itertools import pairwise

import pytest
from magicoder_decontamination.behaviour.asking import Patience, Question, answered
from magicoder_decontamination.behaviour.comparing import agreement, alike
from magicoder_decontamination.behaviour.functions import functions_of

from magicoder_core import Example, sandbox
from magicoder_core.testing import instruction

pytestmark = pytest.mark.skipif(sandbox.probe().level == "rlimits", reason=f"no sandbox: {sandbox.probe()}")

VALUES = {
    "0": 0,
    "7": 7,
    "-8": -8,
    "1 << 70": 1 << 70,
    "2.5": 2.5,
    "2j": 2j,
    "True": True,
    "None": None,
    "''": "",
    "'text'": "text",
    "'\\u00fc\\U0001f600'": "\u00fc\U0001f600",
    "b'raw'": b"raw",
    "[]": [],
    "[1, 2]": [1, 2],
    "[1, 3]": [1, 3],
    "(1, 2)": (1, 2),
    "[[1, 'a'], [2, 'b']]": [[1, "a"], [2, "b"]],
    "['a', 'b']": ["a", "b"],
    "[2.0, 3.0]": [2.0, 3.0],
    "{1, 2}": {1, 2},
    "{'a': [1]}": {"a": [1]},
    "{'a': [2]}": {"a": [2]},
    "range(3)": range(3),
}
SAME = {
    ("True", "1"),
    ("1.0", "1"),
    ("[True, False]", "[1, 0]"),
    ("(1, 2)", "[1, 2]"),
    ("iter([1, 2])", "[1, 2]"),
    ("(n for n in (1, 2))", "(1, 2)"),
    ("map(int, '12')", "[1, 2]"),
    ("range(3)", "[0, 1, 2]"),
    ("2.50000001", "2.5"),
    ("[2.0000001, 3]", "[2.0, 3.0]"),
    ("__import__('collections').Counter('aab')", "{'a': 2, 'b': 1}"),
    ("__import__('collections').OrderedDict(a=1)", "{'a': 1}"),
    ("__import__('decimal').Decimal('2')", "2"),
    ("frozenset([1])", "{1}"),
    ("{1}", "[1]"),
}


def given(*expressions):
    """What the sandbox says of the values of expressions, each in a call of one function."""
    text = "def f(text):\n    return eval(text)\n"
    (function,) = functions_of(instruction(solution=text))
    question = Question([(one,) for one in expressions], Patience())
    desk = sandbox.Desk()
    try:
        (records,) = sandbox.conducted([answered(function, question)], desk)
    finally:
        desk.close()
    return records


def agrees(found, expected):
    return agreement(Example(problem_id="p", arguments=(), expected=expected))(found)


def test_values_agree_with_themselves_and_with_no_others():
    records = given(*VALUES)
    assert sorted(records) == list(range(len(VALUES)))
    for number, value in enumerate(VALUES.values()):
        agreeing = [text for place, text in enumerate(VALUES) if agrees(records[place], value)]
        own = list(VALUES)[number]
        expected = {own} | {
            "[1, 2]": {"(1, 2)", "{1, 2}"},
            "(1, 2)": {"[1, 2]", "{1, 2}"},
            "{1, 2}": {"[1, 2]", "(1, 2)"},
        }.get(own, set())
        assert set(agreeing) == expected, own


def test_values_that_a_judge_may_take_for_the_same_agree():
    records = given(*(one for one, _ in sorted(SAME)))
    for number, (text, expected) in enumerate(sorted(SAME)):
        space = {"Counter": Counter, "OrderedDict": OrderedDict, "Decimal": Decimal}
        assert agrees(records[number], eval(expected, space)), (text, expected)


def test_an_exception_gives_no_record():
    records = given("1 / 0", "7", "nothing", "raise_", "[0] * 10 ** 12", "'x' * 3000", "exit()", "object()")
    assert set(records) == {1, 7}
    assert not agrees(records[7], "object")


@pytest.mark.parametrize(
    "record", [b"V[\x05\x00\x00\x00", b"V[\xff\xff\xff\xff", b"Vi", b"V?", b"V(\x02\x00\x00\x00i", b"Vu\xff"]
)
def test_forged_records_agree_with_nothing(record):
    for value in VALUES.values():
        assert not agrees(record, value)


def test_an_example_may_say_itself_what_is_right():
    any_order = Example(problem_id="p", arguments=(), expected=[1, 2], accepts=lambda value: sorted(value) == [1, 2])
    check = agreement(any_order)
    assert [check(record) for record in given("[2, 1]", "[1, 2]", "(2, 1)", "[1]", "3").values()] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_alike_is_lenient_with_numbers_only_so_far():
    assert alike(1.00001, 1.0)
    assert not alike(1.001, 1.0)
    assert not alike(float("nan"), 1.0)
    assert not any(alike(one, other) for one, other in pairwise(["a", ["a"], {"a": 1}, None, 1, "1"]))
