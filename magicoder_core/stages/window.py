"""Concurrent work with results in the order of the input, pulling no more input than is under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Finish = Callable[[Sequence[asyncio.Task[Any]]], Awaitable[None]]


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Give up what is under way."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def in_order(
    items: Iterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    width: Callable[[], int],
    finish: Finish = cancel,
) -> AsyncGenerator[tuple[T, R], None]:
    """Yield ``(item, result)`` in the order of ``items``, with at most ``width()`` of them under way.

    Results that wait for an earlier one count as under way, so what is in memory is bounded. ``finish`` ends what is
    still under way when the caller stops.
    """
    source = iter(items)
    under_way: deque[tuple[T, asyncio.Task[R]]] = deque()
    try:
        while True:
            while len(under_way) < width() and (item := next(source, None)) is not None:
                under_way.append((item, asyncio.create_task(work(item))))
            if not under_way:
                return
            item, task = under_way[0]
            if not task.done():
                # Not awaited itself: it would be cancelled together with whoever waits for it.
                await asyncio.wait((task,))
            under_way.popleft()
            yield item, task.result()
    finally:
        await finish([task for _, task in under_way])
