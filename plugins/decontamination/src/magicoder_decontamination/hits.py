"""What was found in a row, where, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from magicoder_core import Needle

_EXCERPT: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A needle in a row.

    ``start`` and ``end`` are characters of the row's text, its parts joined. ``confidence`` is between 0 and 1: which
    share of the needle was found, less where the needle itself tells little (see `telling`). ``note`` says what else
    there is to know. A find of the level ``behaviour`` that may be an accident is not ``strong``.
    """

    level: str
    needle: Needle
    start: int
    end: int
    confidence: float
    note: str = ""
    strong: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """A row's parts, as ``problem`` and ``solution``, joined to one text."""

    names: tuple[str, ...]
    texts: tuple[str, ...]

    SEPARATOR = "\n\n"

    @property
    def joined(self) -> str:
        """The text that is looked at."""
        return self.SEPARATOR.join(self.texts)

    def start(self, name: str, place: int) -> int:
        """The character of the joined text that is a part's ``place``."""
        before = self.texts[: self.names.index(name)]
        return sum(len(text) + len(self.SEPARATOR) for text in before) + place

    def place(self, start: int) -> tuple[str, int]:
        """The part that holds a character of the joined text, and its place there."""
        for name, text in zip(self.names, self.texts, strict=True):
            if start < len(text) + len(self.SEPARATOR):
                return name, min(start, len(text))
            start -= len(text) + len(self.SEPARATOR)
        return self.names[-1], len(self.texts[-1])


def evidence(hit: Hit, parts: Parts) -> dict[str, Any]:
    """A hit as plain JSON values."""
    field, offset = parts.place(hit.start)
    excerpt = parts.joined[hit.start : hit.end]
    return {
        "level": hit.level,
        "benchmark": hit.needle.benchmark,
        "problem_id": hit.needle.problem_id,
        "kind": hit.needle.kind,
        "field": field,
        "offset": offset,
        "excerpt": excerpt if len(excerpt) <= _EXCERPT else f"{excerpt[:_EXCERPT]}...",
        "confidence": round(hit.confidence, 3),
        **({"note": hit.note} if hit.note else {}),
    }


def telling(characters: int) -> float:
    """How much of an accident a match of so many characters, white space aside, cannot be: 1 from 40 on."""
    return min(1.0, characters / 40)
