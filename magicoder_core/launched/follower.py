"""The side of the other ranks: they wait for rank 0's word, train along, and end when it ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from magicoder_core import options, plugins, recipe
from magicoder_core.errors import MagicoderError, RecipeError, RunError, attributed
from magicoder_core.launched.launch import Launch
from magicoder_core.launched.meeting import LOOK, PATIENCE, Meeting, Word
from magicoder_core.records import TrainingData

_WORTH_A_WORD = 30.0
"""Seconds without a note from rank 0 after which it is said what is waited for."""


def follow(
    launch: Launch, given: str, overrides: Sequence[str], directory: Path | None, say: Callable[[str], None]
) -> None:
    """Wait for rank 0's word and train along, until it ends. No run directory is made.

    Args:
        launch: which process this is.
        given: the recipe of the command.
        overrides: its overrides.
        directory: its run directory, if it names one.
        say: hears a line where rank 0 does not come.

    Raises:
        RunError: rank 0 is gone without a word, or a trainer failed here.
        SystemExit: rank 0 failed, and says why itself; status 1.
    """
    try:
        read = None if directory else recipe.read(given, overrides)
    except RecipeError as error:
        raise SystemExit(1) from error  # rank 0 says it
    heed(launch, launch.folder(read, directory), say=say)


def heed(
    launch: Launch, folder: Path, *, patience: float = PATIENCE, say: Callable[[str], None] = lambda _: None
) -> None:
    """Do what the notes in ``folder`` say, until they say that it is over.

    Args:
        launch: which process this is.
        folder: where the launch meets.
        patience: seconds without a sign of life until rank 0 is given up.
        say: hears a line where rank 0 does not come.

    Raises:
        RunError, SystemExit: as `follow`.
    """
    _Follower(launch, Meeting(folder), patience, say).heed()


class _Follower:
    """A rank at its meeting, with the word that it leaves there."""

    def __init__(self, launch: Launch, meeting: Meeting, patience: float, say: Callable[[str], None]) -> None:
        self._launch, self._meeting, self._patience, self._say = launch, meeting, patience, say
        self._word = Word(secrets.token_hex(8))
        self._note: dict[str, Any] = {}

    def heed(self) -> None:
        """See `heed`."""
        try:
            while self._news()["status"] == "at work":
                for task in self._note["tasks"][self._word.done :]:
                    self._word = _trained(task, self._word)
                    self._meeting.leave(self._launch.rank, self._word)
                    if self._word.failure:
                        raise RunError(self._word.failure)
        finally:
            if not self._word.failure:  # else the next launch is to hear of it
                self._meeting.withdraw(self._launch.rank)
        if self._note["status"] == "failed":
            raise SystemExit(1)

    def _news(self) -> dict[str, Any]:
        """The next note of rank 0 that is for this process.

        Raises:
            RunError: none comes.
        """
        begun, told = time.monotonic(), bool(self._note)
        while (waited := time.monotonic() - begun) < self._patience:
            self._meeting.leave(self._launch.rank, self._word)
            note = self._meeting.note()
            if note is not None and self._is_mine(note) and note != self._note:
                self._note = note
                return note
            if not told and waited > _WORTH_A_WORD:
                told = True
                self._say(self._launch.waits_for("rank 0"))
            time.sleep(LOOK)
        raise RunError(
            f"rank {self._launch.rank}: no sign of life from rank 0 in {self._patience:g} s; start the launch again"
        )

    def _is_mine(self, note: Mapping[str, Any]) -> bool:
        return bool(note["seen"].get(str(self._launch.rank)) == self._word.number)


def _trained(task: Mapping[str, Any], word: Word) -> Word:
    """Train along, and give the word about how that ended."""
    try:
        found = plugins.catalogue().find("trainer", task["trainer"])
        trainer: Any = options.bind(found.provider, task["options"], "trainer")
        data = options.bind(TrainingData, task["data"], "data")
        with attributed("trainer", found.name):
            trainer.train(data, Path(task["output"]))
    except (MagicoderError, OSError) as error:
        return replace(word, output=str(Path(task["output"]).absolute()), failure=" ".join(str(error).split()))
    return replace(word, done=word.done + 1)
