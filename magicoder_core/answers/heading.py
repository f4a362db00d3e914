"""Lines that are headings of sections, in whatever dress: brackets, Markdown, bold, tags, numbers, underlines, bare.

Only lines that hold a heading's word are looked at closely: an answer has fifty lines, and four of them have one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

_ROOM = 200
"""So many characters of a line can be its heading."""

_SHORT = 60
"""Lines shorter than this are likely to come again."""

# One to one, so that a position means the same in a line and in what is searched. Keys are code points.
_BRACKETS = dict.fromkeys(map(ord, "【\uff3b\u3014〖「『《〈«"), "[") | dict.fromkeys(
    map(ord, "】\uff3d\u3015〗」』》〉»"), "]"
)
_SIGNS = {0xFF1A: ":", 0xFF03: "#", 0xFF0A: "*", 0xFF08: "(", 0xFF09: ")", 0xFE55: ":"}
_BLANKS = dict.fromkeys([0xA0, *range(0x2000, 0x2010), 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF, 0xAD], " ")
_SIMPLE = {**_BRACKETS, **_SIGNS, **_BLANKS}

_LANGUAGES = r"python|java|c\+\+|cpp|c\#|csharp|c|rust|php|swift|typescript|javascript|shell|bash|go|golang|ruby|kotlin|scala|sql"
_ADJECTIVES = "self-contained|correct|complete|full|programming|coding|example|sample|model|reference"
_HTML = r"h[1-6]|b|strong|em|i|u|p|div|span|center|summary|details|font|mark|section|li|a|kbd|code|tt|item|answer|response|output|result|root|data"
# What may stand before a heading's name.
_BEFORE = re.compile(
    rf"""[ ]{{0,3}}(?![ \t])
    (?P<dress>(?:
        (?:[#*_>~=|+`\u2022\u00b7\u2013\u2014-]++|\\(?:sub)*section\*?\{{|\\textbf\{{|\\begin(?=\{{)|</?(?:{_HTML})(?:\s[^<>]{{0,60}})?+>|</\w{{1,30}}>
        |[^\x00-\x7f\w\[\]]++
        |(?:section|part|step|task)[ \t]+(?:\d{{1,2}}|[ivx]{{1,3}}|[ab])(?![a-z0-9])[ \t]*+[.):\u2013\u2014-]*+
        |\(?(?:\d{{1,2}}|[ivx]{{1,4}}|[ab])(?:[.):]+|[^\x00-\x7f\w]+)|\#?\d{{1,2}}(?=[ \t]))[ \t]*+)*+)
    (?:(?:assistant|ai|response)[ \t]*:[ \t]*)?
    (?P<open>(?:\\?\[|[(<{{])*+)[ \t]*+(?P<inner>[*_`"']*+)
    (?:(?:section|part|step)[ \t]+(?:\d{{1,2}}|[ivx]{{1,3}}|[ab])(?![a-z0-9])[ \t]*+[.):\u2013\u2014-]*+[ \t]*+)?
    (?:(?:begin|start)(?:ning)?(?:[ \t_:-]+of)?[ \t_:-]+)?
    (?:(?P<other>second|third|next|another|alternative|additional|bonus|new|follow-up)[ \t]+)?
    (?:(?:the|my|your|our|a|final|generated|suggested|proposed|{_ADJECTIVES}|{_LANGUAGES})[ \t]+){{0,3}}""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSERS = r"(?:[*_]|`(?!``)|\\?\]|[)>}]|</\w{1,30}>)*+"
# What may stand after it: a number, a language, closing marks, a colon or dash, and then the section's first words.
_AFTER = re.compile(
    rf"""(?P<quote>["'](?=[^\w]*\Z))?(?:[ \t_]+(?:section|part|begins?|starts?))?
    (?:[ \t_]*\#?[ \t]?(?P<number>\d{{1,3}})(?!\w))?
    (?:[ \t]*[,:(\u2013\u2014-]?[ \t]*(?:(?:in|using|with|for)[ \t]+)?(?:{_LANGUAGES})(?:[ \t]?\d[\d.]*)?\)?(?=[^\w`]*\Z))?
    (?:\s[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*+[ \t]*
    (?P<close>{_CLOSERS})(?:[ \t]*\([^()]{{0,40}}\))?(?:[ \t]*\{{[#.][^{{}}]{{0,40}}\}})?(?P<late>{_CLOSERS})[ \t]*+
    (?P<sep>:|[\u2013\u2014-]+(?=\s|\Z))?(?P<last>{_CLOSERS})[ \t]*+(?P<colon>:)?
    (?P<end>(?:[ \t\#=*_~\u2013\u2014-]|<br\s*/?>|[^\x00-\x7f\w])*\Z)?[ \t]*""",
    re.IGNORECASE | re.VERBOSE,
)
_TITLED = re.compile(r"[ \t]*[:\u2013\u2014-][ \t]*[^\[\]\n]{1,80}\](?P<last>[*_`]*+):?(?P<end>[*_`:#= \t]*\Z)?[ \t]*")
_UNDERLINE = re.compile(r"[ \t]*(?:={3,}|-{3,}|~{3,}|\^{3,})[ \t]*")
_YAML_TEXT = re.compile(r"[|>][+-]?\d?[+-]?")


class Style(IntEnum):
    """How sure a line is a heading; of two candidates for one section the surer one counts."""

    BARE = 1
    BOLD = 2
    MARKDOWN = 3
    TAG = 4
    BRACKETS = 5


class Heading(NamedTuple):
    """A heading: where its line begins and ends, where its section's text begins, which section, and how it looks.

    ``alone`` means that the line says nothing else; ``another``, that it names itself as a further one ("Problem 2");
    ``listed``, that a number stands before it.
    """

    start: int
    end: int
    body: int
    key: str
    style: Style
    level: int
    alone: bool
    another: bool
    colon: bool
    listed: bool

    @property
    def rank(self) -> tuple[bool, int, int]:
        """A heading alone on its line is surer than one that text follows: the latter may be a sentence."""
        return (self.alone, self.style, -self.level)


class Names:
    """The headings to look for."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.keys = list(names)
        self.known = {plain(alias): key for key, aliases in names.items() for alias in aliases}
        self.anchors = _anchors(list(self.known))
        longest_first = sorted(self.known, key=len, reverse=True)
        spelled = "|".join(re.escape(alias).replace(r"\ ", "[ _-]*") for alias in longest_first)
        self.pattern = re.compile(rf"(?P<name>{spelled})(?![a-z])", re.IGNORECASE)
        # Tags that follow one another on a line, and those that end a section.
        self.joint = re.compile(rf"(</(?:{spelled})>)[ \t]*(?=<(?:{spelled})[\s>])", re.IGNORECASE)
        self.end_tag = re.compile(
            rf"</(?:{spelled})>(?:[ \t]*</\w{{1,30}}>){{0,8}}[ \t]*$", re.IGNORECASE | re.MULTILINE
        )
        self._squeezed = {_squeeze(alias): key for alias, key in self.known.items()}

    def key(self, name: str) -> str:
        """The section that a spelling names."""
        return self._squeezed[_squeeze(name)]


def plain(name: str) -> str:
    """A name in lower case with single blanks between its words."""
    return re.sub(r"[ _-]+", " ", name.strip().lower())


def _squeeze(name: str) -> str:
    return re.sub(r"[ _-]+", "", name.lower())


def _anchors(aliases: list[str]) -> list[str]:
    """A few words of which every alias has one: the shorter aliases themselves, the last words of others."""
    found: list[str] = []
    for alias in sorted(aliases, key=len):
        if not any(anchor in alias for anchor in found):
            found.append(alias.rpartition(" ")[2])
    return found


@lru_cache(maxsize=32)
def _names(items: tuple[tuple[str, tuple[str, ...]], ...]) -> Names:
    return Names(dict(items))


def named(names: Mapping[str, Sequence[str]]) -> Names:
    """The headings to look for, made once for each set of names."""
    return _names(tuple((key, tuple(aliases)) for key, aliases in names.items()))


def headings(text: str, names: Names) -> list[Heading]:
    """All lines that look like headings, in order, also those within code."""
    lowered = _lower(text)
    found = {heading.start: heading for anchor in names.anchors for heading in _at(text, lowered, anchor, names)}
    return [found[start] for start in sorted(found)]


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _at(text: str, lowered: str, anchor: str, names: Names) -> Iterator[Heading]:
    at = lowered.find(anchor)
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if at - start < _ROOM and (heading := _heading(text, start, end, names)):
            yield heading
        at = lowered.find(anchor, end)


class _Shape(NamedTuple):
    """What a line says by itself."""

    body: int
    key: str
    style: Style
    level: int
    alone: bool
    another: bool
    colon: bool
    listed: bool


def _heading(text: str, start: int, end: int, names: Names) -> Heading | None:
    """The heading that a line is, if it is one."""
    line = text[start:end]
    # Answers of a model have the same few headings, so that those are read once.
    shape = _known(line, names) if end - start < _SHORT else _shape(line, names)
    if shape is None:
        return None
    body, key, style, level, *says = shape
    if style < Style.MARKDOWN and shape.alone and underlined(text, end):
        style, level = Style.MARKDOWN, 1
    return Heading(start, end, start + body, key, style, level, *says)


def _shape(whole: str, names: Names) -> _Shape | None:
    line = whole[:_ROOM] if whole.isascii() else whole[:_ROOM].translate(_SIMPLE)
    before = _BEFORE.match(line)
    name = names.pattern.match(line, before.end()) if before else None
    after = _rest(line, name.end(), before["open"], before["inner"]) if before and name else None
    if before is None or name is None or after is None:
        return None
    dress = before["dress"] + before["open"] + before["inner"]
    style, level = _style(dress)
    body = _body(dress, after)
    alone = (after["end"] is not None and len(line) == len(whole)) or _opens_block(line[body:])
    separated = after["sep"] and (style > Style.BARE or after["sep"] == ":") if after.re is _AFTER else True
    colon = bool(separated or (after.re is _AFTER and after["colon"]))
    if not (alone or colon or style >= Style.TAG):
        return None  # "Solution approach" is another heading and "Problem is" a sentence
    another = bool(before["other"]) or (after.re is _AFTER and int(after["number"] or 1) > 1)
    listed = any(character.isdigit() for character in before["dress"])
    return _Shape(body, names.key(name["name"]), style, level, alone, another, colon, listed)


_known = lru_cache(maxsize=4096)(_shape)


def _rest(line: str, at: int, opened: str, inner: str) -> re.Match[str] | None:
    """What follows the name; None if brackets do not match."""
    after = _AFTER.match(line, at)
    closing = after["close"] + after["late"] + after["last"] if after else ""
    if "[" in opened and "]" not in closing:
        return _TITLED.match(line, at)
    if after is None or any(mark in inner for mark in "\"'") != bool(after["quote"]):
        return None
    if ("]" in closing) != ("[" in opened) or ("<" in opened and ">" not in closing):
        return None
    return after


def _body(dress: str, after: re.Match[str]) -> int:
    """Where the section's text begins in the line; marks that no mark before the name opened are the text's own."""
    last = after["last"]
    if last and not after["end"] and not any(mark in dress for mark in "*_`<[({"):
        return after.start("last")
    return after.end()


def _opens_block(rest: str) -> bool:
    """Whether the rest of a line opens a code block or a YAML text, which is no sentence."""
    rest = rest.strip()
    return rest.startswith(("```", "~~~")) or _YAML_TEXT.fullmatch(rest) is not None


def _style(dress: str) -> tuple[Style, int]:
    """How a heading looks, and its level: of Markdown headings the number of hashes."""
    if "[" in dress:
        return Style.BRACKETS, 0
    if dress.endswith("<") or "\\begin" in dress:
        return Style.TAG, 0
    if "#" in dress:
        return Style.MARKDOWN, dress.count("#")
    if tag := re.search(r"<h([1-6])", dress, re.IGNORECASE):
        return Style.MARKDOWN, int(tag[1])
    if "section" in dress or "==" in dress:
        return Style.MARKDOWN, 1
    return (Style.BOLD, 0) if any(mark in dress for mark in "*_`<({") else (Style.BARE, 0)


def underlined(text: str, end: int) -> bool:
    """Whether the next line underlines the one that ends here."""
    stop = text.find("\n", end + 1)
    line = text[end + 1 : len(text) if stop < 0 else min(stop, end + _ROOM)]
    return _UNDERLINE.fullmatch(line) is not None
