"""docstring later."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

_OPENING_RATE = 2000.0
_ALARM: Final = (10, 16)
_TOLERATED = 0.02
_UNSURE = 1.5
_FASTEST_GROWTH = 0.25
_SPREAD = 1.25
_MEMORY = 4.0
_FEWEST = 16
_SIGNS = 8


@dataclass(slots=True)
class Trial:
    """A cut that has to prove itself: does it lower the fraction of refusals?"""

    limit: float
    fraction: float
    epochs: int = 0


class Controller:
    """How many requests may be out at once, and how fast they may follow each other."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.limit = float(cap)
        self.opening = True
        self.expected = 0.0
        self.latency: float | None = None
        self.refusal_delay = 0.02
        self.epoch = 0
        self.departed = 0
        self.refused = 0
        self.held_back = False
        self.smooth = False
        self._credit = 2.0
        self._first_half = 0
        self._last_departure = 0.0
        self._numbers: deque[int] = deque(maxlen=_ALARM[0])
        self._step = _FASTEST_GROWTH
        self._trial: Trial | None = None
        self._answers = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._tail = False

    # what the gate asks

    @property
    def gap(self) -> float:
        """Seconds between two departures at least."""
        if self.opening:
            return 1.0 / _OPENING_RATE
        if self.smooth and self.latency is not None:
            return self.latency / (_SPREAD * self.limit)
        return 0.0

    @property
    def decision_delay(self) -> float:
        """Seconds after which a request that is still out counts as accepted."""
        delay = max(0.02, 4 * self.refusal_delay)
        return delay if self.latency is None else min(delay, max(self.latency, 0.02))

    # what the gate tells

    def departure(self, now: float) -> tuple[int, int]:
        self.departed += 1
        self._last_departure = now
        self._credit = min(self._credit + self.expected, 2.0 + self.expected * self.limit)
        return self.epoch, self.departed

    def answer(self, now: float, departed: float) -> None:
        took = now - departed
        self.latency = took if self.latency is None else self.latency + (took - self.latency) * 0.05
        self._answers += 1
        marks = self._marks
        if not marks or now - marks[-1][0] >= 0.25:
            marks.append((now, self._answers))
            while now - marks[0][0] > _MEMORY:
                marks.popleft()

    def goodput(self, now: float) -> float | None:
        """Answers per second of late; None until there is a second of them."""
        if not self._marks or now - self._marks[0][0] < 1.0:
            return None
        return (self._answers - self._marks[0][1]) / (now - self._marks[0][0])

    def pardoned(self) -> bool:
        """Whether a refusal is one of those that come whatever we do: it need not hold its place."""
        if self._credit >= 1.0:
            self._credit -= 1.0
            return self.expected > 0
        return False

    def refusal(self, now: float, departed: float, epoch: int, number: int, out: int, in_use: int) -> bool:
        """A refusal came back; True is the alarm: nearly everything is refused."""
        self.refusal_delay += (now - departed - self.refusal_delay) * 0.1
        if epoch != self.epoch:
            if self._tail and epoch == self.epoch - 1:
                self.limit = max(1.0, self.limit - 1)
            return False
        self.refused += 1
        self._numbers.append(number)
        if len(self._numbers) == _ALARM[0] and max(self._numbers) - min(self._numbers) < _ALARM[1]:
            self._alarm(now, out, in_use)
            return True
        return False

    def _alarm(self, now: float, out: int, in_use: int) -> None:
        """Nearly everything is refused: what is out is what the provider bears, or what it answers of late is."""
        bears = float(out)
        self._tail = True
        goodput = self.goodput(now)
        if goodput is not None and self.latency is not None:
            bears = min(bears, goodput * self.latency)
            self._tail = False
        start = min(self.limit, in_use)
        self.limit = max(1.0, bears, start / 4)
        self.smooth = True
        self._step = _FASTEST_GROWTH if self.opening else 0.0
        self._trial = None
        self._next_epoch()
        self._marks.clear()

    def _next_epoch(self) -> None:
        self.opening = False
        self.epoch += 1
        self.departed = 0
        self.refused = 0
        self._numbers.clear()
        self.held_back = False

    def tick(self, now: float) -> None:
        """Close the epoch when enough went out and is decided."""
        if self.opening:
            if self.departed >= self.cap and now >= self._last_departure + self.decision_delay:
                self._opened()
            return
        need = max(_FEWEST, self.limit)
        if self._trial is not None:
            need = max(need, min(_SIGNS / self._trial.fraction, 4 * self.limit))
        if self.departed >= need and now >= self._last_departure + self.decision_delay:
            self._judge()

    def _opened(self) -> None:
        self._next_epoch()
        self._tail = False

    def _judge(self) -> None:
        n, fraction = self.departed, self.refused / self.departed
        excess = fraction - self.expected - _UNSURE * sqrt(self.expected * (1 - self.expected) / n)
        self._tail = False
        if self._trial is not None:
            self._try_on(fraction)
        elif excess > _TOLERATED:
            self._trial = Trial(self.limit, fraction)
            self.limit = max(1.0, self.limit * (1 - max(excess, 1.0 / n)))
            self._step = 0.0
        else:
            self._grow()
        if fraction < self.expected:
            self.expected += 0.2 * (fraction - self.expected)
        self._next_epoch()

    def _grow(self) -> None:
        if self.held_back and self.limit < self.cap:
            self.limit = min(self.cap, self.limit + max(1.0, self.limit * self._step))
            self._step = min(_FASTEST_GROWTH, max(2 * self._step, 1 / self.limit))

    def _try_on(self, fraction: float) -> None:
        trial = self._trial
        assert trial is not None
        trial.epochs += 1
        helped = fraction - self.expected < 0.5 * (trial.fraction - self.expected)
        if trial.epochs == 1:
            if helped:
                self._trial = None
                self.smooth = True
            else:
                self.limit = max(1.0, trial.limit / 2)
            return
        self._trial = None
        if helped:
            self.smooth = True
            self.limit = max(1.0, trial.limit * 0.8)
        else:
            self.expected = fraction
            self.limit = trial.limit
            self._step = _FASTEST_GROWTH
