"""Where checkpoints lie in a run directory, and how they come to other places when a recipe's trainers change.

    checkpoint/                  a whole model
    checkpoint.json              what is noted of it: its key, its digest
    checkpoint.rows.jsonl        the rows that it learned from, where they are not just ``kept.jsonl``
    checkpoint.part...           the same three of one that is being made
    logs/train/                  what its training showed
    checkpoints/1 ...            the same of the first of several trainers, with logs/train-1/ ...
    checkpoints/.parked/1/...    on the way from one place to another
    checkpoints/.moving.json     the move that is under way: after a kill it is done first of all

A checkpoint that somebody wants is never in the way of another one: all that lie at a wrong place are parked first.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.rundir import RunDirectory

CHECKPOINT = "checkpoint"
"""The last trainer's."""

EARLIER = "checkpoints"
"""Folder of the other trainers' checkpoints, by their numbers from 1."""

WHOLE, PART = "", ".part"
"""A checkpoint, and one that is being made: what the names of their files end in before ``.json`` and the like."""

_PARKED, _MOVING = ".parked", ".moving.json"


@dataclass(frozen=True)
class Place:
    """Where a checkpoint lies, with what belongs to it; ``logs`` is the folder of its training's logs."""

    name: str
    folder: Path
    logs: Path

    def beside(self, ending: str) -> Path:
        """A file or folder of that ending."""
        return self.folder.with_name(self.folder.name + ending)

    @property
    def part(self) -> Path:
        """The checkpoint while it is made."""
        return self.beside(PART)

    def facts(self, ending: str = ".json") -> dict[str, Any]:
        """What is noted of the checkpoint; nothing where nothing is."""
        try:
            noted = json.loads(self.beside(ending).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def key(self, unit: str = WHOLE) -> str:
        """What the checkpoint, or the part of one, was made under; empty where there is none."""
        found = self.facts(f"{unit}.json").get("key")
        return found if isinstance(found, str) and self.beside(unit).is_dir() else ""

    def drop(self, unit: str) -> None:
        """Remove a checkpoint, or the part of one, with what belongs to it but for the logs."""
        self.beside(f"{unit}.json").unlink(missing_ok=True)
        shutil.rmtree(self.beside(unit), ignore_errors=True)
        self.beside(f"{unit}.rows.jsonl").unlink(missing_ok=True)

    def settle(self) -> None:
        """Give the checkpoint its name once its part is whole and noted; may be called again after a kill within it."""
        if self.part.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.part.rename(self.folder)
        if (rows := self.beside(".part.rows.jsonl")).is_file():
            rows.replace(self.beside(".rows.jsonl"))
        elif "sources" not in self.facts():
            self.beside(".rows.jsonl").unlink(missing_ok=True)
        self.beside(".part.json").unlink(missing_ok=True)

    def mend(self) -> None:
        """Settle what a kill has left noted as whole, and still under the name of a part; a false word is taken back."""
        key = self.facts().get("key")
        if key is None or self.facts(".part.json").get("key") != key:
            return
        made = self.part if self.part.is_dir() else self.folder
        if made.is_dir() and jsonl.digest(made) == self.facts().get("digest"):
            self.settle()
        else:
            self.beside(".json").unlink()

    def has_logs(self, unit: str) -> bool:
        """Whether the logs here are this one's: a part that is begun beside a whole checkpoint has them for itself."""
        part = self.facts(".part.json")
        mine = unit == PART or not part or part.get("logs", self.logs.name) != self.logs.name
        return mine and self.logs.is_dir()


def places(directory: RunDirectory, unit: str = WHOLE) -> Iterator[Place]:
    """Where a run has checkpoints (or with `PART` parts of them), or may have, whatever its recipe is now."""
    yield _last(directory, unit)
    numbers = (path.name.removesuffix(f"{unit}.json") for path in (directory / EARLIER).glob(f"[0-9]*{unit}.json"))
    for number in sorted((item for item in numbers if item.isdecimal()), key=int):
        yield numbered(directory, int(number))


def numbered(directory: RunDirectory, number: int) -> Place:
    """The place of a trainer before the last one, by its number from 1."""
    name = f"{EARLIER}/{number}"
    return Place(name, directory / name, directory / "logs" / f"train-{number}")


def last(directory: RunDirectory, count: int) -> Place:
    """The place of the last of so many trainers."""
    logs = "train" if count == 1 else f"train-{count}"
    return Place(CHECKPOINT, directory / CHECKPOINT, directory / "logs" / logs)


def _last(directory: RunDirectory, unit: str) -> Place:
    """The last trainer's place, with the logs as they are called now: that depends on how many trainers there were."""
    place = last(directory, 1)
    noted = place.facts(f"{unit}.json").get("logs")
    return Place(place.name, place.folder, place.logs.with_name(noted)) if noted else place


def _parked(directory: RunDirectory) -> Iterator[Place]:
    for folder in sorted((directory / EARLIER / _PARKED).glob("*")):
        yield Place(f"{EARLIER}/{_PARKED}/{folder.name}/{CHECKPOINT}", folder / CHECKPOINT, folder / "logs")


def arrange(directory: RunDirectory, homes: Sequence[tuple[str, Place]]) -> None:
    """Bring each checkpoint, and each part of one, to the place where it belongs.

    A kill at any moment is made good by the next call, though that may have other places in mind.

    Args:
        directory: of the run, held by this process.
        homes: the key of each trainer's work, with its place.
    """
    _go_on(directory)
    for place in [*places(directory), *places(directory, PART), *_parked(directory)]:
        place.mend()
    wanted = {key for key, _ in homes}
    for unit in (WHOLE, PART):
        for place in list(places(directory, unit)):
            if place.key(unit) in wanted and (place.key(unit), place) not in homes:
                _move(directory, unit, place, _free(directory))
    for unit in (WHOLE, PART):
        for parked in list(_parked(directory)):
            _bring(directory, unit, parked, homes)


def _bring(directory: RunDirectory, unit: str, parked: Place, homes: Iterable[tuple[str, Place]]) -> None:
    """Bring what is parked there to a place where it is wanted and missing."""
    key = parked.key(unit)
    for wanted, home in homes:
        if key == wanted and key not in {home.key(WHOLE), home.key(unit)}:
            _move(directory, unit, parked, home)
            with suppress(OSError):
                parked.folder.parent.rmdir()
            return


def _free(directory: RunDirectory) -> Place:
    """A place to park at."""
    number = 1
    while (folder := directory / EARLIER / _PARKED / str(number)).exists():
        number += 1
    return Place(f"{EARLIER}/{_PARKED}/{number}/{CHECKPOINT}", folder / CHECKPOINT, folder / "logs")


def _move(directory: RunDirectory, unit: str, source: Place, target: Place) -> None:
    """Move a checkpoint or a part with all that belongs to it; a kill within it is made good by `_go_on`."""
    moving = {"unit": unit, "logs": source.has_logs(unit)}
    moving |= {"from": _spelled(directory, source), "to": _spelled(directory, target)}
    target.folder.parent.mkdir(parents=True, exist_ok=True)
    jsonl.write_json(directory / EARLIER / _MOVING, moving)
    _clear(unit, target)
    source.beside(unit).rename(target.beside(unit))
    _go_on(directory)


def _spelled(directory: RunDirectory, place: Place) -> dict[str, str]:
    folders = {"folder": place.folder, "logs": place.logs}
    return {name: path.relative_to(directory.path).as_posix() for name, path in folders.items()} | {"name": place.name}


def _place(directory: RunDirectory, spelled: Mapping[str, str]) -> Place:
    return Place(spelled["name"], directory / spelled["folder"], directory / spelled["logs"])


def _go_on(directory: RunDirectory) -> None:
    """Go on with the move that is noted, from wherever it was stopped; one that moved nothing yet is given up."""
    note = directory / EARLIER / _MOVING
    if not note.is_file():
        return
    moving = json.loads(note.read_text(encoding="utf-8"))
    unit, source, target = moving["unit"], _place(directory, moving["from"]), _place(directory, moving["to"])
    if not source.beside(unit).is_dir():
        with suppress(FileNotFoundError):
            source.beside(f"{unit}.rows.jsonl").replace(target.beside(f"{unit}.rows.jsonl"))
        if moving["logs"] and source.logs.is_dir():
            shutil.rmtree(target.logs, ignore_errors=True)
            source.logs.rename(target.logs)
        if facts := source.facts(f"{unit}.json"):
            named = {"path": target.name} if unit == WHOLE else {}
            jsonl.write_json(target.beside(f"{unit}.json"), facts | named | {"logs": target.logs.name})
            source.beside(f"{unit}.json").unlink()
    note.unlink()


def _clear(unit: str, target: Place) -> None:
    """Remove what nobody wants from a place that is needed; a whole checkpoint stays beside another one's part."""
    if unit == WHOLE:
        target.drop(WHOLE)
    target.drop(PART)
    shutil.rmtree(target.logs, ignore_errors=True)


def give_up(directory: RunDirectory, homes: Sequence[Place]) -> None:
    """Remove what is on its way to another place, and all parts: whole checkpoints stay until others are whole."""
    _go_on(directory)
    shutil.rmtree(directory / EARLIER / _PARKED, ignore_errors=True)
    for home in homes:
        home.drop(PART)


def sweep(directory: RunDirectory, homes: Sequence[Place]) -> None:
    """Once all trainers' checkpoints are at their places, remove what is none of theirs: checkpoints, parts, logs."""
    for place in list(places(directory)):
        if place.folder not in {home.folder for home in homes}:
            progress.say(f"{place.name}: no trainer of the recipe makes it any more; removed")
            place.drop(WHOLE)
    for place in list(places(directory, PART)):
        if place.facts(".part.json"):
            place.drop(PART)
            if place in homes:  # they are the part's, begun beside a checkpoint that is wanted again
                shutil.rmtree(place.logs, ignore_errors=True)
    shutil.rmtree(directory / EARLIER / _PARKED, ignore_errors=True)
    kept = {home.logs for home in homes}
    for logs in (directory / "logs").glob("train*"):
        if logs.is_dir() and logs not in kept and re.fullmatch(r"train(-[0-9]+)?", logs.name):
            shutil.rmtree(logs, ignore_errors=True)
    with suppress(OSError):  # of one trainer it is empty; other files may be there
        (directory / EARLIER).rmdir()
