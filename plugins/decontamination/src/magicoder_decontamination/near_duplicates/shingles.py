"""From texts to sets of shingles, a batch of rows in one array."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from magicoder_decontamination.texts import folded
from magicoder_decontamination.words import I64, U64, Words, grams, mixed, words

ROW_SHIFT: Final = np.uint64(48)
"""A number's bits below are a shingle's hash, those above the row (or pair) that it belongs to."""

HASH: Final = np.uint64((1 << 48) - 1)


class Sets(NamedTuple):
    """Sets of 48-bit hashes, one for each of ``r`` rows; none is empty.

    ``elements`` (uint64) has the row's number in the upper 16 bits and a hash in the others, sorted, no two alike; those
    of row ``i`` are ``elements[offsets[i]:offsets[i + 1]]`` (int64, r + 1). That two of the hashes that a pair of rows
    has are equal by chance, 250 in each, has odds of 1 in 4 billion.
    """

    elements: U64
    offsets: I64

    @property
    def sizes(self) -> I64:
        """How many shingles each row has."""
        return np.diff(self.offsets)


def shingle_sets(texts: Sequence[str], width: int, seed: int) -> Sets:
    """The sets of hashes of each ``width`` consecutive words, for at most 65,536 texts.

    A text of fewer words has one shingle, of all its words; one of none has one, of its signs without white space. Beyond
    ASCII texts are folded (`texts.folded`): widths, composed letters, quotes and blanks make no difference.
    """
    texts = [text if text.isascii() else folded(text) for text in texts]
    found = words(texts)
    hashes, offsets = grams(found, width)
    counts = np.diff(offsets)
    short = np.flatnonzero(counts == 0)
    hashes = np.concatenate(
        [hashes, np.array([_whole(texts[row], found, row) for row in short.tolist()], dtype=np.uint64)]
    )
    rows = np.concatenate([np.repeat(np.arange(len(texts)), counts), short]).astype(np.uint64)
    salt = mixed(np.array([seed & (1 << 64) - 1], dtype=np.uint64))
    elements = distinct((mixed(hashes ^ salt) & HASH) | (rows << ROW_SHIFT))
    bounds = np.arange(len(texts), dtype=np.uint64) << ROW_SHIFT
    return Sets(elements, np.append(np.searchsorted(elements, bounds), len(elements)).astype(np.int64))


def distinct(values: U64) -> U64:
    """Sorted, each once; ``values`` is sorted in place."""
    values.sort()
    return values[begins(values)]


def begins(values: npt.NDArray[Any]) -> I64:
    """The places in sorted ``values`` at which another value begins."""
    if not len(values):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate([np.ones(1, np.bool_), values[1:] != values[:-1]]))


def _whole(text: str, found: Words, row: int) -> int:
    own = found.hashes[found.texts[row] : found.texts[row + 1]]
    if len(own):
        told = b"words\0" + own.astype("<u8").tobytes()
    else:
        told = b"signs\0" + "".join(text.split()).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "little")
