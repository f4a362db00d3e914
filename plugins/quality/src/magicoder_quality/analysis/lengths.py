"""How long problems and solutions are, in tokens of ``cl100k_base``, as in the paper."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

ENCODING = "cl100k_base"
BUCKET = 20
"""Tokens of a bucket, as in the paper's figure."""
SHOWN = 700
"""Where the paper's figure ends; what is longer is counted as ``over``."""

_PERCENTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
_PIECE = 50_000
"""Characters that are counted at a time: the tokenizer takes texts of 200,000 tokens at most, of which a character has 4 at most."""


@cache
def counter() -> Callable[[str], int]:
    """What counts the tokens of a text.

    A text of more than 50,000 characters is counted in pieces, which can make a token or two more at each seam.
    """
    with warnings.catch_warnings():
        # Python 3.11 calls the function deprecated by which the library reads its table, 3.13 does not any more.
        warnings.simplefilter("ignore", DeprecationWarning)
        import bpe_openai  # type: ignore[import-untyped]  # it has no py.typed

        encoded = bpe_openai.get_encoding(ENCODING).encode_ordinary

    def count(text: str) -> int:
        if len(text) <= _PIECE:
            return len(encoded(text))
        return sum(len(encoded(text[start : start + _PIECE])) for start in range(0, len(text), _PIECE))

    return count


@dataclass
class Lengths:
    """The lengths of any number of texts; what is held are the different lengths that occur."""

    counted: Counter[int] = field(default_factory=Counter)

    def add(self, tokens: int) -> None:
        """Count one text."""
        self.counted[tokens] += 1

    def facts(self) -> dict[str, Any]:
        """Figures and buckets: ``texts``, ``mean``, ``max``, percentiles (nearest rank), and how many texts are how long."""
        texts = self.counted.total()
        total = sum(length * number for length, number in self.counted.items())
        return {
            "texts": texts,
            "mean": total / texts if texts else None,
            **_percentiles(self.counted, texts),
            "max": max(self.counted, default=None),
            "buckets": self._buckets(),
            "over": sum(number for length, number in self.counted.items() if length >= SHOWN),
        }

    def _buckets(self) -> list[int]:
        """Texts of 0 to 19 tokens, 20 to 39 and so on below `SHOWN`."""
        buckets = [0] * (SHOWN // BUCKET)
        for length, number in self.counted.items():
            if length < SHOWN:
                buckets[length // BUCKET] += number
        return buckets


def _percentiles(counted: Mapping[int, int], texts: int) -> dict[str, int | None]:
    """For each percentile the least length that so many texts do not pass."""
    found: dict[str, int | None] = dict.fromkeys(_PERCENTILES)
    passed, waiting = 0, list(_PERCENTILES.items())
    for length in sorted(counted):
        passed += counted[length]
        while waiting and passed >= math.ceil(waiting[0][1] * texts):
            found[waiting.pop(0)[0]] = length
    return found
