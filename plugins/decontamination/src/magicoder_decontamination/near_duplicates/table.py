"""Which rows have a key, for hundreds of millions of keys in bounded memory.

An entry is three numbers (uint64): key, value, and what is told beside. Entries come in batches. The latest stand in
memory, as sorted arrays that double in size; from there they go to the disk as sorted runs, and eight runs become
one. A filter of bits before either says of most keys that they are not there: only the others are looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from magicoder_decontamination.near_duplicates.scratch import Scratch
from magicoder_decontamination.words import I64, U64

FAN_IN: Final = 8
_MEMORY_BITS: Final = 23
_DISK_BITS: Final = 29
_BLOCK: Final = 128
"""Entries of a run between two keys that are kept in memory. At most so many of a run may have one key."""

_MERGED: Final = 1 << 17
"""Entries that are merged at once."""

_PROBES: Final = 512
"""Keys that are looked for in a run at once."""

_COLUMNS: Final = 3
_ENTRY: Final = 8 * _COLUMNS


class Found(NamedTuple):
    """For each entry found: which of the keys it has (int64), its value, and what is told beside (uint64)."""

    wanted: I64
    values: U64
    told: U64


class Table:
    """A multimap of 64-bit keys that are as good as random, e.g. hashes.

    Args:
        in_memory: how many entries are kept in memory at least, before they go to the disk.
    """

    def __init__(self, in_memory: int) -> None:
        self._limit = in_memory
        self._recent: list[U64] = []
        self._recent_bits = _Bits(_MEMORY_BITS)
        self._disk = _Disk()

    def add(self, keys: U64, values: U64, told: U64) -> None:
        """One entry for each key. At most 128 entries may ever have the same."""
        entries = np.stack([keys, values, told], axis=1)
        self._recent_bits.set(keys)
        self._recent.append(_sorted([entries]))
        while len(self._recent) > 1 and len(self._recent[-2]) <= 2 * len(self._recent[-1]):
            self._recent[-2:] = [_sorted(self._recent[-2:])]
        if sum(map(len, self._recent)) >= self._limit:
            self._disk.add(_sorted(self._recent))
            self._recent, self._recent_bits = [], _Bits(_MEMORY_BITS)

    def find(self, keys: U64) -> Found:
        """All entries of ``keys``, which are sorted and distinct; those of a key in the order in which they came."""
        found = [*self._disk.find(keys), *self._in_memory(keys)]
        wanted = np.concatenate([np.empty(0, np.int64), *[places for places, _ in found]])
        entries = np.concatenate([np.empty((0, _COLUMNS), np.uint64), *[entries for _, entries in found]])
        order = np.argsort(wanted, kind="stable")
        return Found(wanted[order], entries[order, 1], entries[order, 2])

    def _in_memory(self, keys: U64) -> Iterator[tuple[I64, U64]]:
        places = self._recent_bits.maybe(keys)
        if len(places):
            for entries in self._recent:
                yield _matching(entries, keys, places)


def _matching(entries: U64, keys: U64, places: I64) -> tuple[I64, U64]:
    """Of sorted ``entries`` those with one of ``keys[places]``, each with the place of its key."""
    wanted = keys[places]
    left, right = np.searchsorted(entries[:, 0], wanted), np.searchsorted(entries[:, 0], wanted, "right")
    counts = right - left
    return np.repeat(places, counts), entries[ranges(left, counts)]


def ranges(starts: I64, counts: I64) -> I64:
    """``starts[0], starts[0] + 1, ...``: so many numbers from each start, one start's after the other's."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    made: I64 = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return made


def _sorted(pieces: Sequence[U64]) -> U64:
    """Entries in the order of their keys; of one key, earlier pieces' first."""
    entries = np.concatenate(pieces)
    return entries[np.argsort(entries[:, 0], kind="stable")]


class _Bits:
    """A Bloom filter with two bits for each key, which are parts of the key: it is a hash."""

    def __init__(self, size: int) -> None:
        self._mask = np.uint64((1 << size) - 1)
        self._bits = np.zeros(1 << (size - 3), dtype=np.uint8)

    def set(self, keys: U64) -> None:
        for places in self._places(keys):
            np.bitwise_or.at(self._bits, places >> np.uint64(3), _bit(places))

    def maybe(self, keys: U64) -> I64:
        """The places of keys that may have been set; all others have not."""
        first, second = self._places(keys)
        left = np.flatnonzero(self._bits[first >> np.uint64(3)] & _bit(first))
        again = second[left]
        kept: I64 = left[(self._bits[again >> np.uint64(3)] & _bit(again)) != 0]
        return kept

    def _places(self, keys: U64) -> tuple[U64, U64]:
        return keys & self._mask, (keys >> np.uint64(32)) & self._mask


def _bit(places: U64) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.uint8(1) << (places & np.uint64(7)).astype(np.uint8)


class _Disk:
    """Sorted runs, older and larger ones first."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._bits: _Bits | None = None

    def add(self, entries: U64) -> None:
        """A new run of sorted ``entries``; where that makes eight of one age, they become one of the next."""
        if self._bits is None:
            self._bits = _Bits(_DISK_BITS)
        self._bits.set(entries[:, 0])
        self._runs.append(_Run([entries], age=0))
        while [run.age for run in self._runs[-FAN_IN:]] == [self._runs[-1].age] * FAN_IN:
            merged = _Run(_merged(self._runs[-FAN_IN:]), age=self._runs[-1].age + 1)
            self._runs[-FAN_IN:] = [merged]

    def find(self, keys: U64) -> Iterator[tuple[I64, U64]]:
        """From each run, the places of keys with an entry for each."""
        if self._bits is None:
            return
        places = self._bits.maybe(keys)
        if len(places):
            for run in self._runs:
                yield run.find(keys, places)


class _Run:
    """Sorted entries in a file, with every 128th key in memory."""

    def __init__(self, pieces: Iterable[U64], age: int) -> None:
        self.age = age
        self.size = 0
        self._file = Scratch()
        fences = []
        for entries in pieces:
            fences.append(entries[-self.size % _BLOCK :: _BLOCK, 0].copy())
            self._file.append(entries.tobytes())
            self.size += len(entries)
        self.fences = np.concatenate(fences)

    def read(self, begin: int, end: int) -> U64:
        """The entries from one place to before another."""
        entries = np.empty((end - begin, _COLUMNS), dtype=np.uint64)
        if len(entries):  # else there is no memory to read into
            self._file.read_into(entries.data.cast("B"), begin * _ENTRY)
        return entries

    def before(self, key: int) -> int:
        """A place such that no entry from there on has a key below ``key``."""
        block = int(np.searchsorted(self.fences, np.uint64(key)))
        return min(block * _BLOCK, self.size)

    def find(self, keys: U64, places: I64) -> tuple[I64, U64]:
        """The entries of ``keys[places]``, each with the place of its key."""
        found = [self._find(keys, some) for some in np.array_split(places, len(places) // _PROBES + 1)]
        return np.concatenate([places for places, _ in found]), np.concatenate([entries for _, entries in found])

    def _find(self, keys: U64, places: I64) -> tuple[I64, U64]:
        # A block begins with a key below the wanted one: its entries are there or in the next block, as they are few.
        first = np.maximum(np.searchsorted(self.fences, keys[places]) - 1, 0)
        blocks = np.unique(np.concatenate([first, first + 1]))
        gaps = np.flatnonzero(np.diff(blocks) > 1) + 1
        begins = blocks[np.concatenate([[0], gaps])] * _BLOCK
        ends = np.minimum((blocks[np.concatenate([gaps - 1, [-1]])] + 1) * _BLOCK, self.size)
        entries = np.empty((int((ends - begins).sum()), _COLUMNS), dtype=np.uint64)
        room = entries.data.cast("B")
        for begin, end in zip((begins * _ENTRY).tolist(), (ends * _ENTRY).tolist(), strict=True):
            self._file.read_into(room[: end - begin], begin)
            room = room[end - begin :]
        return _matching(entries, keys, places)


def _merged(runs: Sequence[_Run]) -> Iterator[U64]:
    """The entries of all ``runs``, sorted, piece by piece."""
    pieces = max(1, sum(run.size for run in runs) // _MERGED)
    read = [0] * len(runs)
    held = [np.empty((0, _COLUMNS), dtype=np.uint64) for _ in runs]
    for bound in [(number << 64) // pieces for number in range(1, pieces + 1)]:
        ready = []
        for number, run in enumerate(runs):
            end = run.size if bound == 1 << 64 else run.before(bound)
            entries = np.concatenate([held[number], run.read(read[number], end)])
            cut = len(entries) if bound == 1 << 64 else int(np.searchsorted(entries[:, 0], np.uint64(bound)))
            ready.append(entries[:cut])
            held[number], read[number] = entries[cut:], end
        if any(map(len, ready)):
            yield _sorted(ready)
