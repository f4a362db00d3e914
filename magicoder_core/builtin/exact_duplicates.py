"""Filter ``exact-duplicates``: no snippet, problem or solution twice.

Semantics of the published cleaning (`ise-uiuc/magicoder` at 3ef43f0, `clean_data.py`): texts are equal if they are
without white space, case kept; the first row wins; only rows that are kept count, so that a dropped row shadows
nobody. Rows do not carry their snippet: ``parent`` stands for it, which the stage `filter` makes the same for snippets that
differ in white space or origin alone (`magicoder_core.filtering.snippets`). The published filter does not say which row is
duplicated; ours does.

Memory is bounded: of very many rows, what was seen stands in a database without a name in the folder for temporary
files (``TMPDIR``), about 50 bytes for each part of a row.
"""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final, Literal

from magicoder_core import Filter, Instruction, Judgement, RunError

Field = Literal["seed", "problem", "solution"]

IN_MEMORY: Final = 1 << 18
"""Parts of rows that are kept in memory before they go to the disk together: about 45 MB."""

_SPACE: Final = bytes(byte for byte in range(0x80) if chr(byte).isspace())

_FILTER_BITS: Final = 27
_CACHE_KIB: Final = 8192


@dataclass(frozen=True, kw_only=True)
class ExactDuplicates(Filter):
    """Drops a row whose snippet, problem or solution was seen before, white space aside."""

    fields: Annotated[tuple[Field, ...], "which parts of a row must be new"] = ("seed", "problem", "solution")

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Keep the first of equals; evidence is ``field`` and ``duplicate_of``, the id of the kept row.

        Raises:
            RunError: there is no space for what was seen.
        """
        return [self._judge(row) for row in batch]

    @cached_property
    def _seen(self) -> Seen:
        return Seen(IN_MEMORY)

    def _judge(self, row: Instruction) -> Judgement:
        keys = dict(self._keys(row))
        for field, key in keys.items():
            if first := self._seen.get(key):
                evidence = {"field": field, "duplicate_of": first}
                return Judgement(keep=False, reason=f"duplicate {field}", evidence=evidence)
        self._seen.add(keys.values(), row.id)
        return Judgement(keep=True)

    def _keys(self, row: Instruction) -> Iterator[tuple[Field, bytes]]:
        texts: dict[Field, str] = {"seed": row.parent, "problem": row.problem, "solution": row.solution}
        for field in self.fields:
            # Rows of another origin have no snippet: that makes them no duplicates of each other.
            if field != "seed" or row.parent:
                yield field, digest(field, texts[field])


def digest(field: str, text: str) -> bytes:
    """16 bytes that tell texts apart, white space aside; texts of different fields are never equal."""
    return hashlib.blake2b(field.encode() + b"\0" + _bare(text), digest_size=16).digest()


def _bare(text: str) -> bytes:
    """``"".join(text.split())`` in UTF-8."""
    if text.isascii():  # several times as quick
        return text.encode().translate(None, _SPACE)
    return "".join(text.split()).encode("utf-8", "surrogatepass")


class Seen:
    """Ids by digests, as the kept rows' by that of each part: 16 bytes a part, however long the texts are.

    The latest are in memory. Each time that they are ``in_memory`` many, they go to the disk, in their order, and a
    filter of bits (16 MB) tells of most other digests that they need not be looked for there.

    Args:
        in_memory: how many.
    """

    def __init__(self, in_memory: int) -> None:
        self._limit = in_memory
        self._recent: dict[bytes, str] = {}
        self._disk: _Disk | None = None

    def get(self, key: bytes) -> str | None:
        """The id that was added with this digest."""
        found = self._recent.get(key)
        return self._disk.get(key) if found is None and self._disk else found

    def add(self, keys: Iterable[bytes], row: str) -> None:
        """New digests of a row (or whatever has that id).

        Raises:
            RunError: the disk is full.
        """
        self._recent.update(dict.fromkeys(keys, row))
        if len(self._recent) >= self._limit:
            self._disk = self._disk or _Disk()
            self._disk.add(self._recent)
            self._recent = {}


class _Disk:
    """A mapping of digests in an unnamed database: it is gone when nobody holds it."""

    def __init__(self) -> None:
        # In autocommit, and without a journal: nobody but this process ever reads it.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._base.close)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._base.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID")
        self._bits = bytearray(1 << (_FILTER_BITS - 3))

    def get(self, key: bytes) -> str | None:
        byte, bit = self._place(key)
        if not self._bits[byte] & bit:
            return None
        found = self._base.execute("SELECT row FROM seen WHERE digest = ?", (key,)).fetchone()
        return found[0] if found else None

    def add(self, rows: dict[bytes, str]) -> None:
        try:
            self._base.execute("BEGIN")
            self._base.executemany("INSERT INTO seen VALUES (?, ?)", sorted(rows.items()))
            self._base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise RunError(
                f"exact-duplicates cannot write down what it has seen ({error}); name a folder with more room in TMPDIR"
            ) from error
        for key in rows:
            byte, bit = self._place(key)
            self._bits[byte] |= bit

    def _place(self, key: bytes) -> tuple[int, int]:
        number = int.from_bytes(key[:4], "little") >> (32 - _FILTER_BITS)
        return number >> 3, 1 << (number & 7)
