"""From what a model wrote, or a whole program handed in, to the code that stands before the official tests.

Whatever an answer is - the whole function, its body, a class with ``main``, prose around code blocks - what comes out
defines the function once, has no entry point of its own and no statements that show or test it, has the prompt's imports,
and is open where the tests close it (C++, Rust, Swift, Bash, Java, C#, Scala, Dart).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from magicoder_multipl_e import examples, imports, replies
from magicoder_multipl_e.chunking import Chunk, Source
from magicoder_multipl_e.classes import Wanted, in_class
from magicoder_multipl_e.data import Task
from magicoder_multipl_e.finding import Place, places
from magicoder_multipl_e.forwarding import arguments, forward, is_static
from magicoder_multipl_e.members import pieces_of
from magicoder_multipl_e.overloads import has_many, renamed_call, under_other_name
from magicoder_multipl_e.pieces import Piece, wanted
from magicoder_multipl_e.shapes import SHAPES, Shape
from magicoder_multipl_e.stubs import is_stub

_FENCE = "```"
_OUTSIDE_PHP = re.compile(r"\?>.*?(?:<\?php\b|\Z)", re.DOTALL)
_COMMENTED = re.compile(r"^[ \t]*//[ \t]*(?=[ \t]{4}public\b)")


def extracted(task: Task, text: str) -> str:
    r"""The code up to the tests that an answer, or a whole program, makes; ``code + "\n" + tests`` is the program.

    An answer without such code gives a program that does not pass: the prompt with the answer behind it.
    """
    text = replies.cleaned(text)
    if task.language == "py":
        from magicoder_core.completing import program

        name = re.findall(r"^def (\w+)", task.prompt, re.MULTILINE)
        return program(prompt=task.prompt, entry_point=name[-1] if name else "", text=text)
    form = Form.of(task)
    blocks = replies.blocks(task.language, text)
    if form is None:
        return _as_it_is(task, (blocks.ours or blocks.others)[0])
    return form.program(form.best([*blocks.ours, *blocks.others]), blocks.ours)


def continued(task: Task, text: str) -> str:
    """The same of what goes on behind the prompt within a code block: up to the block's end."""
    return extracted(task, signed(task) + "\n" * (text[:1] != "\n") + text.partition(_FENCE)[0])


def signed(task: Task) -> str:
    """The prompt, with the signature at its end; the published ones in C# have it within the comment before."""
    prompt = task.prompt.rstrip()
    head, line, last = prompt.rpartition("\n")
    return f"{head}{line}{_COMMENTED.sub('', last)}" if task.language == "cs" else prompt


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

    @property
    def language(self) -> str:
        """The key of its language."""
        return self.task.language

    @property
    def _signature(self) -> str:
        """The prompt's last line."""
        return signed(self.task).rpartition("\n")[2]

    def defined_in(self, code: str) -> bool:
        """Whether the function is defined in some code."""
        return bool(places(self.shape, self.name, Source(self.language, code)))

    def best(self, blocks: Sequence[str]) -> str:
        """The first block that defines the function, one with more than its signature before others."""
        found = [block for block in blocks if self.defined_in(block)]
        return next((block for block in found if not self._is_begun(block)), next(iter([*found, *blocks])))

    def _is_begun(self, code: str) -> bool:
        """Whether code defines the function, but has no body for it."""
        source = Source(self.language, code)
        return is_stub(source, self._place(source))

    def program(self, code: str, blocks: Sequence[str] = ()) -> str:
        """The code up to the tests; ``blocks`` may have what it needs and does not define."""
        others = [block for block in blocks if block != code and not self.defined_in(block)]
        code = _cut(self.language, code)
        if not self.defined_in(code):
            code = self._behind_prompt(code)
        if many := self.language == "cpp" and has_many(self.name, Source(self.language, code)):
            code = under_other_name(self.name, code)
        source = Source(self.language, code)
        if self.shape.wraps:
            want = Wanted(self.name, self.preamble, self._signature, self._kept)
            return in_class(want, source, self._place, others)
        pieces = self._kept(pieces_of(source))
        beside = [self._kept(pieces_of(Source(self.language, block))) for block in others]
        pieces = [*wanted(pieces, beside), *pieces]
        call = (
            renamed_call(self.name, self._signature)
            if many
            else forward(source, self._place(source), self.name, self._signature)
        )
        if call:
            pieces.append(Piece(call, Source(self.language, call).masked, self.language))
        return self._joined(pieces)

    def _place(self, source: Source) -> Place:
        """Where the function is defined: of the outermost definitions the one that fits best.

        One has as many parameters as the prompt's, and belongs to its class rather than to an object.
        """
        found = places(self.shape, self.name, source)
        if not found:
            return Place(len(source.text), len(source.text), 0)
        if not self.shape.wraps:
            return found[0]
        count = len(arguments(self.language, self.name, self._signature))
        near = [one for one in found if one.depth == found[0].depth]
        fitting = [one for one in near if self._parameters(source, one) == count] or near[:1]
        return next((one for one in fitting if is_static(source, one)), fitting[0])

    def _parameters(self, source: Source, place: Place) -> int:
        return len(arguments(self.language, self.name, source.masked[place.begin :]))

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

    def _kept(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces that belong to the program."""
        return [one.bare() for one in examples.kept(self.shape, self.name, pieces, self._defines)]

    def _defines(self, piece: Piece) -> bool:
        """Whether a piece defines the function."""
        return self.name in piece.masked and self.defined_in(piece.text)

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
        opened = source.open_at(at)
        if len(opened) != 1 or opened[0][1] < chunk.code:
            return False
        head = source.text[chunk.code : opened[0][1] + 1]
        return self.defined_in(head)


def _cut(language: str, code: str) -> str:
    """Code without what is none by the language's own rules: data behind a mark, text outside of PHP's tags."""
    if language in {"pl", "rb"}:
        return re.split(
            r"^__(?:END|DATA)__[ \t]*$" if language == "pl" else r"^__END__$", code, maxsplit=1, flags=re.MULTILINE
        )[0]
    if language != "php":
        return code
    code = code[max(code.find("<?php"), 0) :]
    places = [found.span() for found in _OUTSIDE_PHP.finditer(Source(language, code).masked)]
    for begin, end in reversed(places):
        code = f"{code[:begin]}\n{code[end:]}"
    return code


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
