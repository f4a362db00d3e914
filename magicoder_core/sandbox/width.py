"""How many programs are at work at once, where a caller of `run` or `call` does not say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_chosen: ContextVar[int | None] = ContextVar("workers", default=None)


@contextmanager
def workers(count: int | None) -> Iterator[None]:
    """Within the block, so many programs are at work at once; None: one for each core, as without the block.

    A benchmark's `judge` has no place for it, and who drives one does not call the sandbox itself.
    """
    token = _chosen.set(count)
    try:
        yield
    finally:
        _chosen.reset(token)


def width() -> int:
    """Programs at work at once, here and now."""
    # macOS has no affinity.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _chosen.get() or cores
