"""The level ``ast``: functions that are a benchmark's reference behind other names, layout and comments."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from magicoder_core import Needle
from magicoder_core.answers import fences
from magicoder_decontamination.hits import Hit
from magicoder_decontamination.needles import PROGRAM
from magicoder_decontamination.skeletons import Skeletons
from magicoder_decontamination.texts import Batch
from magicoder_decontamination.trees import Fingerprint, Function, fingerprint, functions, shape, top_level

_DEF: Final = re.compile(r"^([ \t]*)(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_LANGUAGES: Final = frozenset({"", "python", "py", "python3", "pycon"})

FEWEST_NODES: Final = 11
"""Of a function that is looked for, if anything in it tells; ``return f(a) == f(b)`` and the like are in any code."""

_SURE: Final = 40
"""Nodes of a function from which on an equal one is no accident."""


class Trees:
    """The level over some needles, of which only whole programs count."""

    name = "ast"

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._known: dict[bytes, list[tuple[Needle, Fingerprint]]] = defaultdict(list)
        sought: dict[bytes, Function] = {}
        for needle in needles:
            for function in top_level(needle.text) if needle.kind == PROGRAM else ():
                made = fingerprint(function)
                if made and (made.rare or (made.nodes >= FEWEST_NODES and made.telling)):
                    self._known[made.digest].append((needle, made))
                    sought.setdefault(made.digest, function)
        self._shapes = set(map(shape, sought.values()))
        self._skeletons = Skeletons(list(sought.values()))

    def find(self, batch: Batch) -> Iterator[tuple[int, Hit]]:
        """Each row's number with a hit."""
        for row in self._skeletons.candidates(batch):
            text = batch.texts[row]
            for function in written(text):
                # What a class must have is no task's solution.
                asked = shape(function) in self._shapes and not function.name.startswith("__")
                made = fingerprint(function) if asked else None
                for needle, theirs in self._known.get(made.digest, ()) if made else ():
                    start, end = _place(text, function.name)
                    sure = min(1.0, theirs.nodes / _SURE)
                    note = f"function {function.name}"
                    yield row, Hit(level=self.name, needle=needle, start=start, end=end, confidence=sure, note=note)


def written(text: str) -> Iterator[Function]:
    """The Python functions in a text: those of its code blocks, and those that stand bare in it."""
    names = set()
    for block in fences(text):
        if block.language in _LANGUAGES and "def " in block.code:
            for function in functions(textwrap.dedent(block.code)):
                names.add(function.name)
                yield function
    for found in _DEF.finditer(text):
        if found[2] not in names:
            yield from functions(textwrap.dedent(_block(text, found)))


def _block(text: str, found: re.Match[str]) -> str:
    """From a ``def`` to the last line that is indented further; a parenthesis of its signature may stand below it."""
    indent = len(found[1])
    lines = text[found.start() :].split("\n")
    last = 1
    for number, line in enumerate(lines[1:], 2):
        bare = line.lstrip(" \t")
        if bare and len(line) - len(bare) <= indent and not bare.startswith(")"):
            break
        last = number
    return "\n".join(lines[:last])


def _place(text: str, name: str) -> tuple[int, int]:
    """Where a function of that name begins in a text, and where its first line ends."""
    found = next((item for item in _DEF.finditer(text) if item[2] == name), None)
    if found is None:
        return 0, 0
    stop = text.find("\n", found.end())
    return found.start() + len(found[1]), len(text) if stop < 0 else stop
