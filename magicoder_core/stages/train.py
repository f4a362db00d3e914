"""The stage `train`: one trainer after another, each tunes a model on its rows.

    checkpoint/             what the last trainer made, in Hugging Face format
    checkpoint.json         its base model, its digest, how many rows it learned from, and the key that it was made under
    checkpoint.rows.jsonl   the rows, where they are not just ``kept.jsonl``
    checkpoint.part/        while it is made: what the trainer goes on with after a crash; the folder is renamed when whole
    checkpoint.part.json    whose it is
    checkpoints/1/ ...      the same of the first trainer, the second one ..., where there are several

Each trainer's work has a key of its own (its options, its rows, and the key of the trainer that it goes on from): another
option of the second one leaves the first one's checkpoint as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, launched, progress, trainers
from magicoder_core.content import content_id
from magicoder_core.errors import attributed
from magicoder_core.recipe import Bound, Plan
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import mixing
from magicoder_core.stages.stage import Counts, Run, Stage
from magicoder_core.trainers import Trainer

CHECKPOINT = "checkpoint"
"""The last trainer's."""

EARLIER = "checkpoints"
"""Folder of the other trainers' checkpoints, by their numbers from 1."""


def names(plan: Plan) -> list[str]:
    """The checkpoint of each trainer, in order; all its other files are called after it."""
    return [
        *(f"{EARLIER}/{number}" for number in range(1, len(plan.trainers))),
        *([CHECKPOINT] if plan.trainers else []),
    ]


@dataclass(frozen=True)
class Place:
    """Where a checkpoint lies, with what belongs to it."""

    name: str
    folder: Path

    def beside(self, ending: str) -> Path:
        """A file or folder of that ending."""
        return self.folder.with_name(self.folder.name + ending)

    @property
    def part(self) -> Path:
        """The checkpoint while it is made."""
        return self.beside(".part")

    def facts(self, ending: str = ".json") -> dict[str, Any]:
        """What is noted of the checkpoint; nothing where nothing is."""
        try:
            noted = json.loads(self.beside(ending).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def forget(self) -> None:
        """Let nothing of it be used again."""
        shutil.rmtree(self.part, ignore_errors=True)
        for ending in (".json", ".part.json"):
            self.beside(ending).unlink(missing_ok=True)

    def settle(self) -> None:
        """Give the checkpoint its name once its part is whole and noted; may be called again after a kill within it."""
        if self.part.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.part.rename(self.folder)
        self.beside(".part.json").unlink(missing_ok=True)


@dataclass(frozen=True)
class Job:
    """One trainer at work: which one, where its checkpoint goes, what decides it, and whose checkpoint it begins with."""

    number: int
    bound: Bound[Trainer]
    place: Place
    key: str
    after: Place | None
    logs: Path

    def provider(self) -> Trainer:
        """The trainer, with the folder of the checkpoint that it goes on from as its base model."""
        trainer = self.bound.provider
        return trainers.beginning_with(trainer, str(self.after.folder)) if self.after else trainer

    def begun_with(self) -> str | None:
        """The digest of the checkpoint that it goes on from."""
        return jsonl.digest(self.after.folder) if self.after else None

    def made(self) -> dict[str, Any]:
        """What is noted of the checkpoint, if it is there and of this very job; else nothing."""
        place, facts = self.place, self.place.facts()
        if facts.get("key") != self.key or facts.get("from") != self.begun_with():
            return {}
        if place.facts(".part.json").get("key") == self.key:
            # A kill between the word that it is whole and its name.
            made = place.part if place.part.is_dir() else place.folder
            if jsonl.digest(made) != facts["digest"]:
                return {}
            place.settle()
        return facts if place.folder.is_dir() else {}


def jobs(run: Run) -> list[Job]:
    """The work of each trainer, in order.

    Raises:
        RunError: rows to learn from are not there.
    """
    plan, keys = run.plan, _keys(run)
    providers = [bound.provider for bound in plan.trainers]
    places = [Place(name, run / name) for name in names(plan)]
    found = []
    for number, (bound, place) in enumerate(zip(plan.trainers, places, strict=True)):
        chain = trainers.chain(providers, number)
        logs = run / "logs" / ("train" if len(places) == 1 else f"train-{number + 1}")
        after = places[number - 1] if len(chain) > 1 else None
        found.append(Job(number, bound, place, content_id({"of": [keys[item] for item in chain]}), after, logs))
    return found


def _keys(run: Run) -> list[Mapping[str, Any]]:
    return [_own_key(run, bound) for bound in run.plan.trainers]


def _own_key(run: Run, bound: Bound[Trainer]) -> Mapping[str, Any]:
    """What decides a trainer's work, without what the trainers before it did."""
    key = bound.key()
    key["options"] = {name: value for name, value in key["options"].items() if name != "data"}
    return key | {"data": mixing.key(run, bound.provider), "seed": run.plan.seed}


def _work(run: Run) -> Counts:
    todo = jobs(run)
    if run.anew:
        for job in todo:
            job.place.forget()
    else:
        _bring_home(run, todo)
    made = []
    for job in todo:
        facts = job.made()
        if facts and len(todo) > 1:
            progress.say(f"trainer {job.number + 1}: {job.place.name} was made before")
        made.append(_counts(facts or _tuned(run, job)))
    return made[-1] | ({"earlier": made[:-1]} if len(made) > 1 else {})


def _tuned(run: Run, job: Job) -> dict[str, Any]:
    """Train, or go on with it, and give what is noted of the checkpoint."""
    place = job.place
    begun = {"key": job.key, "from": job.begun_with()}
    if place.facts(".part.json") != begun:
        shutil.rmtree(place.part, ignore_errors=True)
        shutil.rmtree(job.logs, ignore_errors=True)
    place.part.mkdir(parents=True, exist_ok=True)
    jsonl.write_json(place.beside(".part.json"), begun)
    job.logs.mkdir(parents=True, exist_ok=True)
    every = [bound.provider for bound in run.plan.trainers]
    origin = trainers.origin(every, job.number) if job.after else ""
    data = mixing.gathered(run, job.bound.provider, place.beside(".rows.jsonl"), logs=job.logs, base_model=origin)
    trainer = job.provider()
    launched.joined(job.bound.name, trainer, data, place.part)
    with attributed("trainer", job.bound.name):
        checkpoint = trainer.train(data, place.part)
    base = job.after.name if job.after else checkpoint.base_model
    facts = replace(checkpoint, path=place.name, base_model=base).to_dict() | {"rows": data.rows}
    facts |= ({"sources": dict(data.sources)} if data.sources else {}) | begun
    jsonl.write_json(place.beside(".json"), facts)
    place.settle()
    return facts


def _counts(facts: Mapping[str, Any]) -> Counts:
    return {name: facts[name] for name in ("rows", "sources", "base_model", "digest") if name in facts}


def _bring_home(run: Run, todo: Sequence[Job]) -> None:
    """Put checkpoints that are there under the names that they have now: with a trainer more or fewer, other ones."""
    wanted = {job.key: job for job in todo}
    for job in todo:
        holder = wanted.get(job.place.facts().get("key", ""))
        if holder is not None:  # the right one, or one that another job has not taken yet
            continue
        for other in places(run.directory):
            if other.facts().get("key") == job.key and _moved(other, job.place):
                progress.say(f"trainer {job.number + 1}: {other.name} is {job.place.name} now")
                break


def places(directory: RunDirectory) -> Iterator[Place]:
    """Where a run has checkpoints, or may have, whatever its recipe is now."""
    yield Place(CHECKPOINT, directory / CHECKPOINT)
    for note in sorted((directory / EARLIER).glob("[0-9]*.json")):
        if note.stem.isdecimal():
            yield Place(f"{EARLIER}/{note.stem}", note.with_suffix(""))


def _moved(source: Place, target: Place) -> bool:
    """Move a checkpoint with its note, which is the last to go: a kill in between is made good by the next call."""
    facts = source.facts()
    if source.folder.is_dir():
        target.forget()
        shutil.rmtree(target.folder, ignore_errors=True)
        target.folder.parent.mkdir(exist_ok=True)
        source.folder.rename(target.folder)
    elif not target.folder.is_dir() or jsonl.digest(target.folder) != facts.get("digest"):
        return False
    with suppress(FileNotFoundError):
        source.beside(".rows.jsonl").replace(target.beside(".rows.jsonl"))
    jsonl.write_json(target.beside(".json"), facts | {"path": target.name})
    source.beside(".json").unlink()
    return True


def _providers(plan: Plan) -> list[Bound[Any]]:
    """The trainers, as they can be looked at before the checkpoints that they go on from are there."""
    every = [bound.provider for bound in plan.trainers]
    return [
        replace(bound, provider=trainers.beginning_with(bound.provider, trainers.origin(every, number)))
        if trainers.goes_on(bound.provider)
        else bound
        for number, bound in enumerate(plan.trainers)
    ]


STAGE = Stage(
    name="train",
    providers=_providers,
    applies=lambda plan: bool(plan.trainers),
    outputs=lambda plan: [f"{name}{ending}" for name in names(plan) for ending in ("", ".json")],
    key=lambda run: {"trainers": _keys(run)},
    work=_work,
)
