"""The gate before a provider: who may send now, and who waits.

A request enters, which may mean to wait, goes out, and leaves with what became of it. In between stand, in this order, the
`breaker` (an outage: one probe at a time), the `controller` (how many may be out, how fast they follow each other), and limits per
minute (`pace`): those of the recipe, which are never passed, and those that the provider's headers tell.

Requests that were asked before go first: the oldest row holds up all that are ordered after it.
One event loop; nothing here waits but `Gate.enter`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Final, Literal

from magicoder_core.asking.breaker import LONGEST_PAUSE, Breaker
from magicoder_core.asking.controller import Controller
from magicoder_core.asking.evidence import Place
from magicoder_core.asking.pace import Limits
from magicoder_core.errors import RunError
from magicoder_core.ratelimits import RateLimits

__all__ = ["LONGEST_PAUSE", "Gate", "Outcome", "Place"]

Outcome = Literal["answered", "refused", "failed", "rejected"]
"""What became of a request: a result came; rate-limited or overloaded; transient failure or timeout; a no to this request."""

_OPENING_SLOT: Final = 0.01
"""Seconds between two departures, in the opening, of those that became due meanwhile: to wake for each costs more than a
request, and answers that come together are cheaper to take than one by one."""

_NEVER: Final = float("inf")
_NOW: Final = 1e-9
_UNKNOWN_LATENCY: Final = 0.5
"""Seconds that a refused request holds its place before any answer told how long that takes."""


class Gate:
    """Lets requests out as fast as the provider bears it.

    Args:
        concurrency: how many may be out at once, at most.
        adaptive: whether to go below that when the provider refuses, or lets requests queue.
        requests_per_minute: never more than so many go out in any minute.
        tokens_per_minute: never more than so many, of prompts and answers together, in any minute.
        outage: seconds without any answer, while all fails or is refused, after which those who wait are told to give up.
        clock: seconds; the event loop's own by default.
    """

    def __init__(
        self,
        concurrency: int,
        *,
        adaptive: bool = True,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        outage: float = 600.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._cap = concurrency
        self._adaptive = adaptive
        self._controller = Controller(concurrency)
        self._breaker = Breaker()
        self._limits = Limits(requests_per_minute, tokens_per_minute)
        self._outage = outage
        self._clock = clock
        self._out = 0
        self._held: list[float] = []
        self._next_departure = 0.0
        self._probe: Place | None = None
        self._retries: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._firsts: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    # -- entering

    @property
    def limited(self) -> bool:
        """Whether there are limits per minute, so that it matters what a request may take."""
        return self._limits.any

    def enter_now(self, tokens: int = 0, *, retry: bool = False) -> Place | None:
        """A place, if there is one at once and nobody waits for it."""
        if self._retries or self._firsts:
            return None
        now = self._now() if self._clock is None else self._clock()
        return None if self._delay(now, tokens) > _NOW else self._depart(now, tokens, retry=retry)

    async def enter(self, tokens: int = 0, *, retry: bool = False) -> Place:
        """A place, once there is one; ``tokens`` is what the request may take at worst.

        Raises:
            RunError: nothing was answered for as long as an outage may last.
        """
        if (place := self.enter_now(tokens, retry=retry)) is not None:
            return place
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        (self._retries if retry else self._firsts).append((future, tokens))
        self._pump(self._now())
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.give_back(future.result())
            raise

    def _now(self) -> float:
        if self._clock is None:
            self._clock = asyncio.get_running_loop().time
        return self._clock()

    def _delay(self, now: float, tokens: int) -> float:
        """Seconds until the next request may go out; for ever if that depends on what becomes of others."""
        if self._out >= self._cap:
            return _NEVER
        delay = (
            self._shut_for(now) if self._breaker.cause is not None else self._full_for(now) if self._adaptive else 0.0
        )
        return max(delay, self._limits.wait(now, tokens)) if self._limits.any else delay

    def _shut_for(self, now: float) -> float:
        if self._probe is None:
            return self._breaker.next_probe - now
        if self._breaker.cause == "failures":
            return _NEVER
        return self._probe.departed + self._controller.decision_delay - now

    def _full_for(self, now: float) -> float:
        controller, held = self._controller, self._held
        if controller.forgiven:
            held.clear()
            controller.forgiven = False
        while held and held[0] <= now:
            heappop(held)
        if self._out + len(held) >= int(controller.limit):
            controller.short = True
            return held[0] - now if held else _NEVER
        delay = self._next_departure - now
        if delay > _NOW:
            controller.short = True
        return delay

    def _depart(self, now: float, tokens: int, *, retry: bool) -> Place:
        out, controller = self._out, self._controller
        self._out = out + 1
        charge = self._limits.take(now, tokens) if self._limits.any else None
        probe = self._breaker.cause is not None
        if probe:
            controller.settle(now, out)
        place = Place(now, out, retry, probe, controller.epoch if self._adaptive else None, tokens, charge)
        if probe:
            self._probe = place
        if self._adaptive:
            if controller.paced:
                gap = controller.gap(out)
                late = controller.catch_up(gap) + (_OPENING_SLOT if controller.opening else 0.0)
                self._next_departure = max(self._next_departure, now - late) + gap
            controller.departure(now, place)
        return place

    # -- leaving

    def leave(
        self,
        place: Place,
        outcome: Outcome,
        *,
        retry_after: float | None = None,
        limits: RateLimits | None = None,
        tokens: int = 0,
    ) -> bool:
        """Free the place of a request that was sent.

        Args:
            place: what `enter` gave.
            outcome: what became of the request.
            retry_after: seconds that the provider asked for; the request's own wait is the caller's business.
            limits: what the answer's headers say.
            tokens: what it took, prompt and answer together.

        Returns:
            Whether a failure is the request's own. It is not in an outage, when nearly all are refused, or if as many
            refusals come whatever we do.
        """
        now = self._now() if self._clock is None else self._clock()
        self._out -= 1
        if limits is not None and self._adaptive:
            self._limits.heed(limits, now, self._out)
        if place.tokens:  # it entered when there was a limit already
            self._limits.correct(place.charge, place.tokens, now, tokens)
        own = self._learn(place, outcome, now, retry_after)
        if now >= self._controller.close_at:
            self._controller.judge()
        if self._retries or self._firsts:
            self._pump(now)
        return own

    def _learn(self, place: Place, outcome: Outcome, now: float, retry_after: float | None) -> bool:
        probe = place is self._probe
        if probe:
            self._probe = None
        if outcome == "failed":
            return self._failed(place, now, retry_after, probe=probe)
        if outcome == "refused":
            return self._refused(place, now, retry_after, probe=probe) if self._adaptive else True
        self._breaker.alive(now)
        if outcome == "answered" and self._adaptive:
            if self._controller.opening:  # who takes a place that was borne already need not be waited for
                self._next_departure -= self._controller.gap(self._out)
            self._controller.answer(now, place)
        if probe:
            self._through(now)
        return True

    def _failed(self, place: Place, now: float, retry_after: float | None, *, probe: bool) -> bool:
        breaker = self._breaker
        if probe:
            breaker.probe_failed(now, retry_after)
        elif breaker.cause is None:
            breaker.failure(now, first_attempt=not place.retry)
            return True
        return False

    def _refused(self, place: Place, now: float, retry_after: float | None, *, probe: bool) -> bool:
        breaker, controller = self._breaker, self._controller
        if probe:
            controller.probe_refused(place)
            # Where places are what lacks, an answer makes room sooner than the provider says.
            heeded = controller.mode == "rate" or not self._out
            breaker.probe_failed(now, retry_after if heeded else None)
        elif controller.refusal(now, place):
            self._held.clear()
            breaker.shut("refusals", now, controller.decision_delay, retry_after if not self._out else None)
        elif breaker.cause is None:
            if controller.pardoned():
                return False
            if controller.mode != "rate":
                heappush(self._held, place.departed + (controller.latency or _UNKNOWN_LATENCY))
            return True
        return False

    def _through(self, now: float) -> None:
        """A probe got through."""
        self._probe = None
        if self._breaker.cause == "refusals":
            self._controller.probe_through(now)
        self._breaker.open()

    def give_back(self, place: Place) -> None:
        """Free the place of a request that was not sent."""
        now = self._now()
        self._out -= 1
        if place is self._probe:
            self._probe = None
        if self._adaptive:
            self._controller.flow.take_back(place.departed)
        if self._limits.any:
            self._limits.correct(place.charge, place.tokens, now, 0)
        self._pump(now)

    # -- letting those out who wait

    def _pump(self, now: float) -> None:
        """Let out whoever may go now, and come back when the next may."""
        while queue := self._retries or self._firsts:
            future, tokens = queue[0]
            if future.done():  # cancelled
                queue.popleft()
                continue
            if self._breaker.cause == "refusals" and self._probe is not None and self._shut_for(now) <= _NOW:
                self._through(now)  # not refused in the time that refusals take
            delay = self._delay(now, tokens)
            if delay > _NOW:
                self._come_back(now, delay)
                return
            queue.popleft()
            future.set_result(self._depart(now, tokens, retry=queue is self._retries))

    def _come_back(self, now: float, delay: float) -> None:
        if self._breaker.cause is not None:
            left = self._breaker.since + self._outage - now
            if left <= 0:
                self._give_up()
                return
            delay = min(delay, left)
        if delay == _NEVER:
            return
        if self._controller.opening and self._adaptive:
            delay = max(delay, _OPENING_SLOT)
        loop = asyncio.get_running_loop()
        when = loop.time() + delay
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._pump(self._now())

    def _give_up(self) -> None:
        error = f"the provider has answered nothing for {self._outage:g} s; what was answered is kept, and the same command goes on from there"
        for queue in (self._retries, self._firsts):
            while queue:
                future, _ = queue.popleft()
                if not future.done():
                    future.set_exception(RunError(error))

    # -- looking at it

    @property
    def limit(self) -> int:
        """How many may be out now."""
        if self._breaker.cause is not None:
            return 1
        return int(self._controller.limit) if self._adaptive else self._cap

    def figures(self) -> Mapping[str, float]:
        """For the eye: how many may be out (``concurrency``), are out (``in_flight``), and the fraction that is ``refused``."""
        return {"concurrency": self.limit, "in_flight": self._out, "refused": self._controller.fraction}
