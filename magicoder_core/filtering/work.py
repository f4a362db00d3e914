"""The work itself: batch after batch through the chain and into the files, resumable at any moment.

What is written down is always a pure function of the input and the filters. A kill loses at most the last moments
(`state`); then the input is read again from there, and filters that remember learn again from the rows before, by the
decisions on the disk.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magicoder_core import progress
from magicoder_core.filtering import inputs, state
from magicoder_core.filtering.chain import Chain, parts
from magicoder_core.filtering.decisions import Decision
from magicoder_core.filtering.job import Job, Outcome
from magicoder_core.filtering.layouts import Layouts
from magicoder_core.filtering.outputs import mendable
from magicoder_core.filtering.reading import Batch, Source
from magicoder_core.filtering.rows import instructions, needed
from magicoder_core.filtering.telling import Teller
from magicoder_core.filtering.writing import Files

if TYPE_CHECKING:  # what few jobs need is imported by those: a small one is mostly its start
    from magicoder_core.filtering.ahead import Ahead
    from magicoder_core.filtering.asking import Asking
    from magicoder_core.filtering.worker import Errand

Todo = tuple[int, Batch, "list[Decision | None] | None"]
"""The number of a source, some rows of it, and what workers have said of them."""


def run(job: Job) -> Outcome:
    """Do a job, or the rest of it.

    Raises:
        RunError: a row cannot be read, a filter or a worker failed, the disk is full, or another process is at it.
        BudgetError: a limit on asking is reached; the same job goes on.
    """
    with mendable(job.kept.parent), state.locked(job.kept, job.rejected):
        before = _before(job)
        if before.get("status") == "done":
            Files.clear(job)  # a kill may have come before it
            return Outcome.restored(before["outcome"], known=True)
        sources = [inputs.source(path) for path in job.inputs]
        files = Files(job, sources)
        if not before:
            files.foresee()
        if before.get("status") == "finishing":
            outcome = Outcome.restored(before["outcome"], known=False)
        else:
            outcome = _Work(job, sources, files, before).run()
        files.finish(outcome)
        if job.lasting:
            state.write(job.state, _done(job, outcome))
        else:
            job.state.unlink(missing_ok=True)
        Files.clear(job)
        return outcome


def _done(job: Job, outcome: Outcome) -> dict[str, Any]:
    written = inputs.identity([job.kept, job.rejected])
    return {"key": job.key, "status": "done", "outcome": outcome.to_dict(), "written": written}


def _before(job: Job) -> dict[str, Any]:
    """What an earlier try left of this very job; empty if it begins anew, and why is said."""
    before = {} if job.new else state.read(job.state)
    if not before:
        return {}
    if changed := state.changes(before["key"], job.key):
        progress.say(f"{job.kept}: made anew, because this changed: {'; '.join(changed)}")
        return {}
    if before["status"] == "done":
        there = [path for path in (job.kept, job.rejected) if path.is_file()]
        if inputs.identity(there) != before["written"]:
            progress.say(f"{job.kept}: made anew, because it or {job.rejected} was changed since it was made")
            return {}
    if before["status"] == "running" and not Files.hold(job, before["sizes"]):
        progress.say(f"{job.kept}: made anew, because files of the interrupted try are gone")
        return {}
    return before


class _Work:
    """A job that is not done yet.

    Args:
        job: what is to be done.
        sources: where rows come from.
        files: where they go to.
        before: the state that an earlier try left, or nothing.
    """

    def __init__(self, job: Job, sources: Sequence[Source], files: Files, before: dict[str, Any]) -> None:
        self._job, self._sources, self._files = job, sources, files
        self._layouts = Layouts(job.columns, job.parents)
        file, place = before.get("position", (0, 0))
        self._at: tuple[int, int] = (file, place)
        self._sizes: Sequence[int] = before.get("sizes", (0, 0, 0))
        self._cpu_before: Sequence[float] = before.get("cpu", [0.0] * len(job.filters))
        self._seconds_before: float = before.get("seconds", 0.0)
        self._began = time.monotonic()
        if before:
            files.restore(before["tally"])
        self._ahead: Ahead | None = None

    def run(self) -> Outcome:
        """Judge what is left; the files are whole then, and have their names yet to come."""
        job = self._job
        with ExitStack() as stack:
            asking = stack.enter_context(_asking(job)) if job.teachers else None
            stack.enter_context(_boxes(weak=job.weak))
            self._chain = Chain(parts(job.filters), asking.assess if asking else None)
            self._ahead = self._workers(stack)
            self._files.open(self._sizes)
            self._saver = state.Saver(job.state, self._files.growing, self._snapshot)
            try:
                self._recall()
                self._judge(asking)
                outcome = self._outcome(asking.spent() if asking else [])
                self._saver.last(status="finishing", outcome=outcome.to_dict())
            except BaseException:
                self._stop()
                self._saver.close()
                with suppress(OSError):  # what it was is told already
                    self._files.close()
                raise
            self._files.close()
            return outcome

    def _workers(self, stack: ExitStack) -> Ahead | None:
        """The workers, if there are to be any and they have something to do."""
        job = self._job
        if job.workers == 1:
            return None
        chosen = [link for link in self._chain.links if link.by_row]
        if not chosen:
            progress.say("none of the filters judges rows one by one: all of them work in this process")
            return None
        chain = [part for part in parts(job.filters) if any(part.number == link.number for link in chosen)]
        from magicoder_core.filtering.ahead import Ahead

        return stack.enter_context(Ahead(job.workers, chain, self._layouts, files=job.files, weak=job.weak))

    def _stop(self) -> None:
        """Leave everything for a later try; what was being written when an interrupt came is not believed."""
        with suppress(OSError):
            if self._files.whole:
                self._saver.last()

    def _snapshot(self) -> dict[str, Any]:
        return {
            "key": self._job.key,
            "status": "running",
            "position": list(self._at),
            "sizes": self._files.flush(),
            "tally": self._files.tally.to_dict(),
            "cpu": self._cpu(),
            "seconds": self._seconds(),
        }

    def _cpu(self) -> list[float]:
        elsewhere = self._ahead.cpu if self._ahead is not None else {}
        links = zip(self._cpu_before, self._chain.links, strict=True)
        return [round(before + link.cpu + elsewhere.get(link.number, 0.0), 3) for before, link in links]

    def _seconds(self) -> float:
        return round(self._seconds_before + time.monotonic() - self._began, 2)

    def _outcome(self, spent: Sequence[dict[str, Any]]) -> Outcome:
        return Outcome(self._files.tally, self._cpu(), self._chain.reports(), spent, self._seconds())

    def _recall(self) -> None:
        """Let filters learn again what an earlier try has shown them."""
        file, place = self._at
        if not self._chain.remembers or self._at == (0, 0):
            return
        decisions = self._files.decisions(self._sizes[-1])
        with progress.task("recall the rows before", self._done(), "B") as advance:
            for number, source in enumerate(self._sources[: file + 1]):
                for batch in source.batches(0, place if number == file else None) if number < file or place else ():
                    rows = instructions(source, batch, self._layouts)
                    self._chain.recall(rows, [next(decisions) for _ in rows])
                    advance(batch.weight)

    def _done(self) -> float:
        """About how many bytes of the input are behind us."""
        file, place = self._at
        behind = sum(source.size for source in self._sources[:file])
        return behind + (self._sources[file].done(place) if file < len(self._sources) else 0.0)

    def _judge(self, asking: Asking | None) -> None:
        least, askers = (asking.rows, len(self._job.teachers)) if asking else (1, 0)
        left = sum(source.size for source in self._sources) - self._done()
        with progress.task("filter", left, "B") as advance:
            teller = Teller(advance, self._files.tally)
            if asking:
                asking.answered = teller.answered
            for number, batch, ahead in _gathered(self._todo(), least):
                source = self._sources[number]
                teller.begin(batch.weight, len(batch.items), askers)
                rows = (
                    instructions(source, batch, self._layouts) if ahead is None else self._needed(number, batch, ahead)
                )
                decisions = self._chain.judge(rows, ahead)
                self._files.add(source, batch, decisions)
                self._at = (number, batch.end)
                self._files.whole = True
                self._saver.now_and_then()
                teller.tell()
            teller.end()

    def _needed(self, number: int, batch: Batch, ahead: Sequence[Decision | None]) -> list[Any]:
        """The rows that filters in this process have to see; None for the others, which nobody looks at."""
        first = self._chain.first_in_order
        if first == len(self._chain.links):
            return [None] * len(ahead)
        return needed(self._sources[number], batch, self._layouts, ahead, first)

    def _todo(self) -> Iterator[Todo]:
        """The rows that are left, in order."""
        if self._ahead is None:
            for number, start in self._left():
                for batch in self._sources[number].batches(start):
                    yield number, batch, None
            return
        numbers = {source.path: number for number, source in enumerate(self._sources)}
        for errand, decisions in self._ahead.decisions(self._errands()):
            number = numbers[errand.path]
            at = 0
            for batch in self._sources[number].batches(errand.start, errand.end):
                yield number, batch, decisions[at : at + len(batch.items)]
                at += len(batch.items)

    def _errands(self) -> Iterator[Errand]:
        from magicoder_core.filtering.worker import Errand

        for number, start in self._left():
            source = self._sources[number]
            for low, high in source.units(start):
                yield Errand(source.path, low, high)

    def _left(self) -> Iterator[tuple[int, int]]:
        """Each source that is not done, with the place from which on it is not."""
        file, place = self._at
        for number in range(file, len(self._sources)):
            yield number, place if number == file else 0


def _gathered(todo: Iterator[Todo], least: int) -> Iterator[Todo]:
    """The same in batches of at least so many rows, but for the last of a source."""
    held: Todo | None = None
    for number, batch, ahead in todo:
        if held is not None and held[0] != number:
            yield held
            held = None
        held = (number, batch, ahead) if held is None else _joined(held, batch, ahead)
        if len(held[1].items) >= least:
            yield held
            held = None
    if held is not None:
        yield held


def _joined(held: Todo, batch: Batch, ahead: list[Decision | None] | None) -> Todo:
    number, before, said = held
    items = [*before.items, *batch.items]
    whole = replace(batch, items=items, start=before.start, weight=before.weight + batch.weight)
    return number, whole, None if said is None or ahead is None else said + ahead


def _asking(job: Job) -> Asking:
    from magicoder_core.filtering.asking import Asking

    return Asking(job.journal, job.teachers, job.settings, job.spent)


def _boxes(*, weak: bool) -> ExitStack:
    """What filters that run programs need: boxes that stand by, and whether limits alone will do.

    Such a filter has looked for the sandbox when it was checked, so that it is there by now; for others it costs a tenth
    of a small job.
    """
    with ExitStack() as stack:
        if weak or "magicoder_core.sandbox" in sys.modules:
            from magicoder_core import sandbox

            stack.enter_context(sandbox.weak_isolation(weak))
            stack.enter_context(sandbox.standby())
        return stack.pop_all()
