"""Rows to filter, as many as are wanted: functions of the Python libraries that are installed here.

Each is a row of OSS-Instruct's shape, ``{lang, seed, problem, solution}``: the docstring as the problem, the function in a
fence as the solution, a few of its lines as the seed. Written by people for other ends than a benchmark's, they are the
clean rows of the comparisons; a model's prose they are not, so that false positives counted on them are a lower bound.
"""

from __future__ import annotations

import ast
import hashlib
import json
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

LEAST, MOST = 250, 6000
"""Characters of a row, problem and solution together."""

_PLACES = ("stdlib", "purelib")
_MIDDLE = "Explain briefly how it works, and mind the cases that the words above do not name."


def rows(count: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """So many different rows, in a random order that ``seed`` decides."""
    seen: set[bytes] = set()
    files = [path for place in _PLACES for path in sorted(Path(sysconfig.get_path(place)).rglob("*.py"))]
    random.Random(seed).shuffle(files)
    for path in files:
        for row in _of_file(path):
            digest = hashlib.blake2b("".join(row["solution"].split()).encode(), digest_size=8).digest()
            if digest not in seen:
                seen.add(digest)
                yield row
                if len(seen) == count:
                    return
    pytest.skip(f"the libraries that are installed here have {len(seen)} functions with words; {count} are needed")


def _of_file(path: Path) -> Iterator[dict[str, str]]:
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (words := ast.get_docstring(node)):
            code = "".join(lines[node.lineno - 1 : node.end_lineno])
            problem = f"Write a function `{node.name}` in Python.\n\n{words}\n\n{_MIDDLE}"
            solution = f"Here is one way to do it:\n\n```python\n{code.rstrip()}\n```\n\nThe function follows the description step by step."
            if LEAST <= len(problem) + len(solution) <= MOST:
                seed = "".join(lines[node.lineno - 1 : node.lineno + 8])
                yield {"lang": "python", "seed": seed, "problem": problem, "solution": solution}


def written(path: Path, count: int, seed: int = 0) -> Path:
    """A file of so many rows, made once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows(count, seed))
        part.replace(path)
    return path
