"""What decontamination must look for: each problem's prompt up to where the solution begins, and its reference."""

from __future__ import annotations

from collections.abc import Iterator

from magicoder_core import Needle
from magicoder_ds1000.data import Task

_BEGIN = ("SOLUTION START", "BEGIN SOLUTION")


def needles_of(task: Task, kind: str = "prompt") -> Iterator[Needle]:
    """The prompt, of that ``kind``, as the paper's filter cuts it, and the ``solution``; empty ones are left out."""
    for name, text in ((kind, cut(task.prompt)), ("solution", task.reference)):
        if text.strip():
            yield Needle(benchmark="ds1000", problem_id=task.id, kind=name, text=text)


def cut(prompt: str) -> str:
    """A prompt up to where its solution begins, by the first of the two marks that it has."""
    mark = next((mark for mark in _BEGIN if mark in prompt), None)
    return prompt.partition(mark)[0] if mark else prompt
