"""Run directories of earlier versions: a training that they finished is used again, never trained anew by surprise.

Before recipes could have several trainers, the key of the stage `train` was ``{input, trainer, seed}``, where ``input``
is the digest of ``kept.jsonl``; now it is ``{trainers: [...]}``, see `train`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any

from magicoder_core import jsonl, progress
from magicoder_core.errors import RunError
from magicoder_core.rundir import differences
from magicoder_core.stages.places import CHECKPOINT
from magicoder_core.stages.stage import Run
from magicoder_core.trainers import KEPT

if TYPE_CHECKING:
    from magicoder_core.stages.train import Job

_FORMER = frozenset({"input", "trainer", "seed"})
_TOLD = 3
"""So many differences are told one by one."""


def recognise(run: Run, jobs: Sequence[Job], *, keep: bool) -> bool:
    """Tell whether an earlier version has done all that is to be trained: same rows, options and base, as far as known.

    Args:
        run: whose directory may be of an earlier version.
        jobs: what is to be trained.
        keep: note the training as what it is now, in ``run.json`` and beside the checkpoint; the directory is held then.
            A kill before both are written is made good by the next call.

    Raises:
        RunError: it trained something else, or that cannot be told, and would be replaced.
    """
    stage = run.directory.stages.get("train", {})
    finished = stage.get("status") in {"done", "outdated"} and (run / CHECKPOINT).is_dir()
    if not finished or set(stage["key"]) != _FORMER:
        return False
    alone = [job for job in jobs if job.after is None]
    found = {job.number: differences(_was(stage["key"], job), job.own) for job in alone}
    same = next((job for job in alone if not found[job.number]), None)
    if same is None:
        raise RunError(_refusal(run, found[alone[0].number]))
    if keep:
        _note(run, stage, same)
    return len(jobs) == 1


def _refusal(run: Run, why: Sequence[str]) -> str:
    more = f" and {len(why) - _TOLD} more" if len(why) > _TOLD else ""
    return (
        f"{run / CHECKPOINT}: was made by an earlier version of Magicoder, and is not what this recipe makes "
        f"({'; '.join(why[:_TOLD])}{more}); --redo train trains anew in its place, another --dir leaves it as it is"
    )


def _note(run: Run, stage: dict[str, Any], job: Job) -> None:
    note = run / f"{CHECKPOINT}.json"
    facts = {"path": CHECKPOINT, **{name: stage["counts"][name] for name in ("base_model", "digest", "rows")}}
    jsonl.write_json(note, facts | {"key": job.key, "from": None, "logs": "train"})
    stage["output"] = stage["output"] | {note.name: jsonl.digest(note)}
    stage["key"] = {"trainers": [dict(job.own)]}
    run.directory.save()
    progress.say(f"train: {CHECKPOINT} is used: an earlier version of Magicoder made it from the same rows and options")


def _was(key: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """A former key in today's form; an option that did not exist then stands at what is its default today."""
    then, provider = key["trainer"]["options"], job.bound.provider
    given = {name: value for name, value in then.items() if name not in provider.passing}
    later = {
        item.name: job.own["options"][item.name]
        for item in fields(provider)
        if item.name not in then and item.name in job.own["options"] and _at_default(provider, item)
    }
    data = {KEPT: {"weight": 1.0, "sha256": key["input"]}}
    return {**key["trainer"], "options": given | later, "data": data, "seed": key["seed"]}


def _at_default(provider: object, item: Field[Any]) -> bool:
    made = item.default if item.default_factory is MISSING else item.default_factory()
    return bool(getattr(provider, item.name) == made)
