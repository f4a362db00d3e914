"""Answers that are data: JSON objects, TOML tables, and the texts within YAML and XML."""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from magicoder_core.answers.fence import Mark, blocks, marks
from magicoder_core.answers.heading import plain

_OBJECT = re.compile(r"^[ \t]*[\[{]\s*[{\"]", re.MULTILINE)
_TRIES = 3
"""So many objects of a text are read: each may be as long as the text, and few texts hold more than one."""

_SCALAR = re.compile(r"([|>])[+-]?\d?[+-]?[ \t]*(?:\n|\Z)")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\n]|'')*'")
_CDATA = re.compile(r"<!\[CDATA\[(.*)\]\]>", re.DOTALL)


def whole(text: str, known: Mapping[str, str], keys: Sequence[str]) -> dict[str, str] | None:
    """The sections of an answer that is one JSON object of texts, in a code block or not."""
    stripped = text.strip()
    if stripped.startswith(("```", "~~~")):
        found = list(blocks(marks(stripped)))
        if not _is_data(found[0] if found else None, stripped):
            return None
        opening, closing = found[0][0], found[-1][1]
        # The object's own texts may hold code blocks with real line ends: the last mark is the wrapper's.
        stripped = stripped[opening.end : closing.start if closing else len(stripped)].strip()
    if not _OBJECT.match(stripped):
        return None
    return _sections(_decoded(stripped), known, keys)


def _is_data(block: tuple[Mark, Mark | None] | None, text: str) -> bool:
    return block is not None and text[block[0].end :].lstrip().startswith(("{", "["))


def within(text: str, known: Mapping[str, str], keys: Sequence[str]) -> dict[str, str] | None:
    """The sections of a JSON object or TOML table that stands between other text, if there is just one."""
    found = [made for value in _objects(text) if (made := _sections(value, known, keys))]
    if not found and ('"""' in text or "'''" in text):
        found = [made for value in _tables(text) if (made := _sections(value, known, keys))]
    return found[0] if len(found) == 1 else None


def _objects(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(strict=False), 0
    for _ in range(_TRIES):
        start = _OBJECT.search(text, at)
        if start is None:
            return
        try:
            value, at = decoder.raw_decode(text, start.end() - len(start[0].lstrip()))
        except (ValueError, RecursionError):
            at = start.end()
        else:
            yield value


def _tables(text: str) -> Iterator[Any]:
    import tomllib

    found = marks(text)
    # Its own texts may hold code blocks: the outermost marks are the table's.
    candidates = [text, text[found[0].end : found[-1].start]] if found else [text]
    for candidate in candidates:
        try:
            yield tomllib.loads(candidate)
        except (ValueError, RecursionError):
            continue


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _sections(value: Any, known: Mapping[str, str], keys: Sequence[str]) -> dict[str, str] | None:
    """The sections of an object, or of the only object in it."""
    found = _texts(value, known, keys)
    inner = list(value.values()) if isinstance(value, dict) else value
    if found is None and isinstance(inner, list) and len(inner) == 1:
        return _texts(inner[0], known, keys)
    return found


def _texts(value: Any, known: Mapping[str, str], keys: Sequence[str]) -> dict[str, str] | None:
    pairs = [(known.get(plain(key)), text) for key, text in value.items()] if isinstance(value, dict) else []
    found = {key: text.strip() for key, text in pairs if key and isinstance(text, str) and text.strip()}
    named_once = sorted(key for key, _ in pairs if key) == sorted(keys) == sorted(found)
    return {key: found[key] for key in keys} if named_once else None


def scalar(text: str) -> str:
    """A section's text without the YAML or XML around it: block and quoted texts, CDATA."""
    if text.startswith(("|", ">")) and (found := _SCALAR.match(text)):
        body = textwrap.dedent(text[found.end() :]).strip("\n")
        return _folded(body) if found[1] == ">" else body
    if text.startswith("<![CDATA[") and (cdata := _CDATA.fullmatch(text)):
        return cdata[1].strip()
    return text


def _folded(text: str) -> str:
    """YAML's folded style: a single line end is a blank, except beside indented lines."""
    return re.sub(r"(?<=[^\n])\n(?=[^\n \t`])(?!```)", " ", text)


def unquoted(text: str) -> str:
    """A YAML text in quotes, without them."""
    if _QUOTED.fullmatch(text) is None:
        return text
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    value = _decoded(text)
    return value if isinstance(value, str) else text


def unescaped(text: str) -> str:
    """The text of an XML element: entities are signs, if there are no signs that would have had to be entities."""
    return html.unescape(text) if "&" in text and "<" not in text else text
