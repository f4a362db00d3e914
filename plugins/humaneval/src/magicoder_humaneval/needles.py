"""What decontamination must look for."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from magicoder_core import Needle
from magicoder_humaneval.data import Task

SHORTEST = 30
"""Characters, runs of white space counted as one.

A shorter solution is an idiom that honest code holds everywhere (``return sorted(list(set(l)))``). The paper
allows three by name (``return x + y``, ``return len(string)``, ``return n**2``) and leaves others of that kind in:
by length, 12 of 164 solutions are left out, and their docstrings still stand for those problems.
"""


def needles_of(task: Task) -> Iterator[Needle]:
    """The problem's words (kind ``prompt``) and the reference solution (kind ``solution``)."""
    texts = [("prompt", text) for text in _words(task)] + [("solution", task.solution.strip())]
    for kind, text in texts:
        if _tells(text):
            yield Needle(benchmark="humaneval", problem_id=task.id, kind=kind, text=text)


def _tells(text: str) -> bool:
    return len(" ".join(text.split())) >= SHORTEST


def _words(task: Task) -> list[str]:
    """The docstring: whoever holds the whole prompt holds it too. The prompt, where it is too short to tell.

    It is given as it is written and, where that differs (HumanEval/51 has escapes in it), as Python reads it.
    """
    written, read = _docstring(task)
    return list(dict.fromkeys((written, read))) if _tells(read) else [task.prompt.strip()]


def _docstring(task: Task) -> tuple[str, str]:
    """The docstring of the function to write, as in the source and as its value."""
    try:
        tree = ast.parse(task.prompt)
    except SyntaxError:
        return "", ""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == task.entry_point]
    if not functions or not (value := ast.get_docstring(functions[-1])):
        return "", ""
    source = ast.get_source_segment(task.prompt, functions[-1].body[0]) or ""
    return inspect.cleandoc(source.strip("rRuU").strip("\"'")), value
