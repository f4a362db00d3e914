"""Finds out what a task's tests ask, by running them on its reference."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

from magicoder_humaneval.inside.crossing import Answer, Call, Unsendable, adopt, plain
from magicoder_humaneval.inside.player import replay
from magicoder_humaneval.inside.testing import Task, attempt, defined, exception, named, told

_TEXT = 500


def record(prompt: str, solution: str, test: str, entry_point: str) -> tuple[Any, ...]:
    """What the tests of a task ask, and what its reference answers.

    Returns:
        ``("asked", calls, answers, shared)``; ``shared`` says that the tests give arguments by name, or look at what
        a call did to its arguments. Or ``("apart", why)``: the reference passes, but only in one process with the
        tests. Or ``("broken", why)``: it does not.
    """
    task = (prompt, solution, test, entry_point)
    try:
        for shared in (False, True):
            recorder = _Recorder(prompt + solution, shared=shared)
            error = attempt(task, recorder.stand_in)
            if error is None and (shared or not any(kwargs for _, kwargs in recorder.calls)):
                return _held(task, recorder, shared=shared)
        error = attempt(task, named)
    except Unsendable as unsendable:
        return "apart", str(unsendable)
    if error is not None:
        return "broken", told(error, test)
    return "apart", "they look at more than values, such as which object it is"


def _held(task: Task, recorder: _Recorder, *, shared: bool) -> tuple[Any, ...]:
    """What was recorded, if the tests ask it a second time, too: else right programs could pass and wrong ones not fail."""
    if replay(task, recorder.calls, plain(recorder.answers), shared, "")[0] == "pass":
        return "asked", recorder.calls, recorder.answers, shared
    return "apart", "they do not ask the same each time"


class _Recorder:
    """The reference, as if it ran in another process; what it is called with, and what it answers."""

    def __init__(self, code: str, *, shared: bool) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self._code = code
        self._shared = shared
        self._draws = "random" in code

    def stand_in(self, space: dict[str, Any], name: str) -> Callable[..., Any]:
        """What the tests are given. It has a namespace of its own: a function that calls itself is no test's call."""
        reference = named(defined(self._code, "solution"), name)

        @functools.wraps(reference)
        def candidate(*args: Any, **kwargs: Any) -> Any:
            state = random.getstate() if self._draws else None
            try:
                return self._answered(space, reference, args, kwargs)
            finally:
                # A program in another process would not have drawn from the tests' numbers.
                if state:
                    random.setstate(state)

        return candidate

    def _answered(
        self, space: dict[str, Any], reference: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        self.calls.append((plain(args), plain(kwargs)))
        given_args, given_kwargs = plain(self.calls[-1])
        try:
            value = plain(reference(*given_args, **given_kwargs))
        except Unsendable:
            raise
        except BaseException as error:  # noqa: BLE001 - boundary: tests may expect any exception
            kind, text = type(error).__name__, str(error)[:_TEXT]
            self.answers.append(("raised", kind, text, None))
            raise exception(space, kind, text) from None
        self.answers.append(("value", plain((value, given_args, given_kwargs) if self._shared else value)))
        if self._shared:
            adopt([*args, kwargs], [*given_args, given_kwargs])
        return value
