"""``numpy.allclose`` for plain Python values, without numpy: answers are compared in a process that need not have it.

Source: numpy 2.4, ``numpy/_core/numeric.py`` (``isclose``) and its rules for arrays out of sequences. What numpy refuses
by an exception (texts, None, ragged lists) is not close: EvalPlus counts it as a failed test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

RTOL = 1e-7
"""The relative tolerance of EvalPlus' comparison (evalplus/evalplus at 26d6d00, ``evalplus/eval/__init__.py``)."""

_SEQUENCES = (list, tuple, range)
_NUMBERS = (int, float, complex)
_LOWEST, _HIGHEST, _HIGHEST_UNSIGNED = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
_DIMENSIONS = 64


@dataclass(frozen=True)
class _Array:
    """Numbers row by row, and how they are laid out."""

    shape: tuple[int, ...]
    items: list[Any]

    @property
    def exact(self) -> bool:
        """Whether numpy has to keep Python's own integers, as they fit no other type; then it looks for no infinities."""
        whole = [item for item in self.items if isinstance(item, int)]
        if not whole:
            return False
        low, high = min(whole), max(whole)
        return low < _LOWEST or high > _HIGHEST_UNSIGNED


def allclose(actual: Any, desired: Any, *, atol: float, broadcast: bool = True) -> bool:
    """Whether each number of ``actual`` is within ``atol + 1e-7 * |desired|`` of its counterpart.

    Args:
        actual: a number, or numbers in (nested) lists, tuples and ranges; anything else is not close.
        desired: the same.
        atol: the absolute tolerance.
        broadcast: compare sequences of different shapes by numpy's rules, by which an empty one is close to any other;
            False takes them as different.
    """
    left, right = _array(actual), _array(desired)
    if left is None or right is None or (right.shape and right.exact):
        return False
    if left.shape == right.shape:
        return all(_close(x, y, atol) for x, y in zip(left.items, right.items, strict=True))
    return broadcast and _broadcast_close(left, right, atol)


def _close(x: Any, y: Any, atol: float) -> bool:
    """One element. Where both are infinite they must be the same; nothing is close to what is no number."""
    try:
        y = float(y) if isinstance(y, int) else y
        near = abs(x - y) <= atol + RTOL * abs(y)
    except OverflowError:
        return False
    return bool((near and abs(y) != float("inf")) or x == y)


def _array(value: Any) -> _Array | None:
    """The array that numpy would make, None for one that is not of numbers."""
    shape = tuple(_lengths(value))
    if len(shape) > _DIMENSIONS:
        return None
    items: list[Any] = []
    return _Array(shape, items) if _fill(value, shape, items) else None


def _lengths(value: Any) -> Iterator[int]:
    while isinstance(value, _SEQUENCES):
        yield len(value)
        if not value:
            return
        value = value[0]


def _fill(value: Any, shape: Sequence[int], items: list[Any]) -> bool:
    """Append the numbers of ``value``; False if it is not of this shape all through, or holds other things."""
    if not shape:
        items.append(value)
        return isinstance(value, _NUMBERS)
    if not isinstance(value, _SEQUENCES) or len(value) != shape[0]:
        return False
    return all(_fill(item, shape[1:], items) for item in value)


def _broadcast_close(left: _Array, right: _Array, atol: float) -> bool:
    """Arrays of different shapes, by numpy's rules: a side of length 1 is repeated."""
    size = max(len(left.shape), len(right.shape))
    shapes = [(1,) * (size - len(one.shape)) + one.shape for one in (left, right)]
    pairs = list(zip(*shapes, strict=True))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        return False
    whole = [b if a == 1 else a for a, b in pairs]
    return all(
        _close(_at(left.items, shapes[0], place), _at(right.items, shapes[1], place), atol)
        for place in product(*map(range, whole))
    )


def _at(items: Sequence[Any], shape: Sequence[int], place: Sequence[int]) -> Any:
    number = 0
    for length, index in zip(shape, place, strict=True):
        number = number * length + (0 if length == 1 else index)
    return items[number]
