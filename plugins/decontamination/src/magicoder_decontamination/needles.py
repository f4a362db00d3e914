"""What is looked for: the needles of benchmarks, in sets that each have a hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, cast

from magicoder_core import Benchmark, Needle, RecipeError, RunError, find

PROGRAM: Final = "program"
"""The kind of a whole reference program: functions are compared with it, texts with its parts."""

_WORDY: Final = frozenset({"docstring", "words", "prompt", "question"})
"""Kinds of needles that are prose, with examples after it."""

_EXAMPLES: Final = re.compile(
    r"^[\W\d]*(?:>>>|(?:for )?examples?\b|e\.g\.|sample input|input:|\[input)", re.IGNORECASE | re.MULTILINE
)
_FEWEST_WORDS: Final = 10
"""Of a task's prose without its examples; shorter ones ("return the length of a string") stand in honest text."""


_FEWEST_OF_EXAMPLES, _FEWEST_CHARACTERS = 5, 14
"""Words of a task's examples, and letters and digits in them."""


@dataclass(frozen=True)
class NeedleSet:
    """All needles of one benchmark, and its name among the plugins."""

    name: str
    needles: tuple[Needle, ...]

    @cached_property
    def digest(self) -> str:
        """First 16 hex digits of the sha256 over its needles."""
        total = hashlib.sha256()
        for needle in self.needles:
            for part in (needle.benchmark, needle.problem_id, needle.kind, needle.text):
                total.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return total.hexdigest()[:16]


_FORMER: Final[Mapping[str, str]] = {"ds-1000": "ds1000"}
"""Benchmarks that had another name here before they had a plugin of their own."""


def name_of(entry: str) -> str:
    """The benchmark's name in an entry, ``NAME`` or ``NAME=PATH``; of a former name today's."""
    name = entry.partition("=")[0].strip()
    return _FORMER.get(name, name)


def benchmark(entry: str, where: str) -> Benchmark:
    """The benchmark that an entry names: ``NAME``, or ``NAME=PATH`` with its data in a local file or folder.

    Raises:
        RecipeError: there is no benchmark of that name.
    """
    _, equals, path = entry.partition("=")
    try:
        found = cast("type[Benchmark]", find("benchmark", name_of(entry)))
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from error
    return found(data=Path(path.strip())) if equals else found()


def needle_set(entry: str, where: str) -> NeedleSet:
    """The needles of the benchmark that an entry names.

    Raises:
        RecipeError: there is no benchmark of that name.
        RunError: it gives nothing to look for.
    """
    needles = tuple(benchmark(entry, where).needles())
    if not needles:
        raise RunError(f"{where}: benchmark '{entry}' gives nothing to look for; leave it out")
    return NeedleSet(name_of(entry), needles)


def prose(needle: Needle) -> str:
    """A task's words before its first example; nothing where there are too few, or no examples."""
    if needle.kind not in _WORDY or not (examples := _EXAMPLES.search(needle.text)):
        return ""
    text = needle.text[: examples.start()].strip()
    return text if len(re.findall(r"\w+", text)) >= _FEWEST_WORDS else ""


def examples(needle: Needle) -> str:
    """A task's examples as Python's prompt has them, from the first one on; nothing where they tell next to nothing."""
    at = needle.text.find(">>>") if needle.kind in _WORDY else -1
    words = re.findall(r"\w+", needle.text[max(at, 0) :])
    if at < 0 or len(words) < _FEWEST_OF_EXAMPLES or sum(map(len, words)) < _FEWEST_CHARACTERS:
        return ""
    return needle.text[at:].strip()


ALLOWED: Final[Mapping[str, str]] = {
    "return x + y": "the sum of two numbers, in any code (allowed by the paper, too)",
    "return len(string)": "the length of a text, in any code (allowed by the paper, too)",
    "return n**2": "a square, in any code (allowed by the paper, too)",
}
"""Needles that are not looked for by themselves, with the reason."""
