"""docstring later."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Final, Literal

from magicoder_core.asking.breaker import LONGEST_PAUSE, Breaker
from magicoder_core.asking.controller import Controller
from magicoder_core.asking.evidence import Place
from magicoder_core.asking.pace import Bucket, Left, Window
from magicoder_core.errors import RunError
from magicoder_core.ratelimits import RateLimits

__all__ = ["LONGEST_PAUSE", "Gate", "Outcome", "Place"]

Outcome = Literal["answered", "refused", "failed", "rejected"]

_NEVER: Final = float("inf")


class Gate:
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
        self._outage = outage
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requests = None if requests_per_minute is None else Bucket.per_minute(requests_per_minute)
        self._tokens = None if tokens_per_minute is None else Window(tokens_per_minute)
        self._left_requests: Left | None = None
        self._left_tokens: Left | None = None
        self._out = 0
        self._held: list[float] = []
        self._next_departure = 0.0
        self._retries: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._firsts: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._probe: Place | None = None

    # -- entering

    async def enter(self, tokens: int = 0, *, retry: bool = False) -> Place:
        now = self._now()
        if not self._retries and not self._firsts and self._delay(now, tokens) <= 0.0:
            return self._depart(now, tokens, retry)
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        (self._retries if retry else self._firsts).append((future, tokens))
        self._pump(now)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.give_back(future.result())
            raise

    def _now(self) -> float:
        if self._clock is not None:
            return self._clock()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    def _delay(self, now: float, tokens: int) -> float:
        if self._out >= self._cap:
            return _NEVER
        controller = self._controller
        wait = 0.0
        if self._adaptive:
            held = self._held
            while held and held[0] <= now:
                heappop(held)
            if self._breaker.cause is not None:
                if self._probe is not None:
                    if self._breaker.cause == "failures":
                        return _NEVER
                    return self._probe.departed + controller.decision_delay - now
                wait = self._breaker.next_probe - now
            elif self._out + len(held) >= int(controller.limit):
                controller.short = True
                return held[0] - now if held else _NEVER
            else:
                wait = self._next_departure - now
                if wait > 0:
                    controller.short = True
        if self._requests is not None:
            wait = max(wait, self._requests.wait(now))
        if self._tokens is not None:
            wait = max(wait, self._tokens.wait(now, tokens))
        if self._left_requests is not None:
            wait = max(wait, self._left_requests.wait(now, 1))
        if self._left_tokens is not None:
            wait = max(wait, self._left_tokens.wait(now, tokens))
        return wait

    def _depart(self, now: float, tokens: int, retry: bool) -> Place:
        self._out += 1
        charge = None
        if self._requests is not None:
            self._requests.take()
        if self._tokens is not None:
            charge = self._tokens.take(now, tokens)
        if self._left_requests is not None:
            self._left_requests.take(1)
        if self._left_tokens is not None:
            self._left_tokens.take(tokens)
        if not self._adaptive:
            return Place(now, self._out - 1, retry, False, None, tokens, charge)
        controller = self._controller
        gap = controller.gap
        if gap:
            self._next_departure = max(self._next_departure, now - controller.late) + gap
        place = Place(now, self._out - 1, retry, self._breaker.cause is not None, controller.epoch, tokens, charge)
        if place.probe:
            self._probe = place
        controller.departure(now, place)
        controller.tick(now)
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
        now = self._now()
        self._out -= 1
        if place.charge is not None and self._tokens is not None:
            self._tokens.correct(place.charge, now, tokens)
        counts = True
        if self._adaptive:
            if limits is not None:
                self._heed(limits, now)
            counts = self._learn(place, outcome, now, retry_after)
        if self._retries or self._firsts:
            self._pump(now)
        return counts

    def _learn(self, place: Place, outcome: Outcome, now: float, retry_after: float | None) -> bool:
        breaker, controller = self._breaker, self._controller
        probe = place is self._probe
        if probe:
            self._probe = None
        if outcome == "answered" or outcome == "rejected":
            breaker.alive(now)
            if outcome == "answered":
                controller.answer(now, place)
            if probe:
                self._through(now)
            controller.tick(now)
            return True
        if outcome == "failed":
            if probe:
                breaker.probe_failed(now, retry_after)
                return False
            if breaker.cause is not None:
                return False
            breaker.failure(now, first_attempt=not place.retry)
            return True
        if probe:
            controller.probe_refused(now, place)
            heeded = controller.mode == "rate" or not self._out
            breaker.probe_failed(now, retry_after if heeded else None)
            return False
        if controller.refusal(now, place, self._out):
            self._held.clear()
            breaker.shut("refusals", now, retry_after if self._out == 0 else None)
        elif breaker.cause is None and not controller.pardoned():
            heappush(self._held, place.departed + (controller.latency or 0.5))
        controller.tick(now)
        return breaker.cause is None

    def _through(self, now: float) -> None:
        if self._breaker.cause == "refusals":
            self._controller.probe_through(now)
        self._breaker.open()

    def _heed(self, limits: RateLimits, now: float) -> None:
        if limits.requests_per_minute and limits.remaining_requests is not None:
            if self._left_requests is None:
                self._left_requests = Left(limits.requests_per_minute, limits.remaining_requests)
            self._left_requests.said(now, limits.requests_per_minute, limits.remaining_requests, self._out)

    def give_back(self, place: Place) -> None:
        now = self._now()
        self._out -= 1
        if place is self._probe:
            self._probe = None
        if place.charge is not None and self._tokens is not None:
            self._tokens.correct(place.charge, now, 0)
        self._pump(now)

    # -- letting in

    def _pump(self, now: float) -> None:
        while True:
            queue = self._retries or self._firsts
            if not queue:
                return
            future, tokens = queue[0]
            if future.done():
                queue.popleft()
                continue
            probe = self._probe
            if (
                probe is not None
                and self._breaker.cause == "refusals"
                and now >= probe.departed + self._controller.decision_delay - 1e-9
            ):
                self._probe = None
                self._through(now)
            delay = self._delay(now, tokens)
            if delay > 1e-9:
                self._call_again(now, delay)
                return
            queue.popleft()
            future.set_result(self._depart(now, tokens, queue is self._retries))

    def _call_again(self, now: float, delay: float) -> None:
        if self._breaker.cause is not None:
            left = self._breaker.since + self._outage - now
            if left <= 0:
                self._give_up()
                return
            delay = min(delay, left)
        if delay == _NEVER or (self._timer is not None and self._timer_at <= now + delay):
            return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer_at = now + delay
        self._timer = loop.call_at(loop.time() + delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._pump(self._now())

    def _give_up(self) -> None:
        for queue in (self._retries, self._firsts):
            while queue:
                future, _ = queue.popleft()
                if not future.done():
                    future.set_exception(RunError(f"the provider has answered nothing for {self._outage:g} s"))

    @property
    def limit(self) -> int:
        return int(self._controller.limit) if self._adaptive else self._cap

    def figures(self) -> Mapping[str, float]:
        return {"limit": self.limit, "in_flight": self._out}
