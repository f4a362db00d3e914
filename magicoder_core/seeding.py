"""What seed sources share: the draw of a snippet, the mix of languages, and which licences are allowed.

The distribution of `draw` is the published one (arXiv 2312.02120, section 2.1; `ise-uiuc/magicoder` at 3ef43f0): the
first line is uniform over all lines, the length uniform over 1..15, and near the end of a document the snippet is
simply shorter. The published random state runs on from document to document, so that a snippet depends on all
documents before it; here it depends on the document's own key and the run's seed, and any number of shards draws the
same. `PublishedDraw` is the draw as it was, state and all, for those who want the very snippets of the paper.
"""

from __future__ import annotations

import difflib
import hashlib
import heapq
import io
import random
import re
import struct
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from magicoder_core.errors import RecipeError

T = TypeVar("T")

TRIES = 8
"""Draws from one document before it is given up as blank."""

PUBLISHED_SEED = 976
"""The published pipeline's seed: of its draws, of its shuffle, of its requests (added to a row's position)."""

PUBLISHED_CHUNK = 1000
"""Documents that share one random state in the published draw; part of its result."""

_TWO_NUMBERS = struct.Struct(">QQ").unpack_from

MIXES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "paper": MappingProxyType(
            {
                "python": 40_000,
                "cpp": 5_000,
                "java": 5_000,
                "typescript": 5_000,
                "shell": 5_000,
                "csharp": 5_000,
                "rust": 5_000,
                "php": 5_000,
                "swift": 5_000,
            }
        )
    }
)
"""Named mixes: snippets of each language. ``paper`` is that of arXiv 2312.02120, section 2.1: 80,000 in all."""


def draw(text: str, key: str, seed: int, max_lines: int = 15) -> tuple[str, int, int] | None:
    """One to ``max_lines`` consecutive lines of ``text``, with their own line endings.

    Args:
        text: the whole document.
        key: names the document within its corpus, the same on every machine (no absolute path).
        seed: the run's seed.
        max_lines: the longest snippet, in lines; at least 1.

    Returns:
        The code, its first and its last line counted from 1, or None where only white space was found.

    Raises:
        ValueError: ``max_lines`` is below 1.
    """
    if max_lines < 1:
        raise ValueError(f"max_lines must be at least 1, not {max_lines}")
    if not text or text.isspace():
        return None
    # Lines as editors and git count them. str.splitlines also breaks at form feeds (the standard library has some)
    # and U+2028, and the line numbers of the origin would then point beside the code. "\r\n" may stay one with its
    # line; only where a "\r" ends a line by itself is the slow way needed, which leaves the ends on the lines.
    slow = "\r" in text and text.count("\r") != text.count("\r\n")
    lines = list(io.StringIO(text, newline="")) if slow else None
    count = len(lines) if lines else text.count("\n") + (text[-1] != "\n")
    # A blank draw teaches nothing, and the document is lost with it; so it may try again. Blank lines are
    # common (15 % of the standard library's), runs of them are not: one more draw is nearly always enough.
    for attempt in range(TRIES):
        start, length = _two_uniform(f"{seed}\0{key}\0{attempt}", count, max_lines)
        end = min(start + length + 1, count)
        code = "".join(lines[start:end]) if lines else _cut(text, start, end)
        if code and not code.isspace():
            return code, start + 1, end
    return None


def _cut(text: str, start: int, end: int) -> str:
    """Lines ``start`` to ``end``, with their ends; what stands behind them is not split: it may be a megabyte."""
    parts = text.split("\n", end)
    rest = "\n" if len(parts) > end else ""
    return "\n".join(parts[start:end]) + rest


def _two_uniform(state: str, first: int, second: int) -> tuple[int, int]:
    """One whole number from 0 up to each range, by sha256: the same in every process and version of Python."""
    one, two = _TWO_NUMBERS(hashlib.sha256(state.encode("utf-8", "surrogatepass")).digest())
    # 8 bytes each: against 2**64 the bias of the remainder is below 1e-12 for any document.
    return one % first, two % second


class PublishedDraw:
    """The draw bit for bit as published (`ise-uiuc/magicoder` at 3ef43f0, ``generate_data.py``).

    Each chunk of 1,000 documents has a random state of its own, seeded by its first row, that runs on from document
    to document. Lines are those of ``str.splitlines``, which form feeds and U+2028 end, too; a snippet may be blank.
    """

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - the published one
        self._next = 0

    def draw(self, text: str, row: int) -> tuple[str, int, int] | None:
        """The snippet of the document at ``row``, with its first and last line counted from 1.

        None for an empty document, on which the published program ends with an IndexError; it draws nothing.

        Raises:
            ValueError: ``row`` neither follows the last one nor begins a chunk: its state is not known.
        """
        if row % PUBLISHED_CHUNK == 0:
            self._random.seed(PUBLISHED_SEED + row)
        elif row != self._next:
            raise ValueError(f"row {row}: a chunk is drawn from its first row on, one row after the other")
        self._next = row + 1
        lines = text.splitlines(keepends=True)
        if not lines:
            return None
        start = self._random.choice(range(len(lines)))
        end = min(start + self._random.randint(1, 15), len(lines))
        return "".join(lines[start:end]), start + 1, end


def mixed(mix: Mapping[str, int] | str, where: str) -> Mapping[str, int]:
    """The snippets wanted of each language: a table as it is, or the one of `MIXES` that is named.

    Raises:
        RecipeError: no such name, an empty table, or a number below 1; ``where`` is the option's path.
    """
    if isinstance(mix, str):
        if mix in MIXES:
            return MIXES[mix]
        near = difflib.get_close_matches(mix, MIXES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(MIXES)}; or write a table"
        raise RecipeError(f"{where}: no mix '{mix}'; {hint}")
    if not mix:
        raise RecipeError(f"{where}: at least one language is needed")
    for language, count in mix.items():
        if count < 1:
            raise RecipeError(f"{where}.{language}: must be at least 1 (got {count})")
    return mix


def interleave(streams: Mapping[str, Iterator[T]], mix: Mapping[str, int] | None = None) -> Iterator[T]:
    """Items of all streams, so that any first part holds them in proportion; the order is always the same.

    Args:
        streams: by name. Only as much is drawn from each as is given on.
        mix: how many items of each stream are wanted, by the same names: so many are given, or all that there are.
            A stream that ends early is not made up for by others. None: one of each in turn, to the last one's end.
    """
    # Next is whoever has least of its share: (given + 1/2) / share, the divisor rule of Webster and Sainte-Lague.
    # With the paper's mix no language is ever more than two items from its exact share.
    waiting = [(0.5 / (mix[name] if mix else 1), number, 0) for number, name in enumerate(streams)]
    heapq.heapify(waiting)
    names, ended = list(streams), object()
    while waiting:
        _, number, given = waiting[0]
        wanted = mix[names[number]] if mix else None
        item = next(streams[names[number]], ended) if given != wanted else ended
        if item is ended:
            heapq.heappop(waiting)
            continue
        heapq.heapreplace(waiting, ((given + 1.5) / (wanted or 1), number, given + 1))
        yield item  # type: ignore[misc]  # what is not `ended` came from a stream


def refusal(licence: str | None, allowed: Collection[str]) -> str | None:
    """Why a document under ``licence`` must not be used, or None if it may be: what is not known is refused.

    Args:
        licence: an SPDX expression. ``A OR B`` needs one allowed licence, ``A AND B`` needs both, ``A WITH B`` must
            be allowed as a whole or as ``A`` (an exception only adds permissions). None: unknown.
        allowed: SPDX identifiers or whole expressions; capitals do not matter.

    Returns:
        A reason to count by: ``licence unknown`` or ``licence not allowed``.
    """
    if licence is None or not licence.strip():
        return "licence unknown"
    return None if _allows(licence, frozenset(allowed)) else "licence not allowed"


@lru_cache(maxsize=4096)
def _allows(licence: str, allowed: frozenset[str]) -> bool:
    names = frozenset(" ".join(name.lower().split()) for name in allowed)
    if " ".join(licence.lower().split()) in names:
        return True
    tokens = re.findall(r"[()]|[^\s()]+", licence.lower())[::-1]
    try:
        # Whatever is left over, or missing, makes it no expression: then only its whole text could be allowed.
        return _either(tokens, names) and not tokens
    except IndexError:
        return False


def _either(tokens: list[str], names: frozenset[str]) -> bool:
    found = _both(tokens, names)
    while tokens and tokens[-1] == "or":
        tokens.pop()
        found = _both(tokens, names) or found
    return found


def _both(tokens: list[str], names: frozenset[str]) -> bool:
    found = _one(tokens, names)
    while tokens and tokens[-1] == "and":
        tokens.pop()
        found = _one(tokens, names) and found
    return found


def _one(tokens: list[str], names: frozenset[str]) -> bool:
    name = tokens.pop()
    if name == "(":
        found = _either(tokens, names)
        return tokens.pop() == ")" and found
    if tokens and tokens[-1] == "with":
        tokens.pop()
        return f"{name} with {tokens.pop()}" in names or name in names
    return name in names
