"""How many requests are out at once, and the pauses that a provider asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LONGEST_PAUSE = 60.0
"""Seconds; a provider that asks for more is asked again after this long."""

_FEWEST = 3
"""So many refusals with no answer in between are no accident, however few requests are out."""


class Gate:
    """Lets ``concurrency`` requests through at once, and none during a cool-down."""

    def __init__(self, concurrency: int) -> None:
        self._free = asyncio.Semaphore(concurrency)
        self._closed_until = 0.0
        self._refused = 0
        self._patience = max(_FEWEST, concurrency // 2)

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Wait for a free place and the end of a cool-down; the place is held within the block."""
        async with self._free:
            while (wait := self._closed_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110 - it may be prolonged meanwhile
                await asyncio.sleep(wait)
            yield

    def answered(self) -> None:
        """A request was answered: the provider does not mean everybody."""
        self._refused = 0

    def refused(self, seconds: float) -> None:
        """The provider asked one request to wait; when it refuses one after another, it means everybody."""
        self._refused += 1
        if self._refused >= self._patience:
            self._cool_down(seconds)

    def _cool_down(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE)
        self._closed_until = max(self._closed_until, until)
