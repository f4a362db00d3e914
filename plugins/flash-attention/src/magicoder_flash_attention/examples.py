"""Rows as labelled tokens: many of them in a few arrays, in memory or mapped from a folder.

75,000 rows of 500 tokens are 150 MB so, and would be over a gigabyte as Python lists.

Imported when training starts: it needs numpy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TOKENS, _ROWS, _ABOUT = "tokens.bin", "rows.bin", "about.json"
_ON_DISK = np.dtype("<i4")
_BLOCK = 1 << 22
"""Tokens hashed at once."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row as tokens: the first ``prompt`` of them are given, the others (solution, stop token) are learnt."""

    id: str
    tokens: list[int]
    prompt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the rows: each is kept, over-long (left out) or refused (it had nothing to learn).

    ``truncated`` are those among the kept that were cut. ``tokens``, ``supervised`` (those that are learnt) and
    ``longest`` are of the kept.
    """

    rows: int
    kept: int
    overlong: int = 0
    truncated: int = 0
    refused: int = 0
    tokens: int = 0
    supervised: int = 0
    longest: int = 0

    def to_dict(self) -> dict[str, int]:
        """The counts by name, in the order of the fields."""
        return asdict(self)


class Examples(Sequence[Example]):
    """Examples in arrays.

    Args:
        ids: of the rows.
        tokens: of all examples, one after another, int32.
        lengths: tokens of each example.
        prompts: how many of these are given and not learnt; at least 1 and fewer than all.
        counts: what became of the rows that these are; by default all are kept.
        starts: where each example begins in ``tokens``, if not behind the one before it.

    Raises:
        ValueError: an example has no prompt, or nothing to learn.
    """

    def __init__(
        self,
        ids: Sequence[str],
        tokens: NDArray[np.int32],
        lengths: ArrayLike,
        prompts: ArrayLike,
        *,
        counts: Counts | None = None,
        starts: NDArray[np.int64] | None = None,
    ) -> None:
        self.ids = ids
        self.lengths: NDArray[np.int32] = np.asarray(lengths, dtype=np.int32)
        self.prompts: NDArray[np.int32] = np.asarray(prompts, dtype=np.int32)
        self._tokens = tokens
        behind = np.cumsum(self.lengths, dtype=np.int64) - self.lengths
        self._starts = behind if starts is None else starts
        self._joined = starts is None
        wrong = np.flatnonzero((self.prompts < 1) | (self.prompts >= self.lengths))
        if len(wrong):
            raise ValueError(f"example {ids[wrong[0]]}: without a prompt, or with nothing to learn")
        self.counts = counts or self._counted()

    @classmethod
    def of(cls, items: Iterable[Example]) -> Self:
        """Examples of single ones."""
        every = list(items)
        joined = np.array([token for item in every for token in item.tokens], dtype=np.int32)
        return cls(
            [item.id for item in every], joined, [len(item.tokens) for item in every], [item.prompt for item in every]
        )

    @property
    def supervised(self) -> NDArray[np.int32]:
        """How many tokens of each are learnt."""
        return self.lengths - self.prompts

    @property
    def largest(self) -> int:
        """The largest token of all."""
        return max((int(part.max(initial=0)) for part in self._blocks()), default=0)

    def tokens(self, number: int) -> NDArray[np.int32]:
        """The tokens of one example, as a view."""
        start = self._starts[number]
        return self._tokens[start : start + self.lengths[number]]

    @overload
    def __getitem__(self, number: int) -> Example: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Example]: ...
    def __getitem__(self, number: int | slice) -> Example | Sequence[Example]:
        if isinstance(number, slice):
            return self.select(range(len(self))[number])
        return Example(self.ids[number], self.tokens(number).tolist(), int(self.prompts[number]))

    def __len__(self) -> int:
        return len(self.lengths)

    def select(self, numbers: Iterable[int]) -> Self:
        """Some of the examples, as those held out; their tokens are not copied. The counts are of these alone."""
        chosen = np.fromiter(numbers, dtype=np.int64)
        ids = [self.ids[number] for number in chosen]
        return type(self)(ids, self._tokens, self.lengths[chosen], self.prompts[chosen], starts=self._starts[chosen])

    @cached_property
    def digest(self) -> str:
        """sha256 over ids, lengths, prompts and tokens, wherever they lie."""
        total = hashlib.sha256(json.dumps(list(self.ids)).encode())
        for part in (self.lengths, self.prompts, *self._blocks()):
            total.update(part.astype(_ON_DISK, copy=False).tobytes())
        return total.hexdigest()

    def _blocks(self) -> Iterator[NDArray[np.int32]]:
        if self._joined:
            for start in range(0, len(self._tokens), _BLOCK):
                yield self._tokens[start : start + _BLOCK]
        else:
            for number in range(len(self)):
                yield self.tokens(number)

    def _counted(self) -> Counts:
        return Counts(rows=len(self), kept=len(self), **measured(self.lengths, self.prompts))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The examples that a `Writer` wrote to ``folder``; their tokens stay on the disk until they are needed.

        Raises:
            OSError: a file is missing or cannot be read.
            ValueError: the folder does not hold what was written.
        """
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_bytes())
        try:
            ids, digest, counts = about["ids"], about["digest"], Counts(**about["counts"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder / _ABOUT}: not what was written") from error
        # As plain arrays: a slice of a memory map is one too, and slow to make.
        tokens = np.asarray(np.memmap(folder / _TOKENS, dtype=_ON_DISK, mode="r"))
        rows = np.fromfile(folder / _ROWS, dtype=_ON_DISK).reshape(2, -1)
        if len(ids) != rows.shape[1] or int(rows[0].sum(dtype=np.int64)) != len(tokens):
            raise ValueError(f"{folder}: files of other sizes than were written")
        made = cls(ids, tokens, rows[0], rows[1], counts=counts)
        if made.digest != digest:
            raise ValueError(f"{folder}: other content than was written")
        return made


class Writer:
    """Writes examples into a folder, tokens as they come: all of them need not fit into memory.

    Args:
        folder: empty; whole when `finish` has returned.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / _TOKENS).open("wb")
        self._ids: list[str] = []
        self._lengths: list[int] = []
        self._prompts: list[int] = []

    @property
    def count(self) -> int:
        """Examples so far."""
        return len(self._ids)

    def add(self, items: Iterable[Example]) -> None:
        """Append examples."""
        every = list(items)
        self._ids += [item.id for item in every]
        self._lengths += [len(item.tokens) for item in every]
        self._prompts += [item.prompt for item in every]
        joined: list[int] = []
        for item in every:
            joined += item.tokens
        self._file.write(np.array(joined, dtype=_ON_DISK).tobytes())

    def counts(self, **more: int) -> Counts:
        """What was written, with the counts that only the caller knows."""
        return Counts(kept=self.count, **measured(self._lengths, self._prompts), **more)

    def finish(self, counts: Counts) -> None:
        """Write what is known of all, with the digest by which damage is found."""
        self._file.close()
        rows = np.array([self._lengths, self._prompts], dtype=_ON_DISK)
        (self._folder / _ROWS).write_bytes(rows.tobytes())
        tokens = np.asarray(np.memmap(self._folder / _TOKENS, dtype=_ON_DISK, mode="r"))
        made = Examples(self._ids, tokens, rows[0], rows[1], counts=counts)
        about = {"digest": made.digest, "counts": counts.to_dict(), "ids": self._ids}
        (self._folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def measured(lengths: ArrayLike, prompts: ArrayLike) -> dict[str, int]:
    """Tokens, supervised tokens and the longest of examples, by the names of `Counts`."""
    sizes, given = np.asarray(lengths, dtype=np.int64), np.asarray(prompts, dtype=np.int64)
    total = int(sizes.sum())
    return {"tokens": total, "supervised": total - int(given.sum()), "longest": int(sizes.max(initial=0))}
