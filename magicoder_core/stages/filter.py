"""The stage `filter`: rows stream through the filters in the recipe's order.

``kept.jsonl`` holds the rows that all filters keep, with the scores that filters gave them; ``rejected.jsonl`` each other
row with ``rejected: {filter, reason, evidence}``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.errors import RunError
from magicoder_core.providers import Filter
from magicoder_core.recipe import Bound
from magicoder_core.records import Instruction, Judgement
from magicoder_core.stages import generate
from magicoder_core.stages.judging import judge
from magicoder_core.stages.stage import Counts, Run, Stage

KEPT = "kept.jsonl"
REJECTED = "rejected.jsonl"
_BATCH = 256

Judged = tuple[Instruction, Judgement | None]
"""A row with the judgement that dropped it, or None if all filters keep it."""


def judged(rows: Iterable[Instruction], filters: Sequence[Bound[Filter]]) -> Iterator[Judged]:
    """Each row, in order, with what the first filter that drops it says.

    Raises:
        RunError: a filter failed; the message names it.
    """
    fresh = [(bound.name, copy(bound.provider)) for bound in filters]
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield from _judge_batch(batch, fresh)


def _judge_batch(batch: list[Instruction], filters: list[tuple[str, Filter]]) -> list[Judged]:
    dropped: dict[int, Judgement] = {}
    for name, provider in filters:
        left = [number for number in range(len(batch)) if number not in dropped]
        judgements = judge(name, provider, [batch[number] for number in left])
        for number, judgement in zip(left, judgements, strict=True):
            if judgement.scores:
                row = batch[number]
                batch[number] = replace(row, scores={**row.scores, **judgement.scores})
            if not judgement.keep:
                dropped[number] = replace(judgement, filter=name)
    return [(row, dropped.get(number)) for number, row in enumerate(batch)]


def filter_file(rows: Path, filters: Sequence[Bound[Filter]], kept: Path, rejected: Path) -> Counts:
    """Judge all rows of a file and write both files, whole."""
    reasons: Counter[str] = Counter()
    source = (Instruction.from_dict(row) for row in jsonl.read(rows))
    with (
        progress.task("filter", unit="row") as advance,
        jsonl.Writer(kept) as good,
        jsonl.Writer(rejected) as bad,
    ):
        for row, judgement in judged(source, filters):
            if judgement is None:
                good.write(row.to_dict())
            else:
                bad.write(row.to_dict() | {"rejected": _why(judgement)})
                reasons[f"{judgement.filter}: {judgement.reason}"] += 1
            advance(kept=good.count, rejected=bad.count)
    return {"rows": good.count + bad.count, "kept": good.count, "rejected": dict(sorted(reasons.items()))}


def _why(judgement: Judgement) -> dict[str, Any]:
    return {"filter": judgement.filter, "reason": judgement.reason, "evidence": dict(judgement.evidence)}


def _key(run: Run) -> Mapping[str, Any]:
    return {
        "input": run.digest(generate.INSTRUCTIONS, stage="generate"),
        "filters": [bound.key() for bound in run.plan.filters],
    }


def _work(run: Run) -> Counts:
    counts = filter_file(run / generate.INSTRUCTIONS, run.plan.filters, run / KEPT, run / REJECTED)
    if not counts["kept"]:
        why = "; ".join(f"{number} by {reason}" for reason, number in counts["rejected"].items())
        raise RunError(f"filter: none of {counts['rows']} rows was kept: {why}; each is in {run / REJECTED}")
    return counts


STAGE = Stage(
    name="filter",
    providers=lambda plan: list(plan.filters),
    # Without filters all rows are kept: the trainer's input has one name.
    applies=lambda plan: plan.method is not None,
    outputs=lambda _: [KEPT, REJECTED],
    key=_key,
    work=_work,
)
