"""Reads a model's answer: its sections and its code blocks, however it dressed them up.

Models of today rarely write a heading exactly as asked. `sections` accepts headings in brackets, in bold, as Markdown
headings, as tags, numbered, underlined and bare, in any case; JSON, YAML, TOML and XML; answers wrapped in a fence,
preceded by reasoning, with line ends of any kind. It never guesses: where a second reading is possible it says
why it gives none. Everything is linear in the answer's length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from magicoder_core.answers import containers
from magicoder_core.answers.choosing import chosen, visible
from magicoder_core.answers.fence import Fence, closed, fences, has_code
from magicoder_core.answers.heading import Heading, Names, Style, headings, named
from magicoder_core.answers.published import published
from magicoder_core.answers.reasoning import without_reasoning
from magicoder_core.answers.wrapping import in_comments, unwrapped

__all__ = ["PROBLEM_AND_SOLUTION", "Fence", "Unparsed", "fences", "has_code", "sections", "without_reasoning"]

PROBLEM_AND_SOLUTION: Mapping[str, tuple[str, ...]] = {
    "problem": (
        "problem description",
        "problem statement",
        "problem definition",
        "coding problem",
        "programming problem",
        "problem",
    ),
    "solution": (
        "solution code",
        "solution description",
        "solution implementation",
        "code solution",
        "coding solution",
        "proposed solution",
        "complete solution",
        "reference solution",
        "sample solution",
        "python solution",
        "solution",
    ),
}
"""The two sections of OSS-Instruct (arXiv 2312.02120), each with what models call it."""

_SECOND_CHOICE: Mapping[str, tuple[str, ...]] = {
    "problem": ("task description", "task", "question", "coding challenge", "programming challenge", "challenge"),
    "solution": ("answer", "implementation", "code"),
}
"""Names that count for `PROBLEM_AND_SOLUTION` where no heading has one of its names: "Task" is often a sub-heading."""

_RULE = re.compile(r"[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,}|~{5,}|\^{3,})[ \t]*")
_CLOSER = re.compile(
    r"[ \t]*(?:</(\w{1,30})>|\[(?:/|end\b)[^\[\]\n]{0,40}\]|\\end\{\w{1,30}\}|<a [^<>\n]{0,80}></a>|[-=*# ]*end(?:[ _]of)?[ _:][\w ]{1,30}[-=*# ]{3,})[ \t]*",
    re.IGNORECASE,
)
_RULING = frozenset("-=*_~^")
_CLOSING = _RULING | frozenset(">]}")
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"


@dataclass(frozen=True)
class Unparsed:
    """Why an answer was not taken apart, in a few words to count by."""

    reason: str


def sections(
    answer: str, names: Mapping[str, Sequence[str]] = PROBLEM_AND_SOLUTION, *, finished: bool = False
) -> dict[str, str] | Unparsed:
    """The named sections of an answer, in the order of ``names``, each stripped and not empty.

    Args:
        answer: the model's whole text, reasoning included.
        names: each section's key with the headings it may have, in lower case.
        finished: the model ended its answer itself (``finish_reason`` is ``stop``): a code block left open is closed.

    Returns:
        Text by key, or `Unparsed`: ``unfinished reasoning``, ``no KEY section``, ``two KEY sections``,
        ``sections out of order``, ``a second KEY``, ``instructions repeated``, ``no two headings alike``,
        ``sections in comments`` or ``empty KEY``.
    """
    if names is PROBLEM_AND_SOLUTION and (pair := published(answer)) is not None:
        return dict(zip(names, pair, strict=True))
    return _weighed(answer, names, finished=finished)


def _weighed(answer: str, names: Mapping[str, Sequence[str]], *, finished: bool) -> dict[str, str] | Unparsed:
    """The sections of an answer in whatever layout."""
    spoken = without_reasoning(_with_line_ends(answer))
    if spoken is None:
        return Unparsed("unfinished reasoning")
    found = _read(spoken, named(names))
    if isinstance(found, Unparsed) and names is PROBLEM_AND_SOLUTION and found.reason.startswith("no "):
        second = _read(spoken, named(_merged(found)))
        found = found if isinstance(second, Unparsed) else second
    if finished and not isinstance(found, Unparsed):
        return {key: closed(body) for key, body in found.items()}
    return found


def _with_line_ends(text: str) -> str:
    """The text with the usual line ends, and without a byte order mark."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    for end in ("\u0085", "\u2028", "\u2029"):
        text = text.replace(end, "\n")
    return text.lstrip(_INVISIBLE)


def _merged(missing: Unparsed) -> Mapping[str, Sequence[str]]:
    """The names, with the second choice for the section that is missing, and for the other if that is, too."""
    first = missing.reason == "no problem section"
    solution = (*PROBLEM_AND_SOLUTION["solution"], *_SECOND_CHOICE["solution"])
    return {"problem": _SECOND_CHOICE["problem"] if first else PROBLEM_AND_SOLUTION["problem"], "solution": solution}


def _read(text: str, names: Names) -> dict[str, str] | Unparsed:
    """The sections of an answer without its reasoning."""
    if data := containers.whole(text, names.known, names.keys):
        return data
    if "</" in text:
        text = names.joint.sub("\\1\n", text)
    headed = headings(text, names)
    if (inner := unwrapped(text, headed, names)) is not None:
        text, headed = inner, headings(inner, names)
    seen = visible(text, headed)
    found = _from_headings(text, seen, names)
    if isinstance(found, Unparsed) and not seen:
        return containers.within(text, names.known, names.keys) or found
    return found


def _from_headings(text: str, seen: Sequence[Heading], names: Names) -> dict[str, str] | Unparsed:
    picked = chosen(text, seen, names.keys)
    if isinstance(picked, str):
        return Unparsed(picked)
    ends = [heading.start for heading in picked[1:]] + [len(text)]
    found = {}
    for heading, end in zip(picked, ends, strict=True):
        body = _trimmed(text[heading.body : end], heading, names)
        if not any(map(str.isalnum, body)):
            return Unparsed(f"empty {heading.key}")
        found[heading.key] = body
    return Unparsed("sections in comments") if in_comments(found) else found


def _trimmed(text: str, heading: Heading, names: Names) -> str:
    """A section's text without what only separates sections or contains them."""
    if heading.style is Style.TAG:
        text = _to_the_end_tag(text, names)
    elif not heading.alone:
        text = _without_end_of_bold(text)
    text = _without_rules(_without_end(text))
    if text.lstrip()[:1] in {"|", ">", "<"}:
        text = containers.scalar(text.lstrip())
    text = text.strip()
    if heading.style is Style.BARE and text[:1] in {'"', "'"}:
        text = containers.unquoted(text)
    return text if text.isascii() else text.strip(_INVISIBLE).strip()


def _without_end_of_bold(text: str) -> str:
    """The text without the second mark of bold letters that began before the heading: "**Problem: ...**"."""
    line, end, rest = text.partition("\n")
    if line.count("**") % 2 and line.rstrip().endswith("**"):
        line = line.rstrip().removesuffix("**")
    return line + end + rest


def _without_end(text: str) -> str:
    """The text without rules and end tags at its end; a tag that begins in the text ends there, too."""
    text = text.rstrip()
    if text[-1:] not in _CLOSING:
        return text
    end = len(text)
    begins: dict[str, bool] = {}
    while end:
        at = text.rfind("\n", 0, end) + 1
        if not _RULE.fullmatch(text, at, end):
            closer = _CLOSER.fullmatch(text, at, end)
            if closer is None:
                break
            tag = closer[1] or ""
            if tag and tag not in begins:
                begins[tag] = f"<{tag}" in text
            if begins.get(tag):
                break
        end = at
        while end and text[end - 1].isspace():
            end -= 1
    return text[:end]


def _without_rules(text: str) -> str:
    """The text without rules at its begin, as the line below a heading is one."""
    if text.lstrip()[:1] not in _RULING:
        return text
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at:end].strip() and not _RULE.fullmatch(text, at, end):
            break
        at = end + 1
    return text[at:]


def _to_the_end_tag(text: str, names: Names) -> str:
    """What stands before the last end tag of a section that began with a tag."""
    last = None
    for last in names.end_tag.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return containers.unescaped(text[: last.start()]) if last else text
