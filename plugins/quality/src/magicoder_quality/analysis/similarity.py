"""How near rows come to a benchmark: the paper's TF-IDF similarity, in two passes over the rows.

Source: Wei et al. 2023, "Magicoder" (arXiv 2312.02120), its figure on similarity to HumanEval. A row's text is its
problem, a blank and its solution; an item's is its prompt, a blank and its reference solution. TF-IDF is fitted on the rows
of all sets and the items together; each row's similarity is its greatest cosine over the items.

The paper multiplies dense matrices of all terms. What it computes needs less: in the first pass, in how many texts each
term stands; in the second, for each row the length of its vector, which takes all its terms, and its products with the
items, which take only the terms that the items have. The figures are the same, and memory does not grow with the rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from magicoder_quality.analysis.frequencies import Frequencies
from magicoder_quality.analysis.terms import terms

MOST_CELLS = 16_000_000
"""Of a matrix of the items' terms by items, 128 MB; HumanEval's has 240,000. Above that only what is not 0 is held."""


class Near(NamedTuple):
    """What a row is most similar to: the cosine, from 0 to 1, and the item's place, or None if it shares no term."""

    cosine: float
    item: int | None


@dataclass(frozen=True)
class Items:
    """The texts that rows are compared with: the problems of a benchmark, each with its reference solution."""

    benchmark: str
    names: Sequence[str]
    texts: Sequence[str]
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Which data they are of."""

    @cached_property
    def counts(self) -> list[Counter[str]]:
        """How often each term stands in each text."""
        return [Counter(terms(text)) for text in self.texts]

    @cached_property
    def terms(self) -> frozenset[str]:
        """All terms of all texts."""
        return frozenset(term for counted in self.counts for term in counted)


class Index:
    """Items under the weights that all texts together give, ready to be compared with rows.

    Args:
        items: what rows are compared with.
        frequencies: of all rows of all sets, see `Frequencies`; its ``always`` must hold the items' terms.
        most_cells: of a matrix; above it, postings take its place.
    """

    def __init__(self, items: Items, frequencies: Frequencies, *, most_cells: int = MOST_CELLS) -> None:
        self.items = items
        self.error = 0.0
        """By which share a cosine is too large at most, if each count in a shared cell is too large by the average."""
        self._frequencies = frequencies
        self._texts = frequencies.rows + len(items.texts)
        self._by_count: dict[int, float] = {}
        within = Counter(term for counted in items.counts for term in counted)
        self._weights = {term: self._weight(frequencies.counted[term] + number) for term, number in within.items()}
        dense = len(within) * len(items.texts) <= most_cells
        self._products = (
            _Matrix(self._vectors(), len(items.texts)) if dense else _Postings(self._vectors(), len(items.texts))
        )

    def _weight(self, texts: float) -> float:
        """The smoothed inverse document frequency of a term that stands in so many texts."""
        return math.log((1 + self._texts) / (1 + texts)) + 1

    def _vectors(self) -> Mapping[str, Mapping[int, float]]:
        """The items' vectors of length 1, by term: for each item the term stands in, its share; times the term's weight.

        The weight is the row's: a product with a row then takes only how often the term stands there.
        """
        vectors: dict[str, dict[int, float]] = {term: {} for term in self._weights}
        for number, counted in enumerate(self.items.counts):
            shares = {term: count * self._weights[term] for term, count in counted.items()}
            length = math.sqrt(sum(share * share for share in shares.values()))
            for term, share in shares.items():
                vectors[term][number] = share / length * self._weights[term]
        return vectors

    def nearest(self, counted: Mapping[str, int]) -> Near:
        """The item that a row is most similar to, from how often each term stands in the row."""
        products = self._products.of(counted)
        if products is None:
            return Near(0.0, None)
        best = int(products.argmax())
        return Near(float(products[best]) / self._length(counted), best)

    def _length(self, counted: Mapping[str, int]) -> float:
        """The length of a row's vector."""
        weights, by_count, texts = self._weights, self._by_count, self._frequencies.counted
        total, unsure = 0.0, []
        for term, count in counted.items():
            if (weight := weights.get(term)) is None:
                number = texts[term]
                if not number:
                    unsure.append((term, count))
                    continue
                if (weight := by_count.get(number)) is None:
                    weight = by_count[number] = self._weight(number)
            total += (count * weight) ** 2
        return math.sqrt(total) if not unsure else self._unsure(total, unsure)

    def _unsure(self, total: float, unsure: Iterable[tuple[str, int]]) -> float:
        """The length with terms of whose rows only the most that they can be is known."""
        likely, overcount = total, self._frequencies.overcount
        for term, count in unsure:
            most = self._frequencies.shared(term)
            total += (count * self._weight(most)) ** 2
            likely += (count * self._weight(max(1.0, most - overcount))) ** 2
        self.error = max(self.error, math.sqrt(likely / total) - 1)
        return math.sqrt(total)


class _Matrix:
    """Terms by items, all of it: the quicker way."""

    def __init__(self, vectors: Mapping[str, Mapping[int, float]], items: int) -> None:
        import numpy as np

        self._places = {term: place for place, term in enumerate(vectors)}
        self._matrix = np.zeros((len(vectors), items))
        for term, shares in vectors.items():
            self._matrix[self._places[term], list(shares)] = list(shares.values())

    def of(self, counted: Mapping[str, int]) -> Any:
        """A row's products with all items, or None if it has none of their terms."""
        import numpy as np

        places, numbers, known = [], [], self._places
        for term, count in counted.items():
            if (place := known.get(term)) is not None:
                places.append(place)
                numbers.append(float(count))
        return np.array(numbers) @ self._matrix[places] if places else None


class _Postings:
    """For each term the items it stands in: what many or long items take."""

    def __init__(self, vectors: Mapping[str, Mapping[int, float]], items: int) -> None:
        import numpy as np

        self._items = items
        self._posted = {
            term: (np.array(list(shares), np.intp), np.array(list(shares.values()))) for term, shares in vectors.items()
        }

    def of(self, counted: Mapping[str, int]) -> Any:
        """As that of `_Matrix`."""
        import numpy as np

        posted = [(*self._posted[term], count) for term, count in counted.items() if term in self._posted]
        if not posted:
            return None
        places = np.concatenate([items for items, _, _ in posted])
        products = np.concatenate([shares * count for _, shares, count in posted])
        return np.bincount(places, products, self._items)
