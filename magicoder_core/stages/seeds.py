"""The stage `seeds`: draw snippets from a corpus into ``snippets.jsonl``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.errors import RunError, attributed
from magicoder_core.recipe import present
from magicoder_core.records import Shard
from magicoder_core.stages.stage import Counts, Run, Stage

SNIPPETS = "snippets.jsonl"

_TOLD = 0.1
"""Seconds between two words about the progress."""


def _key(run: Run) -> Mapping[str, Any]:
    return {"seed_source": present(run.plan.seed_source).key(), "seed": run.plan.seed}


def _work(run: Run) -> Counts:
    source = present(run.plan.seed_source)
    limit = getattr(source.provider, "limit", None)
    with progress.task("seeds", limit, "snippet") as advance, jsonl.Writer(run / SNIPPETS) as out:
        with attributed("seed_source", source.name):
            told = last = 0.0
            for snippet in source.provider.snippets(Shard(seed=run.plan.seed)):
                out.write(snippet.to_dict() | {"index": out.count})
                if (now := time.monotonic()) - last > _TOLD:
                    advance(out.count - told)
                    told, last = out.count, now
            advance(out.count - told)
        if not out.count:
            raise RunError(f"seed_source '{source.name}': found nothing to draw from; check its options")
    return {"snippets": out.count}


STAGE = Stage(
    name="seeds",
    providers=lambda plan: [bound for bound in (plan.seed_source,) if bound],
    applies=lambda plan: plan.seed_source is not None,
    outputs=lambda _: [SNIPPETS],
    key=_key,
    work=_work,
)


def total(run: Run) -> int:
    """Number of snippets that were drawn."""
    with (run / SNIPPETS).open("rb") as lines:
        return sum(1 for _ in lines)
