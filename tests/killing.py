"""Kills runs of `magicoder` (SIGKILL) at chosen points, and holds them to what a kill may cost.

A kill loses no answer that was in the journal; what is paid again is at most what was out at the kill. A power loss
is played after some kills by cutting the journal within its last record.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import driving

MODES = ("answers", "write", "resume")
"""After some more answers; the moment the journal has grown so often; while it is being opened again, or just after."""


@dataclass
class Kill:
    """One kill: where it struck, and how many requests were out then."""

    mode: str
    answers: int
    out: int
    torn: bool


@dataclass
class Killed:
    """A run that is killed again and again, then ends.

    Args:
        folder: where the recipe and the run are.
        server: its account tells what was paid.
        rows: snippets.
        concurrency: requests in flight.
        seed: decides the points.
        behaviour: of the server, as `servers.Behaviour` has it.
    """

    folder: Path
    server: driving.ServerProcess
    rows: int
    concurrency: int
    seed: int
    behaviour: dict[str, Any]
    kills: list[Kill] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.server.reset(**self.behaviour)
        self.recipe = driving.recipe(self.folder, self.server.url, self.rows, concurrency=self.concurrency)
        self.directory = self.folder / "killed"
        self.journal = self.directory / "journal.jsonl"

    def arguments(self, directory: Path) -> list[str]:
        """The command, the same each time."""
        return driving.command("run", self.recipe, "--dir", directory, "--to", "filter")

    def kill(self, mode: str, last: int) -> None:
        """Start it and kill it; with ``answers`` not later than when the journal holds ``last`` records."""
        before = self._read()
        process = driving.start(self.folder, self.arguments(self.directory), "killed")
        self._await(lambda: _status(self.directory) == "running", process)
        if mode == "resume":
            # Opening the journal takes a fraction of this, the first requests go out within it.
            time.sleep(self._random.uniform(0.0, 0.8))
        elif mode == "write":
            growths = self._random.randrange(1, 10)
            self._await(lambda: self._growths(process) >= growths, process)
        else:
            more = self._random.randrange(1, max(2, last - before.count(b"\n")))
            self._await(lambda: self._records(process) >= before.count(b"\n") + more, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._settle(mode, before)

    def _await(self, reached: Callable[[], bool], process: Any) -> None:
        """Look without a pause: the kill is to come within the moment."""
        deadline = time.monotonic() + 100
        while not reached():
            error = (self.folder / "killed.err").read_text()
            assert process.poll() is None, f"it ended before it could be killed: {error[-2000:]}"
            assert time.monotonic() < deadline, "nothing to kill at"

    def _growths(self, process: Any) -> int:
        """How often this process was seen to make the journal longer."""
        size = self.journal.stat().st_size if self.journal.exists() else 0
        of, last, times = getattr(self, "_grown", (None, 0, 0))
        if of != process.pid:
            last, times = size, 0
        self._grown = (process.pid, size, times + (size > last))
        return self._grown[2]

    def _records(self, process: Any) -> int:
        """Records in the journal, counted only where it has grown."""
        size = self.journal.stat().st_size if self.journal.exists() else 0
        if size != getattr(self, "_seen", (-1, 0))[0]:
            self._seen = (size, self._read().count(b"\n"))
        return self._seen[1]

    def _settle(self, mode: str, before: bytes) -> None:
        """Note what was out, hold the journal to what it held before, and tear its end now and then."""
        after = self._read()
        whole = after[: after.rfind(b"\n") + 1]
        assert whole.startswith(before[: before.rfind(b"\n") + 1]), "an answer that was in the journal is gone"
        stats = self._server_at_rest()
        out = stats["requests"] - self._before_kills() - whole.count(b"\n")
        torn = bool(whole) and self._random.random() < 1 / 3
        if torn:
            record = whole.rstrip(b"\n").rfind(b"\n") + 1
            with self.journal.open("r+b") as journal:
                journal.truncate(self._random.randrange(record + 1, len(whole)))
        self.kills.append(Kill(mode, whole.count(b"\n"), out, torn))

    def _before_kills(self) -> int:
        """Requests whose end is in no journal: those that were out at earlier kills, and records that were torn."""
        return sum(kill.out + kill.torn for kill in self.kills)

    def _server_at_rest(self) -> dict[str, Any]:
        """Its account once the requests of the killed have been answered to nobody."""
        last = None
        while (stats := self.server.stats())["by_status"] != last:
            last = stats["by_status"]
            time.sleep(2 * (self.behaviour.get("latency", 0.0) + self.behaviour.get("jitter", 0.0)) + 0.02)
        return stats

    def _read(self) -> bytes:
        return self.journal.read_bytes() if self.journal.exists() else b""

    def finish(self, *, beside: bool = True) -> dict[str, Any]:
        """Run it to its end and hold it to its word; the server's account.

        Args:
            beside: whether it is compared with a run from nothing, too, and not only with one on its journal.

        Raises:
            AssertionError: rows are lost, too much is paid again, or another run makes other files.
        """
        ended = driving.execute(self.folder, self.arguments(self.directory))
        assert ended.status == 0, ended.err[-2000:]
        stats = self.server.stats()
        made = driving.final(self.directory)
        assert sum(made[name].count(b"\n") for name in driving.FINAL[:2]) == self.rows, "rows are lost"
        # A torn record was an answer that had come; only a loss of power takes it.
        allowed = sum(kill.out + kill.torn for kill in self.kills)
        assert stats["paid_twice"] <= allowed, f"{stats['paid_twice']} paid again, {allowed} were out"
        assert all(kill.out <= self.concurrency for kill in self.kills), self.kills
        assert driving.final(self._again("copied", self.journal)) == made, "the journal alone gives other files"
        assert self.server.stats()["requests"] == stats["requests"], "all answers were in the journal"
        assert not beside or driving.final(self._again("whole")) == made, "a run without kills gives other files"
        return stats

    def _again(self, name: str, journal: Path | None = None) -> Path:
        """The same run in another folder, with a copy of a journal or from nothing."""
        other = self.folder / name
        other.mkdir()
        if journal:
            shutil.copy(journal, other)
        ended = driving.execute(self.folder, self.arguments(other))
        assert ended.status == 0, ended.err[-2000:]
        return other


def _status(directory: Path) -> str | None:
    path = directory / "run.json"
    try:
        return str(json.loads(path.read_text())["stages"]["generate"]["status"])
    except (FileNotFoundError, KeyError):
        return None
