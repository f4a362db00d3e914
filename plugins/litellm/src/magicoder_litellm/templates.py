"""LiteLLM's translation of one kind of request, kept as a template: only the texts and the seed are filled in.

A template is made of two requests that `recording` took from LiteLLM. The first has marks for texts and seed and is cut
at them. The second has awkward texts in their place: the template must make exactly that of them, or there is none.
So nothing here knows how any provider wants to be asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from magicoder_litellm.recording import Sent

SEED = 1_729_403_281
"""Stands for the seed; a prime-looking number that no other field of a request has."""

_MARK = "magicoder~text~{}~"
_ENDINGS = ("/chat/completions", "/messages", ":generateContent", "/api/chat", "/api/generate")
"""Of the addresses whose answers `reading` can read: OpenAI's, Anthropic's, Gemini's, Ollama's two."""

_OTHERS = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
"""Headers that belong to a connection, and so to the client that makes it."""

_SECRET = re.compile("auth|key|token|secret", re.IGNORECASE)
_LONG = 8
"""Characters from which on a header's value can be a key."""


def marks(count: int) -> list[str]:
    """As many texts that stand for those of a request's messages."""
    return [_MARK.format(number) for number in range(count)]


def awkward(count: int) -> list[str]:
    """As many texts with all that a translation might change: white space around, quotes, marks of other formats."""
    return [
        f' {mark}\n\t"a" \\n \u00e9\U0001f600 <think>b</think> {{{{c}}}} [d](https://e.f/g.png)\u2028 {mark} \n'
        for mark in marks(count)
    ]


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of request: where it goes, with which headers, and its body around texts and seed."""

    url: str
    headers: Mapping[str, str]
    pieces: tuple[bytes | int, ...]
    """The body: bytes as they are, and numbers: of the message whose text stands there, -1 for the seed."""
    keys: tuple[bytes, ...] = ()
    """What of address and headers must not be repeated in an answer or an error."""

    def fill(self, texts: Sequence[str], seed: int | None) -> bytes:
        """The body of one request: JSON."""
        # Escaped to ASCII: lone surrogates, which some sources of code hold, are no UTF-8.
        values = [json.dumps(text)[1:-1].encode("ascii") for text in texts]
        values.append(b"" if seed is None else b"%d" % seed)
        return b"".join([values[piece] if isinstance(piece, int) else piece for piece in self.pieces])


def made(plain: Sent, awkwardly: Sent, count: int) -> Template | None:
    """The template of a kind of request with ``count`` messages; None if there can be none.

    Args:
        plain: the request with `marks` and `SEED`.
        awkwardly: the same with `awkward` texts and ``SEED + 1``.
        count: of messages.
    """
    headers = _own(plain.headers)
    constant = (plain.method, plain.url, headers) == ("POST", awkwardly.url, _own(awkwardly.headers))
    pieces = _cut(plain.body, count)
    if not (constant and _readable(plain) and set(range(count)) <= set(pieces)):
        return None
    template = Template(plain.url, headers, pieces, _keys(plain.url, headers))
    return template if _json(template.fill(awkward(count), SEED + 1)) == _json(awkwardly.body) else None


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    """Without those of the connection, and without what a client library says of its own version and retries."""
    kept = {k: v for k, v in headers.items() if k not in _OTHERS and not k.startswith("x-stainless-")}
    # As the core spells it, which would otherwise send its own beside it.
    return {"Content-Type": kept.pop("content-type", "application/json"), **kept}


def _keys(url: str, headers: Mapping[str, str]) -> tuple[bytes, ...]:
    asked = dict(pair.partition("=")[::2] for pair in urlsplit(url).query.split("&"))
    values = [value for name, value in [*headers.items(), *asked.items()] if _SECRET.search(name)]
    return tuple(word.encode() for value in values if len(word := value.rpartition(" ")[2]) >= _LONG)


def _cut(body: bytes, count: int) -> tuple[bytes | int, ...]:
    numbers = {mark.encode(): number for number, mark in enumerate(marks(count))} | {b"%d" % SEED: -1}
    parts = re.split(b"(" + b"|".join(map(re.escape, numbers)) + b")", body)
    return tuple(numbers.get(part, part) for part in parts if part)


def _readable(sent: Sent) -> bool:
    """Whether the answer will be one of those that `reading` reads: the model's text, not a call of a tool."""
    body = _json(sent.body)
    calls = isinstance(body, dict) and bool({"tools", "tool_choice"} & body.keys())
    return isinstance(body, dict) and not calls and urlsplit(sent.url).path.endswith(_ENDINGS)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
