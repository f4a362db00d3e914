"""Which earlier row a row is near to: candidates by their keys, each compared exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from magicoder_decontamination.near_duplicates import sketching
from magicoder_decontamination.near_duplicates.comparing import jaccard
from magicoder_decontamination.near_duplicates.listing import Candidates, Listing
from magicoder_decontamination.near_duplicates.shelf import Shelf, sizes
from magicoder_decontamination.near_duplicates.shingles import Sets, begins
from magicoder_decontamination.near_duplicates.table import Table
from magicoder_decontamination.words import I64, U64

_NONE: Final = np.uint64(0)
"""No row's reference, for each has at least one shingle."""


class Match(NamedTuple):
    """An earlier row that a row is near to: its id, that of the kept row at its cluster's head, and how near it is."""

    nearest: str
    first: str
    jaccard: float


class _Pairs(NamedTuple):
    """Rows of a batch (int64), each with the reference of an earlier row (uint64)."""

    rows: I64
    references: U64


class Index:
    """All rows so far.

    Args:
        threshold: the Jaccard index from which two rows are near.
        counts: of ``rows``, ``candidates``, ``verified`` and ``near`` ones; counted on.
        in_memory: how many entries the table of keys keeps in memory before it takes to the disk.
    """

    def __init__(self, threshold: float, counts: Counter[str], in_memory: int) -> None:
        self._threshold = threshold
        self._counts = counts
        self._band_size = sketching.band_size(threshold)
        self._tolerance = sketching.tolerance(threshold)
        self._table = Table(in_memory)
        self._shelf = Shelf()

    def add(self, sets: Sets, ids: Sequence[str]) -> list[Match | None]:
        """For each row in its turn the nearest of the rows before it, if one is near; then it counts as one of them.

        Which rows come in the same call makes no difference.

        Raises:
            RunError: the disk is full, or a row is too long for its record.
        """
        if not ids:
            return []
        digests, sketches = sketching.digests(sets), sketching.sketches(sets)
        known, first = self._known(digests)
        fresh = (known == _NONE) & (first == np.arange(len(ids)))
        references = np.zeros(len(ids), dtype=np.uint64)
        own = np.flatnonzero(fresh)
        references[own] = self._shelf.add(sets, own, ids)
        listing = self._listing(sets, fresh)
        candidates = listing.candidates(references, sketches)
        # A row with the same set as an earlier one needs no search, and is nobody's candidate: that one is as near.
        twins = _Pairs(np.flatnonzero(~fresh), np.where(known == _NONE, references[first], known)[~fresh])
        likely = self._likely(candidates, sets, sketches)
        pairs = _Pairs(*(np.concatenate(each) for each in zip(twins, likely, strict=True)))
        matches = self._matches(pairs, jaccard(sets, *pairs, self._shelf), references)
        keys, rows = (np.concatenate(each) for each in zip(listing.entered(), (digests[own], own), strict=True))
        self._table.add(keys, references[rows], sketches[rows])
        met = {"candidates": len(twins.rows) + len(candidates.rows), "verified": len(pairs.rows), "near": len(matches)}
        self._counts.update(rows=len(ids), **met)
        return [matches.get(row) for row in range(len(ids))]

    def _known(self, digests: U64) -> tuple[U64, I64]:
        """For each row the reference of an earlier one of that digest, or 0, and the first of the batch that has it."""
        each, first, which = np.unique(digests, return_index=True, return_inverse=True)
        found = self._table.find(each)
        known = np.zeros(len(each), dtype=np.uint64)
        known[found.wanted] = found.values
        return known[which], first[which].astype(np.int64)

    def _listing(self, sets: Sets, fresh: npt.NDArray[np.bool_]) -> Listing:
        keys, rows = sketching.band_keys(sets, self._band_size)
        own = fresh[rows]
        return Listing(self._table, sketching.Keys(keys[own], rows[own]))

    def _likely(self, candidates: Candidates, sets: Sets, sketches: U64) -> _Pairs:
        """Without those that cannot be near by their sizes, or hardly by their sketches."""
        left, right = sets.sizes[candidates.rows], sizes(candidates.references)
        likely = np.minimum(left, right) / np.maximum(left, right) >= self._threshold
        likely &= sketching.distances(sketches[candidates.rows], candidates.sketches) <= self._tolerance
        return _Pairs(candidates.rows[likely], candidates.references[likely])

    def _matches(self, pairs: _Pairs, indices: npt.NDArray[np.float64], references: U64) -> dict[int, Match]:
        """The best of each row that has a near one: the nearest, then the first; its cluster becomes the row's."""
        near = np.flatnonzero(indices >= self._threshold)
        near = near[np.lexsort((pairs.references[near], -indices[near], pairs.rows[near]))]
        best = near[begins(pairs.rows[near])]
        matches = {}
        for row, other, index in zip(
            pairs.rows[best].tolist(), pairs.references[best].tolist(), indices[best].tolist(), strict=True
        ):
            name, head = self._shelf.name(other)
            matches[row] = Match(name, self._shelf.name(head)[0], index)
            if references[row]:
                self._shelf.join(int(references[row]), head)
        return matches
