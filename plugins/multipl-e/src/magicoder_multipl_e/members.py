"""Classes taken apart: a method with its fellow members, and what stands outside of their class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.finding import Place
from magicoder_multipl_e.pieces import Piece

PROBLEM = "Problem"
"""The class that the tests go on with."""

_CLASS = re.compile(r"\b(class|object|struct|record|trait|interface|enum)\s+(\w+)")
_MODIFIERS = re.compile(r"^([ \t]*(?:@\w+\s+)*(?:(?:public|private|protected|internal)\s+)?)", re.MULTILINE)
_TYPES = re.compile(r"\b(?:class|interface|enum|record|struct|const|namespace|delegate)\b")
_LEAD = re.compile(r"\s*(?:import|using\b(?!\s*\()|package)\b")
_NAMESPACE = re.compile(r"\s*namespace\s+[\w.]+\s*;")
_TYPE = re.compile(
    r"\s*(?:(?:@\w+(?:\([^()]*\))?|\[[^\]\n]*\]|public|private|protected|internal|final|abstract|static|sealed|case|partial|strictfp)\s+)*"
    r"(?:class|interface|enum|record|struct|trait|object|delegate)\b"
)
_ENTRY = re.compile(r"\bMain\s*\(|\bvoid\s+main\s*\(|\bdef\s+main\s*\(|\bextends\s+App\b")
_STATEMENT = re.compile(
    r"\s*(?:(?:if|for|foreach|while|do|try|switch|return|var|using\s*\()\b|[\w.]+\s*\([^{]*\)\s*;\s*\Z|[\w.\[\]]+\s*[-+*/]?=[^>])"
)


@dataclass(frozen=True)
class Members:
    """A class taken apart: what stands outside of it, its members, its head and name, and how many classes are around."""

    outside: list[Piece]
    inside: list[Piece]
    head: str = ""
    kind: str = ""
    owner: str = ""
    classes: int = 0


def members(source: Source, place: Place, name: str) -> Members:
    """What stands outside of the class of the method that is defined at a place, and its members, the method included.

    Where the method stands in no class, statements and types are outside, or nowhere.
    """
    opened = [at for kind, at in source.open_at(place.begin) if kind == "{"]
    outside: list[Piece] = []
    begin, end = 0, len(source.text)
    head = kind = owner = ""
    classes = 0
    for at in opened:
        outside += [one for one in _pieces(source, begin, end) if not _holds(source, one, begin, at)]
        text = source.masked[begin:at]
        if found := list(_CLASS.finditer(text)):
            kind, owner = found[-1].groups()
            head = re.split(r"[;{}]", text)[-1].strip()
            classes += 1
        closing = source.closed_at(at)
        begin, end = at + 1, len(source.text) if closing is None else closing
    inside = _pieces(source, begin, end)
    if not opened:
        outside, inside = parted(inside, name)
    outside = [private(one) for one in outside if not _NAMESPACE.match(one.masked)]
    return Members(outside, inside, head, kind, owner, classes)


def parted(pieces: Sequence[Piece], name: str) -> tuple[list[Piece], list[Piece]]:
    """Imports and types that do not name a function, and members, of code without a class around it."""
    outside = [one for one in pieces if _LEAD.match(one.masked)]
    outside += [one for one in pieces if is_type(one) and not re.search(rf"\b{name}\b", one.masked)]
    inside = [one for one in pieces if one not in outside]
    if not pieces or pieces[0].language == "scala":
        return outside, inside
    return outside, [one for one in inside if not _STATEMENT.match(one.masked) and not _is_example(one, name)]


def is_lead(piece: Piece) -> bool:
    """Whether a piece is an import."""
    return _LEAD.match(piece.masked) is not None


def _is_example(piece: Piece, name: str) -> bool:
    """Whether a piece is a variable made by the function."""
    return (
        re.search(rf"=.*\b{name}\s*\(", piece.masked, re.DOTALL) is not None
        and "{" not in piece.masked
        and "=>" not in piece.masked
    )


def without_programs(name: str, group: Members) -> Members:
    """A class taken apart, without classes beside it that only start a program or test, and statements at the top level.

    Classes that start a program and have more than that to give start none.
    """
    outside = [one for one in group.outside if one.language != "cs" or not _STATEMENT.match(one.masked)]
    rest = [one for one in outside if not (is_type(one) and _ENTRY.search(one.masked)) or _has_class(one, group.owner)]
    used = " ".join(one.masked for one in [*rest, *group.inside])
    kept = [one for one in outside if one in rest or re.search(rf"\b{one.name or name}\b", used)]
    return replace(group, outside=[_without_entry(one) if is_type(one) else one for one in kept])


def _has_class(piece: Piece, owner: str) -> bool:
    """Whether a piece is a class, or has one inside."""
    return bool(owner) and re.search(rf"\b(?:class|object|struct|record)\s+{owner}\b", piece.masked) is not None


def _without_entry(piece: Piece) -> Piece:
    """A type whose ``Main``, of which C# wants one only, has another name."""
    return renamed("Main", "MagicoderMain", piece, r"(?=\s*\()") if piece.language == "cs" else piece


def needs_class(language: str, group: Members, name: str) -> bool:
    """Whether a method works only in a class of its own: on an object with a state, or by the class's name or parents."""
    if group.classes > 1 or group.kind in {"record", "interface", "enum", "trait"} or _has_parents(group):
        return True
    others = " ".join(one.masked for one in group.outside if is_type(one))
    if group.owner not in {"", PROBLEM} and re.search(rf"\b{group.owner}\b", others):
        return True
    if language == "scala":
        return False
    own = [one for one in group.inside if not is_type(one)]
    made = [one for one in own if constructs(group.owner, one)]
    rest = [one for one in own if one not in made]
    if any(re.search(r"\(\s*[^\s)]|\{\s*[^\s}]", one.masked.partition(group.owner)[2]) for one in made):
        return True
    if any(_is_of_object(group.owner, one) for one in rest):
        return True
    return not _is_static(rest, name) and any(_is_state(one) for one in rest)


def _has_parents(group: Members) -> bool:
    """Whether a class has a parent, parameters of its own, or those of types."""
    behind = group.head.partition(group.owner)[2] if group.owner else ""
    return re.search(r"\A\s*[<(\[]|\b(?:extends|implements|with)\b(?!\s+App\b)|:", behind) is not None


def _is_of_object(owner: str, piece: Piece) -> bool:
    """Whether a member speaks of its object, of its parents' members, or of its class as a type."""
    pattern = r"\bthis\b|@Override\b|\boverride\b|\A\s*\{"
    if owner:
        pattern += rf"|\bnew\s+{owner}\b|\b{owner}\b(?!\s*(?:\.|::|\())"
    return re.search(pattern, piece.masked) is not None


def _is_state(piece: Piece) -> bool:
    """Whether a member is a field or a property of each object."""
    head = _head(piece)
    return "(" not in head and not re.search(r"\b(?:static|const)\b", head)


def _is_static(pieces: Iterable[Piece], name: str) -> bool:
    method = next((one for one in pieces if re.search(rf"\b{name}\s*(?:<[^()]*>)?\(", _head(one))), None)
    return method is None or re.search(r"\bstatic\b", _head(method)) is not None


def merged_into_problem(language: str, group: Members, name: str) -> list[Piece]:
    """The members as those of the class that the tests go on with; methods of Java's and C#'s instances become static."""
    kept = [_renamed(group.owner, one) for one in group.inside if not constructs(group.owner, one)]
    if language == "scala" or _is_static(kept, name):
        return kept
    return [with_static(one) for one in kept]


def _pieces(source: Source, begin: int, end: int) -> list[Piece]:
    return pieces_of(Source(source.language, source.text[begin:end]))


def pieces_of(part: Source) -> list[Piece]:
    """The declarations and statements at the top level of a source."""
    return [
        Piece(part.text[one.begin : one.end], part.masked[one.begin : one.end], part.language) for one in part.chunks()
    ]


def _holds(source: Source, piece: Piece, begin: int, at: int) -> bool:
    """Whether a piece of what begins at a place holds another place."""
    start = source.text.find(piece.text, begin)
    return start <= at < start + len(piece.text)


def is_type(piece: Piece) -> bool:
    """Whether a piece declares a class or its like."""
    return _TYPE.match(piece.masked) is not None


def private(piece: Piece) -> Piece:
    """A class that may stand in a file of another name."""
    if not is_type(piece):
        return piece
    change = re.compile(r"^(\s*)public\s+", re.MULTILINE)
    if not (found := change.match(piece.masked)):
        return piece
    return Piece(found[1] + piece.text[found.end() :], found[1] + piece.masked[found.end() :], piece.language)


def constructs(owner: str, piece: Piece) -> bool:
    """Whether a piece is a constructor of a class."""
    return (
        bool(owner)
        and re.match(rf"\s*(?:(?:public|private|protected|internal)\s+)?{owner}\s*\(", piece.masked) is not None
    )


def renamed(name: str, other: str, piece: Piece, behind: str = "") -> Piece:
    """A piece that has another name for what it calls ``name``, where ``behind`` follows."""
    text, bare = piece.text, piece.masked
    for place in reversed([found.start() for found in re.finditer(rf"\b{name}\b{behind}", piece.masked)]):
        text = f"{text[:place]}{other}{text[place + len(name) :]}"
        bare = f"{bare[:place]}{other}{bare[place + len(name) :]}"
    return Piece(text, bare, piece.language)


def _renamed(owner: str, piece: Piece) -> Piece:
    """A member that speaks of its class by the class's new name."""
    return piece if owner in {"", PROBLEM} else renamed(owner, PROBLEM, piece, r"(?=\s*(?:\.|::|\())")


def _head(piece: Piece) -> str:
    return piece.masked.partition("{")[0].partition("=")[0]


def with_static(piece: Piece) -> Piece:
    """A member of the class itself."""
    head = _head(piece)
    if re.search(r"\bstatic\b", head) or _TYPES.search(head):
        return piece
    at = len(piece.masked) - len(piece.masked.lstrip())
    start = piece.masked.rfind("\n", 0, at) + 1
    found = _MODIFIERS.match(piece.masked, start)
    place = found.end() if found else start
    return Piece(
        f"{piece.text[:place]}static {piece.text[place:]}",
        f"{piece.masked[:place]}static {piece.masked[place:]}",
        piece.language,
    )
