"""A provider, a network and a client in virtual time: minutes of traffic in a fraction of a second, always the same."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from magicoder_core.asking.gate import Gate
from magicoder_core.ratelimits import RateLimits


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: it tells the loop's clock to go on to the next timer."""

    loop: VirtualLoop

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.loop.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _Jumping()
        super().__init__(selector)
        selector.loop = self
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine returns, in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


@dataclass
class Answer:
    """What the provider does with one request."""

    outcome: str
    retry_after: float | None = None
    limits: RateLimits | None = None


def fixed(seconds: float) -> Callable[[random.Random], float]:
    return lambda _: seconds


def exponential(mean: float) -> Callable[[random.Random], float]:
    return lambda r: r.expovariate(1 / mean)


def lognormal(mean: float, sigma: float = 0.5) -> Callable[[random.Random], float]:
    return lambda r: mean * r.lognormvariate(-sigma * sigma / 2, sigma)


@dataclass
class Provider:
    """Answers after ``latency``; each rule may refuse or fail a request, in order."""

    latency: Callable[[random.Random], float]
    rules: list[Callable[[Provider], Answer | None]] = field(default_factory=list)
    slots: int | None = None
    seed: int = 0
    network: float = 0.001

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.serving = 0
        self.most = 0
        self.here = 0
        self.requests = 0
        self.refusals = 0
        self.failures = 0
        self._slots = asyncio.Semaphore(self.slots) if self.slots else None
        self.limits: Callable[[], RateLimits | None] = lambda: None

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def ask(self) -> Answer:
        self.here += 1
        self.most = max(self.most, self.here)
        try:
            await asyncio.sleep(self.network / 2)
            answer = await self._answer()
            await asyncio.sleep(self.network / 2)
        finally:
            self.here -= 1
        return answer

    async def _answer(self) -> Answer:
        self.requests += 1
        for rule in self.rules:
            if (answer := rule(self)) is not None:
                self.refusals += answer.outcome == "refused"
                self.failures += answer.outcome == "failed"
                answer.limits = self.limits()
                return answer
        self.serving += 1
        try:
            if self._slots is None:
                await asyncio.sleep(self.latency(self.random))
            else:
                async with self._slots:
                    await asyncio.sleep(self.latency(self.random))
        finally:
            self.serving -= 1
        return Answer("answered", limits=self.limits())


def capacity(most: Callable[[float], int] | int, retry_after: float | None = None):
    """So many at once, the rest is refused; a function of the seconds since the start may say how many."""
    start: list[float] = []

    def rule(provider: Provider) -> Answer | None:
        start.append(provider.now) if not start else None
        bears = most if isinstance(most, int) else most(provider.now - start[0])
        return Answer("refused", retry_after) if provider.serving >= bears else None

    return rule


def token_bucket(rate: float, burst: float, retry_after: float | None = None, *, headers: bool = False):
    level, when = burst, None

    def rule(provider: Provider) -> Answer | None:
        nonlocal level, when
        now = provider.now
        level, when = min(burst, level + (now - (when or now)) * rate), now
        if headers:
            provider.limits = lambda: RateLimits(
                requests_per_minute=rate * 60,
                remaining_requests=max(0, int(level)),
                reset_requests=(burst - level) / rate,
            )
        if level < 1:
            return Answer("refused", retry_after)
        level -= 1
        return None

    return rule


def sliding_window(most: int, seconds: float, retry_after: float | None = None):
    times: deque[float] = deque()

    def rule(provider: Provider) -> Answer | None:
        while times and provider.now - times[0] >= seconds:
            times.popleft()
        if len(times) >= most:
            return Answer("refused", retry_after)
        times.append(provider.now)
        return None

    return rule


def fixed_window(most: int, seconds: float, retry_after: float | None = None):
    count: dict[int, int] = {}

    def rule(provider: Provider) -> Answer | None:
        window = int(provider.now / seconds)
        count[window] = count.get(window, 0) + 1
        return Answer("refused", retry_after) if count[window] > most else None

    return rule


def by_chance(fraction: float, outcome: str = "refused", retry_after: float | None = None):
    return lambda provider: Answer(outcome, retry_after) if provider.random.random() < fraction else None


def outage(begin: float, end: float, outcome: str = "failed"):
    start: list[float] = []

    def rule(provider: Provider) -> Answer | None:
        start.append(provider.now) if not start else None
        return Answer(outcome) if begin <= provider.now - start[0] < end else None

    return rule


@dataclass
class Result:
    """What came of a run; times in seconds since its begin, ``trace`` is (time, the gate's limit, requests at the provider)."""

    seconds: float
    requests: int
    refusals: int
    failures: int
    most: int
    lost: int
    trace: list[tuple[float, int, int]]
    answered: list[float]

    @property
    def wasted(self) -> float:
        """Refused requests for each prompt."""
        return self.refusals / len(self.answered)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.answered) / self.seconds


async def drive(gate: Gate, provider: Provider, n: int, width: int | None = None, attempts: int = 6) -> Result:
    """``n`` prompts through the gate, by a client that does as `asking` does."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    todo = iter(range(n))
    jitter = random.Random(provider.seed + 1)
    answered: list[float] = []
    lost = 0
    trace: list[tuple[float, int, int]] = []

    async def one() -> bool:
        counted = tries = 0
        while True:
            place = await gate.enter(retry=tries > 0)
            answer = await provider.ask()
            counts = gate.leave(place, answer.outcome, retry_after=answer.retry_after, limits=answer.limits)
            if answer.outcome == "answered":
                answered.append(loop.time() - begin)
                return True
            counted += counts
            if counted >= attempts:
                return False
            backoff = min(0.5 * 2**tries, 30.0) * (0.5 + jitter.random())
            tries += 1
            await asyncio.sleep(min(answer.retry_after, 60) if answer.retry_after is not None else backoff)

    async def worker() -> None:
        nonlocal lost
        for _ in todo:
            lost += not await one()

    async def watch() -> None:
        while True:
            trace.append((loop.time() - begin, gate.limit, provider.here))
            await asyncio.sleep(0.1)

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(worker() for _ in range(width or 1024)))
    watching.cancel()
    return Result(
        loop.time() - begin,
        provider.requests,
        provider.refusals,
        provider.failures,
        provider.most,
        lost,
        trace,
        answered,
    )
