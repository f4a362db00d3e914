"""Functions that are only begun: a prompt that an answer repeats before it gives the function."""

from __future__ import annotations

import re

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.finding import Place

_HEAD = re.compile(r"(?:[^{\n]|\{\})*?(?:\{(?!\})|=?[ \t]*(?:\n|\Z))")
_TO_DO = re.compile(
    r"\b(?:todo|unimplemented)!\s*[({][^)}]*[)}]|\?\?\?|\.\.\.|\bpass\b|(?<![\w:]):(?![\w:])|\(void\)"
    r"|\b(?:throw|raise)\b[^;\n]*(?:NotImplemented|UnsupportedOperation|[Uu]nimplemented)[^;\n]*"
    r"|\b(?:panic|die|stop|error|fatalError)\s*\(?\s*\"[^\"\n]*\"\s*\)?|\bmy\s*\([^)]*\)\s*=\s*@_|\bend\b"
)
_NOTHING = re.compile(r"[\s{}()\[\];]*")


def is_stub(source: Source, place: Place) -> bool:
    """Whether a function that is defined at a place has a body of comments, or one that says that it is to be written.

    Args:
        source: the answer's code.
        place: where it defines the function.
    """
    head = _HEAD.match(source.masked, place.end)
    if head is None:
        return False
    body = source.masked[head.end() : _end(source, place, head.end())]
    return _NOTHING.fullmatch(_TO_DO.sub("", body)) is not None


def _end(source: Source, place: Place, begin: int) -> int:
    """Where a function's body ends: with its brace, or with the piece of code that it is."""
    if source.masked[begin - 1 : begin] == "{":
        closing = source.closed_at(begin - 1)
        return len(source.text) if closing is None else closing
    ends = [one.end for one in source.chunks() if one.code <= place.begin < one.end]
    return ends[0] if ends else len(source.text)
