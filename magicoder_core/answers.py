"""Reads a model's answer: its sections and its code blocks, however it dressed them up.

Models of today rarely write a heading exactly as asked. `sections` accepts headings in square brackets, in bold, as
Markdown headings, as tags and bare, in any case, a JSON object of texts, and answers wrapped in a fence or preceded by reasoning. It never
guesses: where a second reading is possible it says why it gives none. Everything is linear in the answer's length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

PROBLEM_AND_SOLUTION: Mapping[str, tuple[str, ...]] = {
    "problem": ("problem description", "problem statement", "coding problem", "programming problem", "problem"),
    "solution": ("solution code", "code solution", "proposed solution", "solution"),
}
"""The two sections of OSS-Instruct (arXiv 2312.02120), each with what models call it."""

_WRAPPERS = frozenset({"", "markdown", "md", "text", "plaintext", "txt"})
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^`]*)$")
_OPEN_THOUGHT = re.compile(r"\s*<(think|thinking|thought|reasoning)>", re.IGNORECASE)
_RULE = re.compile(r"[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,})[ \t]*")


@dataclass(frozen=True)
class Unparsed:
    """Why an answer was not taken apart, in a few words to count by."""

    reason: str


@dataclass(frozen=True)
class Fence:
    """A code block: what stands after its opening marks (usually the language), its code, whether it was closed."""

    info: str
    code: str
    closed: bool

    @property
    def language(self) -> str:
        """The first word after the opening marks, in lower case."""
        return self.info.partition(" ")[0].strip("{}.").lower()


class _Style(IntEnum):
    """How sure a line is a heading; of two candidates for one section the surer one counts."""

    BARE = 1
    BOLD = 2
    MARKDOWN = 3
    TAG = 4
    BRACKETS = 5


@dataclass(frozen=True)
class _Heading:
    name: str
    line: int
    rest: str
    style: _Style

    @property
    def rank(self) -> tuple[bool, int]:
        """A heading alone on its line is surer than one that text follows: the latter may be a sentence."""
        return (not self.rest, self.style)


@dataclass
class _Scan:
    """One pass over the lines; fences hide headings."""

    names: Mapping[str, str]
    lines: list[str]
    headings: list[_Heading] = field(default_factory=list)
    hidden: list[_Heading] = field(default_factory=list)
    fence: str = ""

    def run(self) -> list[_Heading]:
        """All headings, in order."""
        for number, line in enumerate(self.lines):
            if mark := _FENCE.match(line):
                self._mark(mark[1], mark[2].strip())
            elif heading := _heading(line, number, self.names):
                self._note(heading)
        if self.fence:
            self.headings += self.hidden
        return self.headings

    def _mark(self, mark: str, info: str) -> None:
        closes = self.fence and not info and mark[0] == self.fence[0] and len(mark) >= len(self.fence)
        if closes:
            self.fence, self.hidden = "", []
        elif not self.fence:
            self.fence = mark
        elif info and self.hidden:
            # A block that opens inside a block, after a heading: the first one was never closed.
            self.headings += self.hidden
            self.fence, self.hidden = mark, []

    def _note(self, heading: _Heading) -> None:
        if not self.fence:
            self.headings.append(heading)
        elif heading.style is _Style.BRACKETS and not heading.rest:
            self.hidden.append(heading)


def sections(answer: str, names: Mapping[str, Sequence[str]] = PROBLEM_AND_SOLUTION) -> dict[str, str] | Unparsed:
    """The named sections of an answer, in the order of ``names``, each stripped and not empty.

    Args:
        answer: the model's whole text, reasoning included.
        names: each section's key with the headings it may have, in lower case.

    Returns:
        Text by key, or `Unparsed`: ``unfinished reasoning``, ``no KEY section``, ``two KEY sections``,
        ``sections out of order``, ``a second KEY`` or ``empty KEY``.
    """
    known = {alias: key for key, aliases in names.items() for alias in aliases}
    lines = answer.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = _after_reasoning(lines)
    if start is None:
        return Unparsed("unfinished reasoning")
    if found := _structured("\n".join(lines[start:]).strip(), known, list(names)):
        return found
    lines = _unwrapped(lines[start:], known)
    chosen = _choose(_Scan(known, lines).run(), list(names))
    return chosen if isinstance(chosen, Unparsed) else _cut(lines, chosen)


def _structured(text: str, known: Mapping[str, str], keys: Sequence[str]) -> dict[str, str] | None:
    """The sections of an answer that is one JSON object of texts, in a code block or not."""
    blocks = fences(text) if text.startswith("```") else []
    if len(blocks) == 1 and blocks[0].language == "json":
        text = blocks[0].code.strip()
    try:
        value = json.loads(text, strict=False) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    pairs = [(known.get(_plain(key)), text) for key, text in value.items()] if isinstance(value, dict) else []
    found = {key: text.strip() for key, text in pairs if key and isinstance(text, str) and text.strip()}
    named_once = sorted(key for key, _ in pairs if key) == sorted(keys) == sorted(found)
    return {key: found[key] for key in keys} if named_once else None


def _plain(name: str) -> str:
    return re.sub(r"[ _-]", " ", name.strip().lower())


def fences(text: str) -> list[Fence]:
    """The code blocks of a text, in order; the last one may be unclosed."""
    return list(_fences(text.replace("\r\n", "\n").split("\n")))


def _fences(lines: Sequence[str]) -> Iterator[Fence]:
    mark, info, code = "", "", list[str]()
    for line in lines:
        found = _FENCE.match(line)
        if not mark and found:
            mark, info, code = found[1], found[2].strip(), []
        elif mark and found and not found[2].strip() and found[1].startswith(mark):
            yield Fence(info, "\n".join(code), closed=True)
            mark = ""
        elif mark:
            code.append(line)
    if mark:
        yield Fence(info, "\n".join(code), closed=False)


def _after_reasoning(lines: list[str]) -> int | None:
    """Number of the first line after the reasoning; None if it has no end. A line that ends it is cut there."""
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    opened = _OPEN_THOUGHT.match(lines[first])
    # Some chat templates open the thought in the prompt, so that only its end stands in the answer.
    closing = re.compile(rf"</{opened[1] if opened else 'think(?:ing)?'}>", re.IGNORECASE)
    for number in range(first, len(lines)):
        if end := closing.search(lines[number]):
            lines[number] = lines[number][end.end() :]
            return number
        if not opened and _FENCE.match(lines[number]):
            return first
    return None if opened else first


def _unwrapped(lines: list[str], names: Mapping[str, str]) -> list[str]:
    """The lines after a fence that opens around the whole answer, or by mistake before its first heading.

    Code blocks within end before the last line, so that the mark there is one too many: it is the wrapper's.
    """
    filled = [number for number, line in enumerate(lines) if line.strip()]
    mark = _FENCE.match(lines[filled[0]]) if filled else None
    if mark is None or not (mark[2].strip().lower() in _WRAPPERS or _headed(lines, filled[1:2], names)):
        return lines
    inner = lines[filled[0] + 1 : filled[-1]]
    if lines[filled[-1]].strip() == mark[1] and all(fence.closed for fence in _fences(inner)):
        return inner
    whole = lines[filled[0] + 1 :]
    return whole if all(fence.closed for fence in _fences(whole)) else lines


def _headed(lines: Sequence[str], numbers: Sequence[int], names: Mapping[str, str]) -> bool:
    return any(_heading(lines[number], number, names) for number in numbers)


_HEADING = re.compile(
    r"""[ ]{0,3}                                                     # more would be a code block
    (?P<hashes>\#{1,6}[ \t]*)?
    (?:(?:section|part|step)[ \t]+)? (?:\d{1,2}[.):][ \t]*)?         # Section 1: ..., 2. ...
    (?P<stars>\*{1,3}|_{2,3})? (?:\d{1,2}[.):][ \t]*)?
    (?P<open>\\?\[|【|<)? [ \t]* (?P<name>[a-z]+(?:[ _-][a-z]+)?) [ \t]* (?P<close>\\?\]|】|>)?
    [ \t]* (?:\([^()]{0,40}\))?                                     # Solution (Python)
    [ \t]* (?P<colon>:)? (?P<closed>\*{1,3}|_{2,3})? [ \t]* (?P<late>:)? [ \t]* \#* [ \t]*
    (?P<rest>.*)""",
    re.IGNORECASE | re.VERBOSE,
)


def _heading(line: str, number: int, names: Mapping[str, str]) -> _Heading | None:
    """The heading that a line is, if it is one."""
    found = _HEADING.match(line)
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    key = names.get(_plain(found["name"]))
    rest = found["rest"].strip()
    if found["stars"] and not found["closed"]:
        rest = rest.removesuffix(found["stars"])
    style = _style(found)
    if key is None or not _convinces(style, rest, colon=bool(found["colon"] or found["late"])):
        return None
    return _Heading(key, number, rest, style)


def _style(found: re.Match[str]) -> _Style:
    if found["open"]:
        return _Style.TAG if found["open"] == "<" else _Style.BRACKETS
    if found["hashes"]:
        return _Style.MARKDOWN
    return _Style.BOLD if found["stars"] else _Style.BARE


def _convinces(style: _Style, rest: str, *, colon: bool) -> bool:
    """Brackets speak for themselves; "Solution approach" is another heading and "Problem is" a sentence."""
    return not rest or colon or style >= _Style.TAG


def _choose(found: Sequence[_Heading], keys: Sequence[str]) -> list[_Heading] | Unparsed:
    """The one heading of each section, or why it cannot be told."""
    chosen = []
    for key in keys:
        candidates = [heading for heading in found if heading.name == key]
        if not candidates:
            return Unparsed(f"no {key} section")
        best = max(heading.rank for heading in candidates)
        surest = [heading for heading in candidates if heading.rank == best]
        if len(surest) > 1:
            return Unparsed(f"two {key} sections")
        chosen += surest
    if [heading.line for heading in chosen] != sorted({heading.line for heading in chosen}):
        return Unparsed("sections out of order")
    return _alone(found, chosen)


def _alone(found: Sequence[_Heading], chosen: list[_Heading]) -> list[_Heading] | Unparsed:
    """The chosen headings, unless less sure ones between them could belong to another set of sections."""
    latest = -1
    order = [heading.name for heading in chosen]
    for heading in found:
        if heading.line < chosen[0].line:
            continue
        position = order.index(heading.name)
        if position < latest:
            return Unparsed(f"a second {heading.name}")
        latest = position
    return chosen


def _cut(lines: Sequence[str], chosen: Sequence[_Heading]) -> dict[str, str] | Unparsed:
    ends = [heading.line for heading in chosen[1:]] + [len(lines)]
    found = {}
    for heading, end in zip(chosen, ends, strict=True):
        body = _trimmed([heading.rest, *lines[heading.line + 1 : end]], heading)
        if not body:
            return Unparsed(f"empty {heading.name}")
        found[heading.name] = body
    return found


def _trimmed(lines: list[str], heading: _Heading) -> str:
    """A section's text without the rules and closing tags that only separate sections."""
    closing = "</" if heading.style is _Style.TAG else None
    while lines and (
        not lines[-1].strip() or _RULE.fullmatch(lines[-1]) or (closing and lines[-1].startswith(closing))
    ):
        lines.pop()
    first = next(
        (number for number, line in enumerate(lines) if line.strip() and not _RULE.fullmatch(line)), len(lines)
    )
    return "\n".join(lines[first:]).strip()
