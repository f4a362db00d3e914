"""What was looked for in which rows, in a file: a later run looks only for what is new.

A *look* is a needle set at one level with its settings, known by a hash. A row is known by the digest of its texts. New
rows are looked at for all needles, old rows for new needles; what was found of needles that are no longer looked for does
not count, so that a row is released when its set goes.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from magicoder_core import Needle, RunError
from magicoder_decontamination.hits import Hit, Parts

_VERSION: Final = 1
_SECONDS: Final = 60
"""That one of several processes waits for the others to have written."""

_TOGETHER: Final = 10_000
"""Rows that are asked for at once; SQLite bears 32,766."""

_TABLES: Final = """
create table if not exists looks (id integer primary key, key text not null unique);
create table if not exists rows (digest blob primary key, looked text not null, found text not null) without rowid;
"""

_FIELDS: Final = ("start", "end", "confidence", "note", "strong")


@dataclass(frozen=True)
class Known:
    """Of a row: the looks it had, and what they found."""

    looks: frozenset[int]
    hits: tuple[tuple[int, Hit], ...]


UNKNOWN: Final = Known(frozenset(), ())


class Memory:
    """The file, opened on use; several processes may share it.

    Raises:
        RunError: it is no such file, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Asked by one thread at a time, which need not be the one that opened it.
            self._file = sqlite3.connect(path, timeout=_SECONDS, isolation_level=None, check_same_thread=False)
            found = self._file.execute("pragma user_version").fetchone()[0]
            if found not in (0, _VERSION):
                raise self._error(f"is of version {found}, and {_VERSION} is needed; name another file")
            # A commit that is lost in a power cut only costs the look again.
            self._file.executescript(f"pragma journal_mode=wal; pragma synchronous=normal; {_TABLES}")
            self._file.execute(f"pragma user_version={_VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise self._error(
                f"is no memory of decontamination, or cannot be written ({error}); name another file"
            ) from error

    def _error(self, message: str) -> RunError:
        return RunError(f"decontaminate.memory: {self._path} {message}")

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Raises a RunError where the file fails."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._error(f"is damaged, or cannot be written ({error}); delete it, or name another file") from error

    def looks(self, keys: Iterable[str]) -> dict[str, int]:
        """The number of each look; new ones get one."""
        keys = list(keys)
        with self._asked():
            self._file.executemany("insert or ignore into looks (key) values (?)", [(key,) for key in keys])
            numbers = dict(self._file.execute("select key, id from looks"))
        return {key: numbers[key] for key in keys}

    def recall(self, digests: Sequence[bytes]) -> list[Known]:
        """What is known of each row."""
        found: dict[bytes, Known] = {}
        with self._asked():
            for start in range(0, len(digests), _TOGETHER):
                some = digests[start : start + _TOGETHER]
                marks = ",".join("?" * len(some))
                rows = self._file.execute(f"select digest, looked, found from rows where digest in ({marks})", some)  # noqa: S608 - marks
                found |= {bytes(digest): _known(looked, hits) for digest, looked, hits in rows}
        return [found.get(digest, UNKNOWN) for digest in digests]

    def learn(self, rows: Mapping[bytes, Known]) -> None:
        """Write down what is now known of rows."""
        lines = [
            (digest, json.dumps(sorted(one.looks)), json.dumps(list(map(_plain, one.hits))))
            for digest, one in rows.items()
        ]
        with self._asked():
            self._file.execute("begin immediate")
            self._file.executemany("insert or replace into rows values (?, ?, ?)", lines)
            self._file.execute("commit")


def digest(parts: Parts) -> bytes:
    """16 bytes that know a row by its texts."""
    text = "\0".join([*parts.names, *parts.texts]).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def _plain(item: tuple[int, Hit]) -> list[Any]:
    look, hit = item
    needle = hit.needle
    return [
        look,
        hit.level,
        needle.benchmark,
        needle.problem_id,
        needle.kind,
        *(getattr(hit, name) for name in _FIELDS),
    ]


def _known(looked: str, found: str) -> Known:
    return Known(frozenset(json.loads(looked)), tuple(map(_hit, json.loads(found))))


def _hit(item: list[Any]) -> tuple[int, Hit]:
    look, level, benchmark, problem_id, kind, *values = item
    needle = Needle(benchmark=benchmark, problem_id=problem_id, kind=kind, text="")
    return look, Hit(level=level, needle=needle, **dict(zip(_FIELDS, values, strict=True)))
