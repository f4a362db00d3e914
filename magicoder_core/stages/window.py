"""Concurrent work with results in the order of the input, pulling no more input than is under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Finish = Callable[[Sequence[asyncio.Task[Any]]], Awaitable[None]]


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Give up what is under way."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Window(Generic[T, R]):
    """What is under way, in the order of the input; the end of one piece of work begins the next.

    Beginning it there, and not when the caller comes back for a result, keeps the work going while the result at the
    head is late; and no more of it waits in memory than can be done at once.
    """

    def __init__(
        self,
        source: Iterator[T],
        work: Callable[[T], Coroutine[Any, Any, R]],
        width: Callable[[], int],
        active: Callable[[], int],
    ) -> None:
        self._source, self._work, self._width, self._active = source, work, width, active
        self.busy = 0
        self._closed = False
        self._failure: Exception | None = None
        self.under_way: deque[tuple[T, asyncio.Task[R]]] = deque()

    def fill(self) -> None:
        """Begin as much as may be under way.

        Raises:
            Exception: what the input raised, now or since the last call.
        """
        self._begin()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Begin nothing more."""
        self._closed = True

    def _begin(self) -> None:
        while not self._closed and self.busy < self._active() and len(self.under_way) < self._width():
            try:
                item = next(self._source)
            except StopIteration:
                self._closed = True
                return
            except Exception as error:  # noqa: BLE001 - not ours to judge: `fill` raises it where somebody can catch it
                self._closed, self._failure = True, error
                return
            self.busy += 1
            task = asyncio.create_task(self._work(item))
            task.add_done_callback(self._ended)
            self.under_way.append((item, task))

    def _ended(self, _: asyncio.Task[R]) -> None:
        self.busy -= 1
        self._begin()


async def in_order(
    items: Iterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    width: Callable[[], int],
    *,
    active: Callable[[], int] | None = None,
    finish: Finish = cancel,
) -> AsyncGenerator[tuple[T, R], None]:
    """Yield ``(item, result)`` in the order of ``items``.

    Args:
        items: pulled only when one may be begun.
        work: what is done with each.
        width: how many may be under way, results that wait for an earlier one among them: what is in memory.
        active: how many of them may be worked on at a time; as many as ``width`` if not given.
        finish: ends what is still under way when the caller stops.
    """
    window = _Window(iter(items), work, width, active or width)
    try:
        while True:
            window.fill()
            if not window.under_way:
                if not window.busy:
                    return
                # All of it ended at once, before any of it was counted as ended.
                await asyncio.sleep(0)
                continue
            item, task = window.under_way[0]
            if not task.done():
                # Not awaited itself: it would be cancelled together with whoever waits for it.
                await asyncio.wait((task,))
            window.under_way.popleft()
            yield item, task.result()
    finally:
        window.close()
        await finish([task for _, task in window.under_way])
