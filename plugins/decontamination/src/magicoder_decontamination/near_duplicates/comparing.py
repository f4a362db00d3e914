"""The exact Jaccard index of many pairs of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from magicoder_decontamination.near_duplicates.shelf import Shelf, sizes
from magicoder_decontamination.near_duplicates.shingles import HASH, ROW_SHIFT, Sets
from magicoder_decontamination.near_duplicates.table import ranges
from magicoder_decontamination.words import I64, U64

_ELEMENTS: Final = 1 << 18
_PAIRS: Final = 1 << 16
"""What is compared at once, at most, unless a single pair has more."""


def jaccard(sets: Sets, rows: I64, references: U64, shelf: Shelf) -> npt.NDArray[np.float64]:
    """For each pair of a row of ``sets`` and a row of the shelf: the share of all shingles of either that both have."""
    left, right = sets.sizes[rows], sizes(references)
    shared = np.zeros(len(rows), dtype=np.int64)
    for part in _parts(left + right):
        shared[part] = _shared(sets, rows[part], references[part], shelf)
    return np.asarray(shared / (left + right - shared), dtype=np.float64)


def _parts(weights: I64) -> Iterator[slice]:
    """Cut pairs into parts of so many elements together."""
    begin, ends = 0, np.cumsum(weights)
    while begin < len(weights):
        before = int(ends[begin - 1]) if begin else 0
        end = int(np.searchsorted(ends, before + _ELEMENTS, "right"))
        end = min(max(end, begin + 1), begin + _PAIRS)
        yield slice(begin, end)
        begin = end


def _shared(sets: Sets, rows: I64, references: U64, shelf: Shelf) -> I64:
    """How many shingles each pair shares: those that are there twice when both sets are sorted into one."""
    each, which = np.unique(references, return_inverse=True)
    hashes, begins = shelf.sets(each)
    counts, others = sets.sizes[rows], sizes(references)
    numbers = np.arange(len(rows), dtype=np.uint64) << ROW_SHIFT
    own = (sets.elements[ranges(sets.offsets[rows], counts)] & HASH) | np.repeat(numbers, counts)
    other = hashes[ranges(begins[which], others)] | np.repeat(numbers, others)
    both = np.concatenate([own, other])
    both.sort()
    twice = both[1:][both[1:] == both[:-1]] >> ROW_SHIFT
    return np.bincount(twice.astype(np.int64), minlength=len(rows))
