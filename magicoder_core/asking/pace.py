"""How fast requests may go out: limits per minute that are never passed, what a provider says is left, a steady pace.

Each of them answers one question, ``wait(now, amount)``: in how many seconds could ``amount`` go out? 0 means now.
"""

from __future__ import annotations

from collections import deque

MINUTE = 60.0


class Charge:
    """What one request took of a `Window`; it may turn out smaller or larger than it was reserved."""

    __slots__ = ("amount", "when")

    def __init__(self, when: float, amount: float) -> None:
        self.when = when
        self.amount = amount


class Window:
    """At most ``most`` in any minute, counted exactly: what went out stays counted for a whole minute.

    An amount that is larger than ``most`` goes out alone, when nothing else is in the minute: it could go in no other way.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._sum = 0.0
        self._charges: deque[Charge] = deque()

    def wait(self, now: float, amount: float) -> float:
        """Seconds until ``amount`` fits; it may become less when a charge is corrected."""
        charges = self._charges
        while charges and now - charges[0].when >= MINUTE:
            self._sum -= charges.popleft().amount
        if not charges or self._sum + amount <= self._most:
            return 0.0
        return max(self._until(amount) + MINUTE - now, 1e-3)

    def _until(self, amount: float) -> float:
        """When the charge went out whose end makes room for ``amount``."""
        free = self._most - self._sum
        for charge in self._charges:
            free += charge.amount
            if free >= amount:
                return charge.when
        return self._charges[-1].when

    def take(self, now: float, amount: float) -> Charge:
        """Count ``amount`` from now on."""
        charge = Charge(now, amount)
        self._charges.append(charge)
        self._sum += amount
        return charge

    def correct(self, charge: Charge, now: float, amount: float) -> None:
        """What a charge really was; after its minute it no longer matters."""
        if now - charge.when < MINUTE:
            self._sum += amount - charge.amount
            charge.amount = amount


class Bucket:
    """Fills at ``rate`` per second up to ``burst``; each request takes one.

    In no half-open minute more than ``burst - 1 + 60 * rate`` go out.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.level = burst
        self._when = float("-inf")

    @classmethod
    def per_minute(cls, most: float) -> Bucket:
        """Never more than ``most`` in any minute, evenly: a second's worth may go out at once."""
        burst = max(1.0, most // MINUTE)
        return cls((most - burst + 1) / MINUTE, burst)

    def wait(self, now: float) -> float:
        """Seconds until one may go out."""
        if now > self._when:
            self.level = min(self.burst, self.level + (now - self._when) * self.rate)
            self._when = now
        return 0.0 if self.level >= 1.0 - 1e-9 else (1.0 - self.level) / self.rate

    def take(self) -> None:
        """One goes out."""
        self.level -= 1.0


class Left:
    """What a provider says is left of one of its limits: filled up evenly over a minute, corrected by each answer."""

    def __init__(self, per_minute: float, left: float) -> None:
        self._rate = per_minute / MINUTE
        self._most = per_minute
        self._level = left
        self._when = float("-inf")

    def said(self, now: float, per_minute: float, left: float, under_way: float) -> None:
        """An answer's word; ``under_way`` is what is out, of which the provider may have counted none or all."""
        self._fill(now)
        self._rate, self._most = per_minute / MINUTE, per_minute
        self._level = min(max(self._level, left - under_way), left)

    def _fill(self, now: float) -> None:
        if now > self._when:
            gained = (now - self._when) * self._rate if self._when > float("-inf") else 0.0
            self._level = min(self._most, self._level + gained)
            self._when = now

    def wait(self, now: float, amount: float) -> float:
        """Seconds until ``amount`` is left, at most until the limit is whole."""
        self._fill(now)
        missing = min(amount, self._most) - self._level
        return missing / self._rate if missing > 1e-9 and self._rate > 0 else 0.0  # noqa: PLR2004 - rounding

    def take(self, amount: float) -> None:
        """``amount`` goes out, or comes back if it is negative."""
        self._level -= amount
