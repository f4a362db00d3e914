"""Memory that a program's calls give back, kept for the next: each page that is new again costs a fault.

CPython's allocator gives an arena (1 MiB) back to the kernel as soon as nothing in it is alive any more. A call that
makes a million small objects so pays for all its pages anew each time. Here a small object is put into each of as many
arenas as such calls were seen to use, and stays.

Source: CPython's ``Objects/obmalloc.c``, 3.10 and later.
"""

from __future__ import annotations

from resource import RUSAGE_SELF, getrusage
from time import monotonic

from . import region

_MOST = region.KEPT_BYTES >> 20
"""Arenas, which have a MiB each."""

_PAUSE = 0.005
"""Seconds: between two looks, there is time for some thousand faults at least."""

_MANY = 2000
"""Faults since the last look that show that memory comes and goes."""

_PAGES = 256
"""Of an arena."""

_SMALL = 512 - 33
"""Bytes of the largest object of the allocator's."""

_OBJECTS, _EACH = 2000, 1900
"""How many of them an arena holds, at most and at least."""


class Kept:
    """The objects that hold arenas."""

    def __init__(self) -> None:
        self._held: list[list[bytes]] = []
        self._arenas = 0
        self._faults = 0  # of a process that was just forked
        self._due = monotonic() + _PAUSE

    def look(self) -> None:
        """Hold more arenas if there were many faults since the last look; most times this is over at once."""
        if monotonic() < self._due:
            return
        faults = _faults()
        more = min(_MOST - self._arenas, (faults - self._faults) // _PAGES)
        if faults - self._faults > _MANY and more > 0:
            self._arenas += more
            # Those that are held have room, which is taken first.
            self._held.append([bytes(_SMALL) for _ in range(self._arenas * _OBJECTS)][::_EACH])
            faults = _faults()
        self._faults, self._due = faults, monotonic() + _PAUSE


def _faults() -> int:
    return getrusage(RUSAGE_SELF).ru_minflt
