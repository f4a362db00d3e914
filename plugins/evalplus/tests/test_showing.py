"""What is told of a value: short, on one line, the same in each run."""

from decimal import Decimal
from fractions import Fraction

import pytest
from magicoder_evalplus.showing import call_shown, detail, shown

from magicoder_core import sandbox


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ([1, 2.5, "a"], "[1, 2.5, 'a']"),
        ({"b", "a", 3}, "{'a', 'b', 3}"),
        (frozenset({2, 1}), "frozenset({1, 2})"),
        (set(), "set()"),
        (set(range(20)), "{0, 1, 10, 11, 12, 13, 14, 15, ...}"),
        ({"b": 1, "a": 2}, "{'a': 2, 'b': 1}"),
        (10**100, str(10**100)[:28] + "..." + "0" * 29),
        (1 << 50_000, "<an integer of 50001 bits>"),
        ([1 << 50_000], "[<an integer of 50001 bits>]"),
        (Fraction(1, 1 << 50_000), "<Fraction>"),
        (Fraction(1, 3), "Fraction(1, 3)"),
        (Decimal("0.5"), "Decimal('0.5')"),
        (iter([1]), "<list_iterator>"),
        (range(3), "range(0, 3)"),
        (sandbox.Foreign("Thing"), "<Thing>"),
    ],
    ids=range(16),
)
def test_values(value, text):
    assert shown(value) == text


def test_nothing_is_long():
    assert len(shown([["x" * 1000] * 100] * 100)) <= 120
    assert len(detail(call_shown("f", ["x" * 1000] * 100))) <= 450
    assert detail("a\n\ud800  b") == "a \\ud800 b"
    assert call_shown("f", (1, "x")) == "f(1, 'x')"
