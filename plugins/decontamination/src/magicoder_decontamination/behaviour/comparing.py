"""Whether a function's answer to an example may be right: as lenient as the most lenient of judges, who has the last word."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from magicoder_core import Example, sandbox

CLOSE = 1e-4
"""How far floats may be apart, absolutely or relatively: HumanEval's tests allow no more."""

_ODD = (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)
"""What a comparison of odd values may raise."""

_LARGE = ord("L")
_CODES = {
    **dict.fromkeys(b"ilTFgy", "number"),
    **dict.fromkeys(b"[(<>", "items"),  # with what the sandbox spells as a tuple: iterators, ranges
    ord("{"): "mapping",
    ord("u"): "text",
    ord("N"): "none",
}
"""The kind of value that begins with a byte: the sandbox hands values on in marshal's format, version 2."""

_KINDS: dict[type, str] = {
    **dict.fromkeys((int, bool, float, complex), "number"),
    **dict.fromkeys((list, tuple, set, frozenset), "items"),
    dict: "mapping",
    str: "text",
    type(None): "none",
}
_WHOLE, _TEXT, _ROW, _FIXED = b"iu[("


def alike(answer: Any, expected: Any) -> bool:
    """Whether two values are equal, or as good as: close numbers, and lists, tuples and iterators of alike items.

    Sets have no order, whatever they are compared with. Where a task asks for no order, its examples say so themselves
    (`Example.accepts`).

    Raises:
        TypeError, ValueError, ArithmeticError, AttributeError, RecursionError: of odd values.
    """
    if isinstance(expected, int | float) and isinstance(answer, int | float):
        return bool(answer == expected) or math.isclose(answer, expected, rel_tol=CLOSE, abs_tol=CLOSE)
    if isinstance(expected, dict) and isinstance(answer, dict):
        return answer.keys() == expected.keys() and all(alike(answer[key], expected[key]) for key in expected)
    if isinstance(expected, str | bytes) or not isinstance(expected, Iterable) or not isinstance(answer, Iterable):
        return bool(answer == expected)
    if isinstance(answer, str | bytes | dict) or isinstance(expected, dict):
        return bool(answer == expected)
    if isinstance(answer, set | frozenset) or isinstance(expected, set | frozenset):
        return bool(set(answer) == set(expected))
    given, wanted = list(answer), list(expected)
    return len(given) == len(wanted) and all(map(alike, given, wanted))


def agreement(example: Example) -> Callable[[bytes | sandbox.Value], bool]:
    """A check of values, as the sandbox's records or read: whether one is what an example expects.

    Nearly all are not, which their first bytes tell; only what is left is read.
    """
    known = example.accepts is None and type(example.expected) in _KINDS

    def check(found: bytes | sandbox.Value) -> bool:
        if isinstance(found, sandbox.Value):
            return _agrees(found, example)
        if known and found[0] != _LARGE and _differs(found, 1, example.expected):
            return False
        return _agrees(sandbox.answer(found), example)

    return check


def _differs(record: bytes, place: int, expected: Any) -> bool:
    """Whether the value at a place of a record can be told from the expected one without being read."""
    if place >= len(record):
        return True  # it is cut short
    code, kind = record[place], type(expected)
    if kind in _KINDS and _CODES.get(code) != _KINDS[kind]:
        return True
    size = int.from_bytes(record[place + 1 : place + 5], "little", signed=True)
    if code == _WHOLE and kind is int:
        return bool(size != expected)
    if code == _TEXT and kind is str:
        return record[place + 5 : place + 5 + max(size, 0)] != _encoded(expected)
    if code in (_ROW, _FIXED) and kind in (list, tuple) and record[place + 5 : place + 6] != b".":
        return bool(size != len(expected)) or (size > 0 and _differs(record, place + 5, expected[0]))
    return False


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _agrees(answer: Any, example: Example) -> bool:
    if not isinstance(answer, sandbox.Value):
        return False
    try:
        if example.accepts is not None:
            return bool(example.accepts(answer.value))
        return alike(answer.value, example.expected)
    except _ODD:
        return False
