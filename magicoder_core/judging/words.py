"""Other people's words, short and fit for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

WIDTH = 160
"""Characters of a reason that are shown."""


def short(text: str, width: int = WIDTH) -> str:
    """One line of at most ``width`` characters; what could move a terminal's cursor becomes a question mark."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return line if len(line) <= width else f"{line[: width - 3]}..."


def named(names: Iterable[str], most: int) -> str:
    """The first ``most`` names, and how many more there are."""
    rest = iter(names)
    told = ", ".join(short(name, 60) for name in islice(rest, most))
    more = sum(1 for _ in rest)
    return f"{told} and {more} more" if more else told
