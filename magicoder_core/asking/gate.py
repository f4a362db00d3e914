"""How many requests are out at once, and the pauses that a provider asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LONGEST_PAUSE = 60.0
"""Seconds; a provider that asks for more is asked again after this long."""


class Gate:
    """Lets ``concurrency`` requests through at once, and none during a cool-down."""

    def __init__(self, concurrency: int) -> None:
        self._free = asyncio.Semaphore(concurrency)
        self._closed_until = 0.0

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Wait for a free place and the end of a cool-down; the place is held within the block."""
        async with self._free:
            while (wait := self._closed_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110 - it may be prolonged meanwhile
                await asyncio.sleep(wait)
            yield

    def cool_down(self, seconds: float) -> None:
        """Let nothing through for ``seconds`` (at most `LONGEST_PAUSE`): a rate limit means everybody."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE)
        self._closed_until = max(self._closed_until, until)
