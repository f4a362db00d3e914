"""The unbiased estimator of pass@k.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code" (arXiv 2107.03374), section 2.1.
"""

from __future__ import annotations

from math import comb


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that at least one of ``k`` samples passes, drawn from ``n`` of which ``c`` passed.

    Computed in whole numbers, so exact but for the last rounding: 1 - C(n-c, k) / C(n, k).

    Raises:
        ValueError: not 0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} passed among {n}: needs 0 <= passed <= samples and 1 <= k <= samples")
    ways = comb(n, k)
    return (ways - comb(n - c, k)) / ways
