"""What decontamination must look for."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from magicoder_core import Needle

SHORTEST = 30
"""Characters, runs of white space counted as one: what is shorter stands in honest code everywhere."""


def needles_of(benchmark: str, problem_id: str, prompt: str, entry_point: str, solution: str) -> Iterator[Needle]:
    """The problem's words (kind ``prompt``) and its reference solution (kind ``solution``), where they are long enough."""
    texts = [("prompt", text) for text in _words(prompt, entry_point)] + [("solution", solution.strip())]
    for kind, text in texts:
        if _tells(text):
            yield Needle(benchmark=benchmark, problem_id=problem_id, kind=kind, text=text)


def _tells(text: str) -> bool:
    return len(" ".join(text.split())) >= SHORTEST


def _words(prompt: str, entry_point: str) -> list[str]:
    """The docstring of the function to write or, as MBPP has it, of the whole prompt, without the assertion in it.

    Whoever holds the whole prompt holds it too. It is given as it is written and, where that differs, as Python reads it;
    the whole prompt stands for a docstring too short to tell.
    """
    texts = dict.fromkeys(text.partition("\nassert ")[0].strip() for text in _docstring(prompt, entry_point))
    return list(texts) if all(map(_tells, texts)) and texts else [prompt.strip()]


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
