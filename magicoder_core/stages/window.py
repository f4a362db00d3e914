"""Concurrent work with results in the order of the input, pulling no more input than is under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def in_order(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], width: Callable[[], int]
) -> AsyncGenerator[tuple[T, R], None]:
    """Yield ``(item, result)`` in the order of ``items``, with at most ``width()`` of them under way.

    What is still under way when the caller stops is cancelled.
    """
    source = iter(items)
    under_way: deque[tuple[T, asyncio.Future[R]]] = deque()
    try:
        while True:
            while len(under_way) < width() and (item := next(source, None)) is not None:
                under_way.append((item, asyncio.ensure_future(work(item))))
            if not under_way:
                return
            item, task = under_way.popleft()
            try:
                result = await task
            finally:
                task.cancel()
            yield item, result
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
