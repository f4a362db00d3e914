"""How long a request waits before it is sent again."""

from __future__ import annotations

import random

from magicoder_core.asking.breaker import LONGEST_PAUSE
from magicoder_core.errors import TeacherError

_FIRST_PAUSE = 0.5
_LONGEST_BACKOFF = 30.0


def pause(error: TeacherError, number: int) -> float:
    """Seconds before the next attempt: as long as the provider asks for, or longer from time to time."""
    jitter = random.random()  # noqa: S311 - it spreads requests, it hides nothing
    if error.retry_after is not None:
        # Never earlier; and not all at the same moment, or they are refused together again.
        return min(error.retry_after, LONGEST_PAUSE) * (1 + jitter / 10)
    return float(min(_FIRST_PAUSE * 2**number, _LONGEST_BACKOFF) * (0.5 + jitter))
