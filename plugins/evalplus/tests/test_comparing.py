"""Which answers are right, beside the rules that EvalPlus has for them."""

from decimal import Decimal

import pytest
from magicoder_evalplus.comparing import Comparison, Tolerance, is_floats
from magicoder_evalplus.oracles import oracle_of, set_equal

from magicoder_core import sandbox

PLAIN = Comparison()


def accepts(answer, expected, arguments=(), *, atol=0.0, before=None, oracle=None, **options):
    comparison = Comparison(oracle=oracle, **options)
    return comparison.accepts(answer, expected, arguments, atol if before is None else before, atol)


@pytest.mark.parametrize(
    ("value", "floats"),
    [
        (1.0, True),
        ([1.0, 2.0], True),
        ((1.0,), True),
        ([], False),
        (1, False),
        ([1, 2.0], False),
        ([[1.0]], False),
        ({1.0}, False),
        (True, False),
        (None, False),
    ],
)
def test_what_floats_are(value, floats):
    assert is_floats(value) is floats


def test_a_tolerance_stays_once_a_float_was_expected():
    tolerance = Tolerance(0.0, 2)
    assert [tolerance.at(number) for number in range(4)] == [0.0, 0.0, 1e-6, 1e-6]
    assert [tolerance.before(number) for number in range(4)] == [0.0, 0.0, 0.0, 1e-6]
    assert Tolerance(1e-4, 2).at(0) == 1e-4
    assert Tolerance(0.0, None).at(1000) == 0.0


@pytest.mark.parametrize(
    ("answer", "expected", "atol", "right"),
    [
        (2, 2.0, 0.0, True),
        (True, 1, 0.0, True),
        ([1], (1,), 0.0, False),
        (1.0 + 1e-7, 1.0, 0.0, False),
        (1.0 + 1e-7, 1.0, 1e-6, True),
        (1.0 + 1e-5, 1.0, 1e-6, False),
        ([1.0 + 1e-7], [1.0], 1e-6, True),
        ((1.0 + 1e-7,), [1.0], 1e-6, False),
        ([1.0], [1.0, 1.0], 1e-6, False),
        (10**9 + 1, 10**9, 1e-6, True),  # as numpy has it: 1e-7 of so much is 100
        (1, 1.0 + 1e-9, 1e-6, False),  # an int is no float
        ("a", "b", 1e-6, False),
        (float("nan"), float("nan"), 1e-6, False),
        ({1: 1.0 + 1e-9}, {1: 1.0}, 1e-6, False),
        (None, 1.0, 1e-6, False),
        (10**400, 1.0, 1e-6, False),
        (sandbox.Foreign("array"), [1.0], 1e-6, False),
        ([sandbox.Foreign("x")], [1.0], 1e-6, False),
        (Decimal(1), 1, 0.0, True),
    ],
)
def test_answers_are_compared_as_evalplus_does(answer, expected, atol, right):
    assert accepts(answer, expected, atol=atol) is right


def test_only_strict_semantics_look_at_shapes():
    assert accepts([[]], [[1.0]], atol=1e-6)
    assert not accepts([[]], [[1.0]], atol=1e-6, broadcast=False)


def special(task, name, answer, expected, arguments=(), *, atol=0.0):
    return accepts(answer, expected, arguments, atol=atol, oracle=oracle_of(task, name), final=name == "find_zero")


@pytest.mark.parametrize(
    ("answer", "right"), [(-0.5, True), (-0.50001, True), (-0.6, False), ("x", False), (None, False), (1e400, False)]
)
def test_any_zero_will_do(answer, right):
    assert special("HumanEval/32", "find_zero", answer, 7.0, [[1, 2]], atol=1e-4) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ([1, 2], True),
        ((2, 1, 1), True),
        ({1, 2}, True),
        ({1: 0, 2: 0}, True),
        ([1], False),
        ([1, 2, 3], False),
        ([[1], [2]], False),
        (3, False),
        (None, False),
        (sandbox.Foreign("Thing"), False),
        ([sandbox.Foreign("Thing")], False),
    ],
)
def test_order_and_number_do_not_count_for_some(answer, right):
    for name in ("similar_elements", "Diff"):
        assert special("Mbpp/2", name, answer, (1, 2)) is right
    assert special("Mbpp/2", "similar_elements", iter([2, 1]), (1, 2))


def test_members_made_to_collide_take_no_time():
    modulus = 2**61 - 1
    assert not set_equal([number * modulus for number in range(1, 50_000)], [1, 2])


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        (sandbox.Foreign("Match"), sandbox.Foreign("Match"), True),
        (True, sandbox.Foreign("Match"), True),
        ("any", sandbox.Foreign("Match"), True),
        (None, sandbox.Foreign("Match"), False),
        (False, sandbox.Foreign("Match"), False),
        (False, None, True),
        (None, None, True),
        (0, None, False),
    ],
)
def test_for_some_it_only_counts_whether_there_is_an_answer(answer, expected, right):
    assert special("Mbpp/737", "check_str", answer, expected) is right


@pytest.mark.parametrize(
    ("name", "answer", "expected", "arguments", "right"),
    [
        ("surface_Area", 33, 33, (3, 4), True),
        ("surface_Area", 35, 33, (3, 4), True),  # the height is the pyramid's own
        ("surface_Area", 34, 33, (3, 4), False),
        ("surface_Area", "x", 33, (3, 4), False),
        ("digit_distance_nums", 6, 1, (23, 5), False),
        ("digit_distance_nums", 4, 1, (23, 5), True),  # 23 and 05
        ("digit_distance_nums", 1, 1, (-1, 5), True),
        ("digit_distance_nums", 2, 1, (-1, 5), False),
        ("sum_div", 0, 7, (8,), True),
        ("sum_div", 1, 7, (8,), False),
        ("are_equivalent", None, 7, (8,), True),
    ],
)
def test_further_answers_of_some_tasks(name, answer, expected, arguments, right):
    assert special("Mbpp/1", name, answer, expected, arguments) is right


def test_special_rules_belong_to_a_benchmark():
    assert oracle_of("Mbpp/32", "find_zero") is None
    assert oracle_of("HumanEval/2", "similar_elements") is None
    assert oracle_of("HumanEval/0", "has_close_elements") is None
