"""A list of very many documents in an order of its own, packed: about 100 bytes each beside its path's."""

from __future__ import annotations

import hashlib
import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator

from magicoder_core.builtin.corpora import Corpus, Document


class Listing:
    """Documents, given back in an order that the seed alone decides and that mixes the whole corpus.

    A million documents are some 100 MB here, where a sorted list of objects was 600.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._paths = bytearray()
        self._ends = array("Q")
        self._corpora: list[Corpus] = []
        self._begins: list[int] = []
        self._ranked: list[int] = []

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, document: Document) -> None:
        """Put a document on the list."""
        if not self._corpora or self._corpora[-1] is not document.corpus:
            self._corpora.append(document.corpus)
            self._begins.append(len(self._ends))
        # Rank and number in one whole number: what is sorted later, and no further object for each.
        self._ranked.append(_rank(self._seed, document) << 64 | len(self._ends))
        self._paths += os.fsencode(document.path)
        self._ends.append(len(self._paths))

    def __iter__(self) -> Iterator[Document]:
        """By hash: a part from the front is then a spread over the corpus instead of its first folder."""
        self._ranked.sort()
        return (self._document(ranked & (1 << 64) - 1) for ranked in self._ranked)

    def _document(self, number: int) -> Document:
        start = self._ends[number - 1] if number else 0
        path = os.fsdecode(bytes(self._paths[start : self._ends[number]]))
        return Document(self._corpora[bisect_right(self._begins, number) - 1], path)


def _rank(seed: int, document: Document) -> int:
    digest = hashlib.sha256(f"{seed}\0{document.key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")
