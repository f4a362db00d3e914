"""The folder in which the processes of a launch leave word for each other, on whatever disk their machines share.

    .launch/RUN-LAUNCH/     beside the run directory; every rank can name it before there is one
      rank-0.json           rank 0's note: what is to be trained, which numbers it has seen, whether it is over
      rank-1 ...            a number that this rank made up, how many trainings it has ended, and how one failed
      leader                locked by rank 0 as long as it lives

A rank believes only a note that repeats its number, so that what an earlier launch left behind misleads nobody, whatever
its clocks, ports and names were. Whatever lies in a folder that no rank 0 holds may be taken away at any time: a rank
that still waits there leaves its word again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from magicoder_core.errors import RunError

FOLDER = ".launch"

LOOK = 0.25
"""Seconds between two looks at the folder."""

PATIENCE = 600.0
"""Seconds without a sign of life until a process is given up. It also needs time to import what it uses."""

_NOTE = "rank-0.json"
_LOCK = "leader"
_KEPT = 7 * 24 * 3600.0
"""Seconds after which a folder of another run, whose launch was killed, is taken away."""


@dataclass(frozen=True)
class Word:
    """What a rank leaves: its number, how many trainings it has ended, and of one that failed its output and why."""

    number: str
    done: int = 0
    output: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Meeting:
    """The folder of one launch."""

    folder: Path

    def note(self) -> dict[str, Any] | None:
        """Rank 0's note, if there is one."""
        return _read(self.folder / _NOTE)

    def write(self, note: Mapping[str, Any]) -> None:
        """Leave rank 0's note.

        Raises:
            OSError: the disk is full or fails.
        """
        _write(self.folder / _NOTE, note)

    def words(self) -> dict[int, Word]:
        """What the ranks have left, by rank."""
        found = {}
        for path in self.folder.glob("rank-*"):
            if not path.suffix and (given := _read(path)) is not None:
                found[int(path.name.partition("-")[2])] = Word(**given)
        return found

    def leave(self, rank: int, word: Word) -> None:
        """Leave a rank's word, unless it lies there; a disk that does not show the folder yet may do so later."""
        path = self.folder / f"rank-{rank}"
        if _read(path) != asdict(word):
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                _write(path, asdict(word))

    def withdraw(self, rank: int) -> None:
        """Take a rank's word away."""
        (self.folder / f"rank-{rank}").unlink(missing_ok=True)

    def hold(self) -> int:
        """Make the folder and hold it as rank 0; gives the open file whose closing, or this process's end, lets go.

        Raises:
            RunError: another launch of this name is at work, or the folder cannot be used.
        """
        try:
            while not self._own(file := self._opened()):
                os.close(file)
        except BlockingIOError as error:
            raise RunError(f"{self.folder}: another launch is at work in this run; wait for it or end it") from error
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be used to lead the other processes: {error.strerror}") from error
        return file

    def _opened(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        return os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)

    def _own(self, file: int) -> bool:
        """Lock an open file; tells whether it is still in its place: until then another launch may take it away."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return (self.folder / _LOCK).exists()

    def clear(self) -> list[Word]:
        """Take away what earlier launches left: in this folder, held by this process, and of the same run elsewhere.

        Returns:
            The words about trainings that failed, the earliest first.
        """
        run = self.folder.name.partition("-")[0]
        left = list(_ends(self.folder))
        for path in self.folder.glob("rank-*"):
            path.unlink(missing_ok=True)
        for other in self.folder.parent.glob("*"):
            if other != self.folder and (other.name.startswith(f"{run}-") or _is_old(other)) and not _is_held(other):
                left += _ends(other) if other.name.startswith(f"{run}-") else ()
                shutil.rmtree(other, ignore_errors=True)
        return [word for _, word in sorted(left, key=lambda end: end[0])]

    def remove(self) -> None:
        """Take the folder away, and the one above it if no other launch has one there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()


def _ends(folder: Path) -> Iterator[tuple[float, Word]]:
    """The words about failures in a folder, with the times of their writing."""
    for rank, word in Meeting(folder).words().items():
        if word.failure:
            with suppress(OSError):
                yield (folder / f"rank-{rank}").stat().st_mtime, word


def _is_held(folder: Path) -> bool:
    """Whether the rank 0 of a folder lives."""
    try:
        file = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _is_old(folder: Path) -> bool:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _KEPT
    return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(path)
