"""Answers that outlive their run: the same request is answered in any other run that uses the same cache.

One SQLite file in a folder that the recipe names. It is a convenience, not the truth: what is taken from it goes into
the run's journal, marked as not billed, and a run without it goes on as before.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from magicoder_core import jsonl
from magicoder_core.asking.journal import Entry
from magicoder_core.errors import RunError

_GROUP = 64
"""Answers that are written together."""

_WAIT = 30.0
"""Seconds to wait for other runs that write."""


@dataclass
class Cache:
    """Answers by key; several runs may use one at a time.

    Raises:
        RunError: the folder cannot be used.
    """

    folder: Path
    _waiting: list[tuple[bytes, bytes]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """Open it; the first run makes it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w")
            with self._alone():
                self._file = sqlite3.connect(self.folder / "answers.sqlite", timeout=_WAIT, isolation_level=None)
                self._file.execute("PRAGMA journal_mode = WAL")
                self._file.execute("PRAGMA synchronous = NORMAL")
                self._file.execute(
                    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, line BLOB NOT NULL) WITHOUT ROWID"
                )
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        """The cache itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Write what waits, and close it."""
        try:
            self._flush()
        finally:
            with self._lock, self._alone():
                self._file.close()

    def find(self, key: str) -> Entry | None:
        """The answer of that key, if any run had it.

        Raises:
            RunError: the cache cannot be read.
        """
        try:
            row = self._file.execute("SELECT line FROM answers WHERE key = ?", (bytes.fromhex(key),)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        if row is None:
            return None
        line = jsonl.decoded(row[0])
        return Entry.of_line(key, line["end"], line)

    def keep(self, entry: Entry) -> None:
        """Give an answer to later runs.

        Raises:
            RunError: the cache cannot be written.
        """
        self._waiting.append((bytes.fromhex(entry.key), entry.encoded(end=entry.end)))
        if len(self._waiting) >= _GROUP:
            self._flush()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Within the block no other run opens or closes the file: SQLite waits for who writes, but not for who does that.

        The switch to a write-ahead log, and the end of the last connection, answer "database is locked" at once.
        """
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        try:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> RunError:
        return RunError(f"generate.cache: {self.folder} cannot be used: {error}; mend that, or leave the option out")
