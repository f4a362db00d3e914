"""Rows in the making: snippets go to the method, what comes of them is judged, counted, told and written in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import aclosing, contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

from magicoder_core import progress
from magicoder_core.asking import Asker, Cache, Journal
from magicoder_core.asking.errand import FATAL, NotAskedError
from magicoder_core.asking.opening import asker_for
from magicoder_core.asking.parent import ParentAsk
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import MagicoderError, TeacherError
from magicoder_core.filtering.judging import judge
from magicoder_core.progress import Advance, Figure
from magicoder_core.providers import BatchTeacher, Filter, Method
from magicoder_core.recipe import Bound, Generate, Plan, present
from magicoder_core.records import Instruction, Rejection, Snippet
from magicoder_core.stages.settled import Drawn, Settled
from magicoder_core.stages.tally import NOT_ASKED, Tally
from magicoder_core.stages.window import in_order

_AHEAD = 8
"""Snippets under way for each request that may be out: results that wait for a slow one are among them."""

_FEWEST_AHEAD = 512

_TOLD = 0.1
"""Seconds between two words about the progress: people read no faster, and drawing bars costs more than a row."""

_WORTH_TELLING = 0.005
"""Share of refused requests from which on it is told."""

_PACE = 10.0
"""Seconds over which requests and tokens per second are told."""


@dataclass(slots=True)
class Made:
    """What came of a snippet: the outcome, the requests it took, why row-by-row filters would drop it."""

    outcome: Instruction | Rejection
    requests: tuple[str, ...]
    rejected: str | None = None


@dataclass
class Maker:
    """Makes rows of snippets with one method and one teacher."""

    plan: Plan
    asker: Asker
    judges: list[tuple[str, Filter]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look the method up."""
        self._method: Method = present(self.plan.method).provider

    async def make(self, snippet: Snippet) -> Made:
        """One snippet's row, or why there is none; only what concerns the whole run is raised."""
        ask = ParentAsk(self.asker, snippet.id)
        outcome: Instruction | Rejection
        try:
            outcome = await self._method.instruct(snippet, ask)
        except TeacherError as error:
            if error.kind in FATAL:
                raise
            reason = NOT_ASKED if isinstance(error, NotAskedError) else error.kind
            outcome = Rejection(reason=reason, detail=str(error))
        except MagicoderError:
            raise
        except Exception as error:  # noqa: BLE001 - boundary: a plugin's work on one record
            outcome = Rejection(reason="error", detail=f"{type(error).__name__}: {error}")
        rejected = self._rejection(outcome) if self.judges and isinstance(outcome, Instruction) else None
        return Made(outcome, tuple(ask.requests), rejected)

    def _rejection(self, row: Instruction) -> str | None:
        """Why the first of the row-by-row filters would drop a row."""
        for name, provider in self.judges:
            (judgement,) = judge(name, provider, [row])
            if not judgement.keep:
                return f"{name}: {judgement.reason or 'dropped'}"
        return None


def width(generate: Generate, teacher: object) -> int:
    """How many snippets may be under way, so that nobody waits for the slowest and memory stays bounded."""
    if isinstance(teacher, DeferredTeacher):
        return teacher.width
    most = max(generate.concurrency, teacher.batch_size if isinstance(teacher, BatchTeacher) else 1)
    return max(_AHEAD * most, _FEWEST_AHEAD)


@contextmanager
def asker_of(plan: Plan, journal: Path, *, replay: bool = False) -> Iterator[Asker]:
    """Whoever asks a plan's teacher, with its journal and its cache open."""
    settings = plan.generate
    with Journal(journal) as opened:
        asker = asker_for(settings, present(plan.teacher), opened, replay=replay)
        if settings.cache is None:
            yield asker
            return
        with Cache(settings.cache.expanduser()) as asker.cache:
            yield asker


def judges_of(plan: Plan) -> list[Bound[Filter]]:
    """The filters that can say of a single row whether they keep it."""
    return [bound for bound in plan.filters if bound.provider.by_row]


def fresh(filters: Iterable[Bound[Filter]]) -> list[tuple[str, Filter]]:
    """Copies that have seen nothing."""
    return [(bound.name, copy(bound.provider)) for bound in filters]


async def make_all(maker: Maker, snippets: Path, settled: Settled, tally: Tally, total: int) -> None:
    """Make rows until there are enough or the snippets end, and write both files in the snippets' order.

    Never more are under way than rows are missing, so that none is paid for and thrown away.

    Raises:
        BudgetError: a limit is reached; the rows before it are written.
        RunError: it is not worth going on.
    """
    most = width(maker.plan.generate, maker.asker.teacher)
    items = settled.left(snippets)
    with progress.task("generate", tally.target or total, "row" if tally.target else "snippet") as advance:
        teller = Teller(advance, tally, maker.asker, tally.target or total)
        teller.tell(tally.done)

        async def work(drawn: Drawn) -> Made:
            made = await maker.make(drawn.snippet)
            # Told as answers come, not in the snippets' order: one slow answer at the head would hide all others.
            teller.tell(int(tally.target is None or (isinstance(made.outcome, Instruction) and made.rejected is None)))
            return made

        if tally.missing <= 0:
            return
        asker = maker.asker
        pairs = in_order(
            items,
            work,
            lambda: min(most, tally.missing),
            active=lambda: asker.active,
            finish=asker.finish,
            room=asker.when_there_is_room,
        )
        async with aclosing(pairs):
            async for drawn, made in pairs:
                _settle(settled, tally, drawn, made)
                settled.save_now_and_then()
                if tally.missing <= 0:
                    break
        teller.tell(0, at_once=True)


def _settle(settled: Settled, tally: Tally, drawn: Drawn, made: Made) -> None:
    if isinstance(made.outcome, Instruction):
        settled.row(drawn, made.outcome, made.requests)
        tally.row(made.rejected)
    else:
        settled.failure(drawn, made.outcome, made.requests)
        tally.failure(made.outcome)


@dataclass
class Teller:
    """Tells how far the work is, not more often than anybody reads."""

    advance: Advance
    tally: Tally
    asker: Asker
    total: int
    _waiting: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)
    _told: float = field(default=0.0, init=False)
    _marks: deque[tuple[float, int, int]] = field(default_factory=deque, init=False)

    def tell(self, amount: int, *, at_once: bool = False) -> None:
        """Count on, and say so if the last word is a while ago."""
        self._waiting += amount
        now = time.monotonic()
        if at_once or now - self._told >= _TOLD:
            self._told = now
            self._done += self._waiting
            self.advance(self._waiting, **self._figures(now))
            self._waiting = 0

    def _figures(self, now: float) -> dict[str, Figure]:
        tally, asker, budget = self.tally, self.asker, self.asker.budget
        figures: dict[str, Figure] = {"answers": asker.answered + asker.replayed + asker.cached, "rows": tally.rows}
        if tally.target is not None:
            figures["accepted"] = tally.accepted
        if why := tally.failed + tally.rejected:
            figures["rejected"] = dict(why.most_common())
        figures |= self._pace(now)
        if budget.usd:
            figures["usd"] = round(budget.usd, 4)
            if self._done:
                figures["usd_in_all"] = round(budget.usd * max(1.0, self.total / self._done), 4)
        gate = asker.gate.figures()
        if gate["refused"] >= _WORTH_TELLING:
            figures["refused"] = f"{gate['refused']:.0%}"
        return figures | {"at_once": round(gate["concurrency"])}

    def _pace(self, now: float) -> dict[str, Figure]:
        """Requests and answered tokens for each second of the last few; the teacher's own figure where it has one."""
        self._marks.append((now, self.asker.answered, self.asker.budget.completion_tokens))
        while now - self._marks[0][0] > _PACE:
            self._marks.popleft()
        began, answered, tokens = self._marks[0]
        own = {name: round(value, 1) for name, value in self.asker.teacher.status().items()}
        if (seconds := now - began) <= 0:
            return dict(own)
        pace: dict[str, Figure] = {"requests_per_second": round((self.asker.answered - answered) / seconds, 1)}
        pace["tokens_per_second"] = round((self.asker.budget.completion_tokens - tokens) / seconds, 1)
        return pace | own
