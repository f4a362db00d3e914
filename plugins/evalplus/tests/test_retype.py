"""The types that the tasks of MBPP+ take, for each task that takes others than JSON has."""

import pytest
from magicoder_evalplus.retype import retyped, written

L = [1, [2]]
PAIRS = [[1, 2], [3, 4]]
AS_TUPLES = [(1, 2), (3, 4)]

CASES = {
    "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809": (
        [[1, [2]], [3]],
        ((1, [2]), (3,)),
    ),
    "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780": ([PAIRS, PAIRS], (AS_TUPLES, AS_TUPLES)),
    "75 413 444 753": ([PAIRS, [5]], (AS_TUPLES, [5])),
    "106 750": ([[5], [6]], ([5], (6,))),
    "250 405 446 617 720 763 808": ([[5], [6]], ((5,), [6])),
    "259 401 445": ([PAIRS, PAIRS], (tuple(AS_TUPLES), tuple(AS_TUPLES))),
    "307": ([[5], [6], [7]], ((5,), [6], [7])),
    "580 615 791": ([L, [[[3]]]], ((1, (2,)), (((3,),),))),
    "115": ([[[1, 2, 2], [], 5]], ([{1, 2}, {}, {}],)),
    "124": ([3, "1+2j"], (3.0, 1 + 2j)),
    "252": (["1+2j"], (1 + 2j,)),
    "278": ([[1, [2], 3]], ((1, (2,), 3),)),
    "722": ([{"a": [1, 2]}, 3, [4]], ({"a": (1, 2)}, 3, [4])),
}
EACH = [(number, *case) for numbers, case in CASES.items() for number in numbers.split()]


def types(value):
    if isinstance(value, list | tuple | set):
        return type(value), [types(item) for item in value]
    if isinstance(value, dict):
        return dict, [types(item) for item in value.values()]
    return type(value)


@pytest.mark.parametrize(("number", "arguments", "expected"), EACH, ids=[case[0] for case in EACH])
def test_each_task_gets_the_types_that_it_takes(number, arguments, expected):
    found = retyped(f"Mbpp/{number}", arguments)
    assert found == expected
    assert types(found) == types(expected)


def test_others_stay_as_they_are():
    assert retyped("Mbpp/3", [[1], {"a": [2]}]) == ([1], {"a": [2]})
    assert retyped("HumanEval/2", [[1]]) == ([1],)


def test_failed_inputs_are_written_as_evalplus_does():
    assert written("Mbpp/115", [[[1], [], 5]]) == [[[1], [], []]]
    assert written("Mbpp/124", [3, "1+2j"]) == ["3.0", "(1+2j)"]
    assert written("Mbpp/252", ["1j"]) == ["1j"]
    assert written("Mbpp/2", [[1], [2]]) == [[1], [2]]
