"""Steps of work that takes hours: failures in passing are waited for, and long reading leaves others their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from magicoder_core.errors import RunError, TeacherError

T = TypeVar("T")

PASSING: Final = frozenset({"rate_limited", "overloaded", "transient", "timeout", "malformed"})
"""Kinds of failure after which a step is tried again."""

FATAL: Final = frozenset({"auth", "quota"})
"""Kinds that end the run, until the user has mended it."""

_PATIENCE = 3600.0
"""Seconds without any success after which a step is given up: batches take hours, so an outage is waited for."""

_LONGEST_PAUSE = 60.0

_BREATH = 256
"""Results in a row after which others get a turn: a file on this disk never makes its reader wait."""


async def patiently(what: str, step: Callable[[], Awaitable[T]], pause: float) -> T:
    """The outcome of ``step``, tried again after failures in passing, first after ``pause`` seconds.

    Raises:
        TeacherError: of a kind that does not pass.
        RunError: for an hour the provider failed to do what ``what`` says.
    """
    loop = asyncio.get_running_loop()
    since = loop.time()
    while True:
        try:
            return await step()
        except TeacherError as error:
            if error.kind not in PASSING:
                raise
            if loop.time() - since > _PATIENCE:
                raise RunError(
                    f"the provider fails {what}: {error}; batches under way go on there: run the same command again"
                ) from error
            wait = pause if error.retry_after is None else error.retry_after
        await asyncio.sleep(min(wait, _LONGEST_PAUSE))
        pause = min(2 * pause, _LONGEST_PAUSE)


async def breathing(items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same items, with a turn for others now and then."""
    number = 0
    async for item in items:
        yield item
        number += 1
        if number % _BREATH == 0:
            await asyncio.sleep(0)
