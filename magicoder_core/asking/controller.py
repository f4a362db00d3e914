"""The law by which a provider's bearing is found: how many requests may be out, and how fast they may follow each other.

A provider refuses (429, overloaded) for one of three reasons, and each wants another answer:

* *capacity*: it bears so many at once. Then fewer may be out.
* *rate*: it takes so many per second or minute. Then they must go out evenly; no limit on how many are out does that.
* *neither*: it refuses some whatever we do. Then slowing down only loses time.

Judged by fractions, never by single refusals: controllers that react to a single one collapse when a tenth is refused by
chance (measured: AIMD of any kind). Requests are counted in *epochs*: those that went out under one setting; one that is
out for longer than refusals take counts as accepted, so no epoch waits for answers.

1. *Opening*: requests go out with growing speed until ``cap`` are out. Thus the number that is out runs through all
   values, and the opening is the first experiment.
2. *Alarm* (nearly all in a row refused, `ALARMS`): all wait; when all refusals are in, the cause is judged. Then one probe at a
   time goes out (`breaker`). A probe that gets through though nothing was answered since, or is refused though
   much was, shows that the cause is no capacity.
3. *At the end of an epoch* with a larger fraction than expected, beyond `TOLERATED` and chance: if the number that was out
   explains the refusals, that number is the limit; otherwise the rate is lowered by the fraction. If neither is
   sure and it was a tenth or more, or if it goes on after `CUTS` cuts, a *trial* halves the rate: if that does not lower the
   fraction by half, the refusals are not ours. The fraction becomes the expected one, and the former setting is restored.
4. *Without trouble* a limit or rate grows by steps that double, while requests have to wait for it: a limit up to a quarter,
   a settled rate by a twentieth, for all above a limit per minute is wasted.

A refused request holds its place as long as an answer would have taken, so that fractions mean shares of time and quick
refusals draw no further requests after them; those within the expected fraction are pardoned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from magicoder_core.asking.evidence import MOST_BY_CHANCE, Epoch, Flow, Place
from magicoder_core.asking.queueing import Slope, Watch

Mode = Literal["open", "capacity", "rate"]

TOLERATED: Final = 0.015
"""Fraction above the expected one that calls for a cut. The goal is at most 5 % wasted, and a cycle of steps makes about
half of this on the average."""

CUTS: Final = 4
"""So many cuts one after another that do not end the trouble call for a trial."""

_TRIED_AT_ONCE: Final = 0.1
"""A fraction from which a trial is worth its cost at once: below it a few cuts lose less than half of the rate for a while."""

_OPENING_RATE: Final = 400.0
_OPENING_GROWTH: Final = 4.0
"""Requests per second at first, and how much faster for each that is out. What is out by the time that the first refusal
is heard is wasted: 25 requests if that takes 50 ms, as on a busy machine. 256 are out after 0.32 s. Slower, and a rate
is harder to tell from chance."""

_SMALL: Final = 0.02
_MIDDLE: Final = 0.05
_LARGE: Final = 0.25
"""Steps of growth: as large as what is tolerated; after an alarm (and no more than twice that before it is settled); the largest."""

_DEEPEST: Final = 0.75
"""A cut is never deeper than this share of the rate: a few refusals in a row say that it is too high, not how much too high."""

_SLOWEST: Final = 0.2
"""Requests per second that are tried however much is refused."""

_SPREAD: Final = 1.25
"""Under a capacity departures are this much faster than answers come: even enough for a provider that counts
per second, too, and fast enough to lose only 5 % where latencies are exponential."""

_CATCH_UP: Final = 4
_LATE: Final = 0.005
"""Departures (under a capacity) and seconds (otherwise) that a late one may make up for: timers are late by milliseconds."""

_SLOW: Final = 4.0
"""Requests per second below which a rate may grow twofold: an epoch takes long, and what is wasted at worst is little."""

_FEWEST: Final = 16
"""Requests that an epoch has at least."""

_SIGNS: Final = 8
"""A trial has so many requests that this many refusals are expected in it if nothing changes."""

_PROVEN: Final = 40
"""So many in a row without a refusal have a chance of 1 % where a tenth is refused whatever we do."""

_QUICKEST_DECISION: Final = 0.02
"""Seconds that refusals have at least to be heard."""

_NOT_NEARLY: Final = 0.8
"""A probe that is refused with less than this share of a capacity out tells against it."""

_DOUBT: Final = 2.0
_REASSURED: Final = 0.34
"""A capacity is doubted after two epochs or alarms that it does not explain; three epochs without trouble make up for one."""

_TELLING: Final = 4.0
"""So many refusals that a capacity leaves unexplained are enough to doubt it at once."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set: a mode, how many may be out, how many per second may go out."""

    mode: Mode
    limit: float
    rate: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A cut to half that has to prove itself: the rate and the fraction before it."""

    rate: float
    fraction: float


class Controller:
    """Finds how many requests may be out at once, and how fast they may follow each other. Times are in seconds."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.mode: Mode = "open"
        self.limit = float(cap)
        self.rate = 0.0
        self.opening = True
        self.expected = 0.0
        self.fraction = 0.0
        self.latency = 0.0
        self.short = False
        self.forgiven = False
        self.flow = Flow()
        self.epoch = self._first = Epoch(max(cap, _FEWEST), alarms=2)
        self.close_at = float("inf")
        self._refusal_delay: float | None = None
        self._credit = 0.0
        self._step = _LARGE
        self._doubling = self._settled = False
        self._good = float(cap)
        self._ceiling = 0.0
        self._confirmed = False
        self._clean = self._cuts = self._alarms = 0
        self._doubt = 0.0
        self._before: Setting | None = None
        self._trial: Trial | None = None
        self._unsettled = self._not_capacity = False
        self._answers_since_alarm = 0
        self._watch: Watch | None = Watch(cap)
        self._slope: Slope | None = None

    # -- what the gate asks

    @property
    def paced(self) -> bool:
        """Whether there has to be a gap from one departure to the next."""
        return self.opening or self.mode != "open"

    def gap(self, out: int) -> float:
        """Seconds from one departure to the next, when ``out`` are out."""
        if self.opening:
            return 1.0 / (_OPENING_RATE + _OPENING_GROWTH * out)
        if self.mode == "rate":
            return 1.0 / self.rate
        return self.latency / (_SPREAD * self.limit) if self.mode == "capacity" else 0.0

    def catch_up(self, gap: float) -> float:
        """Seconds of its pace that a late departure may make up for."""
        return _CATCH_UP * gap if self.mode == "capacity" else _LATE

    @property
    def decision_delay(self) -> float:
        """Seconds after which a request that is still out counts as accepted."""
        delay = max(_QUICKEST_DECISION, 3 * (self._refusal_delay or 0.0))
        return min(delay, max(self.latency, _QUICKEST_DECISION)) if self.latency else delay

    # -- what the gate tells

    def departure(self, now: float, place: Place) -> None:
        """A request goes out."""
        places = self.epoch.places
        place.number = len(places)
        places.append(place)
        flow = self.flow
        flow.through += 1
        if now >= flow.next_mark:
            flow.mark(now, self.latency)
        if place.number + 1 == self.epoch.need:
            self.close_at = now + self.decision_delay
        if self.expected:
            self._credit = min(self._credit + self.expected, 2.0 + self.expected * self.limit)
        if now >= self.close_at:
            self.judge()

    def answer(self, now: float, place: Place) -> None:
        """A request was answered."""
        took = now - place.departed
        self.latency = self.latency + (took - self.latency) * 0.05 if self.latency else took
        self._answers_since_alarm += 1
        if self._slope is not None:
            self.limit = self._slope.answer(now)
        elif self._watch is not None and place.epoch is self._first:
            self._look_for_a_queue(self._watch, place.out, took)

    def _look_for_a_queue(self, watch: Watch, out: int, took: float) -> None:
        enough = watch.answer(out, took)
        if enough is not None and enough < self.limit:
            self._slope = Slope(enough, self.cap)
            self.limit = self._slope.limit
        if watch.over:
            self._watch = None

    def refusal(self, now: float, place: Place) -> bool:
        """A request was refused; True is the alarm: nearly all are."""
        took = now - place.departed
        self._refusal_delay = (
            took if self._refusal_delay is None else self._refusal_delay + (took - self._refusal_delay) * 0.1
        )
        self.flow.take_back(place.departed)
        if place.epoch is not self.epoch or not self.epoch.refuse(place) or self._unsettled:
            return False
        self._unsettled = True
        self._not_capacity = False
        self._answers_since_alarm = 0
        self._watch = self._slope = self._trial = None
        self.close_at = float("inf")
        return True

    def pardoned(self) -> bool:
        """Whether a refusal is among those that come whatever we do: it gives up its place at once."""
        if self._credit >= 1.0:
            self._credit -= 1.0
            return True
        return False

    # -- after an alarm

    def settle(self, now: float, out: int) -> None:
        """All refusals of the alarm are in, and the first probe is about to go out: what was it?"""
        if not self._unsettled:
            return
        self._unsettled = False
        capacity = self.epoch.capacity(self.expected)
        through = self.flow.rate(now)
        if self.mode == "rate":
            self._settle_rate(now, through)
        elif self.mode == "capacity" and self.limit > self._good and self._doubt < _DOUBT:
            self.limit = self._good
            self._doubt += 1
            self._step = 0.0
        elif self.mode == "open" and capacity is not None:
            self._set_capacity(max(out, capacity))
            self._step = _MIDDLE
        else:
            opening = self.opening
            # Too short to tell a rate: rather more than that, and twice as much until it is too much.
            self._set_rate((1.4 if opening else 0.7) * through)
            self._doubling = opening
        self._next()

    def _settle_rate(self, now: float, through: float) -> None:
        self._settled = not self._doubling
        sure = self._settled and self.flow.span(now) >= 1.0 and not self._alarms
        self._alarms += 1
        least = 0.0 if self._doubling else (1 - _DEEPEST) * self.rate
        self._set_rate(max(min((0.85 if sure else 0.5) * self.rate, through), least, self.rate / 16))

    def probe_refused(self, place: Place) -> None:
        """A probe was refused: if much has left since the alarm, no capacity is the cause."""
        self.flow.take_back(place.departed)
        if place.out < _NOT_NEARLY * self.limit - 1:
            self._not_capacity = True

    def probe_through(self, now: float) -> None:
        """A probe got through: if nothing has left since the alarm, no capacity is the cause."""
        if self.mode == "capacity" and (self._not_capacity or not self._answers_since_alarm):
            self._set_rate(self.flow.rate(now))
            self._confirmed = True
            self._doubling = self.flow.span(now) < 1.0
        self._next()

    # -- decisions

    def _next(self) -> None:
        self.opening = False
        self.short = False
        self.close_at = float("inf")
        self.epoch = Epoch(self._need())

    def _need(self) -> int:
        """How many requests the next epoch has."""
        if self._trial is not None:
            return int(max(_FEWEST, _SIGNS / max(TOLERATED, self._trial.fraction - self.expected)))
        if self.mode == "rate":
            # A second's worth where the rate is about right: many limits per minute are held per second.
            return _FEWEST // 2 if self._doubling else int(max(_FEWEST, self.rate if self._settled else self.rate / 4))
        return int(max(_FEWEST, self.limit))

    def judge(self) -> None:
        """Judge the epoch: enough went out, and it is known what became of it (it is ``close_at``)."""
        epoch = self.epoch
        epoch.close()
        self.fraction, excess = epoch.fraction, epoch.excess(self.expected)
        self._alarms = 0
        self._clean = 0 if epoch.refused else self._clean + len(epoch.places)
        if self._trial is not None:
            self._conclude(self._trial)
        elif excess > TOLERATED:
            self._trouble(epoch, excess)
        elif excess < TOLERATED / 3:
            self._grow()
        else:
            self._step = _SMALL
        if self.fraction < self.expected or (self.mode == "open" and excess <= 0.0):
            self.expected += 0.2 * (self.fraction - self.expected)
        self._next()

    def _trouble(self, epoch: Epoch, excess: float) -> None:
        if self.opening and epoch.even():
            self.expected = self.fraction
            self.forgiven = True
            return
        self._watch = self._slope = None
        capacity = epoch.capacity(self.expected)
        if capacity is not None:
            self._set_capacity(capacity)
            self._doubt = 0.0
        elif self.mode == "capacity" and self._doubt < _DOUBT and excess * len(epoch.places) < _TELLING:
            self._doubt += 1
            self._set_capacity(self.limit * (1 - max(excess, 1 / len(epoch.places))))
        else:
            self._cut_rate(epoch, excess)

    def _set_capacity(self, capacity: float) -> None:
        self.mode = "capacity"
        self.limit = self._good = max(1.0, min(self.limit, capacity))
        self._step = 0.0

    def _cut_rate(self, epoch: Epoch, excess: float) -> None:
        self._doubt = 0.0
        self._before = self._before or Setting(self.mode, self.limit, self.rate)
        self._cuts += 1
        sure = self._confirmed or self._doubling
        took = epoch.places[-1].departed - epoch.places[0].departed
        rate = self.rate if self.mode == "rate" else len(epoch.places) / max(took, 1e-3)
        used_up = epoch.late_fraction() - self.expected if excess > _MIDDLE else 0.0
        self._settled = self._settled or excess <= _MIDDLE
        self._set_rate(rate * (1 - min(max(excess, _SMALL, used_up), _DEEPEST)))
        self._ceiling = rate * (1 - excess)
        if (not sure and self.fraction >= _TRIED_AT_ONCE) or self._cuts >= CUTS:
            self._trial = Trial(rate, self.fraction)
            self._set_rate(rate / 2)

    def _set_rate(self, rate: float) -> None:
        self.mode = "rate"
        self.rate = max(rate, _SLOWEST)
        self.limit = float(self.cap)
        self._step = _SMALL if self._settled and rate > _FEWEST else _MIDDLE
        self._doubling = False

    def _conclude(self, trial: Trial) -> None:
        """The trial is over: were the refusals ours?"""
        self._trial = None
        self._cuts = 0
        helped = self.fraction - self.expected < 0.5 * (trial.fraction - self.expected)
        self._confirmed = helped or self.fraction > MOST_BY_CHANCE
        if self._confirmed:
            self._set_rate(trial.rate * max(1 - trial.fraction, (1 - self.fraction) / 2))
        else:
            self.expected = self.fraction
            if self._before is not None:
                self.mode, self.limit, self.rate = self._before.mode, self._before.limit, self._before.rate
        self._before = None

    def _grow(self) -> None:
        self._cuts = 0
        self._before = None
        if self.mode == "capacity":
            self._grow_limit()
        elif self.mode == "rate" and self.short:
            self._confirmed = self._confirmed or self._clean >= _PROVEN
            self._grow_rate()

    def _grow_limit(self) -> None:
        self._doubt = max(0.0, self._doubt - _REASSURED)
        self._good = self.limit
        if self.short:
            self.limit = min(float(self.cap), self.limit + max(1.0, self.limit * self._step))
            self._step = min(_LARGE, max(2 * self._step, 1 / self.limit))

    def _grow_rate(self) -> None:
        near = 0.97 * self._ceiling
        if self._doubling:
            self.rate *= 2
        elif self.rate < near:
            self.rate = min(self.rate * (1 + _LARGE), near)
        else:
            self.rate *= 1 + self._step
            most = 1.0 if self.rate < _SLOW else _MIDDLE if self._settled else 2 * _MIDDLE
            self._step = min(most, 2 * self._step)
        if self.latency and self.rate > 1.5 * self.cap / self.latency:
            self.mode = "open"
