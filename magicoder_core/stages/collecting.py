"""Python's garbage collector during a stage that makes a great many records and no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 20_000
"""Containers made before the youngest are looked at; Python's 700 are made for each row, some thirty times over."""


@contextmanager
def rarely() -> Iterator[None]:
    """Within the block what is alive now is not looked at again, and what is new is looked at less often."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
