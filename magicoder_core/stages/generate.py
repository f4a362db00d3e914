"""The stage `generate`: a method makes one instruction of each snippet by asking the teacher.

``instructions.jsonl`` holds the rows in the order of their snippets, whatever order the answers came in;
``failed.jsonl`` says of every other snippet why there is no row. Both are a pure function of recipe and journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from magicoder_core.asking import Asker
from magicoder_core.asking.errand import RETRIED
from magicoder_core.errors import BudgetError, RunError
from magicoder_core.recipe import present
from magicoder_core.records import Instruction
from magicoder_core.stages import collecting, seeds
from magicoder_core.stages.making import Maker, asker_of, fresh, judges_of, make_all
from magicoder_core.stages.settled import Settled
from magicoder_core.stages.stage import Counts, Run, Stage
from magicoder_core.stages.tally import NOT_ASKED, Tally

INSTRUCTIONS = "instructions.jsonl"
FAILED = "failed.jsonl"
JOURNAL = "journal.jsonl"


def _key(run: Run) -> Mapping[str, Any]:
    plan = run.plan
    teacher = present(plan.teacher)
    longer = plan.generate.retry_truncated
    return {
        "input": run.digest(seeds.SNIPPETS, stage="seeds"),
        "method": present(plan.method).key(),
        "teacher": teacher.key() | {"identity": teacher.provider.identity},
        "target": plan.generate.target,
        "judged_by": [bound.key() for bound in judges_of(plan)] if plan.generate.target else [],
    } | ({} if longer is None else {"retry_truncated": longer})


def _work(run: Run) -> Counts:
    return asyncio.run(_generate(run))


async def _generate(run: Run) -> Counts:
    plan = run.plan
    # Without a target nobody needs to know yet, and filters are asked in their own stage alone.
    judges = fresh(judges_of(plan)) if plan.generate.target else []
    tally = Tally(plan.generate.target, plan.generate.give_up)
    with asker_of(plan, run / JOURNAL, replay=run.replay) as asker:
        settled = Settled(run.directory.path, {**_key(run), "replay": run.replay}, INSTRUCTIONS, FAILED)
        if run.anew:
            settled.forget()
        settled.open(asker, tally)
        await _make(run, Maker(plan, asker, judges), settled, tally)
    return _counts(tally, asker, present(plan.method).name)


async def _make(run: Run, maker: Maker, settled: Settled, tally: Tally) -> None:
    """Make all rows; whatever ends the work early, what is settled stays."""
    try:
        async with maker.asker.running():
            with collecting.rarely():
                await make_all(maker, run / seeds.SNIPPETS, settled, tally, seeds.total(run))
    except BudgetError as error:
        more = await _answered(run, maker, settled, tally)
        settled.publish(more)
        settled.stop()
        rows = tally.rows + len(more)
        raise BudgetError(f"{error}; {rows} rows are in {INSTRUCTIONS}, for --only filter") from error
    except BaseException:
        settled.stop()
        raise
    settled.finish()


async def _answered(
    run: Run, maker: Maker, settled: Settled, tally: Tally
) -> list[tuple[Instruction, tuple[str, ...]]]:
    """The rows of begun snippets that the journal can answer: an early one whose retry was refused holds up none."""
    maker.asker.replay = True
    rows: list[tuple[Instruction, tuple[str, ...]]] = []
    accepted = 0
    for drawn in settled.begun(run / seeds.SNIPPETS):
        made = await maker.make(drawn.snippet)
        if accepted < tally.missing and isinstance(made.outcome, Instruction):
            rows.append((made.outcome, made.requests))
            accepted += made.rejected is None
    return rows


def _counts(tally: Tally, asker: Asker, method: str) -> Counts:
    if not tally.rows:
        raise RunError(f"generate: method '{method}' made no row: {tally.reasons()}; see {FAILED} and {JOURNAL}")
    budget = asker.budget
    return {
        "rows": tally.rows,
        "accepted": tally.accepted,
        "failed": dict(sorted(tally.failed.items())),
        "rejected": dict(sorted(tally.rejected.items())),
        "asked": asker.asked,
        "replayed": asker.replayed,
        "cached": asker.cached,
        "requests": budget.requests,
        "prompt_tokens": budget.prompt_tokens,
        "completion_tokens": budget.completion_tokens,
        "tokens": budget.tokens,
        "usd": round(budget.usd, 6) if budget.priced else None,
        **{name: round(value, 2) for name, value in asker.teacher.status().items()},
    }


def _unfinished(run: Run, counts: Counts) -> bool:
    """Whether snippets are without a row for a passing reason: the same command asks those again."""
    wanted = run.plan.generate.target
    passing = RETRIED | {NOT_ASKED}
    return any(reason in passing for reason in counts["failed"]) and (wanted is None or counts["accepted"] < wanted)


STAGE = Stage(
    name="generate",
    providers=lambda plan: [bound for bound in (plan.method, plan.teacher) if bound],
    applies=lambda plan: plan.method is not None,
    outputs=lambda _: [INSTRUCTIONS, FAILED],
    key=_key,
    work=_work,
    unfinished=_unfinished,
)
