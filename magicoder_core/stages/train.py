"""The stage `train`: one trainer after another, each tunes a model on its rows.

Where its files lie, and how they come to other places when trainers come and go, is in `places`. Each trainer's work has
a key of its own (its options, its rows, and the key of the trainer that it goes on from): another option of the second
one leaves the first one's checkpoint as it is. All rows are gathered before the first training begins.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from magicoder_core import jsonl, launched, progress, trainers
from magicoder_core.content import content_id
from magicoder_core.errors import RecipeError, RunError, attributed
from magicoder_core.recipe import Bound, Plan
from magicoder_core.records import TrainingData
from magicoder_core.stages import former, mixing
from magicoder_core.stages.places import CHECKPOINT, EARLIER, Place, arrange, give_up, last, numbered, places, sweep
from magicoder_core.stages.stage import Counts, Run, Stage
from magicoder_core.trainers import Trainer

__all__ = ["CHECKPOINT", "STAGE", "Job", "Place", "bring_home", "jobs", "names", "places"]

_DIGITS = 16
"""Of the digest that names a checkpoint."""


def names(plan: Plan) -> list[str]:
    """The checkpoint of each trainer, in order; all its other files are called after it."""
    return [
        *(f"{EARLIER}/{number}" for number in range(1, len(plan.trainers))),
        *([CHECKPOINT] if plan.trainers else []),
    ]


@dataclass(frozen=True)
class Job:
    """One trainer at work: which one, where its checkpoint goes, what decides it, and whose checkpoint it begins with."""

    number: int
    bound: Bound[Trainer]
    place: Place
    key: str
    own: Mapping[str, Any]
    """What decides its work, without what the trainers before it did."""

    after: Place | None

    def provider(self) -> Trainer:
        """The trainer, with the folder of the checkpoint that it goes on from as its base model."""
        trainer = self.bound.provider
        return trainers.beginning_with(trainer, str(self.after.folder)) if self.after else trainer

    def begun_with(self) -> str | None:
        """The digest of the checkpoint that it goes on from."""
        return jsonl.digest(self.after.folder) if self.after else None

    def made(self) -> dict[str, Any]:
        """What is noted of the checkpoint, if it is there and of this very job; else nothing."""
        facts = self.place.facts()
        if facts.get("key") != self.key or not self.place.folder.is_dir():
            return {}
        return facts if facts.get("from") == self.begun_with() else {}


def jobs(run: Run) -> list[Job]:
    """The work of each trainer, in order.

    Raises:
        RunError: rows to learn from are not there.
    """
    keys = _keys(run)
    providers = [bound.provider for bound in run.plan.trainers]
    count = len(providers)
    where = [*(numbered(run.directory, number) for number in range(1, count)), last(run.directory, count)]
    found = []
    for number, (bound, place) in enumerate(zip(run.plan.trainers, where, strict=True)):
        chain = trainers.chain(providers, number)
        after = where[number - 1] if len(chain) > 1 else None
        key = content_id({"of": [keys[item] for item in chain]})
        found.append(Job(number, bound, place, key, keys[number], after))
    return found


def _keys(run: Run) -> list[Mapping[str, Any]]:
    return [_own_key(run, bound) for bound in run.plan.trainers]


def _own_key(run: Run, bound: Bound[Trainer]) -> Mapping[str, Any]:
    """What decides a trainer's work, without what the trainers before it did."""
    key = bound.key()
    key["options"] = {name: value for name, value in key["options"].items() if name != "data"}
    return key | {"data": mixing.key(run, bound.provider), "seed": run.plan.seed}


def bring_home(run: Run, todo: Sequence[Job]) -> None:
    """Put checkpoints that are there to where they belong now: with a trainer more or fewer, that is another place."""
    arrange(run.directory, [(job.key, job.place) for job in todo])


def check_alone(bound: Bound[Any]) -> None:
    """Refuse a trainer that works alone where a launcher has started several processes: each would do the whole work.

    Raises:
        RecipeError: it is such a trainer.
        RunError: the environment tells of a launch that cannot be.
    """
    launch = launched.here()
    if launch and isinstance(bound.provider, Trainer) and not bound.provider.joint:
        raise RecipeError(
            f"trainer '{bound.name}': works alone, and a launcher has started {launch.world} processes; "
            "start `magicoder run` by itself"
        )


def _work(run: Run) -> Counts:
    todo = jobs(run)
    homes = [job.place for job in todo]
    if run.anew:
        give_up(run.directory, homes)
    else:
        bring_home(run, todo)
    rows, made = _rows(run, todo), []
    if run.anew:  # now that nothing is wrong with the rows
        for home in homes:
            home.beside(".json").unlink(missing_ok=True)
    for job in todo:
        facts = job.made()
        if facts and len(todo) > 1:
            progress.say(f"trainer {job.number + 1}: {job.place.name} was made before")
        made.append(_counts(facts or _tuned(job, rows[job.number])))
    sweep(run.directory, homes)
    return made[-1] | ({"earlier": made[:-1]} if len(made) > 1 else {})


def _rows(run: Run, todo: Sequence[Job]) -> dict[int, TrainingData]:
    """The rows of each trainer that has something to do, or may have when those before it are done."""
    every = [bound.provider for bound in run.plan.trainers]
    rows: dict[int, TrainingData] = {}
    for job in todo:
        if run.anew or (job.after and job.number - 1 in rows) or not job.made():
            check_alone(job.bound)
            origin = trainers.origin(every, job.number) if job.after else ""
            facts = {"logs": job.place.logs, "base_model": origin}
            part = job.place.beside(".part.rows.jsonl")
            rows[job.number] = mixing.gathered(run, job.bound.provider, part, job.own["data"], **facts)
    return rows


def _tuned(job: Job, data: TrainingData) -> dict[str, Any]:
    """Train, or go on with it, and give what is noted of the checkpoint."""
    place, logs = job.place, job.place.logs
    begun = {"key": job.key, "from": job.begun_with()}
    before = place.facts(".part.json")
    if {name: before.get(name) for name in begun} != begun:
        shutil.rmtree(place.part, ignore_errors=True)
        shutil.rmtree(logs, ignore_errors=True)
    begun["logs"] = logs.name
    place.part.mkdir(parents=True, exist_ok=True)
    jsonl.write_json(place.beside(".part.json"), begun)
    logs.mkdir(parents=True, exist_ok=True)
    trainer = job.provider()
    launched.joined(job.bound.name, trainer, data, place.part)
    with attributed("trainer", job.bound.name):
        checkpoint = trainer.train(data, place.part)
    if jsonl.digest(data.path) != data.sha256:
        raise RunError(
            f"{data.path}: was changed while the trainer '{job.bound.name}' read it; run the same command again"
        )
    # By its content: the place of a checkpoint changes when trainers come and go.
    base = f"{CHECKPOINT} {begun['from'][:_DIGITS]}" if begun["from"] else checkpoint.base_model
    facts = replace(checkpoint, path=place.name, base_model=base).to_dict() | {"rows": data.rows}
    facts |= ({"sources": dict(data.sources)} if data.sources else {}) | begun
    jsonl.write_json(place.beside(".json"), facts)
    place.settle()
    return facts


def _counts(facts: Mapping[str, Any]) -> Counts:
    """What `run.json` has of a checkpoint; ``from`` is the digest of the one that it goes on from."""
    names = ("rows", "sources", "base_model", "digest", "from")
    return {name: facts[name] for name in names if facts.get(name) is not None}


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
    recognise=lambda run, *, keep: former.recognise(run, jobs(run), keep=keep),
)
