"""MBPP+ keeps its inputs as JSON, which has no tuples, sets or complex numbers: here they become what a task takes.

Source of the table: evalplus/evalplus at 26d6d00, ``evalplus/data/mbpp.py`` (which tasks take what); ids that only
MBPP+ v0.1.0 has stay in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

Arguments = list[Any]
_Rule = Callable[[Arguments], Iterable[Any]]


def _same(value: Any) -> Any:
    return value


def _tuples(value: Any) -> list[Any]:
    return [tuple(item) for item in value]


def _tuple_of_tuples(value: Any) -> tuple[Any, ...]:
    return tuple(_tuples(value))


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _tuple_with_tuples(value: Any) -> tuple[Any, ...]:
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)


def _sets(value: Any) -> list[Any]:
    # What is empty becomes a dict there, as `{}` does; the published answers count on it.
    return [set(item) if isinstance(item, list) and item else {} for item in value]


def _values_to_tuples(value: Any) -> dict[Any, Any]:
    return {key: tuple(item) for key, item in value.items()}


def _each(convert: Callable[[Any], Any], arguments: Arguments) -> list[Any]:
    return [convert(item) for item in arguments]


def _first(*converts: Callable[[Any], Any]) -> _Rule:
    """The first arguments by one function each, the others as they are."""

    def rule(arguments: Arguments) -> list[Any]:
        done = [convert(item) for convert, item in zip(converts, arguments, strict=False)]
        return done + arguments[len(converts) :]

    return rule


_BY_RULE: tuple[tuple[_Rule, str], ...] = (
    (
        partial(_each, tuple),
        "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809",
    ),
    (partial(_each, _tuples), "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780"),
    (partial(_each, _tuple_of_tuples), "259 401 445"),
    (_first(_tuples), "75 413 444 753"),
    (_first(_same, tuple), "106 750"),
    (_first(tuple), "250 307 405 446 617 720 763 808"),
    (_deep, "580 615 791"),
    (_first(_sets), "115"),
    (_first(float, complex), "124"),
    (_first(complex), "252"),
    (_first(_tuple_with_tuples), "278"),
    (_first(_values_to_tuples), "722"),
)
_RULES: Mapping[str, _Rule] = {number: rule for rule, numbers in _BY_RULE for number in numbers.split()}


def retyped(task_id: str, arguments: Arguments) -> tuple[Any, ...]:
    """The arguments of one call as the task ``task_id`` (as ``Mbpp/2``) takes them; others stay as JSON has them.

    Raises:
        TypeError, ValueError, AttributeError: they are not of the shape that the task's inputs have.
    """
    return rule_of(task_id)(arguments)


def rule_of(task_id: str) -> Callable[[Arguments], tuple[Any, ...]]:
    """`retyped` for one task: a task of EvalPlus has up to a thousand calls."""
    benchmark, _, number = task_id.partition("/")
    rule = _RULES.get(number) if benchmark == "Mbpp" else None
    if rule is None:
        return tuple
    return lambda arguments: tuple(rule(arguments))


def written(task_id: str, arguments: Arguments) -> list[Any]:
    """The same arguments as EvalPlus writes a failed test down, in JSON's types."""
    converted = retyped(task_id, arguments)
    if task_id == "Mbpp/115":
        return [[list(item) for item in converted[0]]]
    if task_id in ("Mbpp/124", "Mbpp/252"):
        return [str(item) for item in converted]
    return arguments
