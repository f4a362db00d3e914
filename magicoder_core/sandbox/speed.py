"""How fast this machine is, so that a limit in seconds means the same on each."""

from __future__ import annotations

import time
from functools import cache

NOMINAL_SECONDS = 0.004
"""Processor time of `_work` on the nominal machine: a server's core of 2024 under CPython 3.11."""

_TRIES = 5
_MOST = 10.0


@cache
def speed() -> float:
    """How many times slower than the nominal machine this one is: 1.0 (or faster) to 10.0; measured once, 30 ms.

    The best of five tries counts, in processor time: what else runs here matters little.
    """
    best = min(_tried() for _ in range(_TRIES))
    return round(min(max(best / NOMINAL_SECONDS, 1.0), _MOST), 2)


def _tried() -> float:
    begin = time.process_time()
    _work()
    return time.process_time() - begin


def _work() -> int:
    """What programs do most: loops, lists, dictionaries, text."""
    counts: dict[str, int] = {}
    for number in range(20_000):
        key = str(number % 97)
        counts[key] = counts.get(key, 0) + number * number % 7
    return sum(counts.values())
