"""Plain data, and what becomes of a value on its way from one process to another."""

from __future__ import annotations

import copy
import marshal
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments by position and by name."""

Answer = tuple[Any, ...]
"""``("value", value)`` or ``("raised", kind, text, line)``, where ``line`` may be None.

Where a task is ``shared``, the value is a tuple: the value, and both kinds of arguments as the call left them.
"""

_VERSION = 2
_LEAVES = (bool, int, float, complex, str, bytes, range, Decimal, Fraction)
_NUMBERS: tuple[type[Any], ...] = (int, float, complex, bytes)
_ITERATOR: type[Any] = type(iter([]))
_KEYS: type[Any] = type({}.keys())
_PAIRS: tuple[type[Any], ...] = (type({}.values()), type({}.items()))


class Unsendable(TypeError):  # noqa: N818 - it is caught within the box
    """An object that is no plain data, so that it cannot be handed from one process to another."""


def plain(value: Any) -> Any:
    """A copy as it arrives in another process: exact builtin types, no object twice.

    Raises:
        Unsendable: there is something else in it.
    """
    try:
        return marshal.loads(marshal.dumps(value, _VERSION))  # noqa: S302 - our own bytes
    except ValueError:
        return _walked(value)


def _walked(value: Any) -> Any:
    if type(value) in _LEAVES:
        return value
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    for base in (list, tuple, set, frozenset):
        if isinstance(value, base):
            return base([plain(item) for item in value])
    if isinstance(value, str):
        return "".join(value)
    for number in _NUMBERS:
        if isinstance(value, number):
            return number(value)
    return _viewed(value)


def _viewed(value: Any) -> Any:
    """Iterators and views; a copied iterator leaves its original as it was, any other is used up."""
    if hasattr(type(value), "__next__"):
        return iter(plain(list(copy.copy(value) if type(value) is _ITERATOR else value)))
    if isinstance(value, _KEYS):
        return dict.fromkeys(plain(list(value))).keys()
    if isinstance(value, _PAIRS):
        return iter(plain(list(value)))
    raise Unsendable(f"an object of type '{type(value).__name__}' is no plain data")


def image(value: Any) -> Any:
    """What is equal for two pieces of plain data only if no program could tell them apart."""
    try:
        return marshal.dumps(value, _VERSION)
    except ValueError:
        pass
    if isinstance(value, dict):
        return dict, [(image(key), image(item)) for key, item in value.items()]
    if isinstance(value, list | tuple | _KEYS):
        return type(value), [image(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value), sorted(repr(image(item)) for item in value)
    if type(value) is _ITERATOR:
        return _ITERATOR, [image(item) for item in copy.copy(value)]
    return type(value), _spelled(value)


def _spelled(value: Any) -> Any:
    # Not the `repr` of what may hold an int: that of one with too many digits is an error.
    if isinstance(value, range):
        return image((value.start, value.stop, value.step))
    return image((value.numerator, value.denominator)) if isinstance(value, Fraction) else repr(value)


def swapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """``value`` with ``change`` of each thing in it that is no container."""
    if isinstance(value, list | tuple):
        return type(value)([swapped(item, change) for item in value])
    if isinstance(value, dict):
        return {key: swapped(item, change) for key, item in value.items()}
    return iter([swapped(item, change) for item in value]) if type(value) is _ITERATOR else change(value)


def adopt(mine: Any, after: Any) -> None:
    """Change ``mine`` in place into ``after``, as a call in one process would have."""
    if isinstance(mine, list) and isinstance(after, list):
        for number, (old, new) in enumerate(zip(mine, after, strict=False)):
            if type(old) is not type(new) or not isinstance(old, list | dict | set | tuple):
                mine[number] = new
            adopt(old, new)
        mine[len(after) :] = after[len(mine) :]
    elif isinstance(mine, tuple) and isinstance(after, tuple):
        for old, new in zip(mine, after, strict=False):
            adopt(old, new)
    elif isinstance(mine, dict | set) and isinstance(after, type(mine)):
        mine.clear()
        mine.update(after)
