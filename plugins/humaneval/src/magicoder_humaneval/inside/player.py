"""Plays a program's recorded answers to a task's tests, which say what they think of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from magicoder_humaneval.inside.crossing import Answer, Call, Unsendable, adopt, image, plain, swapped
from magicoder_humaneval.inside.testing import Task, attempt, exception, joined, named, told

_SHOWN = 120


class _Halted(BaseException):
    """The tests cannot go on: they need an answer that is not there. No ``except Exception`` of theirs holds it."""


def replay(task: Task, calls: list[Call], answers: list[Answer], shared: int, foreign: str) -> tuple[Any, ...]:
    """What the tests of a task say to ``answers``, which are to the first so many of ``calls``.

    Args:
        task: its parts.
        calls: the arguments, in order.
        answers: see `Answer`.
        shared: whether a value comes with the arguments as the call left them.
        foreign: what a text begins with that stands for an object of the program's own, of the type named behind.

    Returns:
        ``("pass", how many calls were made)``; ``("fail", why)``; ``("more", number, args, kwargs)``: the call ``number`` has other arguments
        than were answered; or ``("unanswered", number)``: it has those, and was not answered.
    """
    known = [swapped(one, functools.partial(_stranger, foreign)) for one in answers] if foreign else answers
    player = _Player(calls, known, shared=bool(shared))
    error = attempt(task, player.stand_in)
    if player.needs:
        return player.needs
    if error is None:
        return "pass", player.asked
    return "fail", player.said if error is player.raised else told(error, task[2]) + player.last()


class _Stranger:
    """Stands for an object of the program's own: equal to nothing, and no member of a set."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]  # as said

    def __repr__(self) -> str:
        return f"<{self._kind}>"


def _stranger(foreign: str, value: Any) -> Any:
    return _Stranger(value[len(foreign) :]) if isinstance(value, str) and value.startswith(foreign) else value


class _Player:
    """Gives recorded answers to the tests, as long as they ask what was asked."""

    def __init__(self, calls: Sequence[Call], answers: Sequence[Answer], *, shared: bool) -> None:
        self.needs: tuple[Any, ...] = ()
        self.raised: BaseException | None = None
        self.said = ""
        self._calls = calls
        self._answers = answers
        self._shared = shared
        self.asked = 0

    def stand_in(self, space: dict[str, Any], name: str) -> Callable[..., Any]:
        """What the tests are given."""

        @functools.wraps(named(space, name))
        def candidate(*args: Any, **kwargs: Any) -> Any:
            # Tests that hold every exception come here again.
            self.needs = self.needs or self._lack(args, kwargs)
            if self.needs:
                raise _Halted
            kind, *content = self._answers[self.asked]
            self.asked += 1
            if kind == "raised":
                self._raise(space, *content)
            return self._handed(content[0], [*args, kwargs]) if self._shared else content[0]

        return candidate

    def last(self) -> str:
        """What the last call gave, for a failure's text."""
        if not self.asked:
            return ""
        kind, value, *_ = self._answers[self.asked - 1]
        if kind == "raised":
            return f"; the last call raised {value}"
        value = value[0] if self._shared else value
        try:
            text = "an iterator" if hasattr(type(value), "__next__") else repr(value)
        except ValueError:  # an int of too many digits
            text = "a huge number"
        return f"; the last call gave {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}"

    def _lack(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """What is missing to answer this call, in the words of `replay`; nothing if it can be answered."""
        try:
            call = (plain(args), plain(kwargs))
        except Unsendable:
            # No `Unsendable`: it is the program that gave it.
            raise ValueError("the program is asked for what it gave, which is no plain data") from None
        if self.asked >= len(self._calls) or image(call) != image(self._calls[self.asked]):
            return "more", self.asked, *call
        return () if self.asked < len(self._answers) else ("unanswered", self.asked)

    def _raise(self, space: dict[str, Any], kind: str, text: str, line: int | None) -> None:
        self.said = joined(kind, text) + (f" (line {line} of the program)" if line else "")
        self.raised = exception(space, kind, text)
        raise self.raised

    def _handed(self, given: Any, mine: list[Any]) -> Any:
        value, args, kwargs = given
        adopt(mine, [*args, kwargs])
        return value
