"""What cells have in common is done once: a stage that another run did with the same key is taken from there.

Its files are hard links where the disk allows that, else copies; ``run.json`` notes the run it came from as
``taken_from``. Every file of ours is replaced whole and never written into, so that links do not meet; journals do
grow, and are copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from magicoder_core import jsonl, progress
from magicoder_core.asking import others
from magicoder_core.errors import MagicoderError
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import STAGES, Run, Stage, train

TAKEN = "taken_from"
"""Of a stage in ``run.json``: the name of the run directory that did it."""

_JOURNALS = {"generate": "journal.jsonl", "filter": "filter-journal.jsonl", "evaluate": "journal.jsonl"}
_BESIDE = {
    "train": ("logs/train*", "checkpoint*.rows.jsonl", "checkpoints/*.rows.jsonl"),
    "evaluate": ("*/timings.jsonl", "*/*/timings.jsonl"),
}
"""Files that come with a stage's outputs and are none."""


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
    for job in train.jobs(run):
        if job.place.facts().get("key") == job.key:
            continue
        for place in (place for sibling in siblings for place in train.places(sibling)):
            facts = place.facts()
            if facts.get("key") == job.key and place.folder.is_dir() and jsonl.digest(place.folder) == facts["digest"]:
                _give_checkpoint(place, job.place)
                progress.say(f"trainer {job.number + 1}: as in {place.folder}")
                break


def _give_checkpoint(source: train.Place, target: train.Place) -> None:
    """A checkpoint with what belongs to it; its note is the last to come."""
    target.forget()
    _give(source.folder, target.folder, _linked)
    if (rows := source.beside(".rows.jsonl")).is_file():
        _give(rows, target.beside(".rows.jsonl"), _linked)
    jsonl.write_json(target.beside(".json"), source.facts() | {"path": target.name})


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
    for name in beside:  # a trainer may go on writing into its logs
        _give(sibling / name, run / name, shutil.copy2)
    for name in outputs:
        _give(sibling / name, run / name, _linked)
    names = [item.name for item in STAGES]
    run.directory.stages[stage.name] = {**sibling.stages[stage.name], "status": "done", TAKEN: sibling.path.name}
    run.directory.outdate(names[names.index(stage.name) + 1 :])


def _give(source: Path, target: Path, one: Callable[[str, str], object]) -> None:
    """Have a file or a folder a second time, whole or not at all; ``one`` does a file."""
    part = target.with_name(f"{target.name}.taken")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        part.unlink(missing_ok=True)
        one(str(source), str(part))
        part.replace(target)
        part.unlink(missing_ok=True)  # where the target was this very file already, POSIX renames nothing
        return
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, copy_function=one, symlinks=True)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
