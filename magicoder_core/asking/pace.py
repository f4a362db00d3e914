"""Limits per minute: those of a recipe, which are never passed, and what a provider says is left of its own.

Each answers one question, ``wait(now, amount)``: in how many seconds is it worth asking again? 0 means that it may go now.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from magicoder_core.ratelimits import RateLimits

MINUTE: Final = 60.0
_ROUNDING: Final = 1e-9


class Charge:
    """What one request took of a `Window`; it may turn out smaller or larger than it was reserved."""

    __slots__ = ("amount", "when")

    def __init__(self, when: float, amount: float) -> None:
        self.when = when
        self.amount = amount


class Window:
    """At most ``most`` in any minute, counted exactly: what went out stays counted for a whole minute.

    An amount that is larger than ``most`` goes out when nothing else is in the minute: it could go in no other way.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._sum = 0.0
        self._charges: deque[Charge] = deque()

    def wait(self, now: float, amount: float) -> float:
        """Seconds until the next of what is counted no longer is; 0 if ``amount`` fits."""
        charges = self._charges
        while charges and now - charges[0].when >= MINUTE:
            self._sum -= charges.popleft().amount
        if not charges or self._sum + amount <= self._most:
            return 0.0
        return charges[0].when + MINUTE - now

    def take(self, now: float, amount: float) -> Charge:
        """Count ``amount`` from now on."""
        charge = Charge(now, amount)
        self._charges.append(charge)
        self._sum += amount
        return charge

    def correct(self, charge: Charge, now: float, amount: float) -> None:
        """What a charge really was; after its minute it no longer matters."""
        if now - charge.when < MINUTE and self._charges and charge.when >= self._charges[0].when:
            self._sum += amount - charge.amount
            charge.amount = amount


class Bucket:
    """Never more than ``most`` requests in any minute, evenly: a second's worth may go out at once."""

    def __init__(self, most: float) -> None:
        # In no half-open minute more than burst - 1 + 60 * rate go out.
        self._burst = max(1.0, most // MINUTE)
        self._rate = (most - self._burst + 1) / MINUTE
        self._level = self._burst
        self._when = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until one may go out."""
        if now > self._when:
            self._level = min(self._burst, self._level + (now - self._when) * self._rate)
            self._when = now
        return 0.0 if self._level >= 1.0 - _ROUNDING else (1.0 - self._level) / self._rate

    def take(self) -> None:
        """One goes out."""
        self._level -= 1.0


class Left:
    """What a provider says is left of one of its limits: it fills up evenly over a minute, and each answer corrects it."""

    def __init__(self, now: float, per_minute: float, left: float) -> None:
        self._most = per_minute
        self._level = left
        self._when = now

    def said(self, now: float, per_minute: float, left: float, under_way: float) -> None:
        """An answer's word; ``under_way`` is what is out, of which the provider may have counted none or all."""
        self._fill(now)
        self._most = per_minute
        self._level = min(max(self._level, left - under_way), left)

    def _fill(self, now: float) -> None:
        self._level = min(self._most, self._level + (now - self._when) * self._most / MINUTE)
        self._when = now

    def wait(self, now: float, amount: float) -> float:
        """Seconds until ``amount`` is left, or all of it if it is more."""
        self._fill(now)
        missing = min(amount, self._most) - self._level
        return missing * MINUTE / self._most if missing > _ROUNDING else 0.0

    def take(self, amount: float) -> None:
        """``amount`` goes out, or comes back if it is negative."""
        self._level -= amount


class Limits:
    """All limits per minute of one provider. ``any`` tells whether there is one at all."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._requests = None if requests_per_minute is None else Bucket(requests_per_minute)
        self._tokens = None if tokens_per_minute is None else Window(tokens_per_minute)
        self._left_requests: Left | None = None
        self._left_tokens: Left | None = None
        self.any = self._requests is not None or self._tokens is not None

    def wait(self, now: float, tokens: int) -> float:
        """Seconds until it is worth asking again; 0 if a request of ``tokens`` may go out."""
        return max(
            0.0 if self._requests is None else self._requests.wait(now),
            0.0 if self._tokens is None else self._tokens.wait(now, tokens),
            0.0 if self._left_requests is None else self._left_requests.wait(now, 1.0),
            0.0 if self._left_tokens is None else self._left_tokens.wait(now, tokens),
        )

    def take(self, now: float, tokens: int) -> Charge | None:
        """A request of ``tokens`` goes out."""
        if self._requests is not None:
            self._requests.take()
        if self._left_requests is not None:
            self._left_requests.take(1.0)
        if self._left_tokens is not None:
            self._left_tokens.take(tokens)
        return None if self._tokens is None else self._tokens.take(now, tokens)

    def correct(self, charge: Charge | None, reserved: int, now: float, tokens: int) -> None:
        """A request for which ``reserved`` tokens were taken took ``tokens``."""
        if self._tokens is not None and charge is not None:
            self._tokens.correct(charge, now, tokens)
        if self._left_tokens is not None:
            self._left_tokens.take(tokens - reserved)

    def heed(self, limits: RateLimits, now: float, out: int) -> None:
        """What an answer's headers say, while ``out`` requests are out."""
        most, left = limits.requests_per_minute, limits.remaining_requests
        if most and left is not None:
            self._left_requests = self._left_requests or Left(now, most, left)
            self._left_requests.said(now, most, left, out)
            self.any = True
        most, left = limits.tokens_per_minute, limits.remaining_tokens
        if most and left is not None:
            if self._left_tokens is None:
                self._left_tokens = Left(now, most, left)
            self._left_tokens.said(now, most, left, most)  # how much is under way is not known: believe the lower
            self.any = True
