"""What runs inside the box, after the program: prompt and tests of a data file that Magicoder does not know.

This file's text is handed into the box and run there, so it imports nothing of the project.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Mapping
from typing import Any

_FILE = "<tests>"
_SEED = 0


def space_of(task: Mapping[str, str]) -> dict[str, Any]:
    """A fresh namespace in which ``task["prompt"]`` and ``task["test"]`` have run, and ``check`` is defined.

    Raises:
        NameError: it is not; or whatever the two raise.
    """
    # So that a verdict's text is the same in each run, as with the packaged file.
    random.seed(_SEED)
    space: dict[str, Any] = {"__name__": "tests"}
    for part in ("prompt", "test"):
        exec(compile(task[part], _FILE, "exec", dont_inherit=True, optimize=0), space)  # noqa: S102 - this is the box
    if "check" not in space:
        raise NameError("the tests define no check(candidate)")
    return space


def judge(program: Mapping[str, Any], task: Mapping[str, str], token: str) -> str:
    """``token``, if the namespace ``program`` passes the tests.

    Raises:
        AssertionError: it does not; the message names the line of the tests.
        NameError: it does not define what is to be tested; or whatever the program or the tests raise.
    """
    space = space_of(task)
    name = task["entry_point"]
    if name not in program:
        raise NameError(f"the program defines no '{name}'")
    space[name] = program[name]
    try:
        space["check"](program[name])
    except AssertionError as error:
        raise AssertionError(_told(error, task["test"])) from None
    return token


def _told(error: AssertionError, test: str) -> str:
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _FILE]
    lines = test.splitlines()
    number = numbers[-1] if numbers else None
    if not number or number > len(lines):
        return str(error)
    return f"line {number} of the tests: {lines[number - 1].strip()[:200]}"
