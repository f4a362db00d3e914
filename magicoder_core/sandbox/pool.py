"""Many programs at once: a few boxes, one thread, outcomes in order or as they come."""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from magicoder_core.errors import SandboxError
from magicoder_core.sandbox.box import Box, Ending, Gone
from magicoder_core.sandbox.commands import Commands, Ran
from magicoder_core.sandbox.isolation import Isolation, required
from magicoder_core.sandbox.jobs import CallJob, CommandJob, Job, ScriptJob
from magicoder_core.sandbox.program import Answers, Calls, Outcome, Program
from magicoder_core.sandbox.standing_by import leave, taken
from magicoder_core.sandbox.width import width

Found = TypeVar("Found", Outcome, Answers, Ran)

_AHEAD = 256
"""Outcomes that may wait for one before them, so that one slow program does not leave the other boxes idle."""

_HELD_BYTES = 256 << 20
"""The same for their answers together."""

_SPARE = 8
"""Boxes that may be idle before one of another kind is started."""

_TRIES = 2
_LOOK = 1.0
"""Seconds between looks for a box that has fallen silent."""


def run(programs: Iterable[Program], *, workers: int | None = None, ordered: bool = True) -> Iterator[Outcome]:
    """Run whole programs as scripts; one outcome for each, as soon as it is known.

    ``programs`` is pulled lazily, a few ahead. ``workers`` boxes run at once, by default one for each core. Outcomes
    come in order, or as they are completed; `Outcome.index` says whose they are. With one worker each outcome is yielded
    before the next program is pulled. A program passes if it runs past its
    last line: one that carries its own tests must be trusted not to lie about them (`call` needs no such trust).

    Raises:
        SandboxError: at the call, if this machine cannot isolate programs and weaker isolation is not allowed.
    """
    crew: _Crew[Outcome] = _Crew(required(), workers or width())
    found = crew.work(ScriptJob(program) for program in programs)
    return _in_order(found, crew) if ordered else found


def call(calls: Iterable[Calls], *, workers: int | None = None, ordered: bool = True) -> Iterator[Answers]:
    """Have programs answer calls of a function; one `Answers` for each, as soon as it is known. See `run`.

    Nothing but values comes out, and nothing of what they are compared with goes in: whatever a program does to its
    own process, it can only be right or wrong about the values.

    Raises:
        SandboxError: as `run`.
    """
    crew: _Crew[Answers] = _Crew(required(), workers or width())
    found = crew.work(CallJob(one) for one in calls)
    return _in_order(found, crew) if ordered else found


def execute(jobs: Iterable[Commands], *, workers: int | None = None, ordered: bool = True) -> Iterator[Ran]:
    """Run commands on files, of any language; one `Ran` for each job, as soon as it is known. See `run`.

    A job passes if all its commands exit with 0, and the last has given back the token of the run: it is 32 characters
    to be read from descriptor `TOKEN_FROM` and written to `TOKEN_TO` (``/dev/fd/198`` and ``/dev/fd/199``) behind the
    tests. Exit status 0 alone passes nothing. As in `run`, a program that knows this can claim to have come so far.

    Raises:
        SandboxError: as `run`.
    """
    crew: _Crew[Ran] = _Crew(required(), workers or width())
    found = crew.work(CommandJob(job) for job in jobs)
    return _in_order(found, crew) if ordered else found


def _in_order(found: Iterator[Found], crew: _Crew[Found]) -> Iterator[Found]:
    waiting: dict[int, Found] = {}
    due = 0
    try:
        for one in found:
            waiting[one.index] = one
            crew.held += one.size
            while due in waiting:
                crew.held -= waiting[due].size
                yield waiting.pop(due)
                due += 1
    finally:
        found.close()  # type: ignore[attr-defined]  # it is a generator


class _Crew(Generic[Found]):
    """The boxes at work for one caller; ``held`` are the bytes of outcomes that wait for one before them."""

    def __init__(self, isolation: Isolation, workers: int) -> None:
        self._isolation = isolation
        self._workers = workers
        self._idle: list[Box] = []
        self._busy: dict[Box, tuple[int, Job[Found], int]] = {}
        self._selector = selectors.DefaultSelector()
        self._given = 0
        self.held = 0

    def work(self, jobs: Iterable[Job[Found]]) -> Iterator[Found]:
        """One outcome for each job, as they come, never more than a few hundred ahead of the first that is missing."""
        numbered = enumerate(jobs)
        more = True
        try:
            while more or self._busy:
                while more and len(self._busy) < self._workers and self._near():
                    if (item := next(numbered, None)) is None:
                        more = False
                        break
                    yield from self._begin(*item, 1)
                yield from self._wait()
        finally:
            self._dismiss()

    def _near(self) -> bool:
        """Whether the next job is near enough to the oldest that is still at work."""
        oldest = min((index for index, _, _ in self._busy.values()), default=None)
        return oldest is None or (self._given - oldest < _AHEAD and self.held < _HELD_BYTES)

    def _begin(self, index: int, job: Job[Found], tries: int) -> Iterator[Found]:
        """Give a job to a box; its outcome, if there is one at once."""
        self._given = max(self._given, index)
        if (refused := job.refused(self._isolation.level)) is not None:
            yield replace(refused, index=index)
            return
        job.begin()
        try:
            box = self._box(job, new=tries > 1)
        except (OSError, SandboxError) as error:
            reason = getattr(error, "strerror", None) or error
            yield job.broken(index, self._isolation.level, f"the sandbox did not start: {reason}")
            return
        self._busy[box] = (index, job, tries)
        try:
            job.give(box)
        except Gone:
            yield from self._lost(box)

    def _box(self, job: Job[Found], *, new: bool) -> Box:
        """A new box, or an idle one of just the job's kind: that may have been spoilt by a program before.

        Raises:
            OSError: none can be started.
            SandboxError: nor will one of that image ever be.
        """
        kind = (self._isolation, job.room, job.image)
        for box in [] if new else reversed(self._idle):
            if box.kind == kind:
                self._idle.remove(box)
                return box
        while len(self._idle) >= _SPARE:
            self._drop(self._idle.pop(0))
        box = (None if new else taken(*kind)) or Box(*kind)
        self._selector.register(box, selectors.EVENT_READ, box)
        return box

    def _wait(self) -> Iterator[Found]:
        """The outcomes that there are next."""
        if not self._busy:
            return
        for key, _ in self._selector.select(_LOOK):
            box: Box = key.data
            if box not in self._busy:
                self._idle.remove(box)
                self._drop(box)
                continue
            try:
                ending = box.take()
            except Gone:
                yield from self._lost(box)
                continue
            if ending is not None:
                yield from self._ended(box, ending)
        for box in self._overdue():
            yield from self._lost(box)

    def _overdue(self) -> list[Box]:
        """Boxes that should have ended their programs long ago, and have not: not those that we were slow to listen to."""
        now = time.monotonic()
        late = [box for box in self._busy if box.overdue(now)]
        ready = {key.data for key, _ in self._selector.select(0)} if late else set()
        return [box for box in late if box not in ready]

    def _ended(self, box: Box, ending: Ending) -> Iterator[Found]:
        index, job, _ = self._busy[box]
        if job.goes_on(ending):
            try:
                job.give(box)
            except Gone:
                yield from self._lost(box)
            return
        del self._busy[box]
        self._idle.append(box)
        yield job.outcome(index, ending, box)

    def _lost(self, box: Box) -> Iterator[Found]:
        """A box ended under its program, or did not start: once more in a new one."""
        index, job, tries = self._busy.pop(box)
        greeted, complaint = box.greeted, box.complaint()
        self._drop(box)
        if tries < _TRIES:
            yield from self._begin(index, job, tries + 1)
        elif greeted:
            # Others live in the same kind of box; this program ended it twice.
            yield job.crashed(index, self._isolation.level)
        else:
            yield job.broken(index, self._isolation.level, f"the sandbox did not start: {complaint}")

    def _drop(self, box: Box) -> None:
        self._selector.unregister(box)
        box.close()

    def _dismiss(self) -> None:
        """End all boxes, whatever they do; those that do nothing may stand by."""
        for box in self._busy:
            box.close()
        for box in self._idle:
            leave(box)
        self._busy.clear()
        self._idle.clear()
        self._selector.close()
