"""The words of many texts at once, as 64-bit hashes: what near duplicates and n-gram levels are counted in.

A word is a run of ASCII letters, digits and underscores, or of bytes >= 0x80, in the lower-cased UTF-8 text, as long as it
goes. So white space, indentation, case and punctuation make no difference, and no language's letters are lost.

A word's hash depends on its bytes alone: not on the batch, the process or the machine. Words of at most 8 bytes never
share one, others do with the odds of 64 bits. Memory is about 10 bytes for each byte of the texts: callers
bound their batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

_PIECE: Final = 8
_LONG: Final = 64
"""Bytes up to which a word is hashed by 8-byte pieces, all words together; the few longer ones go one by one."""

_CLASSES: Final = bytes(
    chr(byte).isalnum() or byte == ord("_") if byte < 0x80 else True  # noqa: PLR2004 - ASCII ends there
    for byte in range(256)
)
"""For each byte whether it is part of a word, as 0 or 1."""

_MASKS: Final = np.array([(1 << 8 * length) - 1 for length in range(_PIECE + 1)], dtype=np.uint64)
# The constants of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
_GAMMA: Final = 0x9E3779B97F4A7C15
_MIX: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


class Words(NamedTuple):
    """The words of ``t`` texts, ``n`` in all, one text's after the other's.

    ``hashes`` has one for each word (uint64, n). Those of text ``i`` are ``hashes[texts[i]:texts[i + 1]]`` (int64,
    t + 1). ``starts`` and ``ends`` are each word's places, in bytes, in the lower-cased texts joined by one byte (int64,
    n); text ``i`` begins there at ``offsets[i]`` (int64, t + 1). So ``starts - offsets[i]`` is a place in text ``i``,
    unless lower-casing has changed its length in UTF-8, as it does for a few letters.
    """

    hashes: U64
    texts: I64
    starts: I64
    ends: I64
    offsets: I64


def words(texts: Sequence[str]) -> Words:
    """The words of each text, in order. Lone surrogates are letters like others."""
    return words_of(*_joined(texts))


def words_of(joined: bytes, offsets: I64) -> Words:
    """The words of lower-cased texts that stand in one buffer already.

    Args:
        joined: the texts in UTF-8, with one byte that is no part of a word before each, and at least 8 of them at the end.
        offsets: where each text begins in the buffer without its first byte, and where one more would begin.
    """
    classes = np.frombuffer(joined.translate(_CLASSES), dtype=np.uint8)
    # One byte stands before the first text: the change at place i of the buffer begins or ends a word at i of the texts.
    changes = np.flatnonzero(classes[1:] != classes[:-1])
    starts, ends = np.ascontiguousarray(changes[0::2]), np.ascontiguousarray(changes[1::2])
    bounds = np.searchsorted(starts, offsets).astype(np.int64, copy=False)
    return Words(_hashes(joined, starts, ends), bounds, starts, ends, offsets)


def grams(words: Words, n: int) -> tuple[U64, I64]:
    """The hash of each ``n`` consecutive words of one text, and where each text's begin (int64, texts + 1).

    Those of text ``i``, in order, are ``hashes[offsets[i]:offsets[i + 1]]``: none if it has fewer than ``n`` words.

    Raises:
        ValueError: ``n`` is less than 1.
    """
    if n < 1:
        raise ValueError(f"n-grams of {n} words")
    counts = np.maximum(np.diff(words.texts) - (n - 1), 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    total = len(words.hashes) - (n - 1)
    if total <= 0:
        return np.empty(0, np.uint64), offsets
    sums = np.zeros(total, dtype=np.uint64)
    for place in range(n):
        sums += words.hashes[place : place + total] * _multiplier(place)
    within = np.arange(offsets[-1]) + np.repeat(words.texts[:-1] - offsets[:-1], counts)
    return mixed(sums[within]), offsets


def mixed(values: U64) -> U64:
    """Splitmix64's last steps over ``values``, in place: a bijection after which all bits are equally good."""
    values += np.uint64(_GAMMA)
    for shift, factor in _MIX:
        values ^= values >> np.uint64(shift)
        values *= np.uint64(factor)
    values ^= values >> np.uint64(31)
    return values


def _multiplier(place: int) -> np.uint64:
    """An odd number for each place, so that the order of words counts."""
    made: np.uint64 = mixed(np.array([place], dtype=np.uint64))[0] | np.uint64(1)
    return made


def _joined(texts: Sequence[str]) -> tuple[bytes, I64]:
    """The lower-cased texts as UTF-8, with one byte before each and room for one more piece; and where each begins."""
    pieces = [text.lower().encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(piece) + 1 for piece in pieces], out=offsets[1:])
    return b"\n".join([b"", *pieces, b"\n" * _PIECE]), offsets


def _hashes(joined: bytes, starts: I64, ends: I64) -> U64:
    lengths = ends - starts
    # One at each byte, overlapping: indexing copies out what it needs, where `take` would copy all of them first.
    pieces: U64 = np.ndarray(len(joined) - _PIECE, dtype="<u8", buffer=joined, offset=1, strides=(1,))
    hashes = mixed(_piece(pieces, starts, lengths))
    left, place = np.flatnonzero(lengths > _PIECE), _PIECE
    while len(left) and place < _LONG:
        more = _piece(pieces, starts[left] + place, lengths[left] - place)
        hashes[left] = mixed(hashes[left] ^ more)
        place += _PIECE
        left = left[lengths[left] > place]
    for number in left:
        word = joined[starts[number] + 1 : ends[number] + 1]
        hashes[number] = int.from_bytes(blake2b(word, digest_size=_PIECE).digest(), "little")
    return hashes


def _piece(pieces: U64, places: I64, lengths: I64) -> U64:
    """The up to 8 bytes at each place as a number, the first byte the lowest; no word has a zero byte."""
    return pieces[places] & _MASKS.take(np.minimum(lengths, _PIECE))
