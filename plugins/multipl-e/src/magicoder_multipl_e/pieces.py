"""A declaration or a statement by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(
    r"\A\s*([\w.]+)\s*(?:<-|=)\s*function\b"
    r"|\b(?:def|fn|func|function|sub|class|struct|enum|trait|interface|object|record|type|const|let|var)\s+(\w+)"
    r"|(\w+)\s*\([^;{}]*\)[^;{}]*\{|\(define \(?(\S+?)[\s()]"
)
_IMPORT = re.compile(r"\s*(?:import|using|use|require|from|library|\(require|#\s*include)\b")


@dataclass(frozen=True)
class Piece:
    """A declaration or statement: its text, the same without comments and strings, its language."""

    text: str
    masked: str
    language: str

    @property
    def code(self) -> str:
        """Its text from the first line on that is no comment."""
        at = len(self.masked) - len(self.masked.lstrip())
        start = self.masked.rfind("\n", 0, at) + 1
        return self.text[start:].rstrip("\n")

    @property
    def name(self) -> str:
        """What it declares, where that is a function or a type."""
        found = _NAME.search(self.masked)
        return next((word for word in found.groups() if word), "") if found else ""

    def bare(self) -> Piece:
        """Itself without the mark of what a JavaScript module gives away."""
        if self.language not in {"js", "ts"}:
            return self
        found = re.match(
            r"(\s*)export\s+(?:default\s+)?(?=(?:async\s+)?function|class|const|let|var|type\s+\w|interface|enum)",
            self.masked,
        )
        if found is None:
            return self
        cut = found.end()
        return Piece(found[1] + self.text[cut:], found[1] + self.masked[cut:], self.language)


def wanted(mine: Sequence[Piece], blocks: Sequence[Sequence[Piece]]) -> list[Piece]:
    """What pieces use and do not define, of what other blocks define, with the imports of these blocks."""
    found: list[Piece] = []
    while True:
        used = " ".join(piece.masked for piece in [*mine, *found])
        known = {piece.name for piece in [*mine, *found]}
        more = [
            one
            for block in blocks
            for one in block
            if one.name and one.name not in known and re.search(rf"\b{re.escape(one.name)}\b", used)
        ]
        if not more:
            break
        found += more
    return [
        one
        for block in blocks
        if any(other in found for other in block)
        for one in block
        if one in found or _IMPORT.match(one.masked)
    ]
