"""The stage `train`: tune the student on ``kept.jsonl`` into ``checkpoint/`` and ``checkpoint.json`` (base model, digest).

The trainer works in ``checkpoint.part``, which survives a crash; the folder gets its name when it is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.content import content_id
from magicoder_core.errors import attributed
from magicoder_core.recipe import present
from magicoder_core.records import TrainingData
from magicoder_core.stages import filter as filtering
from magicoder_core.stages.stage import Counts, Run, Stage

CHECKPOINT = "checkpoint"


def _key(run: Run) -> Mapping[str, Any]:
    trainer = present(run.plan.trainer)
    return {
        "input": run.digest(filtering.KEPT, stage="filter"),
        "trainer": trainer.key(),
        "seed": run.plan.seed,
    }


def _work(run: Run) -> Counts:
    trainer = present(run.plan.trainer).provider
    part, whole = run / f"{CHECKPOINT}.part", run / CHECKPOINT
    note = run / "checkpoint.json"
    if not run.continues:
        shutil.rmtree(part, ignore_errors=True)
        note.unlink(missing_ok=True)
    key = content_id(_key(run))
    if not _moved_in(part, whole, note, key):
        part.mkdir(exist_ok=True)
        with attributed("trainer", present(run.plan.trainer).name):
            checkpoint = trainer.train(_data(run), part)
        jsonl.write_json(note, replace(checkpoint, path=CHECKPOINT).to_dict() | {"key": key})
        shutil.rmtree(whole, ignore_errors=True)
        part.rename(whole)
    facts = json.loads(note.read_text(encoding="utf-8"))
    return {"rows": _data(run).rows, "base_model": facts["base_model"], "digest": facts["digest"]}


def _moved_in(part: Path, whole: Path, note: Path, key: str) -> bool:
    """Whether an interrupted try of this very key had finished but for the word that it did."""
    if part.exists() or not (whole.exists() and note.exists()):
        return False
    noted: bool = json.loads(note.read_text(encoding="utf-8")).get("key") == key
    return noted


def _data(run: Run) -> TrainingData:
    rows = sum(1 for _ in jsonl.read(run / filtering.KEPT))
    return TrainingData(path=run / filtering.KEPT, rows=rows, seed=run.plan.seed)


STAGE = Stage(
    name="train",
    providers=lambda plan: [bound for bound in (plan.trainer,) if bound],
    applies=lambda plan: plan.trainer is not None,
    outputs=lambda _: [CHECKPOINT, "checkpoint.json"],
    key=_key,
    work=_work,
)
