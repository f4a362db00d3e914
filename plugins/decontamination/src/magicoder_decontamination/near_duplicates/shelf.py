"""Where the rows so far stand: each one's set, its id, and the row at the head of its cluster, in a file without a name."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from magicoder_core import RunError
from magicoder_decontamination.near_duplicates.scratch import Scratch
from magicoder_decontamination.near_duplicates.shingles import HASH, Sets
from magicoder_decontamination.words import I64, U64

_SIZE_BITS: Final = 24
_LEAST_BITS: Final = np.uint64((1 << _SIZE_BITS) - 1)
_MOST_BYTES: Final = 1 << (64 - _SIZE_BITS)
_ELEMENT: Final = 8
_AFTER: Final = struct.Struct("<QH")
_LONGEST_ID: Final = 0xFFFF
_LIKELY_ID: Final = 54
"""Bytes that are read of an id at once; ours have 16."""


def sizes(references: U64) -> I64:
    """How many shingles the rows have that ``references`` are to."""
    return (references & _LEAST_BITS).astype(np.int64)


class Shelf:
    """Rows on the disk. A *reference* (uint64) is a row's place and its size; that of a later row is larger.

    A record is the row's hashes, sorted (8 bytes each), then the reference of the row at its cluster's head (0: itself),
    the length of its id and the id.
    """

    def __init__(self) -> None:
        self._file = Scratch()

    def add(self, sets: Sets, rows: I64, ids: Sequence[str]) -> U64:
        """Put down some ``rows``, each the head of a cluster of its own; returns their references.

        Raises:
            RunError: a row has 16,777,216 shingles or more, or an id of more than 65,535 bytes; all rows have a terabyte, or the disk is full.
        """
        content = memoryview((sets.elements & HASH).data).cast("B")
        pieces: list[bytes | memoryview] = []
        places, place = [], self._file.size
        for row, begin, end in zip(
            rows.tolist(), sets.offsets[rows].tolist(), sets.offsets[rows + 1].tolist(), strict=True
        ):
            name = ids[row].encode("utf-8", "surrogatepass")
            if len(name) > _LONGEST_ID:
                raise RunError(
                    f"near-duplicates: a row's id has {len(name)} bytes; {_LONGEST_ID} is the most ({ids[row][:40]}...)"
                )
            pieces += (content[begin * _ELEMENT : end * _ELEMENT], _AFTER.pack(0, len(name)), name)
            places.append(place)
            place += (end - begin) * _ELEMENT + _AFTER.size + len(name)
        counts = sets.sizes[rows]
        self._check(place, counts, [ids[row] for row in rows.tolist()])
        self._file.append(b"".join(pieces))
        return (np.array(places, dtype=np.uint64) << np.uint64(_SIZE_BITS)) | counts.astype(np.uint64)

    def sets(self, references: U64) -> tuple[U64, I64]:
        """The hashes of rows, one row's after the other's, and where each row's begin."""
        counts = sizes(references)
        ends = np.cumsum(counts)
        hashes = np.empty(int(ends[-1]), dtype=np.uint64)
        room = hashes.data.cast("B")
        for place, size in zip(
            (references >> np.uint64(_SIZE_BITS)).tolist(), (counts * _ELEMENT).tolist(), strict=True
        ):
            self._file.read_into(room[:size], place)
            room = room[size:]
        return hashes, ends - counts

    def name(self, reference: int) -> tuple[str, int]:
        """A row's id, and the reference of the row at the head of its cluster."""
        place = self._after(reference)
        told = self._file.read(_AFTER.size + _LIKELY_ID, place)
        head, length = _AFTER.unpack_from(told)
        if length > _LIKELY_ID:
            told = self._file.read(_AFTER.size + length, place)
        return told[_AFTER.size : _AFTER.size + length].decode("utf-8", "surrogatepass"), head or reference

    def join(self, reference: int, head: int) -> None:
        """Put a row into the cluster at whose head another stands."""
        self._file.replace(head.to_bytes(8, "little"), self._after(reference))

    def _after(self, reference: int) -> int:
        return (reference >> _SIZE_BITS) + (reference & int(_LEAST_BITS)) * _ELEMENT

    def _check(self, end: int, counts: I64, ids: Sequence[str]) -> None:
        if counts.max(initial=0) > int(_LEAST_BITS):
            raise RunError(
                f"row {ids[int(counts.argmax())]} has {counts.max()} shingles; the most are {_LEAST_BITS}: cut it"
            )
        if end > _MOST_BYTES:
            raise RunError(f"more than {_MOST_BYTES} bytes of shingles: take the rows in several parts")
