"""What became of the requests that went out: how many were refused, what explains it, and how fast others went through."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import log, sqrt
from typing import Final

from magicoder_core.asking.pace import Charge

ALARMS: Final = ((8, 9), (13, 20))
"""So many refused of so many in a row: each by chance once in 50,000 requests where a fifth of all is refused. The second
is for the opening, which is too fast for a rate that lets through a few meanwhile; 30 % by chance would often raise it."""

MOST_BY_CHANCE: Final = 0.4
"""A larger fraction is never taken for chance: what refuses so much means us."""

_EXPLAINED: Final = 0.7
"""A capacity explains refusals if this share of them came when it was reached."""

_REFUSES: Final = 0.2
"""What goes out above a capacity is refused; not all of it, since an answer on its way makes room that is not yet known."""

_SURE: Final = 4.5
"""Logarithm of the likelihood ratio (90 to 1) from which a capacity is believed; it is the best of many that are tried."""

_UNSURE: Final = 2.0
"""Standard deviations by which chance may raise a fraction before it counts as higher."""

_MEMORY: Final = 4.0
_SHORTEST: Final = 0.5
_MARK_EACH: Final = 0.1
"""Seconds over which a rate is taken, at most and at least (a burst in less tells none), and between two notes of it."""


class Place:
    """A request's place among those that are out.

    Args:
        departed: when it went out, on the gate's clock.
        out: how many others were out then.
        retry: whether it was asked before.
        probe: whether it looks if the provider is back.
        epoch: under which setting it went out; None if nobody keeps count. ``number`` is its number in there, from 0.
        tokens: what it may take at worst, prompt and answer together.
        charge: what it took of the tokens per minute.
    """

    __slots__ = ("charge", "departed", "epoch", "number", "out", "probe", "refused", "retry", "tokens")

    def __init__(  # noqa: PLR0917 - one is made for each request, and positional is cheapest
        self,
        departed: float,
        out: int,
        retry: bool,  # noqa: FBT001 - as above
        probe: bool,  # noqa: FBT001 - as above
        epoch: Epoch | None,
        tokens: int,
        charge: Charge | None,
    ) -> None:
        self.departed = departed
        self.out = out
        self.retry = retry
        self.probe = probe
        self.epoch = epoch
        self.number = 0
        self.tokens = tokens
        self.charge = charge
        self.refused = False


class Epoch:
    """The requests that went out under one setting, until they are enough to judge it."""

    def __init__(self, need: int, alarms: int = 1) -> None:
        self.need = need
        self._alarms = ALARMS[:alarms]
        self.places: list[Place] = []
        self.refused = 0

    @property
    def fraction(self) -> float:
        """Of those that went out, how many were refused."""
        return self.refused / len(self.places) if self.places else 0.0

    def refuse(self, place: Place) -> bool:
        """One was refused; True is the alarm: nearly all in a row were."""
        place.refused = True
        self.refused += 1
        return any(self.refused >= most and self._crowded(place.number, most, of) for most, of in self._alarms)

    def _crowded(self, number: int, most: int, of: int) -> bool:
        """Whether ``most`` of some ``of`` in a row around ``number`` are refused; refusals come back in any order."""
        around = [place.refused for place in self.places[max(0, number - of + 1) : number + of]]
        return any(sum(around[begin : begin + of]) >= most for begin in range(max(1, len(around) - of + 1)))

    def close(self) -> None:
        """Of those that went out after enough had it is not yet known what becomes of them: leave them out."""
        del self.places[self.need :]
        self.refused = sum(place.refused for place in self.places)

    def excess(self, expected: float) -> float:
        """How much larger the fraction is than the expected one, beyond what chance makes of it."""
        count = len(self.places)
        return self.fraction - expected - _UNSURE * sqrt(expected * (1 - expected) / count) if count else 0.0

    def late_fraction(self) -> float:
        """The fraction of the second half: what the provider had saved up is used up by then."""
        half = self.places[len(self.places) // 2 :]
        return sum(place.refused for place in half) / len(half)

    def even(self) -> bool:
        """Whether refusals came from the first to the last: no sign of a limit that was reached meanwhile."""
        half = len(self.places) / 2
        first = sum(place.refused for place in self.places if place.number < half)
        return self.fraction <= MOST_BY_CHANCE and 3 * first >= self.refused

    def capacity(self, expected: float) -> int | None:
        """How many at once explain the refusals: with so many out many more were refused than with fewer out.

        A likelihood ratio decides between one chance of being refused for all and two of them, one on each side.
        """
        count, refused = len(self.places), self.refused
        above = above_refused = 0
        best, capacity = _SURE + _likelihood(refused, count), None
        ordered = sorted(self.places, key=lambda place: -place.out)
        for place, following in pairwise(ordered):
            above += 1
            above_refused += place.refused
            explained = above_refused - expected * above >= _EXPLAINED * (refused - expected * count)
            if place.out == following.out or not explained or above_refused < max(_REFUSES, refused / count) * above:
                continue
            apart = _likelihood(above_refused, above) + _likelihood(refused - above_refused, count - above)
            if apart > best:
                best, capacity = apart, place.out
        return capacity


def _likelihood(refused: int, count: int) -> float:
    """Logarithm of how likely it is that ``refused`` of ``count`` are, at the chance that suits it best."""
    if refused in {0, count}:
        return 0.0
    return refused * log(refused / count) + (count - refused) * log(1 - refused / count)


class Flow:
    """How fast requests went through, that is, were not refused, over the last `_MEMORY` seconds or two latencies."""

    def __init__(self) -> None:
        self.through = 0
        self.next_mark = float("-inf")
        self._marks: deque[list[float]] = deque()

    def mark(self, now: float, latency: float) -> None:
        """Note how many were through by now, that is, by ``next_mark``; of the latest the gate has just counted itself."""
        self.next_mark = now + _MARK_EACH
        self._marks.append([now, self.through - 1])
        while now - self._marks[0][0] > max(_MEMORY, 2 * latency):
            self._marks.popleft()

    def take_back(self, departed: float) -> None:
        """One that went out at ``departed`` was refused, or not sent after all: it was not through then, nor since."""
        self.through -= 1
        for mark in reversed(self._marks):
            if mark[0] <= departed:
                break
            mark[1] -= 1

    def span(self, now: float) -> float:
        """Seconds that are remembered."""
        return now - self._marks[0][0] if self._marks else 0.0

    def rate(self, now: float) -> float:
        """Requests per second that went through."""
        return (self.through - self._marks[0][1]) / max(_SHORTEST, self.span(now)) if self._marks else 0.0
