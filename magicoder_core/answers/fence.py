"""Code blocks of a Markdown text: their marks, by position, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# The info of a backtick fence holds no backtick (CommonMark 0.31, section 4.5): "```x``` y" is inline code.
_MARK = re.compile(r"([ \t]*)(?:(`{3,})[ \t]*([^`\n]*)|(~{3,})[ \t]*([^\n]*))")
_DEEPER = 3
"""A mark that is indented by more than this over the block's first line is code (CommonMark: four blanks)."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block: what stands after its opening marks (usually the language), its code, whether it was closed."""

    info: str
    code: str
    closed: bool

    @property
    def language(self) -> str:
        """The first word after the opening marks, in lower case."""
        return self.info.partition(" ")[0].strip("{}.").lower()


class Mark(NamedTuple):
    """A line that opens or closes a code block: where the line begins and ends, its indent, marks and info."""

    start: int
    end: int
    indent: int
    mark: str
    info: str

    def closes(self, opening: Mark) -> bool:
        """Whether this mark is the end of the block that ``opening`` began."""
        return not self.info and self.mark.startswith(opening.mark) and self.indent <= opening.indent + _DEEPER


def mark_at(text: str, start: int, end: int) -> Mark | None:
    """The mark that stands alone between two positions of ``text``, within one line."""
    found = _MARK.fullmatch(text, start, end)
    if found is None:
        return None
    indent, ticks, info, tildes, other = found.groups()
    return Mark(start, end, len(indent), ticks or tildes, (info or other or "").strip())


def marks(text: str) -> list[Mark]:
    """All lines that are marks, in order."""
    found = list(_marks(text, "```"))
    if "~~~" in text:
        found = sorted([*found, *_marks(text, "~~~")])
    return found


def _marks(text: str, sign: str) -> Iterator[Mark]:
    at = text.find(sign)
    while at >= 0:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        # A line is looked at once, at its first sign, so that all of it is linear.
        start = text.rfind("\n", 0, at) + 1
        info = text[at + 3 : end]
        if start == at and "`" not in info and sign == "```":  # nearly all are like this: no need to look closer
            yield Mark(start, end, 0, sign, info.strip())
        elif mark := mark_at(text, start, end):
            yield mark
        at = text.find(sign, end)


def blocks(found: Sequence[Mark]) -> Iterator[tuple[Mark, Mark | None]]:
    """The opening and closing mark of each block; the last one may have no end."""
    opening: Mark | None = None
    for mark in found:
        if opening is None:
            opening = mark
        elif mark.closes(opening):
            yield opening, mark
            opening = None
    if opening is not None:
        yield opening, None


def open_at_end(text: str) -> Mark | None:
    """The mark of a block that is never closed."""
    last = None
    for opening, closing in blocks(marks(text)):
        last = opening if closing is None else None
    return last


def is_one_block(text: str) -> bool:
    """Whether a text has no block, or a single one that is closed: nearly all are like this, and this is fast."""
    if "~" in text and "~~~" in text:
        return False
    first = text.find("```")
    return first < 0 or _only_block(text, first) is not None


def _only_block(text: str, first: int) -> tuple[int, int] | None:
    """Where the code begins and ends of the block that begins with the ``first`` marks, if it is closed and the only one."""
    if first and text[first - 1] != "\n":
        return None
    last = text.find("```", first + 3) - 1
    if last < 0 or text[last] != "\n" or (last + 4 < len(text) and _goes_on(text, last + 4)):
        return None
    begin = text.find("\n", first)
    return None if "`" in text[first + 3 : begin] else (begin, last)


def _goes_on(text: str, end: int) -> bool:
    """Whether a block that seems to end before ``end`` does not, or is not the last."""
    return text.find("```", end) >= 0 or bool(text[end:].partition("\n")[0].strip())


def has_code(text: str) -> bool:
    """Whether a text has a code block with anything in it."""
    if not ("~" in text and "~~~" in text):
        first = text.find("```")
        if first < 0:
            return False
        if (span := _only_block(text, first)) is not None:
            return not text[slice(*span)].isspace() and span[0] < span[1]
    return any(block.code.strip() for block in fences(text))


def closed(text: str) -> str:
    """The text with an end for a block that was left open."""
    if is_one_block(text):
        return text
    opening = open_at_end(text)
    return text if opening is None else f"{text.rstrip()}\n{' ' * opening.indent}{opening.mark}"


def fences(text: str) -> list[Fence]:
    """The code blocks of a text, in order; the last one may be unclosed."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    found = []
    for opening, closing in blocks(marks(text)):
        end = len(text) if closing is None else max(closing.start - 1, opening.end + 1)
        found.append(Fence(opening.info, text[opening.end + 1 : end], closed=closing is not None))
    return found
