"""A declaration or a statement by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass


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
        found = re.search(
            r"\b(?:def|fn|func|function|sub|class|struct|enum|trait|interface|const|let|var)\s+(\w+)|(\w+)\s*\([^;{}]*\)[^;{}]*\{|\(define \(?(\S+?)[\s()]",
            self.masked,
        )
        return next((word for word in found.groups() if word), "") if found else ""

    def bare(self) -> Piece:
        """Itself without the mark of what a JavaScript module gives away."""
        if self.language not in {"js", "ts"}:
            return self
        found = re.match(
            r"(\s*)export\s+(?:default\s+)?(?=(?:async\s+)?function|class|const|let|var|type|interface|enum)",
            self.masked,
        )
        if found is None:
            return self
        cut = found.end()
        return Piece(found[1] + self.text[cut:], found[1] + self.masked[cut:], self.language)
