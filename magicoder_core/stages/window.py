"""Concurrent work with results in the order of the input, pulling no more input than is under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Finish = Callable[[Sequence[asyncio.Task[Any]]], Awaitable[None]]


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Give up what is under way."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Slot(Generic[T, R]):
    """A piece of the input, and what has become of it."""

    __slots__ = ("done", "failure", "item", "result")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = False
        self.result: R
        self.failure: BaseException | None = None


class _Window(Generic[T, R]):
    """What is under way, in the order of the input, and the workers that take one piece after another.

    A few long-lived workers and not a task for each piece, which would cost as much as a small piece itself. They go
    on while the result at the head is late, and no more waits in memory than can be done at once.
    """

    def __init__(
        self,
        source: Iterator[T],
        work: Callable[[T], Awaitable[R]],
        width: Callable[[], int],
        active: Callable[[], int],
    ) -> None:
        self._source, self._work, self._width, self._active = source, work, width, active
        self._exhausted = False
        self.fewer = True
        """Whether fewer may be at work than could be."""
        self._wanted: asyncio.Future[None] | None = None
        self.slots: deque[_Slot[T, R]] = deque()
        self.workers: set[asyncio.Task[None]] = set()

    def fill(self) -> None:
        """See that as many work as may."""
        self.fewer = False
        active = self._active()
        while len(self.workers) < active:
            if (slot := self._next()) is None:
                self.fewer = True
                return
            self.workers.add(asyncio.create_task(self._serve(slot)))

    def close(self) -> None:
        """Begin nothing more."""
        self._exhausted = True

    async def head(self) -> _Slot[T, R]:
        """The first piece, once it is done."""
        slot = self.slots[0]
        while not slot.done:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        return self.slots.popleft()

    def _next(self) -> _Slot[T, R] | None:
        """The next piece of the input, if there is one and it may be under way."""
        if self._exhausted or len(self.slots) >= self._width():
            return None
        try:
            item = next(self._source)
        except StopIteration:
            self._exhausted = True
            return None
        except Exception as error:  # noqa: BLE001 - not ours to judge: it is raised where the result is due
            self._exhausted = True
            failed: _Slot[T, R] = _Slot(None)  # type: ignore[arg-type]  # never handed out
            failed.failure, failed.done = error, True
            self.slots.append(failed)
            return None
        slot: _Slot[T, R] = _Slot(item)
        self.slots.append(slot)
        return slot

    async def _serve(self, slot: _Slot[T, R] | None) -> None:
        """Work on one piece after another."""
        while slot is not None:
            try:
                slot.result = await self._work(slot.item)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - not ours to judge: it is raised where the result is due
                slot.failure = error
            slot.done = True
            if slot is self.slots[0] and self._wanted is not None and not self._wanted.done():
                self._wanted.set_result(None)
            surplus = len(self.workers) - self._active()
            if surplus < 0:
                self.fill()
            slot = None if surplus > 0 or isinstance(slot.failure, asyncio.CancelledError) else self._next()
        self.fewer = True
        if (worker := asyncio.current_task()) is not None:
            self.workers.discard(worker)


async def in_order(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    width: Callable[[], int],
    *,
    active: Callable[[], int] | None = None,
    finish: Finish = cancel,
    room: Callable[[Callable[[], None]], None] | None = None,
) -> AsyncGenerator[tuple[T, R], None]:
    """Yield ``(item, result)`` in the order of ``items``.

    Args:
        items: pulled only when one may be begun.
        work: what is done with each.
        width: how many may be under way, results that wait for an earlier one among them: what is in memory.
        active: how many of them may be worked on at a time; as many as ``width`` if not given.
        finish: ends the tasks that are still at work when the caller stops.
        room: is given what to call when ``active`` has grown though no piece has ended.
    """
    window = _Window(iter(items), work, width, active or width)
    if room is not None:
        room(window.fill)
    try:
        while True:
            if window.fewer:
                window.fill()
            if not window.slots:
                return
            slot = await window.head()
            if slot.failure is not None:
                raise slot.failure
            yield slot.item, slot.result
    finally:
        window.close()
        await finish(list(window.workers))
