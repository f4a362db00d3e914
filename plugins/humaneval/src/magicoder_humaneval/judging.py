"""Verdicts by the packaged data: its tests run in this process, on what the program in the box gives.

Only for texts that `Data.packaged` vouches for; see `boxed` for all others.
"""

from __future__ import annotations

import builtins
import random
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from types import CodeType, ModuleType
from typing import Any

from magicoder_core import Submission, Verdict, sandbox
from magicoder_humaneval.data import Task

_FILE = "<tests>"
_SEED = 0


def verdicts(
    submissions: Iterable[Submission], task_of: Callable[[str], Task], limits: sandbox.Limits
) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, a few ahead.

    Raises:
        RunError: what ``task_of`` raises.
        SandboxError: programs cannot be isolated here.
    """
    return sandbox.verdicts(submissions, lambda one: _examination(task_of(one.problem_id), one.code, limits))


def _examination(task: Task, code: str, limits: sandbox.Limits) -> sandbox.Examination:
    return sandbox.Examination(
        program=sandbox.Program(code=code, limits=limits),
        functions=(task.entry_point,),
        check=partial(_check, task, _namespace(task)),
    )


def _namespace(task: Task) -> dict[str, Any]:
    """A fresh namespace in which ``check`` is defined.

    The prompt runs first: tests 32, 38 and 50 use helpers that it defines.
    """
    namespace: dict[str, Any] = {"__builtins__": _builtins(), "__name__": "tests"}
    for part in (task.prompt, task.test):
        exec(_compiled(part), namespace)  # noqa: S102 - texts known by their hash, never a model's or a user's
    return namespace


@lru_cache(maxsize=1024)
def _compiled(source: str) -> CodeType:
    # optimize=0: under `python -O` the assertions would be gone and everything would pass.
    return compile(source, _FILE, "exec", dont_inherit=True, optimize=0)


def _check(task: Task, namespace: dict[str, Any], functions: sandbox.Functions) -> None:
    candidate = functions[task.entry_point]
    # Test 33 calls the function by its name too.
    namespace[task.entry_point] = candidate
    try:
        namespace["check"](candidate)
    except AssertionError as error:
        raise AssertionError(_assertion(task, error)) from error


def _assertion(task: Task, error: AssertionError) -> str:
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _FILE]
    lines = task.test.splitlines()
    number = numbers[-1] if numbers else None
    text = lines[number - 1].strip() if number and number <= len(lines) else str(error)
    return f"line {number} of the tests: {text[:200]}"


def _builtins() -> dict[str, Any]:
    """The builtins, with a ``random`` of its own for each program: tests 38, 50 and 53 draw unseeded numbers.

    With the shared one, a wrong program's detail would differ from run to run, and threads would disturb each other.
    """
    own = _seeded_random()

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        return own if name == "random" else builtins.__import__(name, *args, **kwargs)

    return {**vars(builtins), "__import__": importing}


def _seeded_random() -> ModuleType:
    generator = random.Random(_SEED)  # noqa: S311 - test inputs, not secrets
    module = ModuleType("random")
    vars(module).update({name: getattr(generator, name) for name in random.__all__ if hasattr(generator, name)})
    vars(module)["Random"] = random.Random
    return module
