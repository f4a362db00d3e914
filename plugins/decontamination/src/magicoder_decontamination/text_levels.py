"""The levels that look for a needle's text: ``exact``, ``whitespace``, ``tokens``.

===============  =====================================================  ==========================================
level            compared                                               so it finds copies with
===============  =====================================================  ==========================================
``exact``        all, in lower case                                     other capitals
``whitespace``   without white space, quotes and dashes as in ASCII     other indentation, line breaks, CRLF
``tokens``       words and numbers alone, with and without comments     other punctuation, quotes, added comments
===============  =====================================================  ==========================================

A match must begin and end where words do. A needle of few characters must be all that stands on its lines.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from magicoder_core import Needle
from magicoder_decontamination.hits import Hit, telling
from magicoder_decontamination.matching import Patterns
from magicoder_decontamination.needles import PROGRAM, examples, prose
from magicoder_decontamination.texts import Batch, View, bare, folded, origins, uncommented, unfenced, words

_WORD: Final = re.compile(r"\w+")
_EXAMPLES_ALONE: Final = "its examples alone"
_SHORT: Final = 30
"""Characters, white space aside, of a needle that must be all that stands on its lines."""

_FEWEST_CHARACTERS: Final = 20
_FEWEST_TOKENS: Final = 5
"""Of a needle whose words alone are enough; where they are fewer its other signs must be there, too."""

_LEFT: Final = 0.5
"""Share of a needle that must be left without its comments, for it to be looked for without them."""

_BEFORE: Final = " \t>+.|"
"""Signs that may stand before a line: of a quotation, a difference, a prompt."""

_QUOTES: Final = str.maketrans('"', "'")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text to look for, the needle it stands for, and its characters, white space aside."""

    needle: Needle
    text: str
    size: int
    note: str = ""

    @classmethod
    def of(cls, needle: Needle, text: str, note: str = "") -> _Piece:
        return cls(needle, text, len(bare(text)), note)


@dataclass(frozen=True)
class _Look:
    """One way of looking: the view of a batch, and what it keeps of a text."""

    view: Callable[[Batch], View]
    kept: Callable[[str], str]
    prepared: Callable[[str], str] = str
    fold: Callable[[str], str] = folded
    tokens: bool = False

    def seen(self, piece: _Piece) -> _Piece:
        """A piece as this look compares it."""
        return _Piece.of(piece.needle, self.prepared(piece.text), piece.note)

    def pattern(self, text: str) -> bytes:
        """A prepared text in this view."""
        return self.kept(self.fold(text)).encode("utf-8", "surrogatepass")


_LOOKS: Final[Mapping[str, Sequence[_Look]]] = {
    "exact": (_Look(lambda batch: batch.lower, str, fold=str.lower),),
    "whitespace": (_Look(lambda batch: batch.bare, bare),),
    "tokens": (
        _Look(lambda batch: batch.words, words, unfenced, tokens=True),
        _Look(lambda batch: batch.code, words, uncommented, tokens=True),
    ),
}


class TextLevel:
    """A level over some needles.

    Args:
        name: ``exact``, ``whitespace`` or ``tokens``.
        needles: what to look for; whole programs are left to their parts.
        fewest: characters, white space aside, that a needle must have.
        allowed: texts, white space aside, that are not looked for.
    """

    def __init__(self, name: str, needles: Sequence[Needle], fewest: int, allowed: frozenset[str]) -> None:
        self.name = name
        pieces = [piece for needle in needles if needle.kind != PROGRAM for piece in self._pieces(needle)]
        pieces = [piece for piece in pieces if piece.size >= fewest and bare(piece.text) not in allowed]
        self._looks = [_Search(name, look, pieces, fewest) for look in _LOOKS[name]]

    def _pieces(self, needle: Needle) -> Iterator[_Piece]:
        text = needle.text.strip()
        yield _Piece.of(needle, text)
        if self.name == "tokens":
            if (code := uncommented(text).strip()) != text and len(bare(code)) >= _LEFT * len(bare(text)):
                yield _Piece.of(needle, code, "without its comments")
            for part, note in ((prose(needle), "without its examples"), (examples(needle), _EXAMPLES_ALONE)):
                if part:
                    yield _Piece.of(needle, part, note)

    def find(self, batch: Batch) -> Iterator[tuple[int, Hit]]:
        """Each row's number with a hit."""
        for look in self._looks:
            yield from look.find(batch)


class _Search:
    """The pieces in one way of looking."""

    def __init__(self, level: str, look: _Look, pieces: Sequence[_Piece], fewest: int) -> None:
        self._level = level
        self._look = look
        owners: dict[bytes, list[_Piece]] = defaultdict(list)
        for piece in pieces:
            seen = look.seen(piece)
            # What a look leaves of a text must tell as much as a whole one.
            if seen.size >= max(fewest, _LEFT * piece.size) and (pattern := look.pattern(seen.text)):
                owners[pattern].append(seen)
        self._owners = list(owners.values())
        self._patterns = Patterns(list(owners))

    def find(self, batch: Batch) -> Iterator[tuple[int, Hit]]:
        view = self._look.view(batch)
        places: dict[int, Any] = {}
        for found in self._patterns.find(view.data):
            number = view.owner(found.start)
            row = view.row(number)
            if row not in places:
                text = self._look.prepared(batch.texts[row])
                places[row] = text, origins(text, lambda part: self._look.kept(self._look.fold(part)))
            text, kept = places[row]
            start = found.start - int(view.offsets[number])
            span = kept[start : start + len(self._patterns.patterns[found.number])]
            if not len(span):
                continue
            first, last = int(span[0]), int(span[-1]) + 1
            for piece in self._owners[found.number]:
                if self._stands(piece, text, first, last):
                    yield row, self._hit(piece, first, last)

    def _hit(self, piece: _Piece, start: int, end: int) -> Hit:
        share = telling(piece.size) * min(1.0, piece.size / max(1, len(bare(piece.needle.text))))
        return Hit(level=self._level, needle=piece.needle, start=start, end=end, confidence=share, note=piece.note)

    def _stands(self, piece: _Piece, text: str, start: int, end: int) -> bool:
        """Whether a match is one of whole words, and of whole lines where it is short."""
        if _joins(text, start) or _joins(text, end):
            return False
        if not self._look.tokens:
            return piece.size >= _SHORT or _is_line(text, start, end)
        own, theirs = folded(piece.text), folded(text[start:end])
        if (tokens := _WORD.findall(own)) != _WORD.findall(theirs):
            return False
        if piece.size >= _SHORT and len(tokens) >= _FEWEST_TOKENS and sum(map(len, tokens)) >= _FEWEST_CHARACTERS:
            return True
        if piece.note == _EXAMPLES_ALONE:
            return len(tokens) >= _FEWEST_TOKENS
        start, end = _with_signs(text, start, end)
        alike = bare(own).translate(_QUOTES) == bare(folded(text[start:end])).translate(_QUOTES)
        return _is_line(text, start, end) and alike


def _with_signs(text: str, start: int, end: int) -> tuple[int, int]:
    """A match of words with the signs before and after it on its lines."""
    while start and not (text[start - 1].isalnum() or text[start - 1] in "_ \t\n"):
        start -= 1
    while end < len(text) and not (text[end].isalnum() or text[end] in "_ \t\r\n"):
        end += 1
    return start, end


def _joins(text: str, place: int) -> bool:
    """Whether a place is within a word."""
    return 0 < place < len(text) and bool(_WORD.fullmatch(text[place - 1 : place + 1]))


def _is_line(text: str, start: int, end: int) -> bool:
    """Whether nothing else stands on the lines from ``start`` to ``end``."""
    while start and text[start - 1] in _BEFORE:
        start -= 1
    while end < len(text) and text[end] in " \t\r":
        end += 1
    return (start == 0 or text[start - 1] in "\n\r") and (end == len(text) or text[end] == "\n")
