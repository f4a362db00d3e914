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
from magicoder_core.asking import Asker, Budget, Gate, Journal
from magicoder_core.asking.ask import FATAL, RETRIED
from magicoder_core.errors import MagicoderError, RunError, TeacherError
from magicoder_core.providers import Filter, Method
from magicoder_core.recipe import present
from magicoder_core.records import Instruction, Rejection, Snippet
from magicoder_core.stages import seeds
from magicoder_core.stages.stage import Counts, Run, Stage
from magicoder_core.stages.window import in_order

INSTRUCTIONS = "instructions.jsonl"
FAILED = "failed.jsonl"

_HOPELESS = 10
"""So many snippets in a row without an answer mean that the teacher is gone, not that the snippets are bad."""

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
    judges: list[Filter]
    rows: int = 0
    accepted: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    unanswered: int = 0

    def row(self, row: Instruction) -> None:
        """Count a row, and whether the row-by-row filters would keep it."""
        self.rows += 1
        self.unanswered = 0
        self.accepted += self._keeps(row)

    def step(self, outcome: Instruction | Rejection) -> int:
        """How far one snippet moves the bar: any snippet without a target, rows that are kept with one."""
        if self.target is None:
            return 1
        return int(isinstance(outcome, Instruction) and self._keeps(outcome))

    def _keeps(self, row: Instruction) -> bool:
        return all(judge.judge([row])[0].keep for judge in self.judges)

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
    tally = Tally(plan.generate.target, [copy(bound.provider) for bound in plan.filters if bound.provider.by_row])
    with Journal(run / "journal.jsonl") as journal:
        asker = _asker(run, journal)
        async with asker.running():
            await _write_all(run, asker, tally)
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
            async for snippet, (outcome, requests) in work:
                if isinstance(outcome, Instruction):
                    row = replace(outcome, requests=requests)
                    made.write(row.to_dict())
                    tally.row(row)
                else:
                    failed.write({"snippet": snippet.id, **outcome.to_dict(), "requests": list(requests)})
                    tally.failure(outcome, answered=outcome.reason not in RETRIED)
                if tally.enough:
                    break


def _snippets(run: Run) -> Iterator[Snippet]:
    return (Snippet.from_dict(row) for row in jsonl.read(run / seeds.SNIPPETS))


def _asker(run: Run, journal: Journal) -> Asker:
    settings, teacher = run.plan.generate, present(run.plan.teacher)
    budget = Budget(settings.max_requests, settings.max_tokens, settings.max_usd)
    asker = Asker(teacher.provider, teacher.name, journal, Gate(settings.concurrency), budget, settings.attempts)
    if (settings.max_requests, settings.max_tokens, settings.max_usd) != (None, None, None):
        for entry in journal.entries():
            if entry.teacher == asker.identity and entry.reply is not None:
                budget.spend(entry.reply.usage)
    return asker


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
        "failed": dict(sorted(tally.failed.items())),
        "asked": asker.asked,
        "replayed": asker.replayed,
        "tokens": asker.budget.tokens,
        "usd": round(asker.budget.usd, 6),
        **{name: round(value, 2) for name, value in asker.teacher.status().items()},
    }


STAGE = Stage(
    name="generate",
    providers=lambda plan: [bound for bound in (plan.method, plan.teacher) if bound],
    applies=lambda plan: plan.method is not None,
    outputs=lambda _: [INSTRUCTIONS, FAILED],
    key=_key,
    work=_work,
)
