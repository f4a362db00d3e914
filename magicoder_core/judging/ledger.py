"""Verdicts written down as they are given, so that a scoring that was stopped goes on.

    {"key": "<32 hex digits>", "of": {...}}                    what the verdicts below it depend on
    {"at": position, "program": "<sha256>", "verdict": {...}}  one program's

The file only grows: verdicts under another key (other options, data, versions, isolation) stay where they are and are
not used, and each is found again when its key comes back. A torn last line is cut off. In memory there are eight bytes
for each program.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from magicoder_core import jsonl
from magicoder_core.content import canonical
from magicoder_core.errors import RunError
from magicoder_core.records import Verdict

_NOWHERE = -1


def key_of(facts: Mapping[str, Any]) -> str:
    """What names the verdicts that depend on ``facts`` (plain JSON values): 32 hex digits."""
    return hashlib.sha256(canonical(facts)).hexdigest()[:32]


class Ledger:
    """The verdicts on the programs of one file, by position; use it in a ``with`` block.

    Args:
        path: the ledger's own file.
        facts: all that a verdict depends on besides the program.
        new: forget what is there.

    Raises:
        RunError: another process holds the file.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], *, new: bool = False) -> None:
        self.path = path
        self._facts, self._key = facts, key_of(facts)
        self._places = array("q")
        self._size = 0
        self.known = 0
        """Verdicts of earlier tries that can be used again."""
        self.foreign = 0
        """Verdicts that cannot, because they depend on something else."""
        self._out = path.open("ab")
        try:
            fcntl.flock(self._out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if new:
                self._out.truncate(0)
            self._scan()
        except BlockingIOError as error:
            self._out.close()
            raise RunError(f"{path}: another magicoder judges these programs; wait for it or end it") from error
        except BaseException:
            self._out.close()
            raise
        self._back = path.open("rb")

    def __enter__(self) -> Self:
        """Go on where the file ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the file for a later try."""
        self._back.close()
        self._out.close()

    def find(self, position: int, digest: str) -> Verdict | None:
        """The verdict on the program at ``position``, if it is the one of that digest."""
        row = self._row(position)
        return Verdict.from_dict(row["verdict"]) if row is not None and row["program"] == digest else None

    def at(self, position: int) -> Verdict:
        """The verdict on the program at ``position``.

        Raises:
            KeyError: there is none.
        """
        row = self._row(position)
        if row is None:
            raise KeyError(position)
        return Verdict.from_dict(row["verdict"])

    def first(self, count: int) -> Iterator[Verdict]:
        """The verdicts on the first ``count`` programs, in their order.

        Raises:
            KeyError: one is missing.
        """
        return map(self.at, range(count))

    def add(self, position: int, digest: str, verdict: Verdict) -> None:
        """Write a verdict down; a kill of this process does not lose it."""
        self._note(position, self._size)
        self._write({"at": position, "program": digest, "verdict": verdict.to_dict()})

    def remove(self) -> None:
        """Take the file away: its verdicts stand elsewhere now."""
        self.path.unlink(missing_ok=True)

    def _row(self, position: int) -> dict[str, Any] | None:
        if position >= len(self._places) or self._places[position] == _NOWHERE:
            return None
        self._back.seek(self._places[position])
        line = self._back.readline()
        # orjson would read a whole number of more than 64 bits, among a failed test's arguments, as a float.
        row: dict[str, Any] = json.loads(line) if b'"extra":' in line else jsonl.decoded(line)
        return row

    def _note(self, position: int, place: int) -> None:
        self._places.extend([_NOWHERE] * (position + 1 - len(self._places)))
        self._places[position] = place

    def _write(self, row: Mapping[str, Any]) -> None:
        line = jsonl.encoded(row) + b"\n"
        try:
            self._out.write(line)
            self._out.flush()
        except OSError as error:
            # Python's own error does not name the file where it comes from a write.
            error.filename = error.filename or str(self.path)
            raise
        self._size += len(line)

    def _scan(self) -> None:
        """Find the verdicts that are there, cut a torn end off, and begin a part of our own."""
        ours = False
        with self.path.open("rb", buffering=1 << 20) as lines:
            for line in lines:
                if (row := _whole(line)) is None:
                    self._refuse_foreign(line)
                    break
                ours = row["key"] == self._key if "key" in row else ours
                self._take(row, ours=ours)
                self._size += len(line)
        self._out.truncate(self._size)
        self.known = sum(place != _NOWHERE for place in self._places)
        if not ours:
            self._write({"key": self._key, "of": dict(self._facts)})

    def _refuse_foreign(self, line: bytes) -> None:
        """A file that begins with something else is not ours to write into."""
        if self._size == 0 and line.endswith(b"\n"):
            raise RunError(f"{self.path}: holds something else than verdicts; move it away")

    def _take(self, row: Mapping[str, Any], *, ours: bool) -> None:
        if "key" in row:
            return
        if not ours:
            self.foreign += 1
        # What could not be judged is tried again.
        elif row["verdict"]["status"] != "harness_error":
            self._note(row["at"], self._size)


def _whole(line: bytes) -> dict[str, Any] | None:
    """The object of a line, if it was written to its end."""
    try:
        row = jsonl.decoded(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    shaped = isinstance(row, dict) and ("key" in row or {"at", "program", "verdict"} <= row.keys())
    return row if shaped else None
