"""Whether an answer is the expected one, by EvalPlus' rules, on plain values in our own process.

Source: evalplus/evalplus at 26d6d00, ``evalplus/eval/__init__.py`` (``unsafe_execute``, ``is_floats``). Kept as it is
there: once a float was expected, a tolerance of 1e-6 holds for all further answers of the suite, floats or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from magicoder_evalplus.closeness import allclose
from magicoder_evalplus.oracles import Accepts, Arguments

FLOAT_ATOL = 1e-6
"""The absolute tolerance that floats get where a task names none."""


def is_floats(value: Any) -> bool:
    """A float, or a list or tuple of floats only."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the answers of one task are compared.

    Args:
        oracle: the task's special rule, if it has one.
        final: whether nothing else counts where the special rule says no.
        broadcast: see `closeness.allclose`.
    """

    oracle: Accepts | None = None
    final: bool = False
    broadcast: bool = True

    def accepts(self, answer: Any, expected: Any, arguments: Arguments, before: float, atol: float) -> bool:
        """Whether ``answer`` is right.

        Args:
            answer: what the program gave.
            expected: what the reference gave.
            arguments: of the call.
            before: the absolute tolerance before this call.
            atol: the same, once this call's expected value is known.
        """
        try:
            if self.oracle is None:
                match = bool(answer == expected)
            else:
                match = self.oracle(answer, expected, arguments, before)
            if match or self.final or not atol:
                return match
            return self._is_close(answer, expected, atol)
        except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            # Whatever a comparison raises counts as a failed test.
            return False

    def _is_close(self, answer: Any, expected: Any, atol: float) -> bool:
        if type(answer) is not type(expected):
            return False
        if isinstance(expected, (list, tuple)) and len(answer) != len(expected):
            return False
        return allclose(answer, expected, atol=atol, broadcast=self.broadcast)


@dataclass(frozen=True)
class Tolerance:
    """The absolute tolerance at each call of a suite.

    Args:
        atol: the task's own; where it is not 0 it holds throughout.
        floats: the number of the first call, from 0, that expects floats; None if none does.
    """

    atol: float
    floats: int | None

    def before(self, number: int) -> float:
        """At call ``number``, before its own expected value is looked at."""
        return self.at(number - 1)

    def at(self, number: int) -> float:
        """At call ``number``, which may be the first to expect floats."""
        if self.atol:
            return self.atol
        return FLOAT_ATOL if self.floats is not None and self.floats <= number else 0.0
