"""One command in several processes, as `torchrun` and `accelerate launch` start it: rank 0 leads, the others train along.

    torchrun --nproc_per_node 2 -m magicoder_core run RECIPE

Rank 0 alone runs the stages, holds the run directory and prints. Each other rank waits for its word, calls a trainer
when (and only when) rank 0 does, with the same options and arguments, and ends when rank 0 ends. How the processes
find each other in there is the trainer's matter: nothing here needs torch.

The word goes through a folder that every rank can name before there is a run directory, on whatever disk the nodes
share: ``.launch/`` beside it. Each follower leaves a number there that nobody else has and believes only a note that
repeats it, so that what an earlier launch left behind misleads nobody, whatever its clocks, ports and names were.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import options, plugins, recipe, rundir
from magicoder_core.errors import RecipeError, RunError, attributed
from magicoder_core.recipe import Recipe
from magicoder_core.records import TrainingData
from magicoder_core.trainers import Trainer

FOLDER = ".launch"
_NOTE = "rank-0.json"

_BEAT = 5.0
"""Seconds between two signs of life."""

_LOOK = 0.25
"""Seconds between two looks at the folder."""

_PATIENCE = 600.0
"""Seconds without a sign of life from rank 0 until a rank gives up. Rank 0 also needs time to import what it uses."""

_FAREWELL = 120.0
"""Seconds that rank 0 gives the others to come and to leave, before it goes alone: a slow one may still be starting."""

_KEPT = 7 * 24 * 3600.0
"""Seconds after which folders of launches that were killed are taken away."""


@dataclass(frozen=True)
class Launch:
    """Which of how many processes this is, and what their launcher calls them together."""

    rank: int
    world: int
    name: str

    def folder(self, read: Recipe | None, directory: Path | None) -> Path:
        """Where the processes of this launch meet: beside the run directory, or where new ones are made.

        Args:
            read: the recipe; it does not matter where there is a ``directory``.
            directory: the run directory, if the command names it.
        """
        name = directory.name if directory else f"{read.name}-{read.key}" if read else ""
        above = directory.parent if directory else rundir.RUNS
        return above / FOLDER / hashlib.sha256(f"{name} {self.name}".encode()).hexdigest()[:16]


def here(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The launch that this process is one of; None where it is alone.

    Raises:
        RunError: ``RANK`` or ``WORLD_SIZE`` is no number that fits.
    """
    given = {name: environment.get(name, "") for name in ("RANK", "WORLD_SIZE")}
    if not all(given.values()) or given["WORLD_SIZE"] == "1":
        return None
    try:
        rank, world = map(int, given.values())
    except ValueError:
        rank, world = -1, 0
    if not 0 <= rank < world:
        raise RunError(
            f"RANK={given['RANK']!r}, WORLD_SIZE={given['WORLD_SIZE']!r}: no process of a launch; unset them"
        )
    names = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT", "WORLD_SIZE")
    return Launch(rank, world, " ".join(environment.get(name, "") for name in names))


class Leader:
    """Rank 0's side: its note, which a thread keeps alive."""

    def __init__(self, folder: Path, world: int) -> None:
        self._folder, self._others = folder, world - 1
        self._met: set[str] = set()
        self._note: dict[str, Any] = {
            "status": "at work",
            "process": os.getpid(),
            "seen": {},
            "tasks": [],
            "beat": 0,
        }
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="launched", daemon=True)

    def begin(self) -> None:
        """Give the first sign of life.

        Raises:
            RunError: the folder cannot be used.
        """
        try:
            _forget_old(self._folder.parent)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write()
        except OSError as error:
            raise RunError(f"{self._folder}: cannot be used to lead the other processes: {error.strerror}") from error
        self._thread.start()

    def announce(self, task: Mapping[str, Any]) -> None:
        """Have the others begin a task."""
        self._write(tasks=[*self._note["tasks"], dict(task)])

    def end(self, status: str) -> None:
        """Tell the others to end, and see them off."""
        self._over.set()
        self._thread.join()
        with suppress(OSError):  # what ended the work says more
            self._write(status=status)
            if status == "ended" and self._gone():
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.parent.rmdir()  # if no other launch has a folder there

    def _gone(self) -> bool:
        """Whether each of the others has come, heard of the end and left."""
        deadline = time.monotonic() + _FAREWELL
        while (seen := _present(self._folder)) or len(self._met) < self._others:
            if time.monotonic() > deadline:
                return False
            self._write(seen=seen)
            time.sleep(_LOOK)
        return True

    def _live(self) -> None:
        last = time.monotonic()
        while not self._over.wait(_LOOK):
            seen = _present(self._folder)
            if seen != self._note["seen"] or time.monotonic() - last >= _BEAT:
                last = time.monotonic()
                with suppress(OSError):  # a full disk may have room again; the others wait for a while
                    self._write(seen=seen, beat=self._note["beat"] + 1)

    def _write(self, **news: Any) -> None:
        with self._lock:
            self._note |= news
            self._met.update(self._note["seen"].values())
            part = self._folder / f"{_NOTE}.part"
            part.write_text(json.dumps(self._note), encoding="utf-8")
            part.replace(self._folder / _NOTE)


_leaders: list[Leader] = []


@contextmanager
def leading(launch: Launch, folder: Path) -> Iterator[None]:
    """Lead the other processes within the block: they hear of each `joined` trainer, and of the end.

    After the block it waits until all of them have: one that is slow to start would else wait for nobody.

    Raises:
        RunError: the folder cannot be used.
    """
    leader = Leader(folder, launch.world)
    leader.begin()
    _leaders.append(leader)
    status = "failed"
    try:
        yield
        status = "ended"
    finally:
        _leaders.remove(leader)
        leader.end(status)


def joined(name: str, trainer: Trainer, data: TrainingData, output: Path) -> None:
    """Have the other processes call ``trainer.train(data, output)``, too; to be called right before that call.

    Nothing happens in a process that is alone.

    Args:
        name: the trainer's.
        trainer: it, with the options that it has now.
        data: what it learns from.
        output: where its model goes.
    """
    for leader in _leaders:
        leader.announce(
            {
                "trainer": name,
                "options": _initial(trainer),
                "data": _initial(data),
                "output": str(output),
            }
        )


def _initial(made: Any) -> dict[str, Any]:
    """What an object was made of, as plain JSON."""
    given = options.values(made)
    return {item.name: given[item.name] for item in dataclasses.fields(made) if item.init}


def follow(launch: Launch, given: str, overrides: Sequence[str], directory: Path | None) -> None:
    """Wait for rank 0's word and train along, until it ends. Nothing is said, and no run directory is made.

    Args:
        launch: which process this is.
        given: the recipe of the command.
        overrides: its overrides.
        directory: its run directory, if it names one.

    Raises:
        RunError: rank 0 is gone without a word, or a trainer failed here.
        SystemExit: rank 0 failed, and says why itself; status 1.
    """
    try:
        read = None if directory else recipe.read(given, overrides)
    except RecipeError as error:
        raise SystemExit(1) from error  # rank 0 says it
    heed(launch, launch.folder(read, directory))


def heed(launch: Launch, folder: Path, *, patience: float = _PATIENCE) -> None:
    """Do what the notes in ``folder`` say, until they say that it is over.

    Args:
        launch: which process this is.
        folder: where the launch meets.
        patience: seconds without a sign of life until rank 0 is given up.

    Raises:
        RunError, SystemExit: as `follow`.
    """
    own, mine = secrets.token_hex(8), folder / f"rank-{launch.rank}"
    last, since, done = None, time.monotonic(), 0
    try:
        while time.monotonic() - since < patience:
            _show(mine, own)
            note = _read(folder / _NOTE)
            if note is None or note["seen"].get(mine.name) != own or note == last:
                time.sleep(_LOOK)
                continue
            last, since = note, time.monotonic()
            if note["status"] != "at work":
                break
            for task in note["tasks"][done:]:
                _train(task)
                done, since = done + 1, time.monotonic()
        else:
            raise RunError(f"rank {launch.rank}: no sign of life from rank 0 in {patience:g} s; start the launch again")
    finally:
        mine.unlink(missing_ok=True)
    if last["status"] == "failed":
        raise SystemExit(1)


def _train(task: Mapping[str, Any]) -> None:
    found = plugins.catalogue().find("trainer", task["trainer"])
    trainer: Any = options.bind(found.provider, task["options"], "trainer")
    data = options.bind(TrainingData, task["data"], "data")
    with attributed("trainer", found.name):
        trainer.train(data, Path(task["output"]))


def _show(mine: Path, own: str) -> None:
    """Leave this process's number where rank 0 looks; it may have cleared the folder of an earlier launch."""
    if mine.is_file():
        with suppress(OSError):
            if mine.read_text(encoding="ascii") == own:
                return
    with suppress(OSError):  # the disk of another node may show the folder later
        mine.parent.mkdir(parents=True, exist_ok=True)
        part = mine.with_name(f"{mine.name}.part")
        part.write_text(own, encoding="ascii")
        part.replace(mine)


def _present(folder: Path) -> dict[str, str]:
    """The numbers of the ranks that are there, by their files' names."""
    found = {}
    for path in folder.glob("rank-*"):
        if not path.suffix:
            with suppress(OSError):  # it has just left
                found[path.name] = path.read_text(encoding="ascii")
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note


def _forget_old(above: Path) -> None:
    for folder in above.glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _KEPT:
                shutil.rmtree(folder)
