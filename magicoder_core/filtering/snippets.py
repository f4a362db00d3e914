"""Which snippets of a run are equal, as the published cleaning has it: by their text without white space.

A snippet's id is made of its text as it is and of where it stands, so that a file that was copied, or re-indented, gives
others. Rows carry that id alone. Texts are not held, and of snippets nothing but digests, most of them on the disk
(`exact_duplicates.Seen`); what grows in memory is the number of those that are equal to an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from magicoder_core import jsonl, progress
from magicoder_core.builtin.exact_duplicates import IN_MEMORY, Seen, digest
from magicoder_core.errors import RunError
from magicoder_core.filtering.chain import Link, parts
from magicoder_core.providers import AskingFilter, Filter
from magicoder_core.recipe import Bound

_TOLD = 1000
"""Snippets between two words about the progress."""


def matter(filters: Iterable[Bound[Filter]]) -> bool:
    """Whether any of these filters compares rows: one that looks at single rows sees no two snippets."""
    links = (Link(*part) for part in parts(list(filters)))
    return any(not link.by_row and not isinstance(link.provider, AskingFilter) for link in links)


def firsts(path: Path) -> dict[str, str]:
    """Of each snippet whose text was there before, the id of the first one with it, by its own id.

    Raises:
        RunError: the file is damaged, or there is no space for what was seen.
    """
    seen, found = Seen(IN_MEMORY), dict[str, str]()
    with progress.task("compare snippets", unit="snippet") as advance:
        for number, row in enumerate(jsonl.read(path), 1):
            name, code = row.get("id"), row.get("code")
            if not isinstance(name, str) or not isinstance(code, str):
                raise RunError(
                    f"{path}: snippet {number} has no texts 'id' and 'code'; draw them anew with --redo seeds"
                )
            key = digest("seed", code)
            if (first := seen.get(key)) is None:
                seen.add([key], name)
            elif first != name:
                found[name] = first
            if number % _TOLD == 0:
                advance(_TOLD)
    return found
