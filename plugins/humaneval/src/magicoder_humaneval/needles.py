"""What decontamination must look for."""

from __future__ import annotations

import ast
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
    for kind, text in (("prompt", _words(task)), ("solution", task.solution.strip())):
        if len(" ".join(text.split())) >= SHORTEST:
            yield Needle(benchmark="humaneval", problem_id=task.id, kind=kind, text=text)


def _words(task: Task) -> str:
    """The docstring: whoever holds the whole prompt holds it too. The prompt, where it is too short to tell."""
    text = _docstring(task)
    return text if len(" ".join(text.split())) >= SHORTEST else task.prompt.strip()


def _docstring(task: Task) -> str:
    try:
        tree = ast.parse(task.prompt)
    except SyntaxError:
        return ""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == task.entry_point]
    return ast.get_docstring(functions[-1]) or "" if functions else ""
