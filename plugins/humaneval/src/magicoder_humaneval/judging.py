"""Verdicts: a task's tests run in this process, on what the program in the box gives."""

from __future__ import annotations

import builtins
import random
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from types import CodeType, ModuleType
from typing import Any

from magicoder_core import RunError, Submission, Verdict, sandbox
from magicoder_humaneval.data import Task

_FILE = "<tests>"
_SEED = 0


def verdicts(
    submissions: Iterable[Submission], task_of: Callable[[Submission], Task], cpu_seconds: float
) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, a few ahead.

    Raises:
        RunError: a task's tests do not run, or what ``task_of`` raises.
        SandboxError: programs cannot be isolated here.
    """
    waiting: deque[Submission] = deque()
    limits = sandbox.Limits(cpu_seconds=cpu_seconds)

    def examinations() -> Iterator[sandbox.Examination]:
        for submission in submissions:
            waiting.append(submission)
            yield _examination(task_of(submission), submission.code, limits)

    for outcome in sandbox.examine(examinations()):
        yield _verdict(waiting.popleft(), outcome)


def _verdict(submission: Submission, outcome: sandbox.Outcome) -> Verdict:
    return Verdict(
        problem_id=submission.problem_id,
        sample=submission.sample,
        status=outcome.status,
        detail=outcome.detail,
        cpu_seconds=outcome.cpu_seconds,
        isolation=outcome.isolation,
    )


def _examination(task: Task, code: str, limits: sandbox.Limits) -> sandbox.Examination:
    """``code``, to be judged by the task's ``check``.

    Raises:
        RunError: the task's prompt or tests do not run (a local data file may hold anything).
    """
    namespace = _namespace(task)
    return sandbox.Examination(
        program=sandbox.Program(code=code, limits=limits),
        functions=(task.entry_point,),
        check=partial(_check, task, namespace),
    )


def _namespace(task: Task) -> dict[str, Any]:
    """A fresh namespace in which ``check`` is defined.

    The prompt runs first: tests 32, 38 and 50 use helpers that it defines.
    """
    namespace: dict[str, Any] = {"__builtins__": _builtins(), "__name__": "tests"}
    try:
        for part in (task.prompt, task.test):
            exec(_compiled(part), namespace)  # noqa: S102 - the benchmark's own text, never a model's
    except Exception as error:
        raise RunError(f"humaneval: the data's prompt or tests of {task.id} do not run ({error!r})") from error
    if not callable(namespace.get("check")):
        raise RunError(f"humaneval: the data's tests of {task.id} define no check(candidate)")
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
