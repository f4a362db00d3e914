"""When nothing goes any more: all wait, and one request at a time looks whether the provider is back.

Two things shut the way for all. *Failures*: `_STREAK` first attempts one after another failed and nothing was answered
in between. Only first attempts are evidence: a prompt that always fails is asked again and again, and at the end of a
run such prompts may be all that is left. *Refusals*: the `controller` saw nearly everything refused.

While it is shut one request at a time goes out, after pauses that double up to `LONGEST_PROBE_PAUSE`, or as long as the
provider said in Retry-After. The first that gets through opens the way again. After failures it has to be answered;
after refusals it is enough that it is not refused as fast as refusals come.
"""

from __future__ import annotations

from typing import Final, Literal

LONGEST_PAUSE: Final = 60.0
"""Seconds; a provider that asks for more is asked again after this long."""

LONGEST_PROBE_PAUSE: Final = 15.0
"""Seconds between two looks whether the provider is back: an outage of minutes costs a few requests."""

_FIRST_PAUSE = {"failures": 0.5, "refusals": 0.05}
"""Seconds. A refusal may be over as soon as the next answer makes room; what failed needs longer."""

_GROWTH = {"failures": 2.0, "refusals": 1.5}
"""How much longer each pause is: a limit per second is over before long, and seen sooner by smaller steps."""

_STREAK = 10
"""So many failures in a row have a chance of 1e-6 when as much as a quarter of all requests fails by chance."""

Cause = Literal["failures", "refusals"]


class Breaker:
    """Whether the way is open, and when the next probe is due. Times are the gate's clock, in seconds."""

    def __init__(self) -> None:
        self.cause: Cause | None = None
        self.since = 0.0
        self.next_probe = 0.0
        self.failed = 0
        self._pause = 0.0

    def shut(self, cause: Cause, now: float, at_least: float = 0.0, retry_after: float | None = None) -> None:
        """Let nobody through but probes, the first after ``at_least`` seconds. Refusals may turn out to be an outage."""
        if self.cause is None:
            self.since = now
        self.cause = cause
        self._pause = _FIRST_PAUSE[cause]
        self.next_probe = now + max(self._pause, at_least, min(retry_after or 0.0, LONGEST_PAUSE))

    def failure(self, now: float, *, first_attempt: bool) -> bool:
        """A request failed; returns whether that was one too many."""
        self.failed += first_attempt
        if self.failed < _STREAK or self.cause == "failures":
            return False
        self.shut("failures", now)
        return True

    def alive(self, now: float) -> None:
        """Something was answered, if only with no: there is no outage, or it begins anew."""
        self.failed = 0
        self.since = now

    def open(self) -> None:
        """A probe got through."""
        self.cause = None
        self.failed = 0

    def probe_failed(self, now: float, retry_after: float | None) -> None:
        """A probe did not get through: wait longer for the next."""
        self._pause = min(self._pause * _GROWTH[self.cause or "failures"], LONGEST_PROBE_PAUSE)
        asked = min(retry_after or 0.0, LONGEST_PAUSE)
        self.next_probe = now + max(self._pause, asked)
