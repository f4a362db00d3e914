"""Whoever asks a recipe's teacher: by the limits and paces of its table ``[generate]``."""

from __future__ import annotations

from magicoder_core.asking.ask import Asker
from magicoder_core.asking.budget import Budget
from magicoder_core.asking.gate import Gate
from magicoder_core.asking.journal import Journal
from magicoder_core.providers import Teacher
from magicoder_core.recipe import Bound, Generate


def asker_for(settings: Generate, teacher: Bound[Teacher], journal: Journal, *, replay: bool = False) -> Asker:
    """Whoever asks a teacher, with an open journal; without a cache."""
    gate = Gate(
        settings.concurrency,
        adaptive=settings.adaptive,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        outage=settings.outage,
    )
    return Asker(
        teacher.provider,
        teacher.name,
        journal,
        gate,
        Budget(settings.max_requests, settings.max_tokens, settings.max_usd),
        attempts=settings.attempts,
        longer=settings.retry_truncated,
        replay=replay,
    )
