"""Which rows share a band key with which earlier ones, of the same batch or from before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from magicoder_decontamination.near_duplicates.shingles import begins
from magicoder_decontamination.near_duplicates.sketching import Keys
from magicoder_decontamination.near_duplicates.table import Found, Table, ranges
from magicoder_decontamination.words import I64, U64

FULL: Final = 8
"""So many rows are listed under one band key, the first that have it. What more have, as the words of a template, tells
little: who is near has other keys, too."""

_ROW_SHIFT: Final = np.uint64(40)
_PLACE_SHIFT: Final = np.uint64(24)


class Candidates(NamedTuple):
    """Rows of a batch (int64), each beside an earlier row: its reference, and its sketch (uint64)."""

    rows: I64
    references: U64
    sketches: U64


class Listing:
    """The band keys of a batch's rows beside a table of all before, in the order of keys and rows.

    Args:
        table: of band keys, with the reference and the sketch of each row listed.
        keys: of the batch's rows, which are in their order.
    """

    def __init__(self, table: Table, keys: Keys) -> None:
        order = np.argsort(keys.keys, kind="stable")
        self._keys, self._rows = keys.keys[order], keys.rows[order]
        starts = begins(self._keys)
        self._found = table.find(self._keys[starts])
        before = np.bincount(self._found.wanted, minlength=len(starts))
        counts = np.diff(np.append(starts, len(order)))
        self._before = np.repeat(before, counts)
        self._first_found = np.repeat(np.cumsum(before) - before, counts)
        self._start = np.repeat(starts, counts)
        self._rank = np.arange(len(order)) - self._start
        self._listed = self._before + self._rank < FULL

    def candidates(self, references: U64, sketches: U64) -> Candidates:
        """Each row beside each row listed before it under one of its keys, once; the batch's own are given by row."""
        pieces = [self._from_table(self._found), *self._from_batch(references, sketches)]
        rows, others, told = (np.concatenate(each) for each in zip(*pieces, strict=True))
        # A row's number and the other's place are in one number; places are in the upper 40 bits of references.
        pairs = (rows.astype(np.uint64) << _ROW_SHIFT) | (others >> _PLACE_SHIFT)
        once = np.unique(pairs, return_index=True)[1]
        return Candidates(rows[once], others[once], told[once])

    def entered(self) -> Keys:
        """The keys that are not full yet, with the rows to list under them."""
        return Keys(self._keys[self._listed], self._rows[self._listed])

    def _from_table(self, found: Found) -> Candidates:
        places = ranges(self._first_found, self._before)
        return Candidates(np.repeat(self._rows, self._before), found.values[places], found.told[places])

    def _from_batch(self, references: U64, sketches: U64) -> Iterator[Candidates]:
        for rank in range(min(FULL, int(self._rank.max(initial=0)))):
            later = np.flatnonzero(self._rank > rank)
            partner = self._start[later] + rank
            listed = self._listed[partner]
            earlier = self._rows[partner[listed]]
            yield Candidates(self._rows[later[listed]], references[earlier], sketches[earlier])
