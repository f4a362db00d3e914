"""Source code in pieces: what stands at its top level, one declaration or statement after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from magicoder_multipl_e.lexing import masked
from magicoder_multipl_e.shapes import SHAPES

_PAIRS = {")": "(", "]": "[", "}": "{"}
_CLOSERS = {"(": ")", "[": "]", "{": "}", "end": "end", "fi": "fi", "done": "done", "esac": "esac", "until": "until"}

_GOES_ON = re.compile(
    r"\s*(?:[{})\].,?&|+*/=]|:(?!:)|=>|->|(?:else|elsif|elif|elseif|catch|finally|where|rescue|ensure|then|do)\b)"
)
_OPEN_ENDED = re.compile(r"(?:[=,+\-*/&|<(\\?.:~]|\b(?:and|or|in|return|extends|with|else|do|then))\s*\Z")
_WORDS = {
    "lua": (re.compile(r"(?<![\w.:])(?:function|if|do|repeat|end|until)(?!\w)"), frozenset({"end", "until"})),
    "jl": (
        re.compile(r"(?<![\w.:@])(?:function|macro|if|for|while|begin|do|let|try|struct|module|quote|type|end)(?!\w)"),
        frozenset({"end"}),
    ),
    "rb": (
        re.compile(r"(?<![\w.:@$])(?:def|class|module|begin|case|do|if|unless|while|until|for|end)(?![\w:?!]|\s*=>)"),
        frozenset({"end"}),
    ),
    "sh": (re.compile(r"(?<![\w$.{-])(?:if|case|do|fi|esac|done)(?![\w-])"), frozenset({"fi", "esac", "done"})),
}
_BEGINS = re.compile(r"(?:^|[=(;{,|&]|\b(?:then|else|do|return|and|or|not)|\|[^|\n]*\|)[ \t]*\Z", re.MULTILINE)
_ENDLESS = re.compile(r"def\s+[\w.?!]+\s*(?:\([^)\n]*\))?\s*=(?![=~>])")
_PHP_BEGINS = re.compile(
    r"^[ \t]*(?:if|for|foreach|while|switch)\b[^\n]*?\)[ \t]*:(?!:)(?![^\n]*\{[ \t]*$)", re.MULTILINE
)
_PHP_ENDS = re.compile(r"\bend(?:if|for|foreach|while|switch)\b")
_LOOP = re.compile(r"^[ \t]*(?:while|until|for)\b", re.MULTILINE)


@dataclass(frozen=True)
class Chunk:
    """A piece of a text from ``begin`` to ``end``; ``code`` is where its first line begins that is no comment."""

    begin: int
    code: int
    end: int


class Source:
    """A text with what its structure is read from.

    Args:
        language: a key of `shapes.SHAPES`.
        text: the code.
    """

    def __init__(self, language: str, text: str) -> None:
        self.language, self.text = language, text
        self.masked = masked(language, text)
        self._events = list(_events(language, self.masked))

    def open_at(self, place: int) -> Sequence[tuple[str, int]]:
        """What is open at a place, the outermost first: each as what opened it (a bracket, or the word that ends it), where."""
        return self._stack(place)

    def closers(self) -> Sequence[str]:
        """What closes all that is open at the end, the innermost first."""
        return [_CLOSERS[kind] for kind, _ in reversed(self._stack(len(self.text)))]

    def closed_at(self, place: int) -> int | None:
        """Where what is opened at a place is closed: the closer's own place; None if it is not."""
        before = len(self._stack(place))
        depth = before
        for kind, at, _ in self._events:
            if at >= place:
                depth += 1 if kind > 0 else -1
                if depth <= before:
                    return at
        return None

    def _stack(self, place: int) -> list[tuple[str, int]]:
        stack: list[tuple[str, int]] = []
        for kind, at, what in self._events:
            if at >= place:
                break
            if kind > 0:
                stack.append((what, at))
            elif stack:
                stack.pop()
        return stack

    def chunks(self) -> list[Chunk]:
        """The declarations and statements at the top level, each with the comments before it."""
        found: list[Chunk] = []
        begin, code, at, last = 0, -1, 0, 0
        depths = self._depths()
        for line, depth in zip(self.masked.splitlines(keepends=True), depths, strict=False):
            if line.strip():
                if code >= 0 and depth <= 0 and self._is_new(line, code, last):
                    found.append(Chunk(begin, code, last))
                    begin, code = last, -1
                code = at if code < 0 else code
                last = at + len(line)
            at += len(line)
        return [*found, Chunk(begin, code, last)] if code >= 0 else found

    def _depths(self) -> list[int]:
        """How much is open where each line begins; never below 0."""
        depths, depth, events = [], 0, iter(self._events)
        event = next(events, None)
        at = 0
        for line in self.masked.splitlines(keepends=True):
            while event is not None and event[1] < at:
                depth = max(0, depth + event[0])
                event = next(events, None)
            depths.append(depth)
            at += len(line)
        return depths

    def _is_new(self, line: str, begin: int, last: int) -> bool:
        """Whether a line at the top level begins another piece than the one before."""
        before = self.masked[begin:last]
        if self.language == "rkt":
            return True
        if self.language not in {"pl", "php", "rb"} and _GOES_ON.match(line):
            return False
        if self.language in {"pl", "php", "rb"} and re.match(
            r"\s*(?:[{}).]|(?:else|elsif|elseif|catch|finally|rescue|ensure)\b)", line
        ):
            return False
        if ends := SHAPES[self.language].ends:
            return before.rstrip()[-1:] in ends or _directive(self.language, before)
        head = len(before) - len(before.lstrip(" \t"))
        return not _OPEN_ENDED.search(before) and len(line) - len(line.lstrip(" \t")) <= head


def _directive(language: str, before: str) -> bool:
    """Whether the last line stands for itself: a preprocessor's directive, an inner attribute, PHP's tag."""
    line = before.rstrip().rpartition("\n")[2].strip()
    return (
        (language == "cpp" and line.startswith("#") and not line.endswith("\\"))
        or (language == "rs" and line.startswith("#!["))
        or (language == "php" and line in {"<?php", "?>"})
    )


def _events(language: str, text: str) -> Iterator[tuple[int, int, str]]:
    """What opens (1) and closes (-1), where, and what kind: a bracket, or the word that will end it."""
    brackets = "{}" if language == "sh" else "(){}[]"
    found: list[tuple[int, int, str]] = [
        (1 if letter in "([{" else -1, at, _PAIRS.get(letter, letter))
        for at, letter in enumerate(text)
        if letter in brackets
    ]
    if language == "php" and _PHP_ENDS.search(text):
        found = sorted([*found, *_php_words(text)], key=lambda event: event[1])
    if language in _WORDS:
        found = sorted([*found, *_words(language, text)], key=lambda event: event[1])
        if language == "jl":
            found = _without_words_in_brackets(found)
    yield from found


def _php_words(text: str) -> Iterator[tuple[int, int, str]]:
    """Blocks between a colon and ``endif``, ``endforeach`` and the like."""
    yield from ((1, one.end() - 1, "end") for one in _PHP_BEGINS.finditer(text))
    yield from ((-1, one.start(), "end") for one in _PHP_ENDS.finditer(text))


def _words(language: str, text: str) -> Iterator[tuple[int, int, str]]:
    pattern, enders = _WORDS[language]
    for word in pattern.finditer(text):
        if word[0] in enders:
            yield -1, word.start(), word[0]
        elif language == "rb":
            if _opens_in_ruby(text, word):
                yield 1, word.start(), "end"
        elif language == "sh":
            yield 1, word.start(), {"if": "fi", "case": "esac"}.get(word[0], "done")
        elif (
            language != "jl"
            or word[0] != "type"
            or re.search(r"(?:abstract|primitive)\s+\Z", text[: word.start()][-20:])
        ):
            yield 1, word.start(), "until" if word[0] == "repeat" else "end"


def _opens_in_ruby(text: str, word: re.Match[str]) -> bool:
    """Whether a word opens a block: not as a modifier, a loop's own ``do``, or a method without an end."""
    start = text.rfind("\n", 0, word.start()) + 1
    before = text[start : word.start()]
    if word[0] in {"if", "unless", "while", "until", "for"}:
        return bool(_BEGINS.search(before))
    if word[0] == "do":
        return not _LOOP.match(before)
    return word[0] != "def" or not _ENDLESS.match(text, word.start())


def _without_words_in_brackets(events: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Julia's words within brackets belong to comprehensions and indices."""
    kept, depth = [], 0
    for kind, at, what in events:
        bracket = what in "([{"
        if bracket:
            depth += kind
        if bracket or depth <= 0:
            kept.append((kind, at, what))
    return kept
