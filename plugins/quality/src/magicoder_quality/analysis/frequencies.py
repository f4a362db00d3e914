"""In how many rows each term stands, in memory that does not grow with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np

MOST_TERMS = 1_000_000
"""Terms that are counted each for itself, about 120 MB of them; 75,000 rows of code have a quarter of that."""

CELLS = 1 << 24
"""Cells for the terms that come after those, 64 MB."""


class Frequencies:
    """Document frequencies of the terms of any number of rows.

    The first ``most`` terms are counted exactly. Later ones, which are rare by their nature, share cells that a hash
    chooses (a count-min sketch of one row: Cormode and Muthukrishnan 2005): such a count is never too small, and on
    average too large by `overcount`.

    Args:
        always: terms that are counted exactly whenever they come: those that are compared.
        most: how many terms are counted exactly, ``always`` included.
        cells: a power of two.
    """

    def __init__(self, always: Iterable[str], *, most: int = MOST_TERMS, cells: int = CELLS) -> None:
        self.rows = 0
        self.counted: Counter[str] = Counter(dict.fromkeys(always, 0))
        """The terms that are counted exactly, with in how many rows they stand."""
        self._most = most
        self._mask = cells - 1
        self._cells: np.ndarray[Any, Any] | None = None
        self._shared = 0

    def add(self, distinct: set[str]) -> None:
        """Count the different terms of one row."""
        self.rows += 1
        if self._cells is not None:
            self._share(distinct)
            return
        self.counted.update(distinct)
        if len(self.counted) > self._most:
            import numpy as np

            self._cells = np.zeros(self._mask + 1, np.uint32)

    def _share(self, distinct: set[str]) -> None:
        assert self._cells is not None  # noqa: S101 - for the type checker: `add` looks
        known = distinct & self.counted.keys()
        self.counted.update(known)
        for term in distinct - known:
            self._cells[self._cell(term)] += 1
        self._shared += len(distinct) - len(known)

    def _cell(self, term: str) -> int:
        # Python's own hash differs from process to process, and figures must not.
        return crc32(term.encode("utf-8", "surrogatepass")) & self._mask

    @property
    def exact(self) -> bool:
        """Whether each term was counted for itself."""
        return self._cells is None

    @property
    def overcount(self) -> float:
        """By how many rows the count of a term in a shared cell is too large, on average."""
        return self._shared / (self._mask + 1)

    def shared(self, term: str) -> int:
        """In how many rows at most a term stands that is not among ``counted``."""
        return 0 if self._cells is None else int(self._cells[self._cell(term)])
