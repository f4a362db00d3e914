"""Filter ``truncated``: solutions that end in the middle."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import Filter, Instruction, Judgement

if TYPE_CHECKING:
    from magicoder_quality.blocks import Block

_TOKEN = re.compile(
    r"[rbfuRBFU]{0,2}\"\"\".*?\"\"\"|[rbfuRBFU]{0,2}'''.*?'''|\"\"\"|'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|#[^\n]*|[()\[\]{}]",
    re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"
_DANGLING = re.compile(
    r"(?:[,(\[{]|\b(?:the|a|an|of|to|and|or|with|for|in|on|by|is|are|was|that|which|this|if|when|as|from|we|can|will))$"
)
_DOTS = re.compile(r"(?:\.\.\.|…)$")
_TAIL = 80
_MOST = 200_000


@dataclass(frozen=True, kw_only=True)
class Truncated(Filter):
    """Drops a row whose solution ends in the middle: of a code block, of Python brackets, of a sentence."""

    by_row = True

    fences: Annotated[bool, "drop a solution whose last code block has no end"] = True
    brackets: Annotated[bool, "drop one whose last Python block ends within a bracket or a text in triple quotes"] = (
        True
    )
    sentences: Annotated[
        bool, "drop one that ends with a comma, an open bracket, a word as 'the', or announces code"
    ] = True
    dots: Annotated[bool, "drop one that ends with '...'"] = False

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is how the solution ends (``tail``) and, of a bracket, which and on which ``line`` of the solution."""
        with warnings.catch_warnings():
            # What the compiler has to say of a row's code is no warning of ours.
            warnings.simplefilter("ignore")
            return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        from magicoder_quality.blocks import blocks

        text = row.solution.rstrip()
        fenced = "```" in text or "~~~" in text
        python = self.brackets and (fenced or row.language.lower() in {"python", "py", "python3"})
        found = blocks(row) if fenced or python else []
        reason, more = self._why(text, found, fenced=fenced)
        if reason is None:
            return Judgement(keep=True)
        return Judgement(keep=False, reason=reason, evidence={"tail": " ".join(text[-_TAIL:].split()), **more})

    def _why(self, text: str, found: Sequence[Block], *, fenced: bool) -> tuple[str | None, dict[str, Any]]:
        if self.fences and fenced and found and not found[-1].closed:
            return "unclosed code block", {"line": found[-1].line - 1}
        if self.brackets and found and (opened := self._opened(found)):
            return "unclosed bracket", opened
        last = text.rpartition("\n")[2].strip()
        in_code = bool(found) and (not fenced or last.startswith(("```", "~~~")) or not found[-1].closed)
        if self.dots and _DOTS.search(last):
            return "ends with dots", {}
        if self.sentences and not in_code and self._breaks_off(text, last, fenced=fenced):
            return "ends within a sentence", {}
        return None, {}

    def _opened(self, found: Sequence[Block]) -> dict[str, Any]:
        python = [block for block in found if block.language == "python"]
        if not python:
            return {}
        sign, line = unclosed(python[-1].code)
        return {"open": sign, "line": python[-1].line + line - 1} if sign else {}

    def _breaks_off(self, text: str, last: str, *, fenced: bool) -> bool:
        if last.endswith(":") and fenced and len(last.split()) > 2:  # noqa: PLR2004 - a heading has fewer words
            return True
        from magicoder_quality.blocks import is_code

        if not _DANGLING.search(last) or (not fenced and is_code(text)):
            return False
        return len(last.split()) > 2  # noqa: PLR2004 - as above


def unclosed(code: str) -> tuple[str, int]:
    """The bracket (or triple quotes) in Python code that is never closed, and its line from 1; empty and 0 if there is none.

    Signs in texts and comments do not count. Python itself must say, too, that the code is wrong.
    """
    code = code[:_MOST]
    stack: list[tuple[str, int]] = []
    for found in _TOKEN.finditer(code):
        sign = found[0]
        if sign in _OPEN or sign in ('"""', "'''"):
            stack.append((sign, found.start()))
            if sign not in _OPEN:
                break
        elif sign in _CLOSE and stack:
            stack.pop()
    if not stack or _parses(code):
        return "", 0
    sign, place = stack[-1]
    return sign, code.count("\n", 0, place) + 1


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
