"""Finds every occurrence of any of many patterns in a buffer of texts.

An occurrence of at least ``2 * WIDTH - 1`` bytes covers a whole window of ``WIDTH`` bytes that begins at a multiple of
``WIDTH`` in the buffer; of any ``WIDTH`` windows that begin one after the other in a pattern, just one is such. So eight
windows of each pattern are kept, those that the patterns share least with each other, the buffer is read as whole numbers
of eight bytes, and numpy looks all of them up at once, first in a bitmap, then exactly; what remains is compared byte by
byte. That costs a quarter of an Aho-Corasick automaton's time, and 100 bytes for a pattern however long it is, where an
automaton takes 12 for each of its bytes (measured: tests/benchmarks/test_decontamination.py).

Shorter patterns, of which there are few, go to an Aho-Corasick automaton.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 8
LONG: Final = 2 * WIDTH - 1
"""Bytes of a pattern from which on it is found by its windows."""

_BITS: Final = 20
"""Of the bitmap's size: a megabyte, which stays in the processor's cache."""

_SPREAD: Final = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: multiplication by it brings all bits of a window to bear on the highest."""

_TRIED: Final = 256
"""Places of a pattern, from its beginning, among which its windows are chosen."""


@dataclass(frozen=True)
class Found:
    """Pattern ``number`` stands at byte ``start`` of the buffer."""

    number: int
    start: int


class Patterns:
    """An index of patterns.

    Args:
        patterns: what to look for; none may be empty or hold a NUL, which stands between texts.
    """

    def __init__(self, patterns: Sequence[bytes]) -> None:
        if any(not pattern or b"\0" in pattern for pattern in patterns):
            raise ValueError("a pattern must not be empty, and must hold no NUL")
        self.patterns = patterns
        self._short = [number for number, pattern in enumerate(patterns) if len(pattern) < LONG]
        self._automaton = self._of_short() if self._short else None
        self._long = [number for number, pattern in enumerate(patterns) if len(pattern) >= LONG]
        if self._long:
            self._index()

    def _of_short(self) -> Any:
        from ahocorasick_rs import BytesAhoCorasick

        return BytesAhoCorasick([self.patterns[number] for number in self._short])

    def _index(self) -> None:
        import numpy as np

        starts, windows = _rarest([self.patterns[number] for number in self._long])
        order = np.argsort(windows.ravel(), kind="stable")
        self._windows, begins = np.unique(windows.ravel()[order], return_index=True)
        self._begins = [*begins.tolist(), len(order)]
        self._numbers = np.array(self._long)[order // WIDTH].tolist()
        self._shifts = (np.repeat(starts, WIDTH)[order] + order % WIDTH).tolist()
        self._bitmap = np.zeros(1 << _BITS, np.bool_)
        self._bitmap[_slots(self._windows)] = True

    def find(self, data: bytes) -> Iterator[Found]:
        """Every occurrence of every pattern, those of long ones in the order of their places."""
        if self._automaton is not None:
            for number, start, _ in self._automaton.find_matches_as_indexes(data, overlapping=True):
                yield Found(self._short[number], start)
        if self._long and len(data) >= WIDTH:
            yield from self._find_long(data)

    def _find_long(self, data: bytes) -> Iterator[Found]:
        import numpy as np

        windows = np.frombuffer(data, np.dtype("<u8"), len(data) // WIDTH)
        places = np.flatnonzero(self._bitmap.take(_slots(windows)))
        seen = windows[places]
        ranks = np.minimum(np.searchsorted(self._windows, seen), len(self._windows) - 1)
        exact = self._windows[ranks] == seen
        for rank, place in zip(ranks[exact].tolist(), (places[exact] * WIDTH).tolist(), strict=True):
            for entry in range(self._begins[rank], self._begins[rank + 1]):
                number, shift = self._numbers[entry], self._shifts[entry]
                if place >= shift and data.startswith(self.patterns[number], place - shift):
                    yield Found(number, place - shift)


def _slots(windows: Any) -> Any:
    import numpy as np

    # As signed numbers: numpy would have to convert indices that are not.
    return ((windows * np.uint64(_SPREAD)) >> np.uint64(64 - _BITS)).view(np.int64)


def _rarest(patterns: Sequence[bytes]) -> tuple[Any, Any]:
    """Where each pattern's windows begin, and the windows, one row of `WIDTH` for each pattern.

    They begin where the commonest of them is rarest among the heads of all patterns.
    """
    import numpy as np

    heads = [pattern[:_TRIED] for pattern in patterns]
    data = b"".join(heads) + bytes(WIDTH)
    windows = np.empty(len(data) - WIDTH, np.uint64)
    for shift in range(WIDTH):
        part = windows[shift::WIDTH]
        part[:] = np.frombuffer(data, np.dtype("<u8"), len(part), shift)
    slots = _slots(windows)
    counts = np.bincount(slots, minlength=1 << _BITS).astype(np.int32)[slots]
    places = len(windows) - WIDTH + 1
    most = counts[:places].copy()
    for shift in range(1, WIDTH):
        np.maximum(most, counts[shift : shift + places], out=most)
    begins = np.cumsum([0, *map(len, heads)])[:-1]
    # Of the places after a head's last full windows some begin in it and end in the next: these are left out.
    starts = np.array(
        [most[begin : begin + len(head) - LONG + 1].argmin() for begin, head in zip(begins, heads, strict=True)]
    )
    return starts, windows[(begins + starts)[:, None] + np.arange(WIDTH)]
