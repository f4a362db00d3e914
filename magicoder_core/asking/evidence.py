"""What became of the requests that went out under one limit: how many were refused, and what explains it."""

from __future__ import annotations

from math import log, sqrt
from typing import Final

from magicoder_core.asking.pace import Charge

_ALARM: Final = 10
_ALARM_OF: Final = 16
_EXPLAINED: Final = 0.7
_SURE: Final = 4.5
_UNSURE: Final = 1.5


class Place:
    """A request's place among those that are out.

    Args:
        departed: when it went out, on the gate's clock.
        out: how many others were out then.
        retry: whether it was asked before.
        probe: whether it looks if the provider is back.
        epoch: under which limit it went out.
        number: its number in the epoch, from 0.
        charge: what it took of the tokens per minute.
    """

    __slots__ = ("charge", "departed", "epoch", "number", "out", "probe", "refused", "retry", "tokens")

    def __init__(  # noqa: D107
        self, departed: float, out: int, retry: bool, probe: bool, epoch: Epoch | None, tokens: int, charge: Charge | None
    ) -> None:
        self.departed = departed
        self.out = out
        self.retry = retry
        self.probe = probe
        self.epoch = epoch
        self.number = len(epoch.places) if epoch is not None else 0
        self.tokens = tokens
        self.charge = charge
        self.refused = False


class Epoch:
    """The requests that went out between two decisions of the controller."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.refused = 0
        self.slow = 0
        self._latest: list[int] = []

    @property
    def fraction(self) -> float:
        """Of those that went out, how many were refused."""
        return self.refused / len(self.places) if self.places else 0.0

    def refuse(self, place: Place) -> bool:
        """One was refused; True is the alarm: `_ALARM` of `_ALARM_OF` in a row were."""
        place.refused = True
        self.refused += 1
        latest = self._latest
        latest.append(place.number)
        if len(latest) > _ALARM:
            del latest[0]
        return len(latest) == _ALARM and max(latest) - min(latest) < _ALARM_OF

    def close(self, count: int) -> None:
        """Of those that went out later it is not yet known what becomes of them: leave them out."""
        del self.places[count:]
        self.refused = sum(place.refused for place in self.places)

    def excess(self, expected: float) -> float:
        """How much larger the fraction is than the expected one, beyond what chance makes of it."""
        count = len(self.places)
        return self.fraction - expected - _UNSURE * sqrt(expected * (1 - expected) / count) if count else 0.0

    def late_fraction(self) -> float:
        """The fraction of the second half: what was saved up before is used up by then."""
        half = self.places[len(self.places) // 2 :]
        return sum(place.refused for place in half) / len(half)

    def even(self) -> bool:
        """Whether refusals came from the first to the last: no sign of a limit that was reached meanwhile."""
        half = len(self.places) / 2
        first = sum(place.refused for place in self.places if place.number < half)
        return 3 * first >= self.refused

    def capacity(self, expected: float) -> int | None:
        """How many at once explain the refusals: with so many out many more were refused than with fewer out.

        A likelihood ratio decides between one chance of being refused for all and two of them, one on each side.
        """
        count, refused = len(self.places), self.refused
        alike = _likelihood(refused, count)
        above = above_refused = 0
        best, capacity = _SURE, None
        ordered = sorted(self.places, key=lambda place: -place.out)
        for place, following in zip(ordered, ordered[1:], strict=False):
            above += 1
            above_refused += place.refused
            if place.out == following.out or above_refused - expected * above < _EXPLAINED * (refused - expected * count):
                continue
            gain = _likelihood(above_refused, above) + _likelihood(refused - above_refused, count - above) - alike
            if gain > best and above_refused * count > refused * above:
                best, capacity = gain, place.out
        return capacity


def _likelihood(refused: int, count: int) -> float:
    """Logarithm of how likely it is that ``refused`` of ``count`` are, at the chance that suits it best."""
    if refused in {0, count}:
        return 0.0
    return refused * log(refused / count) + (count - refused) * log(1 - refused / count)
