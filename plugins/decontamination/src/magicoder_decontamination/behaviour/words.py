"""How near the words of a row are to those of a task: the second signal beside behaviour."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from magicoder_core.answers import fences
from magicoder_decontamination.behaviour.tasks import Task, definition

SIMILAR = 0.35
"""A similarity from which the words of a row and of a task are taken to speak of the same thing."""

FEW = 3
"""Fewer different words say nothing of what a function is for."""

_WORD = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])")
_EXAMPLE = re.compile(r"^\s*(?:>>>|assert\b).*$", re.MULTILINE)
_EMPTY_WORDS = (
    "an and are as at be by def each for from function given has have if in is it its of on or python return returns "
    "should such takes that the then there this to use using was where whether which will with write your you code "
    "create program script implement following input output called name example"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
_PLURAL = 3


class Similarity:
    """Cosine of words, weighted by how rare they are in the tasks' prompts (0 to 1)."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._words = {(task.owner, task.id): words_of(words_of_task(task)) for task in tasks}
        seen = Counter(word for words in self._words.values() for word in words)
        self._weights: Mapping[str, float] = {
            word: math.log((len(self._words) + 1) / count) ** 2 for word, count in seen.items()
        }
        self._rare = math.log(len(self._words) + 2) ** 2

    def of(self, words: frozenset[str], task: Task) -> float:
        """How near some words are to a task's."""
        wanted = self._words[task.owner, task.id]
        norm = self._weight(words) * self._weight(wanted)
        return self._weight(words & wanted) / math.sqrt(norm) if norm else 0.0

    def between(self, one: Task, other: Task) -> float:
        """How near two tasks are."""
        return self.of(self._words[one.owner, one.id], other)

    def _weight(self, words: Iterable[str]) -> float:
        return sum(self._weights.get(word, self._rare) for word in sorted(words))


def words_of(text: str) -> frozenset[str]:
    """The different words of a text that say something: in lower case, names taken apart, plurals cut."""
    found = (word.lower() for word in _WORD.findall(text))
    return frozenset(_singular(word) for word in found if word not in _EMPTY)


def words_of_row(problem: str) -> frozenset[str]:
    """Those of a row's problem, without its code blocks."""
    for fence in fences(problem):
        problem = problem.replace(fence.code, " ", 1)
    return words_of(problem)


def words_of_task(task: Task) -> str:
    """What a task says of itself: its function's name and docstring or, where it has none, its prompt."""
    function = definition(task.prompt, task.entry_point)
    said = ast.get_docstring(function) if function else None
    return f"{task.entry_point} {_EXAMPLE.sub(' ', said or task.prompt)}"


def _singular(word: str) -> str:
    return word[:-1] if len(word) > _PLURAL and word.endswith("s") and not word.endswith("ss") else word
