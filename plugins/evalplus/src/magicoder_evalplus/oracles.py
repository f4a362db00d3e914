"""Tasks whose answers are not compared with one expected value: each has a rule of its own.

Source: evalplus/evalplus at 26d6d00, ``evalplus/eval/__init__.py`` and ``_special_oracle.py`` (which task has which
rule); written anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Arguments = Sequence[Any]
Accepts = Callable[[Any, Any, Arguments, float], bool]
"""Whether an answer is right: ``(answer, expected, arguments, atol)``."""

FIND_ZERO = "find_zero"
"""HumanEval/32; the bug of EvalPlus 0.3.1 is about it."""

NOT_NONE = frozenset({"check_str", "text_match_three", "text_starta_endb"})
"""Mbpp/737, 787, 794: what counts is only whether the answer is None, since the reference gives a match object."""

SET_EQUAL = frozenset(
    {
        "similar_elements",  # Mbpp/2
        "find_char_long",  # Mbpp/7
        "common_in_nested_lists",  # Mbpp/111
        "extract_singly",  # Mbpp/140
        "larg_nnum",  # Mbpp/232
        "intersection_array",  # Mbpp/249
        "find_dissimilar",  # Mbpp/579
        "Diff",  # Mbpp/769
    }
)
"""The order of the answer and how often a member occurs do not count."""


def set_equal(answer: Any, expected: Any) -> bool:
    """Whether both have the same members. Iterators are used up.

    Raises:
        TypeError: one of them has no members, or some that cannot be hashed.
    """
    wanted = set(expected)
    members: Iterable[Any] = iter(answer)
    found = set()
    for member in members:
        # Only what is wanted is ever collected: members made to collide would take hours to put into a set.
        if member not in wanted:
            return False
        found.add(member)
    return len(found) == len(wanted)


def is_not_none(answer: Any, expected: Any) -> bool:
    """Whether ``answer`` is a bool that equals the expected one, or else is there exactly if that is True.

    ``expected`` is what the reference gave.
    """
    wanted = expected is not None
    there = answer if isinstance(answer, bool) else answer is not None
    return bool(there) is wanted


def polynomial(coefficients: Sequence[float], x: Any) -> float:
    """The value at ``x``, the constant's coefficient first.

    Raises:
        TypeError, OverflowError, ValueError: ``x`` is no number for it.
    """
    return sum(coefficient * math.pow(x, power) for power, coefficient in enumerate(coefficients))


def _finds_zero(answer: Any, _: Any, arguments: Arguments, atol: float) -> bool:
    return abs(polynomial(arguments[0], answer)) <= atol


def _is_surface(answer: Any, expected: Any, arguments: Arguments, atol: float) -> bool:
    """Mbpp/581: the height may be the pyramid's own, not that of its sides."""
    if answer == expected:
        return True
    edge, height = arguments
    slant = math.sqrt((edge / 2) ** 2 + height**2)
    return bool(abs(answer - round(edge**2 + 4 * (edge * slant) / 2)) <= atol)


def _is_digit_distance(answer: Any, expected: Any, arguments: Arguments, _: float) -> bool:
    """Mbpp/558: the shorter number may have zeros put in front."""
    if answer == expected:
        return True
    one, other = map(str, arguments)
    width = max(len(one), len(other))
    pairs = zip(one.zfill(width), other.zfill(width), strict=True)
    return bool(answer == sum(abs(int(a) - int(b)) for a, b in pairs))


def _anything(*_: Any) -> bool:
    return True


def _or_zero(answer: Any, expected: Any, *_: Any) -> bool:
    return any(answer == one for one in (expected, 0))


_ORACLES: Mapping[tuple[str, str], Accepts] = {
    ("HumanEval", FIND_ZERO): _finds_zero,
    ("Mbpp", "are_equivalent"): _anything,  # Mbpp/164, v0.1.0 only
    ("Mbpp", "sum_div"): _or_zero,  # Mbpp/295, v0.1.0 only
    ("Mbpp", "surface_Area"): _is_surface,
    ("Mbpp", "digit_distance_nums"): _is_digit_distance,
    **{("Mbpp", name): lambda answer, expected, *_: set_equal(answer, expected) for name in SET_EQUAL},
    **{("Mbpp", name): lambda answer, expected, *_: is_not_none(answer, expected) for name in NOT_NONE},
}


def oracle_of(task_id: str, entry_point: str) -> Accepts | None:
    """The rule of a task, None where answers are simply compared. It may raise what values of odd types raise."""
    return _ORACLES.get((task_id.partition("/")[0], entry_point))
