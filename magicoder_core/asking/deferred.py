"""Batches in place of single attempts: gathered, submitted once, looked after, read; over any number of crashes.

What became of a batch is noted in the journal, each note before the next step is taken:

    intended   its keys are known, nothing was sent             after a crash: the provider is asked whether it has it
    submitted  the provider's id is known                       after a crash: it is looked after as if nothing had been
    ended      each of its results is in the journal
    failed     the provider refused it as a whole, unbilled     its requests go out anew with the next command
    void       it was never made, or the user gave it up        its requests go out anew at once

A request whose key is in a batch under way waits for that batch, whoever asks for it and however often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from magicoder_core import progress
from magicoder_core.asking.gathering import NOTE, Asked, Gathering, Known, Notebook, remove, tidy, unfinished
from magicoder_core.asking.journal import Entry
from magicoder_core.asking.patience import FATAL, PASSING, breathing, patiently
from magicoder_core.deferring import Batch, BatchState, DeferredTeacher
from magicoder_core.errors import RunError, TeacherError, attributed

T = TypeVar("T")

FOLDER = "batches"
"""Where a run's batches have their files, beside the journal."""


@dataclass(frozen=True)
class _Waiting:
    entry: Entry
    future: asyncio.Future[None]


@dataclass
class _Reading:
    """The results of one batch while they are read.

    ``left`` are the keys still without one, by custom id. The last one, ``held``, is handed over when the end of the
    batch is noted: whoever has all answers may close at once, and no batch is left for the next run to look at.
    """

    batch: Batch
    left: dict[str, str]
    asked: Asked
    held: tuple[str, bytes | TeacherError] | None = None
    fatal: TeacherError | None = None


class Deferred:
    """Answers one by one from the outside, and in batches inside.

    Args:
        teacher: who answers.
        journal: where batches are noted.
        keep: puts the end of an attempt into the journal: the result as it came, or the failure.
    """

    def __init__(
        self, teacher: DeferredTeacher, journal: Notebook, keep: Callable[[Entry, bytes | TeacherError], object]
    ) -> None:
        self._teacher, self._journal, self._keep = teacher, journal, keep
        self._folder = journal.path.parent / FOLDER
        self._waiting: dict[str, _Waiting] = {}
        self._pending: dict[str, str] = {}
        self._unclaimed: set[str] = set()
        self._gathering: Gathering | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._started, self._name = False, ""
        self._end: BaseException | None = None

    async def complete(self, entry: Entry) -> None:
        """Wait until a request's batch is through; its result is in the journal then.

        Raises:
            TeacherError: the request failed (this is in the journal, too), or ``auth`` or ``quota`` ended it all.
            RunError: a batch failed as a whole, or the provider cannot be reached.
        """
        self._start(entry.teacher)
        if self._end is not None:
            raise self._end
        if entry.key in self._unclaimed:
            self._unclaimed.remove(entry.key)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[entry.key] = _Waiting(entry, future)
        try:
            if entry.key not in self._pending:
                self._gather(entry)
            await future
        finally:
            del self._waiting[entry.key]

    async def close(self) -> None:
        """Let go. Batches stay with the provider; the next run with this journal goes on with them."""
        self._end = self._end or asyncio.CancelledError()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._gathering:
            self._gathering.discard()
        for waiting in self._waiting.values():
            waiting.future.cancel()

    # -- gathering -----------------------------------------------------------------------------------------------------

    def _start(self, teacher: str) -> None:
        """Go on with the batches of earlier runs."""
        if self._started:
            return
        self._started, self._name = True, teacher.partition(":")[0]
        known = unfinished(self._journal.notes(NOTE), self._folder)
        tidy(self._folder, list(known))
        for each in known.values():
            if each.teacher == teacher:
                self._pending.update(dict.fromkeys(self._wanted(each), each.batch.name))
                self._spawn(self._resume(each), each.keys)

    def _gather(self, entry: Entry) -> None:
        """Put a request into the batch that is being gathered."""
        teacher = self._teacher
        if self._gathering is None:
            self._begin(entry.teacher)
        gathering = self._gathering
        assert gathering is not None  # noqa: S101 - begun
        line = teacher.line(gathering.batch.custom_id(entry.key), entry.request)
        if gathering.keys and gathering.bytes + len(line) + 1 > teacher.batch_bytes:
            self._seal(gathering)
            self._gather(entry)
            return
        gathering.add(entry, line)
        if len(gathering.keys) >= teacher.batch_requests:
            self._seal(gathering)

    def _begin(self, teacher: str) -> None:
        self._gathering = gathering = Gathering(self._folder)
        self._spawn(self._live(gathering, teacher), gathering.keys)

    def _seal(self, gathering: Gathering) -> None:
        if self._gathering is gathering:
            self._gathering = None
        self._pending.update(dict.fromkeys(gathering.keys, gathering.batch.name))
        gathering.full.set()

    def _spawn(self, work: Coroutine[Any, Any, None], keys: Sequence[str]) -> None:
        """Look after a batch; if that fails, so do all who wait for it, and all who come later."""
        task = asyncio.ensure_future(_attributed(work, self._name))
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._end = self._end or error
                self._fail(keys, error)

        task.add_done_callback(ended)

    def _fail(self, keys: Sequence[str], error: BaseException) -> None:
        for key in keys:
            waiting = self._waiting.get(key)
            if waiting and not waiting.future.done():
                waiting.future.set_exception(error)

    # -- the life of a batch -------------------------------------------------------------------------------------------

    async def _live(self, gathering: Gathering, teacher: str) -> None:
        """From the first request to the last result."""
        try:
            await self._full_or_quiet(gathering)
            self._seal(gathering)
            if not gathering.keys:  # the first request could not be written as a line
                gathering.discard()
                return
            batch = await gathering.seal()
            batch = replace(batch, mark=await self._patiently("to be reached", self._teacher.mark))
        except BaseException:
            gathering.discard()
            raise
        keys = gathering.keys
        again = [number for number, key in enumerate(keys) if self._journal.find(key)]
        self._note(batch, "intended", teacher=teacher, mark=batch.mark, keys=keys, again=again)
        await self._journal.synced()
        await self._submit(Known(batch, tuple(keys), teacher, frozenset(again)))

    async def _full_or_quiet(self, gathering: Gathering) -> None:
        """Until a batch is full, or nobody new has come for a moment."""
        loop = asyncio.get_running_loop()
        while not gathering.full.is_set():
            rest = gathering.touched + self._teacher.linger_seconds - loop.time()
            if rest <= 0:
                return
            try:
                await asyncio.wait_for(gathering.full.wait(), rest)
            except TimeoutError:
                continue

    async def _submit(self, known: Known) -> None:
        """Submit once. If the connection breaks nobody knows whether it arrived, so it is looked for before another try."""

        async def once() -> str:
            try:
                return await self._teacher.submit(known.batch)
            except TeacherError as error:
                found = await self._find(known.batch) if error.kind in PASSING - {"rate_limited"} else None
                if found is None:
                    raise
                return found

        try:
            made = await self._patiently("to take a batch", once)
        except TeacherError as error:
            self._note(known.batch, "void", reason=str(error))
            remove(known.batch)
            if error.kind == "bad_request":
                raise RunError(f"a batch of {known.batch.size} requests was refused: {error}") from error
            raise
        progress.say(
            f"batch {made}: {known.batch.size} requests are submitted; looked at every {self._teacher.poll_seconds:g} s. "
            "Ctrl-C is safe: the same command goes on with it"
        )
        await self._submitted(known, made)

    async def _submitted(self, known: Known, made: str) -> None:
        self._note(known.batch, "submitted", id=made)
        await self._journal.synced()
        await self._follow(replace(known, batch=replace(known.batch, id=made)))

    async def _resume(self, known: Known) -> None:
        """Go on with a batch of an earlier run."""
        batch = known.batch
        if batch.name in self._teacher.forget or (batch.id and batch.id in self._teacher.forget):
            self._void(known, "is given up, as you said")
        elif batch.id:
            progress.say(f"batch {batch.id}: {batch.size} requests are under way since an earlier run")
            await self._follow(known)
        else:
            progress.say(f"batch {batch.name}: a crash came while it was submitted; asking whether it was made")
            if (found := await self._find(batch)) is None:
                self._void(known, "was never made")
            else:
                await self._submitted(known, found)

    def _void(self, known: Known, why: str) -> None:
        """A batch is no more; those who wait for it go into another."""
        progress.say(f"batch {known.batch.id or known.batch.name} {why}; its {len(known.keys)} requests are asked anew")
        self._note(known.batch, "void", reason=why)
        remove(known.batch)
        for key in self._release(known):
            if (waiting := self._waiting.get(key)) is not None:
                self._gather(waiting.entry)

    async def _find(self, batch: Batch) -> str | None:
        """The id of a batch that was intended. A provider's list may lag, and a request may still be on its way."""
        if (found := await self._about(batch, lambda: self._teacher.find(batch))) is None:
            await asyncio.sleep(self._teacher.settle_seconds)
            found = await self._about(batch, lambda: self._teacher.find(batch))
        return found

    async def _follow(self, known: Known) -> None:
        """Look at a batch until it has ended, and read its results."""
        batch = known.batch
        state = await self._ended(batch)
        if state.status == "failed":
            self._note(batch, "failed", reason=state.message)
            raise RunError(
                f"batch {batch.id} failed as a whole: {state.message}; nothing of it is billed and all answers are kept; "
                "mend that (teacher.batch_requests makes batches smaller) and run the same command again"
            )
        reading = await self._take(known)
        self._note(batch, "ended")
        await self._journal.synced()
        remove(batch)
        self._release(known)
        self._hand_over(reading)
        if reading.fatal is not None:
            raise reading.fatal
        if state.status == "cancelled":
            raise RunError(
                f"batch {batch.id} was cancelled at the provider; its answers until then are kept; "
                "run the same command again to have the rest asked anew"
            )

    async def _ended(self, batch: Batch) -> BatchState:
        done = 0
        with progress.task(f"batch {batch.id}", batch.size, "answer") as advance:
            while True:
                state = await self._about(batch, lambda: self._teacher.poll(batch))
                ended = state.done + state.failed
                advance(max(0, ended - done), failed=state.failed)
                done = max(done, ended)
                if state.status != "running":
                    return state
                await asyncio.sleep(self._teacher.poll_seconds)

    async def _take(self, known: Known) -> _Reading:
        """Keep each result the moment it is read; a request of which there is none failed in passing."""
        batch = known.batch
        left = {batch.custom_id(key): key for key in self._wanted(known)}
        reading = _Reading(batch, left, Asked(batch, known.teacher))
        await self._about(batch, lambda: self._read(reading))
        missing = TeacherError("transient", f"batch {batch.id} has no result for this request")
        for key in reading.left.values():
            self._settle(key, missing, reading)
        return reading

    def _wanted(self, known: Known) -> list[str]:
        """The keys without a result: what the journal has was read before a crash, unless it was there before the batch."""
        found = self._journal.find
        return [key for number, key in enumerate(known.keys) if number in known.again or found(key) is None]

    async def _read(self, reading: _Reading) -> None:
        if not reading.left:
            return
        async with aclosing(breathing(self._teacher.results(reading.batch))) as results:
            async for custom_id, outcome in results:
                if (key := reading.left.pop(custom_id, None)) is not None:
                    self._settle(key, outcome, reading)

    def _settle(self, key: str, outcome: bytes | TeacherError, reading: _Reading) -> None:
        """The end of one request: into the journal first, then to whoever waits."""
        if self._pending.get(key) != reading.batch.name:
            return  # It failed here before a crash, and is in a later batch since.
        waiting = self._waiting.get(key)
        entry = waiting.entry if waiting else reading.asked.entry(key)
        if entry is None:
            progress.say(f"an answer came of which nobody knows the question: {FOLDER}/ was changed by hand")
            return
        self._keep(entry, outcome)
        if isinstance(outcome, TeacherError) and outcome.kind in FATAL:
            # Told when all are read: at once, it would be read first of all by every later run, and end that, too.
            reading.fatal = reading.fatal or outcome
            return
        self._hand_over(reading)
        reading.held = key, outcome

    def _hand_over(self, reading: _Reading) -> None:
        """The result that is held, to whoever waits for it."""
        if reading.held is None:
            return
        (key, outcome), reading.held = reading.held, None
        self._pending.pop(key, None)
        waiting = self._waiting.get(key)
        if waiting is None:
            # Whoever asks next may have looked into the journal a moment ago.
            self._unclaimed.update({key} if isinstance(outcome, bytes) else ())
        elif waiting.future.done():
            pass  # whoever asked was cancelled
        elif isinstance(outcome, TeacherError):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(None)

    def _release(self, known: Known) -> list[str]:
        """The keys that no batch holds any more, now that this one does not."""
        held = [key for key in known.keys if self._pending.get(key) == known.batch.name]
        for key in held:
            del self._pending[key]
        return held

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _note(self, batch: Batch, state: str, **more: Any) -> None:
        self._journal.note(NOTE, {"name": batch.name, "state": state, **more})

    async def _about(self, batch: Batch, step: Callable[[], Awaitable[T]]) -> T:
        """A step with a batch that was made, or may have been.

        Raises:
            RunError: the provider will not hear of it; only the user can say that it is lost.
        """
        name = batch.id or batch.name
        try:
            return await self._patiently(f"to tell of batch {name}", step)
        except TeacherError as error:
            if error.kind in FATAL:
                raise
            # With its directory named: another option alone would begin another run.
            anew = f"--dir {self._folder.parent} -o 'teacher.forget=[\"{name}\"]'"
            raise RunError(
                f"batch {name}: {error}; if it is lost for good, its requests are asked (and billed) anew with {anew}"
            ) from error

    async def _patiently(self, what: str, step: Callable[[], Awaitable[T]]) -> T:
        return await patiently(what, step, min(1.0, self._teacher.poll_seconds))


async def _attributed(work: Coroutine[Any, Any, None], name: str) -> None:
    with attributed("teacher", name):
        await work
