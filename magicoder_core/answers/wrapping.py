"""Answers that stand in a code block as a whole, or section by section, or in quotation marks of mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from magicoder_core.answers.fence import Mark, blocks, marks
from magicoder_core.answers.heading import Heading, Names

_TEXT = frozenset({"", "markdown", "md", "text", "plaintext", "txt"})
_QUOTE = re.compile(r"^> ?", re.MULTILINE)
_BARE_QUOTE = re.compile(r"^>(?=[^ \n])", re.MULTILINE)
_COMMENT = re.compile(r"[ \t]*(?:#(?!#)|//|--|%|;)")


def unwrapped(text: str, headed: Sequence[Heading], names: Names) -> str | None:
    """The text without a fence or quotation marks around all of its headings; None if there is no such thing."""
    if text.lstrip().startswith(">") and all(line.startswith(">") for line in text.split("\n") if line.strip()):
        return _QUOTE.sub("", text) if _BARE_QUOTE.search(text) is None else re.sub(r"^>", "", text, flags=re.MULTILINE)
    first = _first_mark(text)
    if first < 0 or not headed or headed[0].start < first:  # the usual answer: a heading stands before all code
        return None
    if joined := _boxed(text, headed, names):
        return joined
    found = marks(text)
    span = _inside(text, found, headed[0])
    return text[span[0] : span[1]] if span else _first_unboxed(text, found, headed, names)


def _first_unboxed(text: str, found: Sequence[Mark], headed: Sequence[Heading], names: Names) -> str | None:
    """The text without a fence around its first section alone."""
    opening, closing = next(blocks(found), (None, None))
    if opening is None or closing is None or opening.info.lower() not in _TEXT or len(headed) < len(names.keys):
        return None
    first, second = headed[0], headed[1]
    alone = first.key == names.keys[0] and first.start == opening.end + 1 and closing.start < second.start
    return text[: opening.start] + text[opening.end + 1 : closing.start] + text[closing.end :] if alone else None


def _first_mark(text: str) -> int:
    found = [at for sign in ("```", "~~~") if (at := text.find(sign)) >= 0]
    return min(found, default=-1)


def _inside(text: str, found: Sequence[Mark], first: Heading) -> tuple[int, int] | None:
    """Where the wrapped text begins and ends.

    Code blocks within end before the last line, so that the mark there is one too many: it is the wrapper's.
    """
    if not found or found[0].start > first.start or not _leads(text, found, first):
        return None
    opening, last = found[0], found[-1]
    if len(found) > 1 and last.closes(opening) and _balanced(found[1:-1]):
        return opening.end + 1, last.start
    return (opening.end + 1, len(text)) if _balanced(found[1:]) else None


def _leads(text: str, found: Sequence[Mark], first: Heading) -> bool:
    """Whether the first block holds the first heading, at its begin unless it is a block of text."""
    opening = found[0]
    ends = next((mark.start for mark in found[1:] if mark.closes(opening)), len(text))
    next_line = not text[opening.end : first.start].strip()
    plain = opening.info.lower() in _TEXT - {""} and not text[: opening.start].strip()
    return first.start < ends and (next_line or plain)


def _balanced(found: Sequence[Mark]) -> bool:
    """Whether each block of these marks has an end, and none begins within another."""
    opened: Mark | None = None
    for mark in found:
        if opened is None:
            opened = mark
        elif mark.closes(opened):
            opened = None
        elif mark.info and mark.mark[0] == opened.mark[0]:
            return False
    return opened is None


def _boxed(text: str, headed: Sequence[Heading], names: Names) -> str:
    """The sections' texts one after another, where each stands in a block of its own below its heading; else empty."""
    found = {heading.start: heading for heading in headed}
    parts, keys = [], []
    for opening, closing in blocks(marks(text)):
        if opening.info.lower() in _TEXT and closing and opening.end + 1 in found:
            parts.append(text[opening.end + 1 : closing.start])
            keys.append(found[opening.end + 1].key)
    return "\n".join(parts) if keys == names.keys else ""


def in_comments(found: Mapping[str, str]) -> bool:
    """Whether all of a first section's lines are comments: the headings were some program's own."""
    first = next(iter(found.values())).split("\n")
    return all(_COMMENT.match(line) for line in first if line.strip())
