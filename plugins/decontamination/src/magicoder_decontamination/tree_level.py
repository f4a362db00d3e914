"""The level ``ast``: functions that are a benchmark's reference behind other names, layout and comments."""

from __future__ import annotations

import ast
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
_PROMPT: Final = re.compile(r"^[ \t]*(?:>>>|\.\.\.|>)(?: |$)", re.MULTILINE)
_MOST_LINES: Final = 500
"""Of a function that is looked at where it stands bare."""

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
            for function in _solutions(needle.text) if needle.kind == PROGRAM else ():
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
            for function, start in written(text):
                # What a class must have is no task's solution.
                asked = shape(function) in self._shapes and not function.name.startswith("__")
                made = fingerprint(function) if asked else None
                for needle, theirs in self._known.get(made.digest, ()) if made else ():
                    stop = text.find("\n", start)
                    sure = min(1.0, theirs.nodes / _SURE)
                    note = f"function {function.name}"
                    end = len(text) if stop < 0 else stop
                    yield row, Hit(level=self.name, needle=needle, start=start, end=end, confidence=sure, note=note)


def _solutions(program: str) -> list[Function]:
    """The functions of a reference program that none of its others call: what they call are helpers, in any code."""
    functions = top_level(program)
    called = {
        node.id
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id != function.name
    }
    return [function for function in functions if function.name not in called]


def written(text: str) -> Iterator[tuple[Function, int]]:
    """The Python functions in a text, each with where it begins: those of its code blocks, and those that stand bare in it."""
    # Each character keeps its place: without them code in a session or a quotation is indented code.
    text = _PROMPT.sub(lambda prompt: " " * len(prompt[0]), text)
    read: list[tuple[int, int]] = []
    place = 0
    for block in fences(text):
        start = text.find(block.code, place) if block.code else -1
        if start < 0 or block.language not in _LANGUAGES or "def " not in block.code:
            continue
        place = start + len(block.code)
        if found := functions(textwrap.dedent(block.code)):
            read.append((start, place))
            lines = _Lines(text, start)
            yield from ((function, lines.at(function.lineno)) for function in found)
    for bare in _DEF.finditer(text):
        if not any(first <= bare.start() < last for first, last in read):
            # Those within it have a line of their own.
            found = functions(textwrap.dedent(_block(text, bare)))[:1]
            yield from ((function, bare.start() + len(bare[1])) for function in found)


class _Lines:
    """Where the lines of a part of a text begin, behind their indentation."""

    def __init__(self, text: str, start: int) -> None:
        self._text, self._line, self._place = text, 1, start

    def at(self, line: int) -> int:
        """The place of a line, counted from 1; lines are asked for in their order."""
        while self._line < line:
            self._place = self._text.find("\n", self._place) + 1
            self._line += 1
        place = self._place
        while place < len(self._text) and self._text[place] in " \t":
            place += 1
        return place


def _block(text: str, found: re.Match[str]) -> str:
    """From a ``def`` to the last line that is indented further; a parenthesis of its signature may stand below it."""
    indent = len(found[1])
    end = text.find("\n", found.end())
    for _ in range(_MOST_LINES):
        if end < 0:
            return text[found.start() :]
        stop = text.find("\n", end + 1)
        line = text[end + 1 : len(text) if stop < 0 else stop]
        bare = line.strip()
        if bare and len(line) - len(line.lstrip(" \t")) <= indent and not bare.startswith(")"):
            break
        end = stop
    return text[found.start() : end]
