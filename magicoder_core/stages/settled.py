"""What of the stage `generate` is settled: the rows and failures of the first snippets, and where to go on.

After a kill the journal gives every answer again, but reading 80,000 of them takes a while; so both files grow under
their ``.part`` names, and ``generate.state`` says from time to time how far they are sure to be right. It is a
shortcut and no source of truth: without it, or for another key, everything is made of the journal anew.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from magicoder_core import jsonl
from magicoder_core.asking import Asker
from magicoder_core.asking.durable import disk_of
from magicoder_core.asking.errand import RETRIED
from magicoder_core.errors import RunError
from magicoder_core.records import Instruction, Rejection, Snippet
from magicoder_core.stages.tally import Tally

STATE = "generate.state"

_EVERY = 0.5
"""Seconds between two saves: what lies between is made of the journal again, at some 2,500 rows a second."""

_MONEY = ("requests", "prompt_tokens", "completion_tokens", "usd", "priced")


@dataclass(slots=True)
class Drawn:
    """A snippet, and the byte of ``snippets.jsonl`` at which the next one begins."""

    snippet: Snippet
    end: int


@dataclass
class Settled:
    """The two files of the stage as they grow, and the state beside them.

    Args:
        folder: the run directory.
        key: what the stage's result depends on.
        made: name of the file of rows.
        failed: name of the file of failures.
    """

    folder: Path
    key: Mapping[str, Any]
    made: str
    failed: str
    _position: int = field(default=0, init=False)
    _before: dict[str, Any] | None = field(default=None, init=False)
    _reached: int = field(default=0, init=False)
    _saved: float = field(default_factory=time.monotonic, init=False)
    _next: dict[str, Any] | None = field(default=None, init=False)
    _failed: list[OSError] = field(default_factory=list, init=False)

    def forget(self) -> None:
        """Let nothing of an earlier try count."""
        (self.folder / STATE).unlink(missing_ok=True)

    def open(self, asker: Asker, tally: Tally) -> Self:
        """Take up what an earlier try settled, and count what was spent since."""
        state = self._state(asker.journal.size)
        sizes = state.get("sizes", [0, 0])
        self._rows = jsonl.Growing(self.folder / self.made, sizes[0])
        self._failures = jsonl.Growing(self.folder / self.failed, sizes[1])
        self._disks = [disk_of(file.descriptor, self._failed.append) for file in (self._rows, self._failures)]
        if state:
            self._position = state["position"]
            tally.restore(state["tally"])
            for name in _MONEY:
                setattr(asker.budget, name, state["spent"][name])
        for entry in asker.journal.entries(state.get("journal", 0)):
            if entry.teacher == asker.identity:
                asker.count(entry)
        self._asker, self._tally = asker, tally
        return self

    def _state(self, journal: int) -> dict[str, Any]:
        """The state of an earlier try; empty if there is none that fits the key and the files."""
        try:
            state: dict[str, Any] = json.loads((self.folder / STATE).read_bytes())
        except (OSError, ValueError):
            return {}
        parts = [self.folder / f"{name}.part" for name in (self.made, self.failed)]
        there = all(part.exists() for part in parts)
        if state.get("key") != _digest(self.key) or not there or journal < state["journal"]:
            return {}
        fits = all(part.stat().st_size >= size for part, size in zip(parts, state["sizes"], strict=True))
        return state if fits else {}

    def left(self, snippets: Path) -> Iterator[Drawn]:
        """The snippets that are not settled, in their order."""
        with snippets.open("rb") as lines:
            lines.seek(self._position)
            end = self._position
            for line in lines:
                end += len(line)
                self._reached = end
                yield Drawn(Snippet.restored(jsonl.decoded(line)), end)

    def row(self, drawn: Drawn, row: Instruction, requests: tuple[str, ...]) -> None:
        """Write the next snippet's row, with the ids of the requests that made it."""
        self._rows.write(_written(row, requests))
        self._position, self._before = drawn.end, None

    def failure(self, drawn: Drawn, rejection: Rejection, requests: tuple[str, ...]) -> None:
        """Write why the next snippet has no row.

        Where nothing has been answered since, it is not settled: a later try asks again.
        """
        if rejection.reason not in RETRIED:
            self._before = None
        elif self._before is None:
            self._before = self._place()
        self._failures.write({"snippet": drawn.snippet.id, **rejection.to_dict(), "requests": list(requests)})
        self._position = drawn.end

    def save_now_and_then(self) -> None:
        """Save the state of the last time, if that is a while ago and the disk has by now what it speaks of.

        In this order, for after a power cut a state without its rows would be believed. The state itself need not be
        durable: it is a shortcut, and half of one is none.
        """
        now = time.monotonic()
        if now - self._saved < _EVERY or any(disk.busy() for disk in self._disks):
            return
        self._saved = now
        if self._next is not None and not self._failed:
            part = self.folder / f"{STATE}.part"
            part.write_bytes(json.dumps(self._next).encode("ascii"))
            part.replace(self.folder / STATE)
        self._next = self._snapshot()
        for disk in self._disks:
            disk.ask()

    def _snapshot(self) -> dict[str, Any]:
        budget = self._asker.budget
        place = self._place()
        return {
            "key": _digest(self.key),
            **(self._before or place),
            "journal": self._asker.journal.size,
            "spent": {name: getattr(budget, name) for name in _MONEY},
        }

    def _place(self) -> dict[str, Any]:
        """How far the snippets are settled."""
        sizes = [self._rows.flush(), self._failures.flush()]
        return {"position": self._position, "sizes": sizes, "tally": self._tally.to_dict()}

    def begun(self, snippets: Path) -> Iterator[Drawn]:
        """The snippets that were begun and are not settled: the journal may have answers for them."""
        reached = self._reached
        return itertools.takewhile(lambda drawn: drawn.end <= reached, self.left(snippets))

    def publish(self, more: list[tuple[Instruction, tuple[str, ...]]]) -> None:
        """Give the files so far their names, with further rows in their snippets' order; the next try makes them anew."""
        self._rows.publish(_written(row, requests) for row, requests in more)
        self._failures.publish()

    def stop(self) -> None:
        """Leave everything as it is for a later try."""
        self._let_go()
        state = self._snapshot()
        if self._failed:  # the system tells a failure once: no later call would hear of it
            self.forget()
        else:
            self._rows.sync()
            self._failures.sync()
            jsonl.write_json(self.folder / STATE, state)
        self._rows.close()
        self._failures.close()

    def _let_go(self) -> None:
        for disk in self._disks:
            disk.close()

    def finish(self) -> None:
        """The stage is through: the files get their names.

        Raises:
            RunError: the disk has failed under them; all is made of the journal anew by the next try.
        """
        self._let_go()
        if self._failed:
            self._rows.close()
            self._failures.close()
            self.forget()
            why = f"{self._rows.part}: {self._failed[0].strerror}"
            raise RunError(f"{why}; mend that and run the same command again: all answers are kept")
        self._rows.finish()
        self._failures.finish()
        self.forget()


def _written(row: Instruction, requests: tuple[str, ...]) -> dict[str, Any]:
    return row.to_dict() | {"requests": requests}


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
