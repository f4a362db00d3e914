"""The stage `filter`: rows stream through the filters in the recipe's order.

``kept.jsonl`` holds the rows that all filters keep, with the scores that filters gave them and ``flags: [{filter, reason,
evidence}]`` where they had something to say; ``rejected.jsonl`` each other row with ``rejected: {filter, reason,
evidence}``. Filters that ask a model ask the recipe's teacher or one of their own; answers are in
``filter-journal.jsonl``. To filters that compare rows, snippets of one text, white space aside, are one: ``parent`` as they
see it is the first's id. The work itself is `magicoder_core.filtering`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from magicoder_core import plugins
from magicoder_core.errors import RunError
from magicoder_core.filtering import snippets, work
from magicoder_core.filtering.asking import teachers
from magicoder_core.filtering.job import Job, Outcome
from magicoder_core.plugins import Catalogue
from magicoder_core.providers import AskingFilter, Teacher
from magicoder_core.recipe import Bound, Plan
from magicoder_core.stages import generate, seeds
from magicoder_core.stages.stage import Counts, Run, Stage

KEPT = "kept.jsonl"
REJECTED = "rejected.jsonl"
JOURNAL = "filter-journal.jsonl"

_MONEY = ("requests", "prompt_tokens", "completion_tokens", "usd")


def _asked(plan: Plan, catalogue: Catalogue) -> dict[int, Bound[Teacher]]:
    """Whom each filter that asks has for a teacher."""
    return teachers(plan.filters, catalogue, plan.teacher)


def _providers(plan: Plan) -> list[Bound[Any]]:
    return [*plan.filters, *_asked(plan, plugins.catalogue()).values()]


def _key(run: Run) -> Mapping[str, Any]:
    key: dict[str, Any] = {
        "input": run.digest(generate.INSTRUCTIONS, stage="generate"),
        "filters": [bound.key() for bound in run.plan.filters],
    }
    if _compares(run):
        key["snippets"] = run.digest(seeds.SNIPPETS, stage="seeds")
    # A filter's own teacher is among its options.
    shared = any(isinstance(bound.provider, AskingFilter) and not bound.provider.teacher for bound in run.plan.filters)
    if shared and run.plan.teacher:
        key["teacher"] = run.plan.teacher.key() | {"identity": run.plan.teacher.provider.identity}
    return key


def _compares(run: Run) -> bool:
    """Whether filters compare rows, and there are the snippets that rows come from."""
    return snippets.matter(run.plan.filters) and (run / seeds.SNIPPETS).exists()


def _work(run: Run) -> Counts:
    plan = run.plan
    outcome = work.run(
        Job(
            inputs=[run / generate.INSTRUCTIONS],
            filters=plan.filters,
            kept=run / KEPT,
            rejected=run / REJECTED,
            key=_key(run),
            journal=run / JOURNAL,
            teachers=_asked(plan, run.catalogue),
            settings=plan.generate,
            spent=_spent(run),
            parents=snippets.firsts(run / seeds.SNIPPETS) if _compares(run) else {},
            weak=plan.sandbox.allow_weak_isolation,
            new=run.anew,
        )
    )
    counts = _counts(outcome, [bound.name for bound in plan.filters])
    if not counts["kept"]:
        why = "; ".join(f"{number} by {reason}" for reason, number in counts["rejected"].items())
        raise RunError(f"filter: none of {counts['rows']} rows was kept: {why}; each is in {run / REJECTED}")
    return counts


def _spent(run: Run) -> dict[str, float]:
    """What the rows took: the limits of ``[generate]`` are those of the run."""
    counts = run.directory.stages.get("generate", {}).get("counts", {})
    return {name: counts[name] for name in _MONEY if counts.get(name) is not None}


def _counts(outcome: Outcome, names: list[str]) -> Counts:
    tally = outcome.tally
    rejected, flagged = Counter[str](), Counter[str]()
    for name, said in zip(names, tally.filters, strict=True):
        rejected.update({f"{name}: {reason}": number for reason, number in said.rejected.items()})
        flagged.update({f"{name}: {reason}": number for reason, number in said.flagged.items()})
    counts: Counts = {
        "rows": tally.rows,
        "kept": tally.kept,
        "rejected": dict(sorted(rejected.items())),
        "flagged": dict(sorted(flagged.items())),
    }
    return counts | ({"asked": list(outcome.spent)} if outcome.spent else {})


STAGE = Stage(
    name="filter",
    providers=_providers,
    # Without filters all rows are kept: the trainer's input has one name.
    applies=lambda plan: plan.method is not None,
    outputs=lambda _: [KEPT, REJECTED],
    key=_key,
    work=_work,
)
