"""What cells have in common is done once: a stage that another run did with the same key is taken from there.

Its files are copies, so that whoever edits one of them edits no other run's; only weights, which are large and which
nobody edits, are hard links where the disk allows them. ``run.json`` notes the run it came from as ``taken_from``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from magicoder_core import jsonl, progress
from magicoder_core.asking import others
from magicoder_core.errors import MagicoderError
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import STAGES, Run, Stage, places, train

TAKEN = "taken_from"
"""Of a stage in ``run.json``: the name of the run directory that did it."""

_JOURNALS = {"generate": "journal.jsonl", "filter": "filter-journal.jsonl", "evaluate": "journal.jsonl"}
_BESIDE = {
    "train": ("logs/train*", "checkpoint*.rows.jsonl", "checkpoints/*.rows.jsonl"),
    "evaluate": ("*/timings.jsonl", "*/*/timings.jsonl"),
}
"""Files that come with a stage's outputs and are none."""

_WEIGHTS = frozenset({".safetensors", ".gguf", ".bin", ".pt"})
"""Endings of files that may be linked; a program that writes one anew gives it a place of its own."""


def take(run: Run, stage: Stage, siblings: Sequence[RunDirectory]) -> str | None:
    """Take a stage from the first sibling that has it done with the key that it has here; gives that one's name.

    Args:
        run: whose directory gets the files, held by this process.
        stage: the stage.
        siblings: runs beside it.

    Raises:
        RunError: the journal of the run cannot be written.
    """
    try:
        key = json.loads(json.dumps(stage.key(run)))
    except MagicoderError:  # an input is missing: the stage itself says so
        return None
    outputs = stage.outputs(run.plan)
    for sibling in siblings:
        if sibling.is_done(stage.name, key, outputs) and _untouched(sibling, stage.name, outputs):
            _adopt(run, stage, sibling, outputs)
            return sibling.path.name
    return None


def take_checkpoints(run: Run, siblings: Sequence[RunDirectory]) -> None:
    """Take what other runs' trainers made and this one's would make again, though a later trainer differs.

    Raises:
        RunError: rows to learn from are not there.
    """
    todo = train.jobs(run)
    train.bring_home(run, todo)
    for job in todo:
        if job.place.key() == job.key:
            continue
        for place in (place for sibling in siblings for place in train.places(sibling)):
            if place.key() == job.key and jsonl.digest(place.folder) == place.facts()["digest"]:
                _give_checkpoint(place, job.place)
                progress.say(f"trainer {job.number + 1}: as in {place.folder}")
                break


def _give_checkpoint(source: train.Place, target: train.Place) -> None:
    """A checkpoint with what belongs to it; its note is the last to come."""
    for unit in (places.WHOLE, places.PART):
        target.drop(unit)
    shutil.rmtree(target.logs, ignore_errors=True)
    if source.has_logs(places.WHOLE):
        _give(source.logs, target.logs)
    _give(source.folder, target.folder)
    if (rows := source.beside(".rows.jsonl")).is_file():
        _give(rows, target.beside(".rows.jsonl"))
    jsonl.write_json(target.beside(".json"), source.facts() | {"path": target.name, "logs": target.logs.name})


def _untouched(sibling: RunDirectory, stage: str, outputs: Sequence[str]) -> bool:
    """Whether the files are what the stage made: what somebody changed by hand is that run's own."""
    made = sibling.stages[stage].get("output", {})
    return all(jsonl.digest(sibling / name) == made.get(name) for name in outputs)


def _adopt(run: Run, stage: Stage, sibling: RunDirectory, outputs: Sequence[str]) -> None:
    if name := _JOURNALS.get(stage.name):
        others.adopt(sibling / name, run / name)
    beside = [
        str(path.relative_to(sibling.path)) for glob in _BESIDE.get(stage.name, ()) for path in sibling.path.glob(glob)
    ]
    for name in [*beside, *outputs]:
        _give(sibling / name, run / name)
    names = [item.name for item in STAGES]
    run.directory.stages[stage.name] = {**sibling.stages[stage.name], "status": "done", TAKEN: sibling.path.name}
    run.directory.outdate(names[names.index(stage.name) + 1 :])


def _give(source: Path, target: Path) -> None:
    """Have a file or a folder a second time, whole or not at all."""
    part = target.with_name(f"{target.name}.taken")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        part.unlink(missing_ok=True)
        _once_more(str(source), str(part))
        part.replace(target)
        part.unlink(missing_ok=True)  # where the target was this very file already, POSIX renames nothing
        return
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, copy_function=_once_more, symlinks=True)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def _once_more(source: str, target: str) -> None:
    """Have a file a second time: linked if it may be and can be, else copied."""
    try:
        if Path(source).suffix in _WEIGHTS:
            os.link(source, target)
            return
    except OSError:  # another disk, or one without links
        pass
    shutil.copy2(source, target)
