"""A method in the class that the tests go on with: moved there, or called there where it needs a class of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from magicoder_multipl_e import imports
from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.finding import Place
from magicoder_multipl_e.forwarding import arguments
from magicoder_multipl_e.members import (
    PROBLEM,
    Members,
    is_lead,
    is_type,
    members,
    merged_into_problem,
    needs_class,
    parted,
    pieces_of,
    private,
    renamed,
    with_static,
    without_programs,
)
from magicoder_multipl_e.pieces import Piece, wanted
from magicoder_multipl_e.shapes import SHAPES

_UNNAMED = "MagicoderAnswer"
_MARKS = re.compile(r"\s*(?:@\w+(?:\([^()]*\))?\s*|\[[^\]\n]*\]\s*)*")
_WORDS = re.compile(
    r"(?:(?:public|private|protected|internal|static|final|abstract|override|virtual|sealed|new|async|synchronized)\s+)*"
)
_HIDDEN = re.compile(r"\b(?:private|protected|internal)\s+")
_IN_CLASS = 2
"""How many blocks are open within a method of a class."""

Keep = Callable[[Sequence[Piece]], list[Piece]]
"""The pieces of a list that belong to a program."""


@dataclass(frozen=True)
class Wanted:
    """What a program in a class is made for: the function, and what its prompt has.

    Args:
        name: the function's name.
        preamble: the prompt's declarations before it; the last is the head of the class.
        signature: the prompt's last line.
        keep: takes out what does not belong to a program.
    """

    name: str
    preamble: Sequence[str]
    signature: str
    keep: Keep


def in_class(want: Wanted, source: Source, find: Callable[[Source], Place], others: Sequence[str]) -> str:
    """The program up to the tests, with the answer's imports and its other classes before the tests' class.

    Args:
        want: what it is made for.
        source: the answer's code.
        find: where some code defines the function.
        others: code blocks that may have what it needs.
    """
    place = find(source)
    group = members(source, place, want.name)
    group = _reduced(want, group)
    if not needs_class(source.language, group, want.name):
        return _merged(want, source.language, group, others)
    if re.search(rf"\b(?:class|object|record|struct)\s+{PROBLEM}\b", source.masked):
        whole = Piece(source.text, source.masked, source.language)
        source = Source(source.language, renamed(PROBLEM, _UNNAMED, whole).text)
        place = find(source)
    return _beside(want, source, place, others)


def _reduced(want: Wanted, group: Members) -> Members:
    """What of a class and its surroundings belongs to a program."""
    return without_programs(want.name, replace(group, outside=want.keep(group.outside), inside=want.keep(group.inside)))


def _helpers(
    want: Wanted, language: str, mine: Sequence[Piece], others: Sequence[str]
) -> tuple[list[Piece], list[Piece]]:
    """What other blocks have that the pieces use: types and imports, and members."""
    blocks = [want.keep(pieces_of(Source(language, block))) for block in others]
    outside, inside = parted(wanted(mine, blocks), want.name)
    return [private(one) for one in outside], inside


def _merged(want: Wanted, language: str, group: Members, others: Sequence[str]) -> str:
    kept = merged_into_problem(language, group, want.name)
    outside, inside = _helpers(want, language, [*kept, *group.outside], others)
    if language != "scala":
        inside = [with_static(one) for one in inside]
    whole = _program(want, language, [*outside, *group.outside], [*inside, *kept])
    inner = Source(language, whole)
    if len(inner.open_at(len(whole))) >= _IN_CLASS:
        return whole
    last = inner.masked.rstrip()
    at = len(last) - 1
    if kept and re.search(rf"\b{want.name}\b", kept[-1].masked) and _ends_method(inner, last, want.name):
        return whole[:at].rstrip(" \t").removesuffix("\n")
    return f"{whole}\n{SHAPES[language].opens}"


def _ends_method(source: Source, last: str, name: str) -> bool:
    """Whether code ends with the block of a method of a name, right within the class."""
    at = len(last) - 1
    opened = source.open_at(at)
    if not last.endswith("}") or len(opened) != _IN_CLASS:
        return False
    head = re.split(r"[;{}]", source.masked[: opened[-1][1]])[-1]
    return re.search(rf"\b{name}\s*(?:<[^()]*>)?(?:\[[^\]]*\])?\s*[(:=]", head) is not None


def _program(want: Wanted, language: str, outside: Sequence[Piece], inside: Sequence[Piece]) -> str:
    """Imports, other classes, and the tests' class with members."""
    lead = [one for one in outside if is_lead(one)]
    rest = [one for one in outside if not is_lead(one)]
    head = [one.text.strip("\n") for one in imports.merged(language, want.preamble[:-1], [*lead, *rest])]
    body = "".join(one.text if one.text.endswith("\n") else f"{one.text}\n" for one in inside).strip("\n")
    return "\n".join([*head, want.preamble[-1], body])


def _beside(want: Wanted, source: Source, place: Place, others: Sequence[str]) -> str:
    """The answer's class as it is, and a method of the tests' class that calls the one in there."""
    language = source.language
    group = _reduced(want, members(source, place, want.name))
    if group.classes > 1:
        parts = [private(one) for one in pieces_of(source)]
        outside = _reduced(want, replace(group, outside=parts, inside=[])).outside
        path = ".".join(owner.name for owner in place.owners)
    else:
        path = group.owner or _UNNAMED
        outside = [*group.outside, _class(want, language, group, path)]
    types, inside = _helpers(want, language, outside, others)
    static = group.kind == "object" or re.search(r"\bstatic\b", source.masked[place.begin : place.end]) is not None
    target = f"{path}.{want.name}" if static else f"new {path}().{want.name}"
    head = _signature(want, source, place, group)
    call = f"{target}({', '.join(arguments(language, want.name, head))})"
    line = call if language == "scala" else f"return {call};"
    inside = inside if language == "scala" else [with_static(one) for one in inside]
    before = _program(want, language, [*types, *outside], inside).rstrip("\n")
    return f"{before}\n    {head}\n        {line}"


def _class(want: Wanted, language: str, group: Members, name: str) -> Piece:
    """The class of the method again, without its entry point."""
    head = _MARKS.sub("", group.head, count=1) if group.owner else f"class {name}"
    head = re.sub(r"\A(?:(?:public|private|protected)\s+)+", "", head)
    body = "\n".join(_seen(one, want.name).text.strip("\n") for one in want.keep(group.inside))
    text = f"{head} {{\n{body}\n}}\n"
    return Piece(text, Source(language, text).masked, language)


def _seen(piece: Piece, name: str) -> Piece:
    """A member that other classes can call, where it is the function."""
    head = piece.masked.partition("{")[0].partition("=")[0]
    if piece.language == "scala" or is_type(piece) or not re.search(rf"\b{name}\s*(?:<[^()]*>)?\(", head):
        return piece
    text, bare = (
        _HIDDEN.sub("", value, count=1) if _HIDDEN.search(head) else value for value in (piece.text, piece.masked)
    )
    if re.search(r"\bpublic\b", head):
        return piece
    at = len(bare) - len(bare.lstrip())
    marks = _MARKS.match(bare, at)
    at = marks.end() if marks else at
    return Piece(f"{text[:at]}public {text[at:]}", f"{bare[:at]}public {bare[at:]}", piece.language)


def _signature(want: Wanted, source: Source, place: Place, group: Members) -> str:
    """The answer's own signature, made static, where the tests' class knows its types; otherwise the prompt's."""
    prompt = want.signature.strip()
    closing = source.closed_at(place.end - 1)
    if source.language == "scala" or closing is None:
        return prompt
    begin = _MARKS.match(source.masked, place.begin)
    begin = _WORDS.match(source.masked, begin.end() if begin else place.begin)
    start = begin.end() if begin else place.begin
    own = source.text[start : closing + 1]
    inner = [one.name for one in group.inside if is_type(one)]
    if any(re.search(rf"\b{name}\b", own) for name in inner if name):
        return prompt
    if len(arguments(source.language, want.name, own)) != len(arguments(source.language, want.name, prompt)):
        return prompt
    rest = re.match(r"[^{=;]*", source.masked[closing + 1 :])
    return f"public static {' '.join(own.split())}{(rest[0] if rest else '').rstrip()} {{"
