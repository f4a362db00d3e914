"""What decontamination must look for: in all languages that the data have, whichever are scored."""

from __future__ import annotations

import re
from collections.abc import Iterator

from magicoder_core import Needle
from magicoder_multipl_e.data import Task

_LINE = re.compile(r"^[ \t]*(?://+!?|#(?!include|lang|!)+|--+|%+|;+)[ \t]?", re.MULTILINE)
_BLOCK = re.compile(r"/\*+(.*?)\*/|\"\"\"(.*?)\"\"\"", re.DOTALL)


def needles_of(task: Task) -> Iterator[Needle]:
    """The ``prompt`` as published, and the ``words`` of its comment without the marks of a comment."""
    for kind, text in (("prompt", task.prompt), ("words", words(task.prompt))):
        if text.strip():
            yield Needle(benchmark="multipl-e", problem_id=task.id, kind=kind, text=text)


def words(prompt: str) -> str:
    """What a prompt's comment says, without the marks of a comment; the longest block, or else all lines of comments."""
    blocks = [(found[1] or found[2] or "").strip() for found in _BLOCK.finditer(prompt)]
    if blocks:
        return max(blocks, key=len)
    lines = [line for line in prompt.splitlines() if _LINE.match(line)]
    return _LINE.sub("", "\n".join(lines)).strip()
