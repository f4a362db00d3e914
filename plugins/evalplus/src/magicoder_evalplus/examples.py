"""Calls of a task's function with what its reference gives: a few base inputs, or the assertions of Google's MBPP."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from magicoder_core import Example, sandbox
from magicoder_evalplus import references
from magicoder_evalplus.comparing import Comparison, Tolerance
from magicoder_evalplus.data import Task
from magicoder_evalplus.judging import Work
from magicoder_evalplus.oracles import FIND_ZERO, oracle_of
from magicoder_evalplus.original import Assertion, Exercise
from magicoder_evalplus.references import Broken, Expected

MOST = 12
"""Examples of a task: enough to choose from, and cheap to ask."""

_SUITE = "base"
_TOGETHER = 128
_NUMBERS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def examples_of(work: Iterable[Work]) -> Iterator[Example]:
    """At most `MOST` examples of each task, in the tasks' order; none of a task whose reference does not run here.

    What a reference of EvalPlus' data gives to its base inputs is made in the sandbox once, then found in the cache.

    Raises:
        SandboxError: a reference must be run, and programs cannot be isolated here.
    """
    coming = iter(work)
    while together := list(islice(coming, _TOGETHER)):
        answers = _answers([one for one in together if isinstance(one, Task)])
        for one in together:
            if isinstance(one, Exercise):
                yield from islice(_asserted(one), MOST)
            elif isinstance(one, Task) and (expected := answers.get(one.id)) is not None:
                yield from _answered(one, expected)


def _answers(tasks: list[Task]) -> dict[str, Expected]:
    """By the task's id, without those of broken ones."""
    found = {task.id: known[_SUITE] for task in tasks if (known := references.known(task, (_SUITE,)))}
    unknown = [task for task in tasks if task.id not in found]
    for task, learned in references.learn(unknown, (_SUITE,)) if unknown else ():
        if not isinstance(learned, Broken):
            found[task.id] = learned[_SUITE]
    return found


def _answered(task: Task, expected: Expected) -> Iterator[Example]:
    """The first calls whose value is not too large to cross."""
    oracle = oracle_of(task.id, task.entry_point)
    comparison = Comparison(oracle=oracle, final=task.entry_point == FIND_ZERO, broadcast=False)
    tolerance = Tolerance(task.atol, expected.floats)
    asked = zip(references.arguments_of(task, _SUITE), expected.records, strict=False)
    for number, (arguments, record) in enumerate(islice(asked, MOST)):
        answer = sandbox.answer(record)
        if not isinstance(answer, sandbox.Value):
            continue
        accepts = partial(
            comparison.accepts,
            expected=answer.value,
            arguments=arguments,
            before=tolerance.before(number),
            atol=tolerance.at(number),
        )
        yield Example(
            problem_id=task.id,
            arguments=arguments,
            expected=answer.value,
            accepts=accepts if oracle else None,
        )


def _asserted(exercise: Exercise) -> Iterator[Example]:
    """The assertions ``f(PLAIN) == PLAIN``; others, of a task's own classes for instance, are no examples."""
    for assertion in exercise.assertions:
        if assertion.holds is operator.eq and (arguments := _arguments(assertion)) is not None:
            yield Example(problem_id=exercise.id, arguments=arguments, expected=assertion.right)


def _arguments(assertion: Assertion) -> tuple[Any, ...] | None:
    call = ast.parse(assertion.left, mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
        return None
    try:
        return tuple(map(_plain, call.args))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return None


def _plain(node: ast.expr) -> Any:
    """The value of a literal, or of arithmetic with literals (Mbpp/486 has ``1.0/3``).

    Raises:
        ValueError, TypeError, ArithmeticError: it is neither.
    """
    if isinstance(node, ast.BinOp) and type(node.op) in _NUMBERS:
        return _NUMBERS[type(node.op)](_plain(node.left), _plain(node.right))
    return ast.literal_eval(node)
