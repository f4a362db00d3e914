"""A task's tests, run once on something that stands for the program."""

from __future__ import annotations

import builtins
import functools
import random
import traceback
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from magicoder_humaneval.inside.crossing import Unsendable

Task = tuple[str, str, str, str]
"""Prompt, reference solution, tests, entry point."""

_FILE = "<tests>"
_SEED = 0


def attempt(task: Task, stand_in: Callable[[dict[str, Any], str], Any]) -> BaseException | None:
    """Run the tests on what ``stand_in`` gives for the reference: what comes out of them, None if they are content.

    Raises:
        Unsendable: they ask or are told what is no plain data.
    """
    prompt, solution, test, entry_point = task
    try:
        random.seed(_SEED)  # some tests draw numbers
        # What the prompt defines is there for the tests: 32, 38 and 50 use it. Test 33 calls the function by its name.
        space = defined(prompt + solution, "tests")
        candidate = stand_in(space, entry_point)
        _run(test, _FILE, space)
        space[entry_point] = candidate
        named(space, "check")(candidate)
    except Unsendable:
        raise
    except BaseException as error:  # noqa: BLE001 - boundary: tests that stumble over a wrong value raise anything
        return error
    return None


def defined(code: str, name: str) -> dict[str, Any]:
    """A fresh namespace, called ``name``, in which ``code`` has run.

    Raises:
        BaseException: whatever it raises.
    """
    return _run(code, "<reference>", {"__name__": name})


def _run(code: str, file: str, space: dict[str, Any]) -> dict[str, Any]:
    exec(_compiled(code, file), space)  # noqa: S102 - this is the box
    return space


@functools.lru_cache(maxsize=8)
def _compiled(code: str, file: str) -> CodeType:
    # optimize=0: under `python -O` the assertions would be gone and everything would pass.
    return compile(code, file, "exec", dont_inherit=True, optimize=0)


def named(space: dict[str, Any], name: str) -> Any:
    """What is called ``name``.

    Raises:
        NameError: nothing is.
    """
    if name not in space:
        raise NameError(f"no '{name}' is defined")
    return space[name]


def told(error: BaseException, test: str) -> str:
    """One line on an exception that came out of the tests; of a failed assertion, which one."""
    kind, text = type(error).__name__, str(error)[:350]
    numbers = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _FILE]
    lines = test.splitlines()
    if not numbers or not 0 < numbers[-1] <= len(lines):
        return joined(kind, text)
    place = f"line {numbers[-1]} of the tests: {lines[numbers[-1] - 1].strip()[:200]}"
    return f"{kind}: {place}" if isinstance(error, AssertionError) else f"{joined(kind, text)} ({place})"


def joined(kind: str, text: str) -> str:
    """An exception's type and text."""
    return f"{kind}: {text}" if text else kind


def exception(space: dict[str, Any], kind: str, text: str) -> BaseException:
    """An exception of the type called ``kind``, as the tests may expect it."""
    found = _type(space, kind)
    if issubclass(found, StopIteration):
        # It would end a loop of the tests (over `map`, say) as if all were well.
        return RuntimeError(joined(kind, text))
    try:
        # Its own __init__ may want other things.
        made = found.__new__(found, text)
    except TypeError:  # a group of exceptions wants some
        return Exception(text)
    return made


def _type(space: dict[str, Any], name: str) -> type[BaseException]:
    """The exception type that the tests know by this name, or one made for it."""
    modules = [module for module in space.values() if isinstance(module, ModuleType)]
    for place in (vars(builtins), space, *map(vars, modules)):
        found = place.get(name)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    return type(name if name.isidentifier() else "Exception", (Exception,), {})
