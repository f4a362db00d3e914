"""95% intervals of a score over tasks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from math import sqrt
from random import Random

Z = 1.959963984540054
"""The normal distribution's 97.5% point."""

DRAWS = 2000
"""Bootstrap draws: the ends then move by some thousandths from seed to seed, well below the interval's width."""

_SEED = 3407


def wilson(passed: int, total: int) -> tuple[float, float]:
    """Wilson's score interval for a proportion: honest for few tasks and near 0 and 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.

    Raises:
        ValueError: ``total`` is not positive.
    """
    if total <= 0:
        raise ValueError("no interval without tasks")
    share = passed / total
    weight = 1 + Z * Z / total
    middle = (share + Z * Z / (2 * total)) / weight
    half = Z * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / weight
    # At the very ends rounding would leave 1e-17 instead of 0.
    low = 0.0 if passed == 0 else max(0.0, middle - half)
    high = 1.0 if passed == total else min(1.0, middle + half)
    return low, high


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Percentile interval of the mean of ``values`` (one for each task), tasks drawn anew; the same each time.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no interval without tasks")
    random = Random(_SEED)  # noqa: S311 - statistics, not secrets
    size = len(values)
    means = sorted(sum(random.choices(values, k=size)) / size for _ in repeat(None, DRAWS))
    return means[round(0.025 * (DRAWS - 1))], means[round(0.975 * (DRAWS - 1))]
