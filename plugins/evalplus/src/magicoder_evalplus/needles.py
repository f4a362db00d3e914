"""What decontamination must look for; what is too short to tell is for the filter to say."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from magicoder_core import Needle


def needles_of(benchmark: str, problem_id: str, prompt: str, entry_point: str, solution: str) -> Iterator[Needle]:
    """The task in words (kind ``words``), the reference ``solution``, and the whole reference ``program``."""
    texts = [("words", text) for text in _words(prompt, entry_point)]
    texts += [("solution", solution), ("program", prompt + solution)]
    for kind, text in texts:
        yield Needle(benchmark=benchmark, problem_id=problem_id, kind=kind, text=text)


def _words(prompt: str, entry_point: str) -> list[str]:
    """The docstring of the function to write or, as MBPP has it, of the whole prompt, without the assertion in it.

    Whoever holds the whole prompt holds it too. It is given as it is written and, where that differs, as Python reads it;
    without one the whole prompt stands for it.
    """
    texts = dict.fromkeys(text.partition("\nassert ")[0].strip() for text in _docstring(prompt, entry_point))
    return [text for text in texts if text] or [prompt.strip()]


def _docstring(prompt: str, entry_point: str) -> list[str]:
    """The docstring, as in the source and as its value; nothing where there is none."""
    try:
        tree = ast.parse(prompt)
    except SyntaxError:
        return []
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry_point]
    owner = functions[-1] if functions else tree
    if not (value := ast.get_docstring(owner)):
        return []
    source = ast.get_source_segment(prompt, owner.body[0]) or ""
    return [inspect.cleandoc(source.strip("rRuU").strip("\"'")), value]
