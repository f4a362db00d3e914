"""What decontamination must look for; what is too short to tell is for the filter to say."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from magicoder_core import Needle
from magicoder_humaneval.data import Task

_QUOTES = ('"""', "'''")
_PLACES = {2: 1, 4: 3}
"""By how many marks a prompt has: which piece between them is the docstring of the function to write."""


def needles_of(task: Task) -> Iterator[Needle]:
    """The docstring as published (kind ``docstring``), the reference ``solution``, the whole reference ``program``.

    The docstring is what the paper's filter looks for: what stands between the first triple quotes or, where there are
    two such strings, in the second, stripped. Where Python reads another text there, as HumanEval/51 has escapes in
    it, that is a needle of kind ``words``. Without one the prompt stands for it.
    """
    docstring = published(task.prompt) or task.prompt.strip()
    texts = [("docstring", docstring)]
    words = _read(task)
    if words and "".join(words.split()) != "".join(docstring.split()):
        texts.append(("words", words))
    texts += [("solution", task.solution), ("program", task.prompt + task.solution)]
    for kind, text in texts:
        yield Needle(benchmark="humaneval", problem_id=task.id, kind=kind, text=text)


def published(prompt: str) -> str:
    """The docstring by the rule of `ise-uiuc/magicoder` at 3ef43f0; nothing where the rule finds none."""
    for quote in _QUOTES:
        if (marks := prompt.count(quote)) in _PLACES:
            return prompt.split(quote)[_PLACES[marks]].strip()
    return ""


def _read(task: Task) -> str:
    """The docstring of the function to write, as Python reads it."""
    try:
        tree = ast.parse(task.prompt)
    except SyntaxError:
        return ""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == task.entry_point]
    return inspect.cleandoc(ast.get_docstring(functions[-1]) or "") if functions else ""
