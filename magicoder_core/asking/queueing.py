"""Whether a provider lets requests wait in a queue instead of refusing them, and how many out at once are enough for it.

A local server with a few slots takes any number of requests; the more are out, the longer each waits, and nothing comes
of it but timeouts. The first requests of a run tell: they go out one after another within a fraction of a second, so the
number that was out before each of them runs from 0 to the limit. Where they are worked on at once, each takes as long as
the other; in a queue it takes the longer the more were before it. Requests are grouped by that number: the first
`_BASE`, then twice as many at a time. A group that took `_QUEUED` times as long as the first sits in a queue, and
the number at which it begins is enough.
"""

from __future__ import annotations

from typing import Final

_BASE: Final = 16
"""So many latencies make a mean that is right within a quarter, for the spread of answers' lengths that models show."""

_QUEUED: Final = 2.1
"""A group that waits for as many as are worked on makes 2. By chance two means of 16 answers differ so much in 1 of 50
cases where latencies are exponential, hardly ever where they vary as those of models do; the slope then mends it."""

_DECIDED: Final = 0.75
"""A group is judged when this share of it is answered: one slow answer shall not hold up the verdict."""

_ROOM: Final = 1.25
"""Above what is enough, so that a slot is never idle; and by so much a higher limit is tried."""

_HOLD: Final = 4
_LONGEST_HOLD: Final = 64
"""Counts of `_ANSWERS` between two tries: twice as many after each that did not pay, up to the latter."""

_PAYS: Final = 1.1
"""A limit that is a quarter higher pays if it brings at least this much more answers per second."""

_ANSWERS: Final = 64
"""So many answers give their rate within an eighth."""


class Watch:
    """Looks at the latencies of a run's first requests, until it is known whether they queue."""

    def __init__(self, cap: int) -> None:
        self._counts = [0] * (max(cap - 1, 0) // _BASE).bit_length() + [0]
        self._sums = [0.0] * len(self._counts)

    @property
    def over(self) -> bool:
        """Whether all groups are judged."""
        return all(map(self._decided, range(len(self._counts))))

    def answer(self, out: int, seconds: float) -> int | None:
        """An answer to a request before which ``out`` were out; returns how many are enough, once that is known."""
        group = min((out // _BASE).bit_length(), len(self._counts) - 1)
        self._counts[group] += 1
        self._sums[group] += seconds
        if not self._decided(0):
            return None
        # All of them each time: of a group the quick ones come first, and what they say may change with the others.
        for later in range(1, len(self._counts)):
            if self._decided(later) and self._mean(later) > _QUEUED * self._mean(0):
                return int((_BASE << (later - 1)) * _ROOM)
        return None

    def _decided(self, group: int) -> bool:
        size = _BASE << max(group - 1, 0)
        return self._counts[group] >= _DECIDED * size

    def _mean(self, group: int) -> float:
        return self._sums[group] / self._counts[group]


class Slope:
    """Whether a higher limit brings more answers per second: tried now and then, taken back where it does not."""

    def __init__(self, limit: float, cap: int) -> None:
        self.limit = limit
        self._cap = cap
        self._proven = limit
        self._rate = 0.0
        self._hold = self._left = _HOLD
        self._count = 0
        self._began: float | None = None

    def answer(self, now: float) -> float:
        """An answer came; returns the limit from now on."""
        if self._began is None:
            self._began = now
            return self.limit
        self._count += 1
        if self._count >= max(_ANSWERS, 2 * self.limit) and now > self._began:
            self._judge(self._count / (now - self._began))
            self._began, self._count = now, 0
        return self.limit

    def _judge(self, rate: float) -> None:
        if self.limit == self._proven:
            self._rate = rate
            self._left -= 1
            if self._left <= 0:
                self.limit = min(float(self._cap), self.limit * _ROOM)
        elif rate > _PAYS * self._rate:
            self._proven, self._rate, self._hold = self.limit, rate, _HOLD
            self.limit = min(float(self._cap), self.limit * _ROOM)
        else:
            self.limit = self._proven
            self._hold = min(2 * self._hold, _LONGEST_HOLD)
            self._left = self._hold
