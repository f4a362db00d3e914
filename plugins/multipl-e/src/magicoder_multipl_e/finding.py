"""Where an answer defines the function: at its top level, or in a class, a module, a namespace or a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.shapes import Shape

_HEAD = re.compile(
    r"\b(?P<kind>class|struct|object|record|trait|interface|enum|union|actor|extension|module|mod|namespace|package)\s+"
    r"(?P<name>(?!extends\b|implements\b|where\b)\w[\w:.\\]*)"
)
_IMPL = re.compile(r"\bimpl\b\s*(?:<[^{]*?>\s*)?(?:[^{]*?\bfor\s+)?(?P<name>\w+)")
_TABLE = re.compile(r"(?:^|\s)(?P<name>[\w.]+)\s*(?::[^=;]*)?=\s*\Z")
_OPENED = re.compile(r"[;{}]")


@dataclass(frozen=True)
class Owner:
    """What a function may stand in: ``kind`` is the word before its name, ``at`` the place where it is opened."""

    kind: str
    name: str
    at: int


@dataclass(frozen=True)
class Place:
    """A definition: where it begins, where its name's parameters do, and what it stands in, the outermost first."""

    begin: int
    end: int
    depth: int
    owners: tuple[Owner, ...] = ()
    via: str = ""
    """What the name has before it, as the table of ``function M.name``; a receiver's type in Go."""


def places(shape: Shape, name: str, source: Source) -> list[Place]:
    """The definitions of a function, those that stand nearest to the top level first."""
    found = [*_defined(shape.defines, name, source), *(_within(shape.within, name, source) if shape.within else ())]
    return sorted(found, key=lambda place: (place.depth, place.begin))


def _matches(pattern: str, name: str, source: Source) -> Iterator[re.Match[str]]:
    return re.finditer(pattern.format(name=re.escape(name)), source.masked, re.MULTILINE)


def _defined(pattern: str, name: str, source: Source) -> Iterator[Place]:
    for one in _matches(pattern, name, source):
        opened = source.open_at(one.start())
        yield Place(one.start(), one.end(), len(opened), _owners(source, opened))


def _within(pattern: str, name: str, source: Source) -> Iterator[Place]:
    """The definitions of a form that is one only in a class or a table."""
    for one in _matches(pattern, name, source):
        opened = source.open_at(one.start())
        owners = _owners(source, opened)
        via = next((value for value in one.groupdict().values() if value), "")
        if via or (owners and opened and owners[-1].at == opened[-1][1]):
            yield Place(one.start(), one.end(), len(opened), owners, via)


def _owners(source: Source, opened: Sequence[tuple[str, int]]) -> tuple[Owner, ...]:
    return tuple(owner for kind, at in opened if (owner := _owner(source, kind, at)) is not None)


def _owner(source: Source, kind: str, at: int) -> Owner | None:
    """What is opened at a place, if that is a class or its like."""
    if kind == "end":
        return _word_owner(source.masked[at:].partition("\n")[0], at)
    if kind != "{":
        return None
    head = _OPENED.split(source.masked[:at])[-1]
    if source.language == "rs" and (found := _IMPL.search(head)):
        return Owner("impl", found["name"], at)
    if heads := list(_HEAD.finditer(head)):
        return Owner(heads[-1]["kind"], heads[-1]["name"], at)
    if source.language in {"js", "ts", "lua"} and (found := _TABLE.search(head)):
        return Owner("table", found["name"], at)
    return None


def _word_owner(line: str, at: int) -> Owner | None:
    """What a line opens that is ended by a word: a class or a module, or the class of what it stands in."""
    if re.match(r"class\s*<<\s*self\b", line):
        return Owner("self", "", at)
    found = re.match(r"(?P<kind>class|module)\s+(?P<name>\w[\w:]*)", line)
    return Owner(found["kind"], found["name"], at) if found else None
