"""Classes taken apart: a method with its fellow members, and what stands outside of their class."""

from __future__ import annotations

import re

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.pieces import Piece

_CLASS = re.compile(r"\b(?:class|object|struct|record|trait|interface)\s+(\w+)")
_MODIFIERS = re.compile(r"^([ \t]*(?:@\w+\s+)*(?:(?:public|private|protected|internal)\s+)?)", re.MULTILINE)
_TYPES = re.compile(r"\b(?:class|interface|enum|record|struct|const|namespace|delegate)\b")
_LEAD = re.compile(r"\s*(?:import|using|package)\b")
_NAMESPACE = re.compile(r"\s*namespace\s+[\w.]+\s*;")


def members(source: Source, place: int, name: str) -> tuple[list[Piece], list[Piece]]:
    """What stands outside of the class of the method that begins at a place, and its members, the method included.

    Methods of Java's and C#'s instances become static ones, for so the tests call them.
    """
    opened = [at for kind, at in source.open_at(place) if kind == "{"]
    outside: list[Piece] = []
    begin, end = 0, len(source.text)
    owner = ""
    for at in opened:
        outside += [one for one in _pieces(source, begin, end) if not _holds(source, one, begin, at)]
        found = _CLASS.findall(source.masked[begin:at])
        owner = found[-1] if found else owner
        closing = source.closed_at(at)
        begin, end = at + 1, len(source.text) if closing is None else closing
    inside = _pieces(source, begin, end)
    if not opened:
        outside = [one for one in inside if _LEAD.match(one.masked)]
        types = [one for one in inside if _is_type(one) and not re.search(rf"\b{name}\b", one.masked)]
        outside += types
        inside = [one for one in inside if one not in outside]
    outside = [one for one in outside if not _NAMESPACE.match(one.masked)]
    inside = [one for one in inside if not _constructs(owner, one)]
    return [_private(one) for one in outside], _static(source.language, [_renamed(owner, one) for one in inside], name)


def _pieces(source: Source, begin: int, end: int) -> list[Piece]:
    part = Source(source.language, source.text[begin:end])
    return [
        Piece(part.text[one.begin : one.end], part.masked[one.begin : one.end], source.language)
        for one in part.chunks()
    ]


def _holds(source: Source, piece: Piece, begin: int, at: int) -> bool:
    """Whether a piece of what begins at a place holds another place."""
    start = source.text.find(piece.text, begin)
    return start <= at < start + len(piece.text)


def _is_type(piece: Piece) -> bool:
    return (
        re.match(
            r"\s*(?:(?:public|private|final|abstract|static|sealed|case)\s+)*(?:class|interface|enum|record|struct|trait|object)\b",
            piece.masked,
        )
        is not None
    )


def _private(piece: Piece) -> Piece:
    """A class that may stand in a file of another name."""
    if not _is_type(piece):
        return piece
    change = re.compile(r"^(\s*)public\s+", re.MULTILINE)
    if not (found := change.match(piece.masked)):
        return piece
    return Piece(found[1] + piece.text[found.end() :], found[1] + piece.masked[found.end() :], piece.language)


def _constructs(owner: str, piece: Piece) -> bool:
    return (
        bool(owner)
        and re.match(rf"\s*(?:(?:public|private|protected|internal)\s+)?{owner}\s*\(", piece.masked) is not None
    )


def _renamed(owner: str, piece: Piece) -> Piece:
    """A member that speaks of its class by the class's new name."""
    if not owner or owner == "Problem":
        return piece
    places = [found.start() for found in re.finditer(rf"\b{owner}\b(?=\s*[.(])", piece.masked)]
    text, bare = piece.text, piece.masked
    for place in reversed(places):
        text = f"{text[:place]}Problem{text[place + len(owner) :]}"
        bare = f"{bare[:place]}Problem{bare[place + len(owner) :]}"
    return Piece(text, bare, piece.language)


def _static(language: str, pieces: list[Piece], name: str) -> list[Piece]:
    """The members, static where the method was none."""
    if language == "scala":
        return pieces
    method = next((one for one in pieces if re.search(rf"\b{name}\s*(?:<[^()]*>)?\(", _head(one))), None)
    if method is None or re.search(r"\bstatic\b", _head(method)):
        return pieces
    return [_with_static(one) for one in pieces]


def _head(piece: Piece) -> str:
    return piece.masked.partition("{")[0].partition("=")[0]


def _with_static(piece: Piece) -> Piece:
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
