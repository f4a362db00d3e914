"""docstring later."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from magicoder_core.asking.evidence import Epoch, Place
from magicoder_core.asking.queueing import Slope, Watch

Mode = Literal["open", "capacity", "rate"]

OPENING_RATE: Final = 3000.0
TOLERATED: Final = 0.02
SMALL_STEP: Final = 0.02
MIDDLE_STEP: Final = 0.05
LARGE_STEP: Final = 0.25
SLOWEST: Final = 0.2
SPREAD: Final = 1.25
MEMORY: Final = 4.0
FEWEST: Final = 16
SIGNS: Final = 8
CUTS: Final = 4
DEFAULT_HOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """What the controller has set: a mode, a limit, a rate."""

    mode: Mode
    limit: float
    rate: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A cut to half that has to prove itself: does it lower the fraction of refusals?"""

    rate: float
    fraction: float


class Controller:
    """How many requests may be out at once, and how fast they may follow each other."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.mode: Mode = "open"
        self.limit = float(cap)
        self.rate = 0.0
        self.opening = True
        self.expected = 0.0
        self.latency: float | None = None
        self.refusal_delay = 0.005
        self.epoch = Epoch()
        self.short = False
        self._need = cap
        self._close_at = float("inf")
        self._began = 0.0
        self._credit = 0.0
        self._step = LARGE_STEP
        self._doubling = False
        self._clean = 0
        self._alarms = 0
        self._ceiling = 0.0
        self._first = self.epoch
        self._watch: Watch | None = Watch(cap)
        self._slope: Slope | None = None
        self._confirmed = False
        self._settled = False
        self._good = float(cap)
        self._cuts = 0
        self._doubt = 0.0
        self._before: Setting | None = None
        self._trial: Trial | None = None
        self._accepted = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._tail: Epoch | None = None
        self._answers_since_alarm = 0
        self._not_capacity = False
        self.log = []

    # -- what the gate asks

    @property
    def gap(self) -> float:
        """Seconds from one departure to the next."""
        if self.opening:
            return 1.0 / OPENING_RATE
        if self.mode == "rate":
            return 1.0 / self.rate
        if self.mode == "capacity" and self.latency is not None:
            return self.latency / (SPREAD * self.limit)
        return 0.0

    @property
    def late(self) -> float:
        """Seconds of its pace that a late departure may catch up with."""
        return 4 * self.gap if self.mode == "capacity" else 0.005

    @property
    def decision_delay(self) -> float:
        """Seconds after which a request that is still out counts as accepted."""
        delay = max(0.02, 4 * self.refusal_delay)
        return delay if self.latency is None else min(delay, max(self.latency, 0.02))

    # -- what the gate tells

    def departure(self, now: float, place: Place) -> None:
        """A request goes out."""
        places = self.epoch.places
        places.append(place)
        if len(places) == 1:
            self._began = now
        if len(places) == self._need:
            self._close_at = now + self.decision_delay
        self._accepted += 1
        self._mark(now)
        if self.expected:
            self._credit = min(self._credit + self.expected, 2.0 + self.expected * self.limit)

    def _mark(self, now: float) -> None:
        marks = self._marks
        if not marks or now - marks[-1][0] >= 0.1:
            marks.append((now, self._accepted))
            memory = MEMORY if self.latency is None else max(MEMORY, 2 * self.latency)
            while now - marks[0][0] > memory:
                marks.popleft()

    def accepted_rate(self, now: float) -> float:
        """Requests per second that were not refused, of late."""
        when, count = self._marks[0]
        return (self._accepted - count) / max(0.5, now - when)

    def answer(self, now: float, place: Place) -> None:
        took = now - place.departed
        self.latency = took if self.latency is None else self.latency + (took - self.latency) * 0.05
        self._answers_since_alarm += 1
        if self._slope is not None:
            self.limit = self._slope.answer(now)
        elif self._watch is not None and place.epoch is self._first:
            enough = self._watch.answer(place.out, took)
            if enough is not None:
                self._slope = Slope(min(enough, self.limit), self.cap)
                self.limit = self._slope.limit
                self.log.append((now, "queue", self.limit))
            if self._watch.over:
                self._watch = None

    def pardoned(self) -> bool:
        """Whether a refusal may give up its place at once: it is among those that come whatever we do."""
        if self.mode == "rate":
            return True
        if self._credit >= 1.0:
            self._credit -= 1.0
            return True
        return False

    def refusal(self, now: float, place: Place, out: int) -> bool:
        """A refusal came back; True is the alarm: nearly everything is refused."""
        self.refusal_delay += (now - place.departed - self.refusal_delay) * 0.1
        self._accepted -= 1
        if place.epoch is not self.epoch:
            if place.epoch is self._tail and place.epoch is not None:
                self.limit = max(1.0, self.limit - 1)
            return False
        if self.epoch.refuse(place):
            self._alarm(now, out)
            return True
        return False

    def _alarm(self, now: float, out: int) -> None:
        self._watch = self._slope = None
        accepted = self.accepted_rate(now)
        capacity = self.epoch.capacity(self.expected)
        tail = None
        self._trial = None
        self._answers_since_alarm = 0
        self._not_capacity = False
        if self.mode == "rate":
            self._settled = not self._doubling
            sure = self._settled and now - self._marks[0][0] >= 1.0 and not self._alarms
            self._alarms += 1
            self._set_rate(min((0.85 if sure else 0.5) * self.rate, accepted))
        elif self.mode == "capacity" and self.limit > self._good and self._doubt < 2:
            self.limit = self._good
            self._doubt += 1
            self._step = 0.0
        elif self.mode == "open" and capacity is not None:
            self.mode = "capacity"
            tail = self.epoch
            self.limit = max(1.0, min(self.limit, float(max(out, capacity))))
            self._good = self.limit
            self._step = MIDDLE_STEP
        else:
            self._set_rate((1.4 if self.opening else 0.7) * accepted)
            self._doubling = self.opening
        self.log.append((now, "alarm", self.mode, self.limit, self.rate, capacity, out))
        self._next(now)
        self._tail = tail

    def _set_rate(self, rate: float) -> None:
        self.mode = "rate"
        self.rate = max(rate, SLOWEST)
        self.limit = float(self.cap)
        self._step = SMALL_STEP if self._settled else MIDDLE_STEP
        self._doubling = False

    def probe_refused(self, now: float, place: Place) -> None:
        """A request that looked whether the provider is back was refused."""
        self._accepted -= 1
        if place.out < 0.8 * self.limit - 1:
            self._not_capacity = True

    def probe_through(self, now: float) -> None:
        """A probe was not refused. If nothing had left since the alarm, or much had, it is not a capacity that was reached."""
        if self.mode == "capacity" and (self._not_capacity or not self._answers_since_alarm):
            self._set_rate(self.accepted_rate(now))
            self._confirmed = True
            self._doubling = now - self._marks[0][0] < 1.0
        self._tail = None
        self.log.append((now, "through", self.mode, self.limit, self.rate))
        self._next(now)

    # -- decisions

    def tick(self, now: float) -> None:
        """Decide, when enough went out and is known."""
        if now >= self._close_at:
            self._judge(now)

    def _next(self, now: float) -> None:
        self.opening = False
        self.epoch = Epoch()
        self.short = False
        self._close_at = float("inf")
        self._tail = None
        if self._trial is not None:
            self._need = int(max(FEWEST, SIGNS / max(0.02, self._trial.fraction - self.expected)))
        elif self.mode == "rate":
            self._need = FEWEST // 2 if self._doubling else int(max(FEWEST, self.rate if self._settled else self.rate / 4))
        else:
            self._need = int(max(FEWEST, self.limit))

    def _judge(self, now: float) -> None:
        epoch = self.epoch
        epoch.close(self._need)
        fraction, excess = epoch.fraction, epoch.excess(self.expected)
        self._alarms = 0
        if epoch.refused:
            self._clean = 0
        if self._trial is not None:
            self._conclude(self._trial, fraction)
        elif excess > TOLERATED:
            self._trouble(now, fraction, excess)
        elif excess < TOLERATED / 3:
            self._grow()
        else:
            self._step = SMALL_STEP
        if fraction < self.expected or (self.mode == "open" and excess <= 0.0):
            self.expected += 0.2 * (fraction - self.expected)
        self.log.append((now, self.mode, round(self.limit, 1), round(self.rate, 1), "n", len(epoch.places), "f", round(fraction, 3), "p0", round(self.expected, 3), self._trial))
        self._next(now)

    def _trouble(self, now: float, fraction: float, excess: float) -> None:
        epoch = self.epoch
        if self.opening and epoch.even():
            self.expected = fraction
            return
        self._watch = self._slope = None
        capacity = epoch.capacity(self.expected)
        if capacity is not None:
            self.mode = "capacity"
            self.limit = max(1.0, min(self.limit, capacity))
            self._good = self.limit
            self._step = 0.0
            self._doubt = 0.0
            return
        if self.mode == "capacity" and self._doubt < 2:
            self._doubt += 1
            self.limit = max(1.0, self.limit * (1 - max(excess, 1 / len(epoch.places))))
            self._good = self.limit
            self._step = 0.0
            return
        self._doubt = 0.0
        self._before = self._before or Setting(self.mode, self.limit, self.rate)
        rate = self.rate if self.mode == "rate" else len(epoch.places) / max(now - self._began, 1e-3)
        self._cuts += 1
        overshot = self._doubling
        self._set_rate(rate * (1 - max(excess, SMALL_STEP, epoch.late_fraction() - self.expected if excess > 0.05 else 0.0)))
        self._settled = True
        self._ceiling = rate * (1 - excess)
        if (not self._confirmed and not overshot and fraction >= 0.1) or self._cuts >= CUTS:
            self._trial = Trial(rate, fraction)
            self.rate = rate / 2

    def _conclude(self, trial: Trial, fraction: float) -> None:
        self._trial = None
        self._cuts = 0
        if fraction - self.expected < 0.5 * (trial.fraction - self.expected):
            self._confirmed = True
            self.rate = max(0.2, trial.rate * (1 - trial.fraction))
            self._before = None
            return
        self._confirmed = False
        self.expected = fraction
        if self._before is not None:
            self.mode, self.limit, self.rate = self._before.mode, self._before.limit, self._before.rate
        self._before = None

    def _grow(self) -> None:
        self._cuts = 0
        self._before = None
        if self.mode == "capacity":
            self._doubt = max(0.0, self._doubt - 0.34)
            self._good = self.limit
            if self.short and self.limit < self.cap:
                self.limit = min(self.cap, self.limit + max(1.0, self.limit * self._step))
                self._step = min(LARGE_STEP, max(2 * self._step, 1 / self.limit))
        elif self.mode == "rate" and self.short:
            self._clean += len(self.epoch.places)
            if self._clean >= 40:
                self._confirmed = True
            if self._doubling:
                self.rate *= 2
            elif self.rate < 0.97 * self._ceiling:
                self.rate = min(self.rate * (1 + LARGE_STEP), 0.97 * self._ceiling)
            else:
                self.rate *= 1 + self._step
                self._step = min(LARGE_STEP, 2 * self._step)
            if self.latency is not None and self.rate > 1.5 * self.cap / self.latency:
                self.mode = "open"
