"""The Python code in a row's texts: its fenced blocks, or what of a bare text is Python."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from magicoder_core import Instruction
from magicoder_core.answers import fences

PYTHON = frozenset({"python", "py", "python3", "py3", "ipython", "ipython3"})
"""What a code block says that it holds, in lower case."""

_OPENS = re.compile(r"(?:(?:async[ ]+)?def|class|import|from|@)\b|@|[A-Za-z_]\w*\s*=[^=]")
"""How a line begins that may be one of a module's own."""

_HINTS = ("def ", "lambda")


@dataclass(frozen=True, slots=True)
class Block:
    """Statements of a row's text: the field they stand in, and the line of the field (from 1) of their first line."""

    field: str
    line: int
    body: tuple[ast.stmt, ...]


def blocks_of(row: Instruction) -> Iterator[Block]:
    """The Python blocks of a row with statements in them: of its problem, its solution and its tests, in order.

    Of a text with fences its blocks count; those without a language only in a Python row. A text without is taken as it
    is, if the row is Python. Code that is none as a whole is cut at the lines that begin in the first column; the pieces
    that parse stay.
    """
    texts = (("problem", row.problem), ("solution", row.solution), ("tests", row.tests or ""))
    python = row.language.lower() in PYTHON
    for field, text in texts:
        if not any(hint in text for hint in _HINTS):
            continue
        for line, code in _codes(text.replace("\r\n", "\n"), python=python):
            for first, body in _statements(code):
                yield Block(field, line + first, body)


def _codes(text: str, *, python: bool) -> Iterator[tuple[int, str]]:
    """Each piece of code, with how many lines of the text stand before it."""
    found = fences(text)
    if not found:
        if python:
            yield 1, text
        return
    place = 0
    for fence in found:
        start = text.find(fence.code, place)
        place = start + len(fence.code)
        if fence.language in PYTHON or (not fence.language and python):
            yield text.count("\n", 0, start) + 1, fence.code


def _statements(code: str) -> Iterator[tuple[int, tuple[ast.stmt, ...]]]:
    """Parsed statements, with how many lines stand before the first line that they count from."""
    code = textwrap.dedent(code) if code[:1].isspace() else code
    whole = _parsed(code)
    if whole is not None:
        yield 0, whole
        return
    for line, pieces in _pieces(code.split("\n")):
        body = next((found for piece in pieces if (found := _parsed(piece))), ())
        if body:
            yield line, body


def _pieces(lines: list[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """From each line that may begin a statement: all until the next, and only the indented ones behind it."""
    opening = [number for number, line in enumerate(lines) if _OPENS.match(line)]
    # What is decorated begins with its first decorator.
    starts = [
        number
        for number, before in zip(opening, [None, *opening], strict=False)
        if before is None or not lines[before].startswith("@")
    ]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        inner = next((n for n in range(start, end) if not lines[n].startswith("@")), end) + 1
        while inner < end and not lines[inner][:1].strip():
            inner += 1
        yield start, ("\n".join(lines[start:end]), "\n".join(lines[start:inner]))


def _parsed(code: str) -> tuple[ast.stmt, ...] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that means nothing is the writer's business
            return tuple(ast.parse(code).body)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
