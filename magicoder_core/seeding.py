"""Draws a snippet from a document: a few consecutive lines from a random place.

The distribution is the published one (arXiv 2312.02120, section 2.1; `ise-uiuc/magicoder` at 3ef43f0): the first
line is uniform over all lines, the length uniform over 1..15, and near the end of a document the snippet is simply
shorter. The published random state runs on from document to document, so that a snippet depends on all documents
before it; here it depends on the document's own key and the run's seed, and any number of shards draws the same.
"""

from __future__ import annotations

import hashlib
import io

TRIES = 8
"""Draws from one document before it is given up as blank."""


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
    if not text.strip():
        return None
    # Lines as editors and git count them. str.splitlines also breaks at form feeds (the standard library has
    # some) and U+2028, and the line numbers of the origin would then point beside the code.
    lines = list(io.StringIO(text, newline=""))
    # A blank draw teaches nothing, and the document is lost with it; so it may try again. Blank lines are
    # common (15 % of the standard library's), runs of them are not: one more draw is nearly always enough.
    for attempt in range(TRIES):
        start, length = _uniform(f"{seed}\0{key}\0{attempt}", len(lines), max_lines)
        code = "".join(lines[start : start + length + 1])
        if code.strip():
            return code, start + 1, min(start + length + 1, len(lines))
    return None


def _uniform(state: str, *ranges: int) -> tuple[int, ...]:
    """One whole number from 0 up to each range, by sha256: the same in every process and version of Python."""
    bits = hashlib.sha256(state.encode("utf-8", "surrogatepass")).digest()
    # 8 bytes each: against 2**64 the bias of the remainder is below 1e-12 for any document.
    return tuple(int.from_bytes(bits[8 * n : 8 * n + 8], "big") % below for n, below in enumerate(ranges))
