"""What is remembered of a set to find near ones: band keys, a digest, and 64 bits that tell at a glance who is not near.

A shingle's hash falls into one of 16 bins by its upper bits. A bin's key is made of its few smallest hashes: two sets
have the same with about the odds of J to the power of so many, J their Jaccard index, for they are a sample without
replacement of what the two have. That is MinHash with all its values from one permutation (Li, Owen, Zhang: One
Permutation Hashing, 2012), in bands that share no element and so fail independently; where a bin holds fewer hashes than
a band wants, all of them are its key, which is the easier to meet the fewer they are. Sorting, which makes sets of
shingles anyhow, is all the work.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from magicoder_decontamination.near_duplicates.shingles import HASH, ROW_SHIFT, Sets, begins
from magicoder_decontamination.words import I64, U64, mixed

BANDS: Final = 16
_RECALL: Final = 0.985
"""Least odds to find a pair just at the threshold."""

_MOST: Final = 8
"""Hashes in a key, at most: what a row of some hundred words has in a bin."""

_BAND_SHIFT: Final = np.uint64(44)
_BIT_SHIFT: Final = np.uint64(42)
_BIT: Final = np.uint64(63)
_BAND_SALT: Final = np.uint64(1 << 62)
_DIGEST_SALT: Final = np.uint64(1 << 63)
_ONES: Final = np.array([number.bit_count() for number in range(1 << 16)], dtype=np.uint8)


class Keys(NamedTuple):
    """Band keys (uint64, k), and the row that each belongs to (int64, k), rows in their order."""

    keys: U64
    rows: I64


def band_size(threshold: float) -> int:
    """How many of a bin's hashes make a key, so that pairs at the threshold are found in at least one of 16 bins."""
    one = 1 - (1 - _RECALL) ** (1 / BANDS)
    return _MOST if threshold == 1 else min(_MOST, max(1, math.floor(math.log(one) / math.log(threshold))))


def band_keys(sets: Sets, size: int) -> Keys:
    """A key for each bin of each row that is not empty, of its ``size`` smallest hashes."""
    cells = begins(sets.elements >> _BAND_SHIFT)
    counts = np.diff(np.append(cells, len(sets.elements)))
    first = sets.elements[cells]
    keys = mixed((first & HASH) ^ _BAND_SALT)
    last = len(sets.elements) - 1
    for place in range(1, size):  # as often for all, or a key would depend on the batch
        more = sets.elements[np.minimum(cells + place, last)] & HASH
        more[counts <= place] = 0
        keys = mixed(keys ^ more)
    return Keys(keys, (first >> ROW_SHIFT).astype(np.int64))


def digests(sets: Sets) -> U64:
    """A number for each row that only equal sets share, but for the odds of 64 bits."""
    sums = np.add.reduceat(mixed(sets.elements & HASH), sets.offsets[:-1])
    return mixed(sums ^ _DIGEST_SALT)


def sketches(sets: Sets) -> U64:
    """64 bits for each row: one of the smallest hash in each of 64 bins, 0 where a bin is empty.

    Those of two sets differ in at most (1 - J) / 2 of their places, on average.
    """
    cells = begins(sets.elements >> _BIT_SHIFT)
    first = sets.elements[cells]
    bits = (first & np.uint64(1)) << ((first >> _BIT_SHIFT) & _BIT)
    rows = begins(first >> ROW_SHIFT)
    return np.bitwise_or.reduceat(bits, rows)


def tolerance(threshold: float) -> int:
    """In how many places the sketches of a pair at the threshold may differ: three standard deviations above the mean."""
    odds = (1 - threshold) / 2
    return math.ceil(64 * odds + 3 * math.sqrt(64 * odds * (1 - odds)))


def distances(left: U64, right: U64) -> npt.NDArray[np.int64]:
    """In how many of 64 places each pair of sketches differs."""
    quarters: npt.NDArray[np.uint8] = _ONES[(left ^ right).view(np.uint16)]
    return np.asarray(quarters.reshape(-1, 4).sum(axis=1), dtype=np.int64)
