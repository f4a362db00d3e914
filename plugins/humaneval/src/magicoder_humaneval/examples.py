"""Calls of a task's function with what its reference gives, as the assertions of its tests spell them out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from magicoder_core import Example, sandbox
from magicoder_humaneval.data import Task
from magicoder_humaneval.recording import Recording, learn

MOST = 12
"""Examples of a task: enough to choose from, and cheap to ask."""

_CANDIDATE = "candidate"


def examples_of(tasks: Mapping[str, Task], known: dict[str, Recording], limits: sandbox.Limits) -> Iterator[Example]:
    """At most `MOST` examples of each task, in the tasks' order.

    Most tests hold assertions of plain values, which are read. Tests that draw their inputs, or compare with the
    reference, are run on it in the sandbox (`recording`); a task whose tests cannot be run has no examples.

    Args:
        tasks: by id.
        known: recordings by the task's id; those that are missing and needed are added.
        limits: what the references may take.

    Raises:
        SandboxError: a task's tests must be run, and programs cannot be isolated here.
    """
    found = {task.id: list(_written(task)) for task in tasks.values()}
    with closing(sandbox.Desk()) as desk:
        learn([tasks[name] for name, examples in found.items() if not examples], known, desk, limits)
        for name, examples in found.items():
            yield from (examples or _recorded(known[name], desk, limits))[:MOST]


def _recorded(recording: Recording, desk: sandbox.Desk, limits: sandbox.Limits) -> list[Example]:
    """What the tests ask by position, answered by the reference once more: a recording keeps no values."""
    calls = [call for call in recording.calls if not call[1]][:MOST]
    if not calls:
        return []
    program = sandbox.Program(
        code=recording.code(recording.task.prompt + recording.task.solution), limits=limits, name="solution"
    )
    answers = desk.ask(sandbox.Calls(program=program, inputs=recording.inputs_of(calls)))
    given = [sandbox.answer(record) for record in answers.records]
    return [
        Example(
            problem_id=recording.task.id,
            arguments=args,
            expected=answer.value[0] if recording.shared else answer.value,
        )
        for (args, _), answer in zip(calls, given, strict=False)
        if isinstance(answer, sandbox.Value)
    ]


def _written(task: Task) -> Iterator[Example]:
    """The assertions ``candidate(PLAIN) == PLAIN``, ``candidate(PLAIN)`` and ``not candidate(PLAIN)``."""
    for test in _assertions(task.test):
        match test:
            case ast.Compare(left=ast.Call() as call, ops=[ast.Eq() | ast.Is()], comparators=[value]):
                found = _plain([value])
            case ast.Call() as call:
                found = [True]
            case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call):
                found = [False]
            case _:
                continue
        if found is not None and (arguments := _asked(call)) is not None:
            yield Example(problem_id=task.id, arguments=tuple(arguments), expected=found[0])


def _assertions(test: str) -> Iterator[ast.expr]:
    try:
        tree = ast.parse(test)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.test


def _asked(call: ast.Call) -> list[Any] | None:
    """The arguments of a call of the candidate, all plain and by position; None for any other call."""
    named = isinstance(call.func, ast.Name) and call.func.id == _CANDIDATE
    return _plain(call.args) if named and not call.keywords else None


def _plain(nodes: Iterable[ast.expr]) -> list[Any] | None:
    try:
        return [ast.literal_eval(node) for node in nodes]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
