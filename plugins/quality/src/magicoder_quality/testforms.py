"""The forms that data sets write tests in: a program, a list of assertions, inputs and outputs."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from typing import Any

from magicoder_quality.checks import FUNCTIONS

_LIST_OR_TABLE = ("[", "{")


class NoProgramError(Exception):
    """The tests are no Python program; the text says what they are."""


def program(tests: str) -> str:
    """A row's tests as one program.

    They may be a program, stand in code blocks, or be the JSON (or Python) text of a list of programs, as
    OpenCodeInstruct's ``unit_tests`` are.

    Raises:
        NoProgramError: they are a table (``inputs`` and ``outputs`` of APPS and TACO), or a list of something else.
    """
    value = _literal(tests)
    if value is None:
        return _bare(tests)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return "\n".join(one.strip() for one in value)
    if isinstance(value, dict) and {"inputs", "outputs"} <= set(value):
        raise NoProgramError("the tests are inputs and outputs, no Python")
    raise NoProgramError("the tests are a list or a table, no Python program")


def _literal(tests: str) -> Any:
    """The list or table that tests are written as; None if they are a program."""
    text = tests.strip()
    if not text.startswith(_LIST_OR_TABLE):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value if isinstance(value, list | dict) else None
    return None


def _bare(tests: str) -> str:
    """A test program, without the code blocks that it may stand in."""
    if "```" not in tests:
        return tests
    from magicoder_core.prompts import fences

    return "\n\n".join([fence.code for fence in fences(tests)] or [tests])


def candidate(parts: Iterable[str], tests: str, problem: str) -> str | None:
    """The function of a solution that a test program means by ``candidate``; None if it has none.

    It is the last one that the tests name, else the last one that the problem names, else the last one at all. Functions
    that the tests call by their names are others, if there are others (HumanEval/32, 38 and 50).

    Raises:
        SyntaxError: the tests are no Python (also ValueError, RecursionError, MemoryError).
    """
    names = [node.name for part in parts for node in ast.parse(part).body if isinstance(node, FUNCTIONS)]
    called = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    names = [name for name in names if name not in called] or names
    for text in (tests, problem):
        words = set(re.findall(r"\w+", text))
        if named := [name for name in names if name in words]:
            return named[-1]
    known = [name for name in names if name != "main"] or names
    return known[-1] if known else None
