"""What the loopback server keeps account of: requests, answers to pay for, retries before their time; and its limits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Account:
    """What happened since the server began, by the server's own clock and count.

    A request is ``good`` when its answer was whole and is the model's (truncated and filtered ones, too); it is
    ``spoilt`` when the model worked and no answer came of it. Both are charged.
    """

    in_flight: int = 0
    max_in_flight: int = 0
    limited: int = 0
    early: int = 0
    waited: int = 0
    spoilt: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None
    _not_before: dict[str, float] = field(default_factory=dict)
    _cpu: float = field(default_factory=time.process_time)

    def asked(self, name: str, at: float) -> None:
        """A request has come."""
        self.first = at if self.first is None else self.first
        self.seen[name] += 1
        if (due := self._not_before.pop(name, None)) is not None:
            self.waited += 1
            self.early += at < due

    def told_to_wait(self, name: str, seconds: float) -> None:
        """A request was answered that it is to come again after ``seconds``, and no sooner."""
        self._not_before[name] = time.monotonic() + seconds

    def began(self) -> None:
        """A request is at work."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def ended(self) -> None:
        """Its work is done."""
        self.in_flight -= 1

    def generated(self, name: str, sent: int, answered: int, *, good: bool) -> None:
        """The model has worked: so many tokens were read and written."""
        self.prompt_tokens += sent
        self.completion_tokens += answered
        self.spoilt += not good
        self.good[name] += good

    def sent(self, status: str) -> None:
        """An answer (or what stands for one) goes out."""
        self.statuses[status] += 1
        self.last = time.monotonic()

    def told(self, needs: Callable[[str], int]) -> dict[str, Any]:
        """All of it, as JSON's types.

        Args:
            needs: the least attempts until a request has an answer; 0 for one that never has.
        """
        needed = Counter(needs(name) for name in self.seen)
        return {
            "by_status": self.statuses,
            "good": sum(self.good.values()),
            "good_distinct": sum(1 for times in self.good.values() if times),
            "spoilt": self.spoilt,
            "charged": sum(self.good.values()) + self.spoilt,
            "paid_twice": sum(times - 1 for times in self.good.values() if times),
            "limited": self.limited,
            "waited": self.waited,
            "early": self.early,
            "max_in_flight": self.max_in_flight,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "needed": {str(attempts): times for attempts, times in sorted(needed.items())},
            "minimum": sum(attempts * times for attempts, times in needed.items()),
            "seconds": self.last - self.first if self.first is not None and self.last is not None else 0.0,
            "cpu": time.process_time() - self._cpu,
        }


@dataclass
class Bucket:
    """A token bucket: ``rate`` a second, ``size`` at most; full at the start."""

    rate: float
    size: float
    at: float

    def __post_init__(self) -> None:
        self.level = self.size

    def take(self, now: float) -> bool:
        """Take one if there is one."""
        self._fill(now)
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def _fill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now

    def headers(self, now: float) -> str:
        """The x-ratelimit headers as OpenAI sends them."""
        self._fill(now)
        reset = (self.size - self.level) / self.rate
        return (
            f"x-ratelimit-limit-requests: {self.rate * 60:g}\r\n"
            f"x-ratelimit-remaining-requests: {int(self.level)}\r\n"
            f"x-ratelimit-reset-requests: {reset:.3f}s\r\n"
        )
