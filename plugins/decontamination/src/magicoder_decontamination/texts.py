"""Rows' texts as they are compared: one pass over a whole batch for each way of looking, shared by all levels.

The texts of a batch stand in one buffer, one after the other with a NUL between, so that each step is a few calls into C
for hundreds of rows: `bytes.translate` takes white space out of 400 KB in 0.3 ms. Needles go through the same steps.

==========  =====================================================================
view        what is left of a text
==========  =====================================================================
``lower``   all, in lower case: what the published filter compares
``bare``    folded, without white space
``words``   folded, without what is no letter, digit or underscore, and without the marks of code blocks
``code``    as ``words``, after comments from ``#`` or ``//`` to the line's end are cut; of texts that have any
``programs``  folded, without Python's comments and long strings
==========  =====================================================================

Folding is lower case and, beyond ASCII, Unicode's NFKC with typographic quotes and dashes as ASCII has them. Bytes of other
letters (UTF-8) count as letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from magicoder_decontamination.words import Words

_SPACE: Final = b" \t\n\r\v\f\x1c\x1d\x1e\x1f"
"""ASCII's white space as `str.split` has it; other white space is folded to a blank."""

_NOT_WORD: Final = bytes(
    code for code in range(1, 128) if not (chr(code).isalnum() or chr(code) == "_")
)  # NUL stands between texts
_SIGNS: Final = re.compile(r"[\x00-/:-@\[-^`{-\x7f]+")
_FENCE: Final = re.compile(rb"```[a-z0-9+#_-]*")
_FENCE_TEXT: Final = re.compile(r"```[A-Za-z0-9+#_-]*")
_HASH: Final = re.compile(rb"#[^\n\0]*")
_SLASHES: Final = re.compile(rb"//[^\n\0]*")  # apart: a pattern with one beginning is searched ten times as fast
_HASH_TEXT: Final = re.compile(r"#[^\n\0]*")
_SLASHES_TEXT: Final = re.compile(r"//[^\n\0]*")
_BEHIND: Final = re.compile(rb"[\w)\]'\":][ \t]*\Z")
_BEHIND_TEXT: Final = re.compile(r"[\w)\]'\":][ \t]*\Z")
"""What stands before two slashes that are no comment: an operand of Python's division, an address."""

_QUOTED: Final = re.compile(rb'"""[^\0]*?"""')
_NEAR: Final = 12
"""Characters before two slashes that are looked at."""

_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SEGMENT: Final = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+|[\x00-\x7f]")
_SIGN: Final = re.compile(r"[^\w\x00-\x7f]")
_ASCII_SIGNS: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
}


@dataclass(frozen=True)
class View:
    """Texts of a batch in one way of looking: text ``i`` is ``data[offsets[i] : offsets[i + 1] - 1]``.

    ``rows`` says which of the batch's they are, where they are not all of them.
    """

    data: bytes
    offsets: Any
    rows: Sequence[int] | None = None

    def text(self, number: int) -> bytes:
        """One text as it is compared."""
        return self.data[self.offsets[number] : self.offsets[number + 1] - 1]

    def owner(self, place: int) -> int:
        """The number of the text that holds a byte."""
        return int(self.offsets.searchsorted(place, "right")) - 1

    def row(self, number: int) -> int:
        """Which of the batch's texts the text ``number`` is."""
        return number if self.rows is None else self.rows[number]

    @cached_property
    def padded(self) -> bytes:
        """The texts with a NUL before and some after them, as `words.words_of` wants them."""
        return b"\0" + self.data + bytes(9)

    @cached_property
    def spoken(self) -> Words:
        """The words of the texts."""
        from magicoder_decontamination.words import words_of

        return words_of(self.padded, self.offsets)


class Batch:
    """Some texts, and their views, each made when it is first asked for."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    @cached_property
    def lower(self) -> View:
        """As the published filter has it."""
        return self._view([text if text.isascii() else text.lower() for text in self.texts])

    @cached_property
    def folded(self) -> View:
        """Of which the views below are made."""
        if all(map(str.isascii, self.texts)):
            return self.lower
        return self._view([text if text.isascii() else folded(text) for text in self.texts])

    @cached_property
    def bare(self) -> View:
        """Without white space."""
        return _split(self.folded.data.translate(None, _SPACE), len(self.texts))

    @cached_property
    def words(self) -> View:
        """Letters, digits and underscores alone, without the language behind a code block's marks."""
        return _split(_FENCE.sub(b"", self.folded.data).translate(None, _NOT_WORD), len(self.texts))

    @cached_property
    def uncommented(self) -> View:
        """The folded texts that have comments to a line's end, without these; all others are the same as before."""
        rows = [number for number, text in enumerate(self.texts) if "#" in text or "//" in text]
        data = b"\0".join(map(self.folded.text, rows))
        return _split(_SLASHES.sub(_cut, _HASH.sub(b"", data)), len(rows), rows)

    @cached_property
    def programs(self) -> View:
        """Folded, without Python's comments and long strings."""
        return _split(_QUOTED.sub(b"", _HASH.sub(b"", self.folded.data)), len(self.texts))

    @cached_property
    def code(self) -> View:
        """Letters, digits and underscores of what is no comment, of texts that have comments."""
        view = self.uncommented
        return _split(view.data.translate(None, _NOT_WORD), len(view.rows or ()), view.rows)

    def _view(self, texts: Sequence[str]) -> View:
        """The view of texts in which no letter beyond ASCII has a lower case."""
        if not texts:
            return _split(b"", 0)
        data = b"\0".join([_encoded(text) for text in texts])
        if data.count(b"\0") >= max(len(texts), 1):
            # What no needle holds, so that nothing matches across it or because of it.
            data = b"\0".join([_encoded(text.replace("\0", "\x01")) for text in texts])
        return _split(data.lower(), len(texts))


def _split(data: bytes, count: int, rows: Sequence[int] | None = None) -> View:
    """A buffer with where each of so many texts begins in it, and where one more would."""
    import numpy as np

    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
    return View(data, np.concatenate(([0], ends + 1, [len(data) + 1]))[: count + 1], rows)


def _cut(found: re.Match[bytes]) -> bytes:
    """Nothing, for a comment; two slashes that are none stay with what is behind them."""
    before = found.string[max(0, found.start() - _NEAR) : found.start()]
    return found[0] if _BEHIND.search(before) else b""


def folded(text: str) -> str:
    """A text in lower case and, beyond ASCII, in NFKC with ASCII's quotes, dashes and blanks.

    Signs of scripts that have no blanks between words stand by themselves.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text)
    text = _SIGN.sub(lambda sign: _ASCII_SIGNS.get(sign[0], " "), text).lower()
    return _HAN.sub(r" \g<0> ", text)


def origins(text: str, change: Callable[[str], str]) -> Any:
    """For each byte of a changed text, the place of the character that it comes from.

    ``change`` may look at neighbours beyond ASCII alone, as composing does, so such are changed together.
    """
    import numpy as np

    if text.isascii():
        kept = np.array([len(change(chr(code))) for code in range(128)])
        return np.repeat(np.arange(len(text)), kept[np.frombuffer(text.encode(), np.uint8)])
    places: list[int] = []
    for found in _SEGMENT.finditer(text):
        size = len(_encoded(change(found[0])))
        first, length = found.start(), found.end() - found.start()
        places += [first + number * length // size for number in range(size)]
    return np.array(places, np.int64)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def bare(text: str) -> str:
    """A folded text's characters of the view ``bare``."""
    return "".join(text.split())


def words(text: str) -> str:
    """A folded text's characters of the view ``words``."""
    return _SIGNS.sub("", text)


def unfenced(text: str) -> str:
    """A text with the marks of its code blocks blanked, each character keeping its place."""
    return _FENCE_TEXT.sub(lambda cut: " " * len(cut[0]), text)


def uncommented(text: str) -> str:
    """A text with its comments blanked, each character keeping its place."""
    text = _HASH_TEXT.sub(_blank, text)
    return _SLASHES_TEXT.sub(lambda cut: cut[0] if _is_behind(cut) else _blank(cut), text)


def _is_behind(found: re.Match[str]) -> bool:
    return bool(_BEHIND_TEXT.search(found.string[max(0, found.start() - _NEAR) : found.start()]))


def _blank(cut: re.Match[str]) -> str:
    return "\n" * len(cut[0])
