"""Rank 0's side of a launch: its note, which a thread keeps alive."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from magicoder_core import options, progress
from magicoder_core.errors import RunError
from magicoder_core.launched.launch import Launch
from magicoder_core.launched.meeting import LOOK, PATIENCE, Meeting, Word
from magicoder_core.records import TrainingData
from magicoder_core.trainers import Trainer

_BEAT = 5.0
"""Seconds between two signs of life."""

_FAREWELL = 120.0
"""Seconds that rank 0 gives the others to come and to leave, before it goes alone: a slow one may still be starting."""

_WORTH_A_WORD = 10.0
"""Seconds of waiting after which it is said for whom."""


class Leader:
    """Leads a launch.

    Args:
        launch: which one.
        folder: where it meets.

    Attributes:
        begun: how many trainings the others were called to.
        last_words: how trainings failed in other ranks of earlier launches of this run.
    """

    def __init__(self, launch: Launch, folder: Path) -> None:
        self._launch, self._meeting = launch, Meeting(folder)
        self._met: dict[int, str] = {}
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
        self._told_at = 0.0
        self.begun = 0
        self.last_words: list[Word] = []

    def begin(self) -> None:
        """Give the first sign of life.

        Raises:
            RunError: the folder cannot be used, or another launch of this name is at work.
        """
        self._held = self._meeting.hold()
        self.last_words = self._meeting.clear()
        self._told_at = time.monotonic() + _WORTH_A_WORD
        try:
            self._write()
        except OSError as error:
            os.close(self._held)
            raise RunError(
                f"{self._meeting.folder}: cannot be used to lead the other processes: {error.strerror}"
            ) from error
        self._thread.start()

    def announce(self, task: Mapping[str, Any]) -> None:
        """Have the others begin a task, once each of them is there and out of the task before.

        Raises:
            RunError: one of them has failed, or does not come.
        """
        self.begun += 1
        deadline = time.monotonic() + PATIENCE
        self._told_at = time.monotonic() + _WORTH_A_WORD
        while missing := self._missing():
            if time.monotonic() > deadline:
                raise RunError(
                    f"{_named(missing)} did not come to the training in {PATIENCE:g} s; start the launch again"
                )
            self._tell(missing)
            time.sleep(LOOK)
        self._write(tasks=[*self._note["tasks"], dict(task)])

    def end(self, status: str) -> None:
        """Tell the others to end, and see them off."""
        self._over.set()
        self._thread.join()
        with suppress(OSError):  # what ended the work says more
            self._write(status=status)
            if status == "ended" and self._gone():
                self._meeting.remove()
        os.close(self._held)

    def _missing(self) -> list[int]:
        """The ranks that are not ready for a task.

        Raises:
            RunError: one of them has failed.
        """
        words = self._meeting.words()
        if failed := next((item for item in words.items() if item[1].failure), None):
            raise RunError(f"rank {failed[0]}: {failed[1].failure}")
        ready = {rank for rank, word in words.items() if word.done >= len(self._note["tasks"])}
        return [rank for rank in range(1, self._launch.world) if rank not in ready]

    def _gone(self) -> bool:
        """Whether each of the others has come, heard of the end and left."""
        deadline = time.monotonic() + _FAREWELL
        self._told_at = time.monotonic() + _WORTH_A_WORD
        while (missing := self._left()) and time.monotonic() < deadline:
            self._write(seen=self._seen())
            self._tell(missing)
            time.sleep(LOOK)
        if absent := self._absent():
            progress.say(f"{_named(absent)} did not come, and nothing was left to do there")
        return not missing and not any(word.failure for word in self._meeting.words().values())

    def _left(self) -> list[int]:
        """The ranks that have not come yet, or not left."""
        words = {rank: word for rank, word in self._meeting.words().items() if not word.failure}
        return [rank for rank in range(1, self._launch.world) if rank in words or rank not in self._met]

    def _tell(self, missing: list[int]) -> None:
        """Say once whom rank 0 waits for, if it takes long."""
        if time.monotonic() > self._told_at:
            self._told_at = float("inf")
            progress.say(self._launch.waits_for(_named(missing)))

    def _seen(self) -> dict[str, str]:
        return {str(rank): word.number for rank, word in self._meeting.words().items()}

    def _live(self) -> None:
        last = time.monotonic()
        while not self._over.wait(LOOK if (absent := self._absent()) else _BEAT):
            seen = self._seen()
            if seen != self._note["seen"] or time.monotonic() - last >= _BEAT:
                last = time.monotonic()
                with suppress(OSError):  # a full disk may have room again; the others wait for a while
                    self._write(seen=seen, beat=self._note["beat"] + 1)
            if absent:
                self._tell(absent)

    def _absent(self) -> list[int]:
        """The ranks that have not come yet."""
        return [rank for rank in range(1, self._launch.world) if rank not in self._met]

    def _write(self, **news: Any) -> None:
        with self._lock:
            self._note |= news
            self._met |= {int(rank): number for rank, number in self._note["seen"].items()}
            self._meeting.write(self._note)


def _named(ranks: list[int]) -> str:
    return f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"


_leaders: list[Leader] = []


@contextmanager
def leading(launch: Launch, folder: Path) -> Iterator[None]:
    """Lead the other processes within the block: they hear of each `joined` trainer, and of the end.

    After the block it waits until all of them have: one that is slow to start would else wait for nobody.

    Raises:
        RunError: the folder cannot be used.
    """
    leader = Leader(launch, folder)
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

    Raises:
        RunError: another rank has failed in a training before, or does not come.
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


def begun() -> int:
    """How many trainings the processes of this launch were called to so far; none in a process that is alone."""
    return sum(leader.begun for leader in _leaders)


def last_words() -> list[tuple[Path, str]]:
    """Trainings that failed in other ranks of earlier launches of this run: where their model was to go, and why."""
    return [(Path(word.output), word.failure) for leader in _leaders for word in leader.last_words]


def _initial(made: Any) -> dict[str, Any]:
    """What an object was made of, as plain JSON."""
    given = options.values(made)
    return {item.name: given[item.name] for item in dataclasses.fields(made) if item.init}
