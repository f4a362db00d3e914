"""The longest part of a text that parses, found by the parser's own errors in a bounded number of tries."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST = 1 << 16
"""Characters of code that are looked at; no model writes a function of that length, whose tree may take 0.1 GB."""

_WORK = 16
"""Characters that the parser is given for an answer, as many times those of the answer itself."""

_LEAST = 1 << 16
"""Characters that it is given in any case."""

_TRIES = 16
"""Of one range of lines: each try either parses it or cuts it where the error is."""

_BUMPS = 4
"""Of these, how often a range may begin later before it begins with the definition itself."""

_CODE = re.compile(
    r"(?:import[ \t]+[\w.]+|from[ \t]+[\w.]+[ \t]+import\b|def[ \t]+\w+[ \t]*[(\[]|async[ \t]+def\b|class[ \t]+\w+[ \t]*[:(\[]"
    r"|@[\w.]+|[A-Za-z_]\w*[ \t]*(?::[^=\n]{1,80})?=[^=]|[A-Za-z_][\w.]*\(|#|\)|\]|\}|\"\"\"|'''"
    r"|(?:if|elif|else|for|while|with|try|except|finally)\b[^\n]*:|assert\b|pass\b|raise\b|del[ \t])"
)
"""How a line without indent begins that can be code; prose seldom does."""

_HEADER = re.compile(r"expected an indented block after .* on line (\d+)")
_TRY = re.compile(r"[ \t]*try[ \t]*:")


@dataclass(frozen=True, slots=True)
class Parsed:
    """Code and its syntax tree."""

    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """How many lines are not blank."""
        return sum(1 for line in self.text.split("\n") if line.strip())


NOTHING = Parsed("", ast.Module([], []))
"""No code at all."""


@dataclass(frozen=True, slots=True)
class Error:
    """Why the parser gave up, and in which line, counted from 0; below 0 if that is not known."""

    line: int
    message: str


@dataclass
class Tries:
    """The parser, and how much it may still be given: ``left`` characters, so that all work is linear in an answer."""

    left: int

    @classmethod
    def for_answer(cls, characters: int) -> Tries:
        """Enough for an answer of so many characters, its prompt included."""
        return cls(_LEAST + _WORK * min(characters, MOST))

    def attempt(self, text: str) -> Parsed | Error:
        """One try."""
        self.left -= len(text)
        if self.left < 0:
            return Error(-1, "given up")
        try:
            with warnings.catch_warnings():
                # Of escapes and numbers that Python will not take some day; under -W error they would be errors.
                warnings.simplefilter("ignore")
                return Parsed(text, ast.parse(text))
        except SyntaxError as error:
            return Error((error.lineno or 0) - 1, error.msg)
        except (ValueError, MemoryError, RecursionError) as error:  # null bytes, lone surrogates; nested too deep
            return Error(-1, str(error))

    def parsed(self, text: str) -> Parsed | None:
        """``text`` with its tree; None if it does not parse."""
        found = self.attempt(text)
        return found if isinstance(found, Parsed) else None


def ranges(text: str, defines: re.Pattern[str], tries: Tries, *, begun: bool) -> list[Parsed]:
    """Ranges of lines that parse and hold a line that ``defines`` matches, the longest first; none if there is none.

    The whole text where it parses; else a range begins with the first or the last such line, or with the code before
    it. Where the text is ``begun``, as by a prompt, only the first counts. Of a text longer than `MOST` only the beginning
    is looked at.
    """
    if len(text) > MOST:
        text = text[:MOST].rpartition("\n")[0]
    if not defines.search(text):
        return []
    if (whole := tries.parsed(text)) is not None:
        return [whole]
    lines = text.split("\n")
    targets = [number for number, line in enumerate(lines) if defines.match(line)]
    chosen = targets[:1] if begun else {targets[0], targets[-1]}
    found = [part for target in chosen for part in _around(lines, target, tries)]
    return sorted(found, key=lambda part: -part.lines)


def _around(lines: Sequence[str], target: int, tries: Tries) -> Iterator[Parsed]:
    """Ranges that hold the line ``target``."""
    target = _decorated(lines, target)
    starts, ends = (_start(lines, target), target), (len(lines), _end(lines, target))
    for start, end in dict.fromkeys((start, end) for start in starts for end in ends):
        if (part := _shrunk(lines, start, end, target, tries)) is not None:
            yield part


def _decorated(lines: Sequence[str], target: int) -> int:
    """The first of the decorators that stand right before a definition, or the definition."""
    while target and lines[target - 1].startswith("@"):
        target -= 1
    return target


def _start(lines: Sequence[str], target: int) -> int:
    """The first line of the code that ends at the definition: there is no prose between."""
    start = at = target
    while at and _goes_with_code(lines[at - 1]):
        at -= 1
        if _CODE.match(lines[at]):
            start = at
    return start


def _end(lines: Sequence[str], target: int) -> int:
    """Where, after the definition, the first line stands that looks like prose."""
    numbers = range(target, len(lines))
    return next((number for number in numbers if not _goes_with_code(lines[number])), len(lines))


def _goes_with_code(line: str) -> bool:
    return not line.strip() or line[0] in " \t" or _CODE.match(line) is not None


def _shrunk(lines: Sequence[str], start: int, end: int, target: int, tries: Tries) -> Parsed | None:
    """The lines from ``start`` to ``end``, less what the parser does not take; the line ``target`` stays within."""
    bumps = 0
    for _ in range(_TRIES):
        found = tries.attempt("\n".join(lines[start:end]))
        if isinstance(found, Parsed):
            return found
        if found.line < 0:
            return None
        at = start + found.line
        if at < target:
            bumps += 1
            start = target if bumps > _BUMPS else _next_code(lines, at + 1, target)
        else:
            end = _cut(lines, start, end, found)
        if end <= target:
            return None
    return None


def _next_code(lines: Sequence[str], at: int, target: int) -> int:
    return next((number for number in range(at, target) if _CODE.match(lines[number])), target)


def _cut(lines: Sequence[str], start: int, end: int, error: Error) -> int:
    """The end of a shorter range, which has not the error: before its line, or before the statement that is not whole."""
    at = min(start + error.line, end - 1)
    if header := _HEADER.match(error.message):
        at = min(at, start + int(header[1]) - 1)
    elif "'except' or 'finally'" in error.message:
        at = next((number for number in range(at, start, -1) if _TRY.match(lines[number])), at)
    while at > start and not lines[at - 1].strip():
        at -= 1
    return at
