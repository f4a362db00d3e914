"""`ask`, put together: journal, cache, retries, gate, budget, teacher."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from magicoder_core import progress
from magicoder_core.asking.batching import Batcher
from magicoder_core.asking.budget import Budget, worst_case
from magicoder_core.asking.cache import Cache
from magicoder_core.asking.deferred import Deferred
from magicoder_core.asking.errand import FATAL, OUTCOMES, RETRIED, Ended, Errand, NotAskedError, together
from magicoder_core.asking.gate import Gate, Place
from magicoder_core.asking.journal import Entry, Journal
from magicoder_core.asking.others import lent
from magicoder_core.asking.pausing import pause
from magicoder_core.asking.reading import Reader
from magicoder_core.asking.request import journal_key
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import MagicoderError, RunError, TeacherError, attributed
from magicoder_core.providers import BatchTeacher, Teacher, Wire, WireTeacher
from magicoder_core.records import Reply, Request

_WORTH_A_WORD = 5
"""Failures in a row with no answer between them."""


@dataclass
class Asker:
    """Asks one teacher on behalf of many.

    Args:
        teacher: who answers; it is opened at the first request that neither journal nor cache can answer.
        name: the teacher's provider name, the first half of its identity in the journal.
        journal: where answers are kept.
        gate: how many requests may be out.
        budget: what may be spent.
        attempts: how often a request is sent before its failure is final.
        longer: tokens with which an answer that was cut at its limit is asked for once more; None: it is not.
        cache: answers of other runs, if the recipe names one.
        replay: answer from the journal alone; anything else is a `NotAskedError`.
    """

    teacher: Teacher
    name: str
    journal: Journal
    gate: Gate
    budget: Budget = field(default_factory=Budget)
    attempts: int = 8
    longer: int | None = None
    cache: Cache | None = None
    replay: bool = False
    asked: int = 0
    answered: int = 0
    replayed: int = 0
    cached: int = 0

    def __post_init__(self) -> None:
        """Set up what is shared by all who ask."""
        self.identity = f"{self.name}:{self.teacher.identity}"
        self.budget.price = self.budget.price or self.teacher.price()
        self.reader = Reader(self.teacher, self.name, self.budget.price)
        self._under_way: dict[str, asyncio.Future[Reply] | None] = {}
        self._opening = asyncio.Lock()
        self._opened = self._touched = False
        self._end: BaseException | None = None
        self._last = "nothing was sent"
        self._pausing = self._in_a_row = 0
        self._tell_of_room: Callable[[], None] = lambda: None
        self._together = together(self.teacher)
        self.defaults = self.teacher.sampling()
        self._out: dict[asyncio.Task[Any] | None, int] = {}
        self._deferred = self._batches()
        self._complete = self._way()
        self._once = self._sent if self._deferred is None else self._in_batch

    def _batches(self) -> Deferred | None:
        """What answers in batches, if the teacher does."""
        if isinstance(self.teacher, DeferredTeacher):
            return Deferred(self.teacher, self.journal, self._keep)
        return None

    def _way(self) -> Callable[[Request], Awaitable[Wire | Reply]]:
        """How one attempt is made of this kind of teacher."""
        teacher = self.teacher
        if isinstance(teacher, WireTeacher):
            return teacher.send
        return Batcher(teacher).complete if isinstance(teacher, BatchTeacher) else teacher.complete

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Asker]:
        """Within the block requests are answered; at its end the teacher is closed."""
        try:
            yield self
        finally:
            self._end = self._end or asyncio.CancelledError()
            if self._deferred is not None:
                await self._deferred.close()
            if self._touched:
                await self.teacher.close()

    async def finish(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """End the work of those who ask: who only waits is cancelled, requests that are out are seen to their end.

        Their answers will be paid for, so they are kept; whoever then wants to ask more is told why it is over.
        """
        self._end = self._end or asyncio.CancelledError()
        if self._deferred is not None:
            await self._deferred.close()
        left = 0
        for task in tasks:
            if task in self._out and self._deferred is None:
                left += not task.done()
            else:
                task.cancel()
        if left:
            progress.say(f"waiting for {left} answers under way, to keep them; Ctrl-C again gives them up")
        await asyncio.gather(*tasks, return_exceptions=True)

    def when_there_is_room(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called when somebody pauses, so that others may ask meanwhile."""
        self._tell_of_room = tell

    @property
    def active(self) -> int:
        """How many may ask at once without waiting for each other: as many as may be out, and those that pause."""
        return max(self.gate.limit, self._together) + self._pausing

    async def answer(self, request: Request, parent: str, owner: asyncio.Task[Any] | None = None) -> Reply:
        """The answer from the journal, or from the teacher and then into the journal.

        Raises:
            TeacherError: the last attempt failed, or the failure is of a kind that is not sent again.
            BudgetError: a limit is reached.
            RunError: the request is raw text, and the teacher has not the capability ``text``.
        """
        key = journal_key(self.identity, request)
        if (reply := self._known(key, request, parent)) is not None:
            return reply
        if request.raw:
            check_text(self.teacher, self.name)
        if key in self._under_way:
            return await self._share(key)
        self._under_way[key] = None
        try:
            reply = await self._try(Errand(key, request, parent, owner))
        except BaseException as error:
            self._tell(self._under_way.pop(key), error)
            raise
        if (future := self._under_way.pop(key)) is not None:
            self._tell(future, reply)
        return reply

    async def _share(self, key: str) -> Reply:
        """The answer to a request that somebody else has out."""
        future = self._under_way[key]
        if future is None:
            future = self._under_way[key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(future)

    @staticmethod
    def _tell(future: asyncio.Future[Reply] | None, end: Reply | BaseException) -> None:
        if future is None:
            return
        if isinstance(end, Reply):
            future.set_result(end)
        elif isinstance(end, Exception):
            future.set_exception(end)
            future.exception()  # seen: nobody else need be waiting
        else:
            future.cancel()

    def _known(self, key: str, request: Request, parent: str) -> Reply | None:
        """The answer of the journal; or of the cache or another run's journal, and then of the journal."""
        if (entry := self.journal.find(key)) is not None and (reply := self._read_again(entry)) is not None:
            self.replayed += 1
            return reply
        for kept in (self.cache, lent()):
            if kept is not None and (entry := kept.find(key)) is not None:
                entry = replace(entry, parent=parent, request=request, charged=False)
                try:
                    reply = self._read_again(entry)
                except TeacherError:  # a refusal is a result, too
                    self.journal.append(entry)
                    raise
                if reply is not None:
                    self.journal.append(entry)
                    self.cached += 1
                    return reply
        if self.replay:
            raise NotAskedError("bad_request", "the journal has no answer, and this run asks for none")
        return None

    def _read_again(self, entry: Entry) -> Reply | None:
        """The reply of a kept answer; None if there is none in it, so that it is asked for again.

        Raises:
            TeacherError: ``content_filter``, which is a result.
        """
        try:
            return self.reader.read(entry)
        except TeacherError as error:
            if error.kind == "content_filter":
                self.replayed += 1
                raise
            return None

    async def _try(self, errand: Errand) -> Reply:
        """Attempts, until one answers or their number is spent; failures of an outage are not the request's own."""
        own = number = 0
        while True:
            end, counts = await self._attempt(errand, number)
            if isinstance(end, Reply):
                return end
            own += counts
            if end.kind not in RETRIED or own >= self.attempts:
                if end.kind in FATAL:
                    self._end = end
                raise end
            self._pausing += 1
            self._tell_of_room()
            try:
                await asyncio.sleep(pause(end, number))
            finally:
                self._pausing -= 1
            number += 1

    async def _attempt(self, errand: Errand, number: int) -> tuple[Reply | TeacherError, bool]:
        """One attempt, once gate and budget let it through; tells whether a failure is the request's own."""
        if self._deferred is not None:
            # A batch waits for hours, and its provider counts it once: no gate.
            end, _ = await self._within_budget(errand)
            return end, True
        gate, again = self.gate, number > 0
        tokens = sum(worst_case(errand.request)) if gate.limited else 0
        place = gate.enter_now(tokens, retry=again) or await self._admitted(tokens, retry=again)
        try:
            end, limits = await self._within_budget(errand)
        except BaseException:
            gate.give_back(place)
            raise
        if isinstance(end, Reply):
            usage = end.usage
            tokens = usage.prompt_tokens + usage.completion_tokens
            return end, gate.leave(place, "answered", limits=limits, tokens=tokens)
        outcome = OUTCOMES.get(end.kind, "rejected")
        return end, gate.leave(place, outcome, retry_after=end.retry_after, limits=limits)

    async def _admitted(self, tokens: int, *, retry: bool) -> Place:
        """A place at the gate.

        Raises:
            RunError: the provider has been gone for too long; the message has what it said last.
        """
        try:
            return await self.gate.enter(tokens, retry=retry)
        except RunError as error:
            self._end = self._end or RunError(f"{error}; the last time: {self._last}")
            raise self._end from error

    async def _within_budget(self, errand: Errand) -> Ended:
        """One attempt with its worst case held back; it is `out` as long as an answer may still come."""
        hold, out, owner = None, self._out, errand.owner
        try:
            if self.budget.limited:
                hold = await self.budget.reserve(errand.request)
            try:
                if not self._opened and (error := await self._open()):
                    return error, None
                if self._end is not None:
                    raise self._end
                out[owner] = out.get(owner, 0) + 1
                try:
                    return await self._once(errand)
                finally:
                    out[owner] -= 1
                    if not out[owner]:
                        del out[owner]  # a run may have a task for each snippet
            finally:
                if hold is not None:
                    self.budget.release(hold)
        except (asyncio.CancelledError, MagicoderError) as error:
            # Nobody is cancelled but at the end of a run. Whoever waits at the gate must not take this place.
            self._end = self._end or error
            raise

    async def _sent(self, errand: Errand) -> Ended:
        """Have the teacher answer; the end of it is in the journal before anybody reads it."""
        self.asked += 1
        began = time.monotonic()
        try:
            answer = await self._complete(errand.request)
        except TeacherError as error:
            self._note_failure(error)
            entry = self._entry(errand, began)
            entry.error, entry.message, entry.charged = error.kind, str(error), error.charged
            self._failed(entry)
            return error, error.limits
        entry = self._entry(errand, began)
        limits = None
        if isinstance(answer, Wire):
            entry.body, limits = answer.body, answer.limits
        else:
            entry.reply = answer
        self.journal.append(entry)
        return self._read_new(entry), limits

    def _note_failure(self, error: TeacherError) -> None:
        """Say it when one attempt after another fails: whoever waits wants to know for what."""
        self._last = str(error)
        self._in_a_row += 1
        if self._in_a_row == _WORTH_A_WORD and error.kind in RETRIED:
            progress.say(f"{self.name}: {error}; it is asked again, less and less often")

    def _entry(self, errand: Errand, began: float) -> Entry:
        """An attempt that has just ended; how it did is for the caller to say."""
        key, request, parent, _ = errand
        seconds = time.monotonic() - began
        return Entry(key=key, teacher=self.identity, parent=parent, request=request, at=time.time(), seconds=seconds)

    async def _in_batch(self, errand: Errand) -> Ended:
        """The answer out of a batch, which puts it into the journal itself."""
        assert self._deferred is not None  # noqa: S101 - `_attempt` asked
        self.asked += 1
        try:
            await self._deferred.complete(self._entry(errand, time.monotonic()))
        except TeacherError as error:
            return error, None
        kept = self.journal.find(errand.key)
        assert kept is not None  # noqa: S101 - that is what `complete` promises
        return self._read_new(kept), None

    def _keep(self, entry: Entry, end: bytes | TeacherError) -> None:
        """Write down what a batch holds for a request."""
        entry = replace(entry, at=time.time(), seconds=0.0)
        if isinstance(end, TeacherError):
            self._failed(replace(entry, error=end.kind, message=str(end), charged=end.charged))
        else:
            self.journal.append(replace(entry, body=end))

    def _failed(self, entry: Entry) -> None:
        """Write a failure down, and count what was billed for it."""
        self.journal.append(entry)
        if entry.charged:
            self.budget.spend_worst(entry.request)

    def _read_new(self, entry: Entry) -> Reply | TeacherError:
        """What a new answer says; it is billed, whatever it is."""
        try:
            reply = self.reader.read(entry)
        except TeacherError as error:
            if error.charged:
                self.budget.spend_worst(entry.request)
            return error
        self.answered += 1
        self._in_a_row = 0
        self.budget.spend(reply.usage)
        if self.cache is not None:
            self.cache.keep(entry)
        return reply

    async def _open(self) -> TeacherError | None:
        """Open the teacher; the failure, if it is one of those that may pass."""
        async with self._opening:
            if self._opened:
                return None
            self._touched = True
            self.budget.check()
            try:
                with attributed("teacher", self.name):
                    await self.teacher.open()
            except TeacherError as error:
                return error
            self._opened = True
            return None

    def count(self, entry: Entry) -> None:
        """Count an attempt of an earlier run as spent."""
        usage = self.reader.usage(entry)
        if usage.prompt_tokens or usage.completion_tokens or (entry.charged and entry.error is None):
            self.budget.spend(usage)


def check_text(teacher: Teacher, name: str) -> None:
    """Refuse raw text, before anything is sent, where the teacher would take it for a turn of a conversation.

    Raises:
        RunError: it would.
    """
    if not teacher.supports("text"):
        raise RunError(
            f"teacher '{name}': it answers conversations and cannot go on with raw text, as the styles 'completion' and "
            "'magicoder' of a benchmark need; set style = \"chat\", or use another teacher (openai-compatible, llama-cpp, "
            "transformers)"
        )
