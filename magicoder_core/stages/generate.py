"""The stage `generate`: a method makes one instruction of each snippet by asking the teacher.

``instructions.jsonl`` holds the rows in the order of their snippets, whatever order the answers came in;
``failed.jsonl`` says of every other snippet why there is no row. Both are a pure function of recipe and journal.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.asking import Asker, Budget, Entry, Gate, Journal
from magicoder_core.asking.ask import FATAL, RETRIED
from magicoder_core.errors import BudgetError, MagicoderError, RunError, TeacherError
from magicoder_core.providers import Filter, Method
from magicoder_core.recipe import present
from magicoder_core.records import Instruction, Rejection, Snippet
from magicoder_core.stages import seeds
from magicoder_core.stages.judging import judge
from magicoder_core.stages.stage import Counts, Run, Stage
from magicoder_core.stages.window import in_order

INSTRUCTIONS = "instructions.jsonl"
FAILED = "failed.jsonl"

_HOPELESS = 10
"""So many snippets in a row without an answer mean that the teacher is gone, not that the snippets are bad."""

_UNANSWERED = RETRIED | {"error"}
"""Reasons that say nothing about the snippet: the teacher's, or a plugin's own fault."""

Made = tuple[Instruction | Rejection, tuple[str, ...]]


def _key(run: Run) -> Mapping[str, Any]:
    plan = run.plan
    teacher = present(plan.teacher)
    return {
        "input": run.digest(seeds.SNIPPETS, stage="seeds"),
        "method": present(plan.method).key(),
        "teacher": teacher.key() | {"identity": teacher.provider.identity},
        "target": plan.generate.target,
        "judged_by": [bound.key() for bound in plan.filters if bound.provider.by_row] if plan.generate.target else [],
    }


@dataclass
class Tally:
    """What has become of the snippets so far, and whether there are rows enough."""

    target: int | None
    judges: list[tuple[str, Filter]]
    rows: int = 0
    accepted: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    unanswered: int = 0
    out_of_budget: str = ""
    _kept: dict[str, bool] = field(default_factory=dict)

    def row(self, row: Instruction) -> None:
        """Count a row, and whether the row-by-row filters would keep it."""
        self.rows += 1
        self.unanswered = 0
        self.accepted += self.keeps(row)

    def step(self, outcome: Instruction | Rejection) -> int:
        """How far one snippet moves the bar: any snippet without a target, rows that are kept with one."""
        return 1 if self.target is None else int(isinstance(outcome, Instruction) and self.keeps(outcome))

    def keeps(self, row: Instruction) -> bool:
        """Whether the row-by-row filters keep a row; asked only where a target depends on it."""
        if row.id not in self._kept:
            self._kept[row.id] = all(judge(name, item, [row])[0].keep for name, item in self.judges)
        return self._kept[row.id]

    def failure(self, rejection: Rejection, *, answered: bool) -> None:
        """Count a snippet without a row.

        Raises:
            RunError: nothing is answered any more.
        """
        self.failed[rejection.reason] += 1
        self.example.setdefault(rejection.reason, " ".join(rejection.detail.split()))
        self.unanswered = 0 if answered else self.unanswered + 1
        if self.unanswered >= _HOPELESS:
            raise RunError(f"generate: {_HOPELESS} snippets in a row got no answer, the last with: {rejection.detail}")

    @property
    def missing(self) -> int:
        """Rows that are still wanted; more than there can be without a target."""
        return 1 << 60 if self.target is None else self.target - self.accepted

    @property
    def enough(self) -> bool:
        """Whether the target is reached."""
        return self.missing <= 0


def _work(run: Run) -> Counts:
    return asyncio.run(_generate(run))


async def _generate(run: Run) -> Counts:
    plan = run.plan
    # Without a target nobody needs to know yet, and filters are asked in their own stage alone.
    judges = [bound for bound in plan.filters if bound.provider.by_row] if plan.generate.target else []
    tally = Tally(plan.generate.target, [(bound.name, copy(bound.provider)) for bound in judges])
    with Journal(run / "journal.jsonl") as journal:
        asker = _asker(run, journal)
        async with asker.running():
            await _write_all(run, asker, tally)
    if tally.out_of_budget:
        raise BudgetError(f"{tally.out_of_budget}; {tally.rows} rows are in {INSTRUCTIONS}, for --only filter")
    return _counts(tally, asker, present(plan.method).name)


async def _write_all(run: Run, asker: Asker, tally: Tally) -> None:
    """Make rows until there are enough or the snippets end, and write both files in the snippets' order."""
    method = present(run.plan.method).provider
    # Four times the requests in flight, so that one slow answer at the head keeps nobody waiting; never more than
    # rows are missing, so that none is paid for and thrown away.
    width = 4 * run.plan.generate.concurrency
    with (
        jsonl.Writer(run / INSTRUCTIONS) as made,
        jsonl.Writer(run / FAILED) as failed,
        progress.task("generate", tally.target or seeds.total(run), "row") as advance,
    ):

        async def make(snippet: Snippet) -> Made:
            made_of_it = await _make(method, snippet, asker)
            # Told as answers come, not in the snippets' order: one slow answer at the head would hide all others.
            advance(tally.step(made_of_it[0]), **_figures(tally, asker))
            return made_of_it

        async with aclosing(in_order(_snippets(run), make, lambda: min(width, tally.missing))) as work:
            try:
                async for snippet, (outcome, requests) in work:
                    if isinstance(outcome, Instruction):
                        row = replace(outcome, requests=requests)
                        made.write(row.to_dict())
                        tally.row(row)
                    else:
                        failed.write({"snippet": snippet.id, **outcome.to_dict(), "requests": list(requests)})
                        tally.failure(outcome, answered=outcome.reason not in _UNANSWERED)
                    if tally.enough:
                        break
            except BudgetError as error:  # the rows before it are whole, and paid for
                tally.out_of_budget = str(error)


def _snippets(run: Run) -> Iterator[Snippet]:
    return (Snippet.from_dict(row) for row in jsonl.read(run / seeds.SNIPPETS))


def _asker(run: Run, journal: Journal) -> Asker:
    settings, teacher = run.plan.generate, present(run.plan.teacher)
    budget = Budget(settings.max_requests, settings.max_tokens, settings.max_usd)
    asker = Asker(teacher.provider, teacher.name, journal, Gate(settings.concurrency), budget, settings.attempts)
    if (settings.max_requests, settings.max_tokens, settings.max_usd) != (None, None, None):
        for entry in journal.entries():
            if entry.teacher == asker.identity:
                _spent(budget, entry)
    return asker


def _spent(budget: Budget, entry: Entry) -> None:
    """Count an attempt of an earlier run: what it took, or the worst case of one that was billed for nothing."""
    if entry.reply is not None:
        budget.spend(entry.reply.usage)
    elif entry.charged:
        budget.spend_worst(entry.request)


async def _make(method: Method, snippet: Snippet, asker: Asker) -> Made:
    """One snippet's row, or why there is none; only what concerns the whole run is raised."""
    ask = asker.on_behalf_of(snippet.id)
    try:
        outcome = await method.instruct(snippet, ask)
    except TeacherError as error:
        if error.kind in FATAL:
            raise
        outcome = Rejection(reason=error.kind, detail=str(error))
    except MagicoderError:
        raise
    except Exception as error:  # noqa: BLE001 - boundary: a plugin's work on one record
        outcome = Rejection(reason="error", detail=f"{type(error).__name__}: {error}")
    return outcome, tuple(ask.requests)


def _figures(tally: Tally, asker: Asker) -> dict[str, float | int | str]:
    answers = asker.asked + asker.replayed
    figures: dict[str, float | int | str] = {"answers": answers, "rows": tally.rows, "failed": tally.failed.total()}
    if asker.budget.usd:
        figures["usd"] = round(asker.budget.usd, 4)
    return figures | {name: round(value, 1) for name, value in asker.teacher.status().items()}


def _counts(tally: Tally, asker: Asker, method: str) -> Counts:
    if not tally.rows:
        reasons = "; ".join(
            f"{number} {reason} (as: {tally.example[reason][:200]})" for reason, number in tally.failed.most_common()
        )
        raise RunError(f"generate: method '{method}' made no row: {reasons}; see {FAILED} and journal.jsonl")
    return {
        "rows": tally.rows,
        "accepted": tally.accepted,
        "failed": dict(sorted(tally.failed.items())),
        "asked": asker.asked,
        "replayed": asker.replayed,
        "tokens": asker.budget.tokens,
        "usd": round(asker.budget.usd, 6) if asker.budget.priced else None,
        **{name: round(value, 2) for name, value in asker.teacher.status().items()},
    }


def _unfinished(run: Run, counts: Counts) -> bool:
    """Whether snippets are without a row for a passing reason: the same command asks those again."""
    wanted = run.plan.generate.target
    return any(reason in RETRIED for reason in counts["failed"]) and (wanted is None or counts["accepted"] < wanted)


STAGE = Stage(
    name="generate",
    providers=lambda plan: [bound for bound in (plan.method, plan.teacher) if bound],
    applies=lambda plan: plan.method is not None,
    outputs=lambda _: [INSTRUCTIONS, FAILED],
    key=_key,
    work=_work,
    unfinished=_unfinished,
)
