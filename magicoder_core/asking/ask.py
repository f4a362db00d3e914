"""`ask`, put together: journal, retries, gate, budget, teacher."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from magicoder_core import progress
from magicoder_core.asking.batching import Batcher
from magicoder_core.asking.budget import Budget
from magicoder_core.asking.gate import LONGEST_PAUSE, Gate
from magicoder_core.asking.journal import Entry, Journal
from magicoder_core.asking.request import journal_key
from magicoder_core.errors import MagicoderError, TeacherError, attributed
from magicoder_core.providers import BatchTeacher, Teacher
from magicoder_core.records import Reply, Request

RETRIED: Final = frozenset({"rate_limited", "overloaded", "transient", "timeout", "malformed"})
"""Kinds of failure after which the same request is sent again."""

FATAL: Final = frozenset({"auth", "quota"})
"""Kinds that no other request can escape either: the run stops, and goes on when the user has mended it."""

_FIRST_PAUSE = 0.5
_LONGEST_BACKOFF = 30.0


@dataclass
class Asker:
    """Asks one teacher on behalf of many.

    Args:
        teacher: who answers; it is opened at the first request that the journal cannot answer.
        name: the teacher's provider name, the first half of its identity in the journal.
        journal: where answers are kept.
        gate: how many requests may be out.
        budget: what may be spent.
        attempts: how often a request is sent before its failure is final.
    """

    teacher: Teacher
    name: str
    journal: Journal
    gate: Gate
    budget: Budget = field(default_factory=Budget)
    attempts: int = 6
    asked: int = 0
    replayed: int = 0

    def __post_init__(self) -> None:
        """Set up what is shared by all who ask."""
        self.identity = f"{self.name}:{self.teacher.identity}"
        self._under_way: dict[str, asyncio.Future[Reply]] = {}
        self._opening = asyncio.Lock()
        self._opened = self._touched = False
        self._end: BaseException | None = None
        self._sent: set[asyncio.Future[Reply]] = set()
        self._complete = (
            Batcher(self.teacher).complete if isinstance(self.teacher, BatchTeacher) else self.teacher.complete
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Asker]:
        """Within the block requests are answered; at its end those that are out are awaited and the teacher is closed."""
        try:
            yield self
        finally:
            self._end = self._end or asyncio.CancelledError()
            await self._await_sent()
            if self._touched:
                await self.teacher.close()

    async def _await_sent(self) -> None:
        """Wait for requests that are out, whoever gave them up: their answers will be paid for, so they are kept."""
        if self._sent:
            progress.say(f"waiting for {len(self._sent)} answers under way, to keep them; Ctrl-C again gives them up")
            await asyncio.wait(self._sent)

    def on_behalf_of(self, parent: str) -> ParentAsk:
        """The `ask` that is handed to a method: it notes for whom it asks, and what it asked."""
        return ParentAsk(self, parent)

    async def answer(self, request: Request, parent: str) -> Reply:
        """The answer from the journal, or from the teacher and then into the journal.

        Raises:
            TeacherError: the last attempt failed, or the failure is of a kind that is not sent again.
            BudgetError: a limit is reached.
        """
        key = journal_key(self.identity, request)
        if (reply := self.journal.find(key)) is not None:
            self.replayed += 1
            return reply
        if (same := self._under_way.get(key)) is not None:
            return await asyncio.shield(same)
        return await self._first(key, request, parent)

    async def _first(self, key: str, request: Request, parent: str) -> Reply:
        """Send a request that nobody else has out; those who ask the same meanwhile share its end."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            reply = await self._try(key, request, parent)
            future.set_result(reply)
        except BaseException as error:
            future.set_exception(error) if isinstance(error, Exception) else future.cancel()
            future.exception() if not future.cancelled() else None  # seen: nobody else need be waiting
            raise
        finally:
            del self._under_way[key]
        return reply

    async def _try(self, key: str, request: Request, parent: str) -> Reply:
        for attempt in range(self.attempts):
            try:
                return await self._attempt(key, request, parent)
            except TeacherError as error:
                if error.kind not in RETRIED or attempt + 1 == self.attempts:
                    raise
                await self._pause(error, attempt)
        raise AssertionError("attempts is at least 1")

    async def _attempt(self, key: str, request: Request, parent: str) -> Reply:
        """One attempt. Once it is out it is seen to its end, though the one who asked may be gone by then."""
        entry = Entry(key=key, teacher=self.identity, parent=parent, request=request)
        async with self.gate.passage(), self.budget.reserve(request):
            await self._open()
            if self._end is not None:
                raise self._end
            sent = asyncio.ensure_future(self._send(entry, request))
            self._sent.add(sent)
            sent.add_done_callback(self._ended)
            try:
                return await asyncio.shield(sent)
            except (asyncio.CancelledError, MagicoderError) as error:
                # Nobody is cancelled but at the end of a run. Whoever waits at the gate must not take this place.
                if not isinstance(error, TeacherError) or error.kind in FATAL:
                    self._end = error
                raise

    def _ended(self, sent: asyncio.Future[Reply]) -> None:
        self._sent.discard(sent)
        if not sent.cancelled():
            sent.exception()  # seen: the one who asked may be gone

    async def _send(self, entry: Entry, request: Request) -> Reply:
        """Have the teacher answer; the end of it is in the journal before anybody else sees it."""
        self.asked += 1
        try:
            reply = await self._complete(request)
        except TeacherError as error:
            self._record(entry, error)
            raise
        self.gate.answered()
        self.journal.append(replace(entry, reply=reply))
        self.budget.spend(reply.usage)
        return reply

    def _record(self, entry: Entry, error: TeacherError) -> None:
        self.journal.append(replace(entry, error=error.kind, message=str(error), charged=error.charged))
        if error.charged:
            self.budget.spend_worst(entry.request)

    async def _pause(self, error: TeacherError, attempt: int) -> None:
        backoff = min(_FIRST_PAUSE * 2**attempt, _LONGEST_BACKOFF) * (0.5 + random.random())  # noqa: S311 - jitter
        if error.retry_after is None:
            await asyncio.sleep(backoff)
            return
        if error.kind in {"rate_limited", "overloaded"}:
            self.gate.refused(error.retry_after)
        await asyncio.sleep(min(error.retry_after, LONGEST_PAUSE))

    async def _open(self) -> None:
        async with self._opening:
            if not self._opened:
                self._touched = True
                with attributed("teacher", self.name):
                    await self.teacher.open()
                self._opened = True


@dataclass
class ParentAsk:
    """`Ask` for one parent; ``requests`` are the ids of what it asked, in order."""

    asker: Asker
    parent: str
    requests: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Reply:
        """The answer to ``request``, drawn as the teacher does where the request leaves it open."""
        whole = Request(messages=request.messages, sampling=request.sampling.over(self.asker.teacher.sampling()))
        self.requests.append(whole.id)
        return await self.asker.answer(whole, self.parent)

    def supports(self, capability: str) -> bool:
        """Whether the teacher has a capability."""
        return self.asker.teacher.supports(capability)
