"""From what a model wrote, or a whole program handed in, to the code that stands before the official tests.

Whatever an answer is - the whole function, its body, a class with ``main``, prose around code blocks - what comes out
defines the function once, has no entry point of its own and no statements that show or test it, has the prompt's imports,
and is open where the tests close it (C++, Rust, Swift, Bash, Java, C#, Scala, Dart).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from magicoder_core.answers import fences
from magicoder_multipl_e import imports, naming
from magicoder_multipl_e.chunking import Chunk, Source
from magicoder_multipl_e.data import Task
from magicoder_multipl_e.members import members
from magicoder_multipl_e.pieces import Piece
from magicoder_multipl_e.shapes import SHAPES, Shape

_THOUGHT = re.compile(r"\A.*?</think(?:ing)?>", re.DOTALL)
_PROSE = re.compile(r"[ \t]*(?:[-*] |\d+\. |#+ )?[A-Z][\w'`]*(?: [^(){};=\n]*)?[.:!,]?[ \t]*")
_FENCE = "```"
_TESTING = re.compile(r"require\s+['\"](?:minitest|test/unit|rspec)")
_MAKES = re.compile(r"(?:def|function|sub|fn|func|class|\(define \()")
_COMMENTED = re.compile(r"^[ \t]*//[ \t]*(?=[ \t]{4}public\b)")


def extracted(task: Task, text: str) -> str:
    r"""The code up to the tests that an answer, or a whole program, makes; ``code + "\n" + tests`` is the program.

    An answer without such code gives a program that does not pass: the prompt with the answer behind it.
    """
    text = _THOUGHT.sub("", text.replace("\r\n", "\n"))
    if task.language == "py":
        from magicoder_core.completing import program

        name = re.findall(r"^def (\w+)", task.prompt, re.MULTILINE)
        return program(prompt=task.prompt, entry_point=name[-1] if name else "", text=text)
    form = Form.of(task)
    blocks = _blocks(task.language, text)
    if form is None:
        return _as_it_is(task, blocks[0])
    return form.program(next((block for block in blocks if form.defined_in(block)), blocks[0]), blocks)


def continued(task: Task, text: str) -> str:
    """The same of what goes on behind the prompt within a code block: up to the block's end."""
    return extracted(task, signed(task) + "\n" * (text[:1] != "\n") + text.partition(_FENCE)[0])


def signed(task: Task) -> str:
    """The prompt, with the signature at its end; the published ones in C# have it within the comment before."""
    prompt = task.prompt.rstrip()
    head, line, last = prompt.rpartition("\n")
    return f"{head}{line}{_COMMENTED.sub('', last)}" if task.language == "cs" else prompt


def _blocks(language: str, text: str) -> list[str]:
    """The code blocks of a text, those in the language first; the text itself where it has none."""
    found = list(fences(text)) if _FENCE in text or "~~~" in text else []
    marks = naming.marks(language)
    ours = [block.code for block in found if block.language.lower() in marks]
    others = [block.code for block in found if not block.language]
    return [*ours, *others] or [block.code for block in found] or [_without_prose(text)]


def _without_prose(text: str) -> str:
    """A text without lines that are English sentences, before its code and behind it."""
    lines = text.strip("\n").split("\n")
    while len(lines) > 1 and _PROSE.fullmatch(lines[0]):
        lines.pop(0)
    while len(lines) > 1 and (not lines[-1].strip() or _PROSE.fullmatch(lines[-1])):
        lines.pop()
    return "\n".join(lines)


def _as_it_is(task: Task, code: str) -> str:
    """Of a language that is not taken apart: what begins with the prompt's last line is whole, all else goes on."""
    signature = task.prompt.rstrip().rpartition("\n")[2].strip()
    return code if signature in code else task.prompt + code


@dataclass(frozen=True)
class Form:
    """What a task's program is made of: its language's shape, the function's name, what the prompt has before it."""

    task: Task
    shape: Shape
    name: str
    preamble: tuple[str, ...]
    """Declarations, each as it stands there, without comments."""

    @classmethod
    def of(cls, task: Task) -> Form | None:
        """The form of a task; None where its language is not taken apart or its prompt has no signature."""
        if (shape := SHAPES.get(task.language)) is None:
            return None
        lines = task.prompt.rstrip().split("\n")
        for number in range(len(lines) - 1, -1, -1):
            if found := re.search(shape.entry, lines[number]):
                head = "\n".join(lines[:number])
                return cls(task, shape, found[1], tuple(_preamble(task.language, head)))
        return None

    @cached_property
    def _defines(self) -> re.Pattern[str]:
        return re.compile(self.shape.defines.format(name=re.escape(self.name)), re.MULTILINE)

    @property
    def language(self) -> str:
        """The key of its language."""
        return self.task.language

    def defined_in(self, code: str) -> bool:
        """Whether the function is defined in some code."""
        return bool(self._defines.search(Source(self.language, code).masked))

    def program(self, code: str, blocks: Sequence[str] = ()) -> str:
        """The code up to the tests; ``blocks`` may have what it needs and does not define."""
        others = [block for block in blocks if block != code and not self.defined_in(block)]
        if not self.defined_in(code):
            code = self._behind_prompt(code)
        if self.language == "pl":
            code = re.split(r"^__(?:END|DATA)__", code, maxsplit=1, flags=re.MULTILINE)[0]
        source = Source(self.language, code)
        if self.shape.wraps:
            return self._in_class(source)
        pieces = self._kept(source, source.chunks())
        pieces = [*self._helpers(pieces, others), *pieces]
        return self._joined(pieces)

    def _behind_prompt(self, body: str) -> str:
        """The prompt and a body, closed where it is not."""
        prompt = signed(self.task)
        if self.language == "d" and not body.lstrip().startswith("{"):
            body = f"{{\n{body}"
        whole = f"{prompt}\n{body.strip(chr(10))}"
        if self.shape.opens:
            return whole
        closers = Source(self.language, whole).closers()
        joint = "" if self.language == "rkt" else "\n"
        return whole.rstrip() + joint + joint.join(closers) if len(closers) == 1 or self.language == "rkt" else whole

    def _kept(self, source: Source, chunks: Iterable[Chunk]) -> list[Piece]:
        """The pieces of a source that belong to the program."""
        found = [
            Piece(source.text[one.begin : one.end], source.masked[one.begin : one.end], self.language) for one in chunks
        ]
        kept = [one for one in found if not self._is_dropped(one)]
        return [one.bare() for one in kept]

    def _is_dropped(self, piece: Piece) -> bool:
        code = piece.masked.strip()
        if self._defines.search(piece.masked):
            return False
        tag = code.startswith(("#lang", "<?php")) and "\n" not in code
        if tag or _TESTING.match(piece.code) or _is_own(self.shape, code):
            return True
        return bool(self.shape.declares) and self._shows(code)

    def _shows(self, code: str) -> bool:
        """Whether a piece only shows or tests the function, where statements may stand beside declarations."""
        uses = re.search(rf"(?<![\w$.]){re.escape(self.name)}(?!\w)", code) is not None
        if re.match(self.shape.declares, code):
            # A value that is made by a call is an example; functions and types may call it.
            return uses and "{" not in code and not _MAKES.match(code)
        return uses or re.match(self.shape.shows, code) is not None

    def _joined(self, pieces: Sequence[Piece]) -> str:
        """Preamble and pieces, open at the end where the tests begin with the end of a block."""
        pieces = imports.merged(self.language, self.preamble, pieces)
        code = "".join(piece.text if piece.text.endswith("\n") else f"{piece.text}\n" for piece in pieces)
        return self._opened(code) if self.shape.opens else code

    def _opened(self, code: str) -> str:
        """Code whose last function is not closed."""
        source = Source(self.language, code)
        if source.open_at(len(code)):
            return code.rstrip("\n")
        last = source.masked.rstrip()
        at = len(last) - 1
        chunks = source.chunks()
        if chunks and last.endswith("}") and self._is_function(source, chunks[-1], at):
            return code[:at].rstrip(" \t").removesuffix("\n") if code[:at].rstrip(" \t").endswith("\n") else code[:at]
        return f"{code}{self.shape.opens}"

    def _is_function(self, source: Source, chunk: Chunk, at: int) -> bool:
        """Whether the last piece is the function, whose block ends at a place."""
        text = source.masked[chunk.code : at]
        return bool(self._defines.search(text)) and len(source.open_at(at)) == 1

    def _helpers(self, pieces: Sequence[Piece], others: Sequence[str]) -> list[Piece]:
        """What other blocks define and the pieces use without defining it."""
        mine = " ".join(piece.masked for piece in pieces)
        found: list[Piece] = []
        for source in (Source(self.language, block) for block in others):
            for piece in self._kept(source, source.chunks()):
                name = piece.name
                if name and re.search(rf"\b{name}\b", mine) and not any(other.name == name for other in pieces):
                    found.append(piece)
        return found

    def _in_class(self, source: Source) -> str:
        """A method in the prompt's class, with the answer's imports and its other classes before that."""
        place = self._defines.search(source.masked)
        outside, inside = members(source, place.start() if place else 0, self.name)
        kept = [one for one in inside if not self._is_dropped(one)]
        lead = [one for one in outside if not self._is_dropped(one)]
        head = [piece.text.strip("\n") for piece in imports.merged(self.language, self.preamble[:-1], lead)]
        body = "".join(one.text if one.text.endswith("\n") else f"{one.text}\n" for one in kept).strip("\n")
        whole = "\n".join([*head, self.preamble[-1], body])
        inner = Source(self.language, whole)
        if len(inner.open_at(len(whole))) >= _IN_CLASS:
            return whole
        last = inner.masked.rstrip()
        at = len(last) - 1
        if kept and self._defines.search(kept[-1].masked) and last.endswith("}") and _block_of(inner, at):
            return whole[:at].rstrip(" \t").removesuffix("\n")
        return f"{whole}\n{self.shape.opens}"


_IN_CLASS = 2
"""How many blocks are open within a method of a class."""


def _block_of(source: Source, at: int) -> bool:
    """Whether what ends at a place is a block right within the class."""
    return len(source.open_at(at)) == _IN_CLASS


def _is_own(shape: Shape, code: str) -> bool:
    """Whether a piece is an entry point or a test of the answer's own, and not a class that has one inside."""
    found = re.search(shape.dropped, code, re.MULTILINE) if shape.dropped else None
    return found is not None and "{" not in code[: found.start()]


def _preamble(language: str, head: str) -> list[str]:
    """The declarations before a prompt's signature."""
    if language == "jl":
        return []
    if language == "sh":
        return ["#!/bin/bash"]
    source = Source(language, head)
    if SHAPES[language].wraps:
        lines = zip(head.split("\n"), source.masked.split("\n"), strict=True)
        return [text.rstrip() for text, bare in lines if bare.strip()]
    return [head[one.code : one.end].rstrip("\n") for one in source.chunks()]
