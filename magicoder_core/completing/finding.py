"""Where in an answer the program can stand: in a code block, in the text around, or as a prompt's continuation."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest

from magicoder_core.answers import fences
from magicoder_core.answers.fence import marks
from magicoder_core.answers.reasoning import without_reasoning

_BLOCKS = 16
"""Blocks of an answer that are looked at, the largest ones; answers have one or two."""

_PYTHON = frozenset({"", "ipython", "jupyter", "sage"})
_END = re.compile(r"<\|(?:endoftext|endofmask|end_of_text|im_end|eot_id|EOT)\|>|</s>")
"""Ends of a text as models write them: EvalPlus' three, and those of today's chat templates."""

_THOUGHT = "</think>"
"""Where a thought ends, for what `without_reasoning` takes for a mark that is only spoken of."""

_INDENT = "    "
_TABS = re.compile(r"^\t+", re.MULTILINE)
_TYPED = re.compile(r"^(?:>>>|\.\.\.)(?: (.*)|$)", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    """What is sought: the benchmark's prompt, and the name that the program must define."""

    prompt: str
    entry_point: str

    @cached_property
    def defines(self) -> re.Pattern[str]:
        """A line that defines the entry point."""
        name = re.escape(self.entry_point)
        kinds = (
            rf"(?:async[ \t]+)?def[ \t]+{name}\b",
            rf"class[ \t]+{name}\b",
            rf"{name}[ \t]*(?::[^=\n]{{1,80}})?=(?!=)",
        )
        return re.compile(f"^(?:{'|'.join(kinds)})", re.MULTILINE)

    @cached_property
    def is_begun(self) -> bool:
        """Whether the prompt is the head of the function."""
        return self.defines.search(self.prompt) is not None

    @property
    def prelude(self) -> str:
        """What stands in the prompt before the function to write; nothing if it holds none."""
        found = self.defines.search(self.prompt)
        return self.prompt[: found.start()] if found else ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Code that may be the program, and other code of the answer that may have to stand before it.

    ``begun`` says that it begins with the benchmark's prompt, which then need not be put in front.
    """

    code: str
    others: tuple[str, ...] = ()
    begun: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    code: str
    closed: bool

    @property
    def python(self) -> bool:
        return self.language.startswith("py") or self.language in _PYTHON


def candidates(task: Task, text: str, *, raw: bool) -> Iterator[Sequence[Candidate]]:
    """What of an answer can be the program: groups, the likeliest first; of a group the longest program counts.

    Args:
        task: what is sought.
        text: the answer.
        raw: it goes on with the prompt, since nobody was asked anything.
    """
    text = _plain(text)
    if raw:
        yield from _raw(task, text)
    spoken = without_reasoning(text)
    yield from _spoken(task, text if spoken is None else spoken)
    if (last := text.rpartition(_THOUGHT)[2]) != text:
        yield from _spoken(task, last)


def _plain(text: str) -> str:
    """The text up to a mark of its end, with the usual line ends, without tabs before a line."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if end := _END.search(text):
        text = text[: end.start()]
    # As EvalPlus does; prompts are indented by blanks, and Python takes no mixture.
    return _TABS.sub(lambda found: _INDENT * len(found[0]), text)


def _raw(task: Task, text: str) -> Iterator[Sequence[Candidate]]:
    """The text that goes on with a prompt: as it is, and with the indent that it lost."""
    if task.is_begun:
        yield [Candidate(_ended(task.prompt) + text, begun=True)]
        yield [continuation(task, text)]
    else:
        yield [Candidate(text)]


def _spoken(task: Task, text: str) -> Iterator[Sequence[Candidate]]:
    """What a chat model's answer may hold."""
    before, blocks = _blocks(text)
    python = [block for block in blocks if block.python]
    codes = [block.code for block in python]
    if task.is_begun and _is_body(task, before):
        yield [continuation(task, before)]
    for closed in (True, False):
        yield [
            Candidate(block.code, tuple(code for code in codes if code is not block.code))
            for block in python or blocks
            if block.closed is closed and task.defines.search(block.code)
        ]
    # The answer may begin inside a fence that the prompt opened: then the first fence closes it.
    loose = [Candidate(each, tuple(codes)) for each in (before, textwrap.dedent(before), text)]
    typed = [Candidate(_typed(each)) for each in (*codes, text)]
    for group in (loose, typed):
        yield [each for each in group if task.defines.search(each.code)]
    if task.is_begun:
        yield [continuation(task, body) for body in codes or [block.code for block in blocks] or [before]]


def _is_body(task: Task, text: str) -> bool:
    """Whether a text begins with an indent, and is no function that is indented as a whole."""
    if not text.lstrip("\n").startswith(" "):
        return False
    flush = textwrap.dedent(text)
    return flush == text or not task.defines.search(flush)


def _blocks(text: str) -> tuple[str, list[_Block]]:
    """What stands before the first fence, and the largest of the fenced blocks, in order."""
    found = [_Block(one.language, textwrap.dedent(one.code), one.closed) for one in fences(text)]
    first = marks(text)
    before = text[: first[0].start] if first else text
    if len(found) > _BLOCKS:
        largest = nlargest(_BLOCKS, range(len(found)), key=lambda number: len(found[number].code))
        found = [found[number] for number in sorted(largest)]
    return before, found


def _typed(text: str) -> str:
    """What was typed at Python's prompts."""
    return "\n".join(line[1] or "" for line in _TYPED.finditer(text))


def continuation(task: Task, code: str) -> Candidate:
    """The prompt with the body that completes it, indented as it must be."""
    lines = code.strip("\n").split("\n")
    if lines[0].strip() and not lines[0].startswith(" "):
        # Either no line has its indent, or only the first lost it, with the white space that a prompt ended in.
        deeper = next((line for line in lines[1:] if line.strip()), "")
        alone = deeper.startswith(_INDENT) and not lines[0].rstrip().endswith((":", "(", "[", "{"))
        lines = [_INDENT + lines[0], *lines[1:]] if alone else [_INDENT + line for line in lines]
    return Candidate(_ended(task.prompt) + "\n".join(lines) + "\n", begun=True)


def _ended(prompt: str) -> str:
    """The prompt up to the end of its last line."""
    whole = prompt.rstrip(" \t")
    return whole if whole.endswith("\n") else whole + "\n"
