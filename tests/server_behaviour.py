"""How the loopback server behaves: latency, faults, limits, and which attempt of which request meets what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from server_answers import ERRORS, FAULTS, SPOILT, number

WAIT = 1.0
"""Seconds that an answer of status 429 asks to wait, whatever its form, unless the server is told otherwise."""


@dataclass
class Behaviour:
    """How a server behaves; all of it can be set anew while it serves.

    Args:
        seed: decides which requests meet the faults of ``faults``.
        faults: kind and the share of attempts that meet it.
        lasting: kind and the share of conversations that meet it whenever nothing else happens.
        script: what the first attempts of each request meet, in order; "ok" is no fault.
        wait: seconds that an answer of status 429 asks to wait; 0 leaves the header out of those of a limit.
        latency: seconds before each answer.
        jitter: up to so many seconds more, drawn for each attempt.
        slow: seconds before the answer of the fault ``slow``.
        key: the only bearer token let in; None lets everybody in.
        fingerprint: the answers' ``system_fingerprint``; most local servers send null.
        capacity: requests at work at once; one more is answered 429 at once.
        rpm: requests a minute, as a bucket that fills evenly; one more is answered 429 at once.
        burst: requests that a full bucket holds.
        limit_headers: whether answers tell of the bucket in x-ratelimit headers.
        outages: times, in seconds since the first request, in which every request meets ``outage``.
        outage: the fault of an outage.
        answer_bytes: an answer's least length.
        bytes_per_token: how tokens are counted; 0 counts words.
        by_conversation: whether a request is named by its messages alone, so that clients that send other parameters
            meet the same faults.
    """

    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    lasting: Mapping[str, float] = field(default_factory=dict)
    script: Sequence[str] = ()
    wait: float = WAIT
    latency: float = 0.0
    jitter: float = 0.0
    slow: float = 5.0
    key: str | None = None
    fingerprint: str | None = None
    capacity: int | None = None
    rpm: float | None = None
    burst: float = 1.0
    limit_headers: bool = False
    outages: Sequence[Sequence[float]] = ()
    outage: str = "502"
    answer_bytes: int = 0
    bytes_per_token: float = 0.0
    by_conversation: bool = False

    def __post_init__(self) -> None:
        if unknown := {*self.faults, *self.lasting, *self.script, self.outage} - {*FAULTS, "ok"}:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")

    def fault(self, name: str, attempt: int) -> str | None:
        """What the attempt (from 0) of a request meets, limits and outages aside."""
        if attempt < len(self.script):
            return None if self.script[attempt] == "ok" else self.script[attempt]
        return _drawn(self.faults, f"{self.seed}\0{name}\0{attempt}") or _drawn(
            self.lasting, f"{self.seed}\0{name}\0always"
        )

    def needs(self, name: str) -> int:
        """Attempts until a request has an answer: the least that any client can do with."""
        attempt = 0
        while (fault := self.fault(name, attempt)) and (
            fault in ERRORS or fault in {*SPOILT, "reset", "close", "html"}
        ):
            attempt += 1
            if attempt > 100:  # one that always fails, by `lasting`
                return 0
        return attempt + 1


def _drawn(shares: Mapping[str, float], text: str) -> str | None:
    if not shares:
        return None
    draw = number(text) / 2**64
    for kind, share in shares.items():
        if draw < share:
            return kind
        draw -= share
    return None
