"""Values as bytes: Python's marshal format, version 2, written by the C library and read by our own strict reader.

Version 2 has no references and no interning, and sets are sorted, so equal bytes mean equal values, and most equal
values have equal bytes. `marshal.loads` is never given what a program wrote: it trusts its input.

What marshal does not know is spelled as a tuple that begins with an ellipsis and a name. Iterators are used up,
subclasses become plain, numpy's scalars become Python's; any other object becomes its type's name alone, and equals
nothing when it is read.

Source of the format: CPython's ``Python/marshal.c``, 3.11.
"""

from __future__ import annotations

import _pickle  # pickle without what it is written in where there is no C
import marshal
import struct
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256 as _sha256
from typing import Any, NoReturn

VERSION = 2
"""The format's version; also of what is kept on disk under our own encoding."""

LARGE_BYTES = 16 << 10
"""A value whose bytes are more crosses as a digest, unless it was asked for whole."""

VALUE, RAISED, LARGE = b"V", b"E", b"L"
_KINDS = frozenset({VALUE, RAISED, LARGE})
_LISTS = frozenset({list, tuple})
_SETS = (b"\x8f", b"\x91", b"\x96")
"""Pickle's EMPTY_SET, FROZENSET, and BYTEARRAY8, which marshal takes for bytes."""

DEPTH = 100
"""Containers within containers; deeper values are no plain data any more."""

# A program may spoil the module for itself.
_dumps = marshal.dumps

_COLLIDING = 100
_BITS = 100_000
_DIGITS = 10_000
_LONG_DIGIT = 15
_INT = struct.Struct("<i")
_FLOAT = struct.Struct("<d")
_SIZES = struct.Struct("<cI")
HEAD_BYTES = _SIZES.size
"""In front of each answer in a stream: its kind, and its length (4 bytes, little-endian)."""


class Foreign:
    """Stands for an object that does not cross; equal to nothing, not even to itself."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        """Never."""
        return False

    __hash__ = None  # type: ignore[assignment]  # no member of a set, no key

    def __repr__(self) -> str:
        """The type's name."""
        return f"<{self.kind}>"


def spell(value: Any) -> bytes:
    """The bytes of a value.

    Raises:
        RecursionError: it holds itself, or is nested too deeply.
    """
    return quick(value) or _dumps(_plain(value, 0), VERSION)


def quick(value: Any) -> bytes:
    """The bytes of a value that marshal knows all of; none if it does not, or may take something for what it is not."""
    # A number of numpy's lends out its bytes, and marshal would take it for those.
    if "numpy" in sys.modules:
        return b""
    try:
        return _dumps(value, VERSION)
    except ValueError:
        return b""


def digest(data: bytes) -> bytes:
    """What stands for a large value: the SHA-256 of its bytes, and how many (8 bytes, little-endian)."""
    return _sha256(data).digest() + len(data).to_bytes(8, "little")


def long_digest(value: Any) -> bytes:
    """The same for a list or tuple of so many items that its bytes need not be counted; nothing for other values.

    The bytes are pickle's, protocol 5 without its memory of what came before: of texts they take a third of the time,
    and they are never there all at once. Nobody reads them. Objects of other types than Python's own are left to
    `spell`, and so are sets, of which the order would matter, and whatever has a byte that might begin one.
    """
    if type(value) not in _LISTS or len(value) <= LARGE_BYTES:
        return b""
    total = _Total()
    pickler = _Exact(total, 5)
    pickler.fast = True
    try:
        pickler.dump(value)
    except (_Unlike, ValueError, RecursionError, _pickle.PicklingError):
        return b""
    return total.digest()


class _Unlike(Exception):  # noqa: N818 - an event
    """A value that cannot be told apart by its pickle."""


class _Total:
    """A file that keeps a SHA-256 of what is written to it."""

    def __init__(self) -> None:
        self._sha = _sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        if any(code in data for code in _SETS):
            raise _Unlike
        self._sha.update(data)
        self._size += len(data)

    def digest(self) -> bytes:
        return self._sha.digest() + self._size.to_bytes(8, "little")


class _Exact(_pickle.Pickler):
    """Pickles objects of Python's own plain types."""

    def reducer_override(self, _: object) -> NoReturn:
        raise _Unlike


def extent(stream: bytes, most: int) -> tuple[int, int]:
    """How many records a stream begins with, at most ``most``, and where the last of them ends."""
    place, end, found = 0, len(stream), 0
    while found < most and place + _SIZES.size <= end:
        kind, size = _SIZES.unpack_from(stream, place)
        if kind not in _KINDS or size > end - place - _SIZES.size:
            break
        place += _SIZES.size + size
        found += 1
    return found, place


def split(stream: bytes) -> list[bytes]:
    """The records of a stream, each with its kind in front and without its length; a torn or odd end is left out."""
    records = []
    place, end = 0, len(stream)
    while place + _SIZES.size <= end:
        kind, size = _SIZES.unpack_from(stream, place)
        place += _SIZES.size
        if size > end - place or kind not in _KINDS:
            break
        records.append(kind + stream[place : place + size])
        place += size
    return records


def _plain(value: Any, depth: int) -> Any:
    """``value`` of types that marshal knows."""
    if depth > DEPTH:
        raise RecursionError("the value is nested too deeply")
    if value is None or value is True or value is False:
        return value
    for kind, make in _MAKERS:
        if isinstance(value, kind):
            return make(value, depth + 1)
    if hasattr(type(value), "__next__"):
        return (..., "iterator", [_plain(item, depth + 1) for item in value])
    return _scalar(value, depth)


def _scalar(value: Any, depth: int) -> Any:
    """A number of numpy's, or the name of a foreign type."""
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        item = value.item()
        if type(item) is not type(value):
            return _plain(item, depth + 1)
    return (..., "object", str(type(value).__name__)[:80])


def _items(value: Iterable[Any], depth: int) -> list[Any]:
    return [_plain(item, depth) for item in value]


_MAKERS: tuple[tuple[type, Callable[[Any, int], Any]], ...] = (
    (int, lambda value, _: int.__index__(value)),
    (float, lambda value, _: float.__float__(value)),
    (str, lambda value, _: str.__str__(value) if type(value) is str else "".join(str.__iter__(value))),
    (list, lambda value, depth: _items(list.__iter__(value), depth)),
    (tuple, lambda value, depth: tuple(_items(tuple.__iter__(value), depth))),
    (dict, lambda value, depth: {_plain(key, depth): _plain(item, depth) for key, item in dict.items(value)}),
    (set, lambda value, depth: set(_items(set.__iter__(value), depth))),
    (frozenset, lambda value, depth: frozenset(_items(frozenset.__iter__(value), depth))),
    (complex, lambda value, _: complex(value.real, value.imag)),
    (bytes, lambda value, _: bytes(value)),
    (bytearray, lambda value, _: bytes(value)),
    (range, lambda value, _: (..., "range", value.start, value.stop, value.step)),
    (type({}.keys()), lambda value, depth: (..., "keys", _items(value, depth))),
    (type({}.values()), lambda value, depth: (..., "iterator", _items(value, depth))),
    (type({}.items()), lambda value, depth: (..., "iterator", _items(value, depth))),
    (Decimal, lambda value, _: (..., "decimal", Decimal.__str__(value))),
    (Fraction, lambda value, _: (..., "fraction", int(value.numerator), int(value.denominator))),
)


def read(data: bytes) -> Any:
    """The value of bytes that `spell` may have made: objects of exact builtin types, or `Foreign`.

    Raises:
        ValueError: no such bytes.
    """
    reader = _Reader(data)
    try:
        value = reader.value(0)
    except (IndexError, TypeError, struct.error, OverflowError, MemoryError, ArithmeticError) as error:
        raise ValueError(f"no value: {type(error).__name__}") from error
    if reader.place != len(data):
        raise ValueError("no value: bytes are left over")
    return value


class _Reader:
    """Reads one value after another; every size is held against what is there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def value(self, depth: int) -> Any:
        code = self._data[self.place]
        self.place += 1
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        if depth > 2 * DEPTH or code not in _READERS:
            raise ValueError("no value: nested too deeply, or of a type that does not cross")
        return _READERS[code](self, depth + 1)

    def integer(self, _: int = 0) -> int:
        (number,) = _INT.unpack_from(self._data, self.place)
        self.place += 4
        return int(number)

    def double(self, _: int = 0) -> float:
        (number,) = _FLOAT.unpack_from(self._data, self.place)
        self.place += 8
        return float(number)

    def pair(self, _: int) -> complex:
        return complex(self.double(), self.double())

    def block(self, _: int = 0) -> bytes:
        size = self._size(1)
        self.place += size
        return self._data[self.place - size : self.place]

    def text(self, _: int) -> str:
        return self.block().decode("utf-8", "surrogatepass")

    def long(self, _: int) -> int:
        size = self.integer()
        digits = self._take(2 * abs(size))
        bits = "".join(f"{digits[i] | digits[i + 1] << 8:015b}" for i in range(len(digits) - 2, -1, -2))
        if len(bits) != _LONG_DIGIT * abs(size):
            raise ValueError("no value: a digit too large")
        number = int(bits or "0", 2)
        return -number if size < 0 else number

    def items(self, depth: int) -> list[Any]:
        return [self.value(depth) for _ in range(self._size(1))]

    def fixed(self, depth: int) -> Any:
        items = tuple(self.items(depth))
        return _tagged(items) if items[:1] == (...,) else items

    def mapping(self, depth: int) -> dict[Any, Any]:
        pairs = []
        while self._data[self.place] != _NULL:
            pairs.append((self.value(depth), self.value(depth)))
        self.place += 1
        _spread([key for key, _ in pairs])
        return dict(pairs)

    def members(self, depth: int) -> set[Any]:
        return set(_spread(self.items(depth)))

    def frozen(self, depth: int) -> frozenset[Any]:
        return frozenset(_spread(self.items(depth)))

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self.place:
            raise ValueError("no value: a length beyond the end")
        self.place += size
        return self._data[self.place - size : self.place]

    def _size(self, least: int) -> int:
        size = self.integer()
        if not 0 <= size * least <= len(self._data) - self.place:
            raise ValueError("no value: a length beyond the end")
        return size


def _spread(items: list[Any]) -> list[Any]:
    """``items``, unless they were made to collide: a set of those would take its builder hours."""
    if len(items) > _COLLIDING:
        hashes = sorted(map(hash, items))
        if any(one == other for one, other in zip(hashes, hashes[_COLLIDING:])):  # noqa: B905 - as long as Python 3.9 runs it
            raise ValueError("no value: its members collide")
    return items


def _tagged(items: tuple[Any, ...]) -> Any:
    """What a tuple stands for that begins with an ellipsis; `Foreign` if it was not made by `_plain`."""
    name, *parts = items[1:] or ("",)
    kinds = [type(part) for part in parts]
    if type(name) is not str or name not in _TAGGED or _TAGGED[name][0] != kinds:
        return Foreign("object")
    return _TAGGED[name][1](*parts)


def _decimal(text: str) -> Any:
    """A number; `Foreign` for one that raises when it is compared, or is too long."""
    number = Decimal(text) if len(text) <= _DIGITS else Decimal("sNaN")
    return Foreign("Decimal") if number.is_snan() else number


def _fraction(above: int, below: int) -> Any:
    """A number; `Foreign` for one that would take long to be reduced."""
    return Foreign("Fraction") if (above | below).bit_length() > _BITS else Fraction(above, below)


_TAGGED: dict[str, tuple[list[type], Callable[..., Any]]] = {
    "range": ([int, int, int], range),
    "keys": ([list], lambda keys: dict.fromkeys(_spread(keys)).keys()),
    "iterator": ([list], iter),
    "decimal": ([str], _decimal),
    "fraction": ([int, int], _fraction),
    "object": ([str], lambda name: Foreign(name[:80])),
}
_NULL = ord("0")
_CONSTANTS = {ord("N"): None, ord("T"): True, ord("F"): False, ord("."): ...}
_READERS: dict[int, Callable[[_Reader, int], Any]] = {
    ord("i"): _Reader.integer,
    ord("g"): _Reader.double,
    ord("y"): _Reader.pair,
    ord("l"): _Reader.long,
    ord("s"): _Reader.block,
    ord("u"): _Reader.text,
    ord("["): _Reader.items,
    ord("("): _Reader.fixed,
    ord("{"): _Reader.mapping,
    ord("<"): _Reader.members,
    ord(">"): _Reader.frozen,
}
