"""Answers that have code, but no code blocks: the English around the code is taken out."""

from __future__ import annotations

import re

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.shapes import SHAPES

_MARK = r"[ \t]*(?:[-*\u2022] |\d+[.)] |#{1,6} |> )?"
_ITEM = re.compile(r"[ \t]*(?:[-*\u2022] |\d+[.)] )(?=.*[A-Za-z]{2})")
_SENTENCE = re.compile(rf"{_MARK}[*_`\"'(]*[A-Z\u00c0-\u024f][\w'\u2019`*-]*[,!.:?]?[*_]*[ \t]+(?P<rest>.*\S)[ \t]*")
_HEADING = re.compile(r"#{2,6} +\S.*|# +[A-Z][\w' ]*:?")
_HASHES = frozenset({"elixir", "jl", "php", "pl", "py", "r", "rb", "sh"})
"""Languages in which a heading is a comment, as which it may belong to code."""

_OTHER = re.compile(rf"{_MARK}[*_]*[\u0400-\u04ff\u0600-\u06ff\u3001-\u9fff\uac00-\ud7af\uff01-\uff5e].*")
"""A line in Cyrillic, Arabic, Chinese, Japanese or Korean letters."""
_WORD = re.compile(rf"{_MARK}\**[A-Z][A-Za-z' ]*\**[:.!]\**[ \t]*")
_STOP = re.compile(r"[.:!?][*_`\"')]*\Z")
_WORDS = re.compile(r"(?:(?<=\s)|\A)[a-z']+(?:,? [a-z']+){2}\b")
_CODE = re.compile(r"[{};\\(]\Z")


def without_prose(language: str, text: str) -> str:
    """A text without lines that are English, where these are neither within a block of code, a comment nor a string.

    Args:
        language: a key of `naming.NAMES`.
        text: an answer without code blocks.

    Returns:
        The lines that are left, or the text as it is, where that would be none.
    """
    kept: list[str] = []
    before = ""
    outside: bool | None = True
    for line in text.strip("\n").split("\n"):
        english = _is_prose(language, line) or (bool(before) and _goes_on(language, before, line))
        if english and outside is None:
            outside = _is_outside(language, kept)
        if english and outside:
            before = line.rstrip()
            continue
        before, outside = "", None
        kept.append(line)
    return "\n".join(kept).strip("\n") if any(line.strip() for line in kept) else text.strip("\n")


def _is_prose(language: str, line: str) -> bool:
    """Whether a line is a sentence, a heading, or an item of a list, rather than code."""
    end = line.rstrip()
    if _WORD.fullmatch(line) or _ITEM.match(line) or (language not in _HASHES and _HEADING.fullmatch(end)):
        return True
    if _OTHER.fullmatch(line):
        return not _CODE.search(end)
    found = _SENTENCE.fullmatch(line)
    if found is None or _CODE.search(end):
        return False
    return _STOP.search(end) is not None or _WORDS.search(found["rest"]) is not None


def _goes_on(language: str, before: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the line before."""
    if before.endswith(":") or not line.strip() or _CODE.search(line.rstrip()):
        return False
    shape = SHAPES.get(language)
    declares = shape is not None and shape.declares and re.match(shape.declares, line.lstrip())
    return not declares and re.match(r"[ \t]*[a-z`(][\w'`]*[ ,.]", line) is not None


def _is_outside(language: str, lines: list[str]) -> bool:
    """Whether what comes next stands at the top level, and is neither comment nor string."""
    if language not in SHAPES:
        return True
    source = Source(language, "\n".join([*lines, "X"]))
    return source.masked.endswith("X") and not source.open_at(len(source.text) - 1)
