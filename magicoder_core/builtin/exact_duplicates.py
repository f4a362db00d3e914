"""Filter ``exact-duplicates``: no snippet, problem or solution twice.

Semantics of the published cleaning (`ise-uiuc/magicoder` at 3ef43f0, `clean_data.py`): texts are equal if they are
without white space, case kept; the first row wins; only rows that are kept count, so that a dropped row shadows
nobody. Rows do not carry their snippet: its id stands for it. The published filter does not say which row is
duplicated; ours does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from magicoder_core import Filter, Instruction, Judgement

Field = Literal["seed", "problem", "solution"]


@dataclass(frozen=True, kw_only=True)
class ExactDuplicates(Filter):
    """Drops a row whose snippet, problem or solution was seen before, white space aside."""

    fields: Annotated[tuple[Field, ...], "which parts of a row must be new"] = ("seed", "problem", "solution")

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Keep the first of equals; evidence is ``field`` and ``duplicate_of``, the id of the kept row."""
        return [self._judge(row) for row in batch]

    @cached_property
    def _seen(self) -> dict[bytes, str]:
        """The kept rows' ids by the digest of each part: 16 bytes a part, however long the texts are."""
        return {}

    def _judge(self, row: Instruction) -> Judgement:
        keys = dict(self._keys(row))
        for field, key in keys.items():
            if first := self._seen.get(key):
                evidence = {"field": field, "duplicate_of": first}
                return Judgement(keep=False, reason=f"duplicate {field}", evidence=evidence)
        self._seen.update(dict.fromkeys(keys.values(), row.id))
        return Judgement(keep=True)

    def _keys(self, row: Instruction) -> Iterator[tuple[Field, bytes]]:
        texts: dict[Field, str] = {"seed": row.parent, "problem": row.problem, "solution": row.solution}
        for field in self.fields:
            # Rows of another origin have no snippet: that makes them no duplicates of each other.
            if field != "seed" or row.parent:
                yield field, _digest(field, texts[field])


def _digest(field: str, text: str) -> bytes:
    bare = f"{field}\0{''.join(text.split())}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(bare, digest_size=16).digest()
