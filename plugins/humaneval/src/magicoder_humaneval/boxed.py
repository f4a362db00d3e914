"""Verdicts by a data file that Magicoder does not know: its prompt and tests run in the program's own box."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from magicoder_core import RunError, Submission, Verdict, sandbox
from magicoder_humaneval import beside
from magicoder_humaneval.data import Task

# It begins with a statement of its own, so that a program that ends in a decorator or in an open string is a syntax
# error. The tests' side gets a namespace of its own: programs define names like `compile` and `dict`.
_AFTER = """

pass


def magicoder_tests(source, task, token):
    import builtins
    space = {"__name__": "beside"}
    builtins.exec(source, space)
    return space["judge"](builtins.globals(), task, token)
"""
_ALONE = """
space = {{"__name__": "beside"}}
exec({source!r}, space)
space["space_of"]({task!r})
"""


def verdicts(
    submissions: Iterable[Submission], task_of: Callable[[str], Task], limits: sandbox.Limits
) -> Iterator[Verdict]:
    """One verdict for each submission, in order; submissions are pulled lazily, a few ahead.

    Raises:
        RunError: a task's prompt or tests do not run even without a program, or what ``task_of`` raises.
        SandboxError: programs cannot be isolated here.
    """
    running: set[str] = set()
    for verdict in sandbox.verdicts(submissions, lambda one: _examination(task_of(one.problem_id), one.code, limits)):
        # Whose fault it was is asked in a box without the program, which could have spoilt the tests.
        if verdict.status != "pass" and verdict.problem_id not in running:
            _try(task_of(verdict.problem_id), limits)
            running.add(verdict.problem_id)
        yield verdict


def _examination(task: Task, code: str, limits: sandbox.Limits) -> sandbox.Examination:
    return sandbox.Examination(
        program=sandbox.Program(code=code + _AFTER, limits=limits),
        functions=("magicoder_tests",),
        check=partial(_check, task, len(code.splitlines())),
    )


def _check(task: Task, lines: int, functions: sandbox.Functions) -> None:
    # Made after the program has run, and given back only behind the last test: leaving early is no pass.
    token = secrets.token_hex(16)
    try:
        said = functions["magicoder_tests"](inspect.getsource(beside), _parts(task), token)
    except sandbox.ProgramError as error:
        line = error.message.get("line")
        if isinstance(line, int) and line > lines:
            # A line of what we put behind the program would lead the reader astray.
            raise sandbox.ProgramError({**error.message, "line": None}) from error
        raise
    if said != token:
        raise AssertionError("the program did not run to the end of its tests")


def _parts(task: Task) -> dict[str, str]:
    return {"prompt": task.prompt, "test": task.test, "entry_point": task.entry_point}


def _try(task: Task, limits: sandbox.Limits) -> None:
    """Run the task's prompt and tests alone.

    Raises:
        RunError: they do not run.
    """
    code = _ALONE.format(source=inspect.getsource(beside), task=_parts(task))
    [outcome] = sandbox.run([sandbox.Program(code=code, limits=limits)])
    if outcome.status != "pass":
        raise RunError(
            f"humaneval: the data's prompt or tests of {task.id} do not run in the sandbox, which has only Python's "
            f"standard library ({outcome.status}: {outcome.detail})"
        )
