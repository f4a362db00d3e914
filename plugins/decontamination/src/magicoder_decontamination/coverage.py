"""The level ``ngram-coverage``: which share of a needle's runs of five words stands in a row.

Words are as in `words`: capitals, white space, punctuation do not count. Rows that only cut a needle, reorder its
sentences or put other text between them keep most of its runs. Of single long runs as evidence (any 8 or 10 words) the
shorter are too common and the longer too rare; see docs/filtering.md for the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from magicoder_core import Needle
from magicoder_decontamination.hits import Hit
from magicoder_decontamination.needles import PROGRAM
from magicoder_decontamination.sets import Hashes
from magicoder_decontamination.texts import Batch, folded, origins

WORDS: Final = 5
"""Of a run."""

_FEWEST: Final = 8
"""Different runs that must be found, whatever share of a needle they are: so many are twelve words in a row, at least.

Fewer are too common ("write a Python function to count the number of"); see the figures for any 8 or 10 words.
"""


_COMMON: Final = 100
"""Needles that may share a run; one of more is a phrase of the benchmark ("the first line contains a single integer"), and
tells nothing. The translations of one task are some forty."""


class Coverage:
    """The level over some needles.

    Args:
        needles: what to look for; whole programs are left to their parts.
        threshold: the share of a needle's different runs from which on it counts as found.
    """

    name = "ngram-coverage"

    def __init__(self, needles: Sequence[Needle], threshold: float) -> None:
        import numpy as np

        needles = [needle for needle in needles if needle.kind != PROGRAM]
        grams, offsets, _ = _grams(Batch([needle.text for needle in needles]))
        distinct = [np.unique(grams[first:last]) for first, last in pairwise(offsets)]
        common = _common(distinct)
        distinct = [own[~np.isin(own, common)] for own in distinct] if len(common) else distinct
        kept = [(needle, own) for needle, own in zip(needles, distinct, strict=True) if len(own) >= _FEWEST]
        self._needles = [needle for needle, _ in kept]
        self._sizes = np.array([len(own) for _, own in kept], np.int64)
        self._wanted = np.maximum(np.ceil(self._sizes * threshold - 1e-9).astype(np.int64), _FEWEST)
        owned = np.concatenate([own for _, own in kept]) if kept else grams[:0]
        self._grams = Hashes(owned)
        order = np.argsort(owned, kind="stable")
        self._owners = np.repeat(np.arange(len(kept)), self._sizes)[order]
        self._begins = np.searchsorted(owned[order], self._grams.members)
        self._counts = np.diff(np.append(self._begins, len(owned)))
        self._least = int(self._wanted.min()) if kept else 0

    def find(self, batch: Batch) -> Iterator[tuple[int, Hit]]:
        """Each row's number with a hit."""
        import numpy as np

        grams, offsets, spans = _grams(batch)
        places, ranks = self._grams.find(grams)
        rows = np.searchsorted(offsets, places, "right") - 1
        # Each run of a row counts once, wherever it stands first.
        pairs, first = np.unique(rows * len(self._grams) + ranks, return_index=True)
        rows, ranks, places = rows[first], ranks[first], places[first]
        enough = np.bincount(rows, minlength=len(batch.texts))[rows] >= self._least
        if not len(pairs) or not enough.any():
            return
        rows, ranks, places = rows[enough], ranks[enough], places[enough]
        for row, needle, mine in self._covered(rows, ranks):
            starts, ends = spans(places[mine])
            share = len(mine) / int(self._sizes[needle])
            start, end = _characters(batch, row, int(starts.min()), int(ends.max()))
            yield row, Hit(level=self.name, needle=self._needles[needle], start=start, end=end, confidence=share)

    def _covered(self, rows: Any, ranks: Any) -> Iterator[tuple[int, int, Any]]:
        """Each row with a needle of which it has enough, and which of the row's runs are the needle's."""
        import numpy as np

        counts = self._counts[ranks]
        item = np.repeat(np.arange(len(ranks)), counts)
        within = np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts)
        owner = self._owners[self._begins[ranks][item] + within]
        keys, inverse, sizes = np.unique(
            rows[item] * len(self._needles) + owner, return_inverse=True, return_counts=True
        )
        for number in np.flatnonzero(sizes >= self._wanted[keys % len(self._needles)]):
            row, needle = divmod(int(keys[number]), len(self._needles))
            yield row, needle, item[inverse == number]


def _common(distinct: Sequence[Any]) -> Any:
    """The runs that too many needles have."""
    import numpy as np

    if not distinct:
        return np.empty(0, np.uint64)
    runs, counts = np.unique(np.concatenate(distinct), return_counts=True)
    return runs[counts > _COMMON]


def _grams(batch: Batch) -> tuple[Any, Any, Any]:
    """The batch's runs, where each text's begin, and what gives the bytes of the folded view that runs stand at."""
    import numpy as np

    from magicoder_decontamination.words import grams

    words = batch.folded.spoken
    hashes, offsets = grams(words, WORDS)

    def spans(places: Any) -> tuple[Any, Any]:
        texts = np.searchsorted(offsets, places, "right") - 1
        firsts = places - offsets[texts] + words.texts[texts]
        return words.starts[firsts], words.ends[firsts + WORDS - 1]

    return hashes, offsets, spans


def _characters(batch: Batch, row: int, start: int, end: int) -> tuple[int, int]:
    """The characters of a row's text that bytes of the folded view are."""
    view = batch.folded
    begin = int(view.offsets[row])
    text = batch.texts[row]
    if text.isascii():
        return start - begin, end - begin
    places = origins(text, folded)
    return int(places[start - begin]), int(places[end - begin - 1]) + 1
