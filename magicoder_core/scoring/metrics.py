"""From counts to metrics: pass@k over tasks, each with its 95% interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from magicoder_core.scoring.intervals import bootstrap, wilson
from magicoder_core.scoring.passk import pass_at_k

KS = (1, 10, 100)
"""The usual values of k (Chen et al. 2021)."""


def metrics(counts: Iterable[tuple[int, int]], ks: Sequence[int] = KS) -> dict[str, dict[str, float]]:
    """pass@k of tasks that have ``(samples, passed)``; see `summary` in this package.

    Tasks without a sample are left out; a ``k`` is reported only where every other task has that many samples.
    """
    there = [(n, c) for n, c in counts if n]
    fewest = min((n for n, _ in there), default=0)
    return {f"pass@{k}": _metric(there, k) for k in ks if k <= fewest}


def _metric(counts: Sequence[tuple[int, int]], k: int) -> dict[str, float]:
    values = [pass_at_k(n, c, k) for n, c in counts]
    # Of values that are all 0 or 1 a bootstrap makes too little: where all are 1, nothing at all.
    binary = all(value in {0.0, 1.0} for value in values)
    low, high = wilson(int(sum(values)), len(values)) if binary else bootstrap(values)
    return {"value": sum(values) / len(values), "low": low, "high": high, "tasks": len(values)}
