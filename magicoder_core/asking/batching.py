"""Gathers single requests into batches for an engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from magicoder_core.errors import RunError
from magicoder_core.providers import BatchTeacher
from magicoder_core.records import Reply, Request

_LINGER = 0.02
"""Seconds to wait for more requests: far less than a batch takes, enough for tasks that are already awake."""

_Waiting = tuple[Request, "asyncio.Future[Reply]"]


class Batcher:
    """Answers requests one by one from the outside and in batches of ``teacher.batch_size`` inside."""

    def __init__(self, teacher: BatchTeacher) -> None:
        self._teacher = teacher
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def complete(self, request: Request) -> Reply:
        """The answer to ``request``, whenever its batch is through."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        """Answer batches, one at a time, until nobody waits."""
        try:
            while self._waiting:
                if len(self._waiting) < self._teacher.batch_size:
                    await asyncio.sleep(_LINGER)
                batch = self._waiting[: self._teacher.batch_size]
                del self._waiting[: len(batch)]
                await self._answer(batch)
        finally:
            self._worker = None

    def _complete(self, requests: Sequence[Request]) -> Sequence[Reply]:
        replies = self._teacher.complete_batch(requests)
        if len(replies) != len(requests):
            raise RunError(f"{type(self._teacher).__name__} gave {len(replies)} replies for {len(requests)} requests")
        return replies

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        requests = [request for request, _ in batch]
        try:
            replies = await asyncio.to_thread(self._complete, requests)
        except Exception as error:  # noqa: BLE001 - boundary: a plugin's failure belongs to those who wait for it
            _fail(batch, error)
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            if not future.done():
                future.set_result(reply)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
