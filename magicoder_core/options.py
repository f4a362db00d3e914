"""From a recipe's table to a provider: a provider's dataclass fields are its options.

Names are checked here, because pydantic silently drops unknown keys on a plain dataclass; values are checked
and converted by pydantic, which is imported only when something is bound.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from magicoder_core.errors import RecipeError
from magicoder_core.plugins import did_you_mean

T = typing.TypeVar("T")


@dataclass(frozen=True)
class Option:
    """One option as people read it: name, type as written in a recipe, default (None if required), help."""

    name: str
    type: str
    default: str | None
    help: str


def options(cls: type) -> list[Option]:
    """The options of a provider, or of any dataclass that a recipe's table fills, in their order."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return [
        Option(item.name, _type_name(_bare(hints[item.name])), _default(item), _help(hints[item.name]))
        for item in dataclasses.fields(cls)
        if item.init
    ]


def schema(cls: type) -> dict[str, Any]:
    """The JSON schema of the same table: each option with its help, and no other keys, as `bind` has it."""
    from pydantic import TypeAdapter

    made = TypeAdapter(cls).json_schema()
    for item in options(cls):
        made["properties"][item.name]["description"] = item.help
    return {**made, "additionalProperties": False}


def bind(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Make a ``cls`` from a table; ``where`` is the table's path in the recipe, for messages.

    Raises:
        RecipeError: an unknown, missing or wrong option: one line with its path and what was given.
    """
    known = [item.name for item in dataclasses.fields(cls) if item.init]  # type: ignore[arg-type]  # cls is a dataclass
    for name in table:
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are: {', '.join(known)}"
            raise RecipeError(f"{where}.{name}: no such option{hint}")
    if not table and all(_default(item) is not None for item in dataclasses.fields(cls) if item.init):  # type: ignore[arg-type]  # cls is a dataclass
        return cls()  # nothing to check; pydantic is a third of a small command's time
    _refuse_truth(cls, table, where)
    return _validated(cls, table, where)


def _refuse_truth(cls: type, table: Mapping[str, Any], where: str) -> None:
    """Refuse ``true`` and ``false`` where a number is needed: pydantic takes them for 1 and 0.

    Raises:
        RecipeError: there is one.
    """
    hints = typing.get_type_hints(cls)
    for name, value in table.items():
        for path, given, wanted in _truths(value, hints[name], f"{where}.{name}"):
            raise RecipeError(f"{path}: Input should be a valid {wanted} (got {given!r})")


def _truths(value: Any, hint: Any, path: str) -> Iterator[tuple[str, bool, str]]:
    """Each truth value that stands for a number: its path, it, and which kind of number is needed."""
    kinds = _alternatives(hint)
    if isinstance(value, bool):
        wanted = [_NUMBERS[kind] for kind in kinds if kind in _NUMBERS]
        if wanted and bool not in kinds and Any not in kinds:
            yield path, value, wanted[0]
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, item in items:
        for kind in kinds:
            if (inner := _inner(kind, place, mapped=isinstance(value, dict))) is not None:
                yield from _truths(item, inner, f"{path}.{place}")


_NUMBERS = {int: "integer", float: "number"}


def _alternatives(hint: Any) -> list[Any]:
    """The types of which a value may be one."""
    bare = _bare(hint)
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(bare) for kind in _alternatives(part)]
    return [bare]


def _inner(kind: Any, place: Any, *, mapped: bool) -> Any:
    """The type of what stands at ``place`` in a table or a list of that type; None where it says nothing."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if not parts or not isinstance(origin, type) or issubclass(origin, Mapping) is not mapped:
        return None
    if mapped:
        return parts[1]
    fixed = origin is tuple and Ellipsis not in parts
    return (parts[place] if place < len(parts) else None) if fixed else parts[0]


def _validated(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(cls).validate_python(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([where, *(str(part) for part in first["loc"])])
        raise RecipeError(f"{path}: {_complaint(first)}") from error


def _complaint(error: Mapping[str, Any]) -> str:
    """What pydantic found wrong, in one line."""
    if error["type"] == "missing":
        return "required, but not given"
    if error["type"] == "value_error":
        # A provider's own check of its options: it says best what was wrong, and pydantic's "input" is all of them.
        return " ".join(str(error["ctx"]["error"]).split())
    if error["type"] == "tuple_type":
        return f'a list is needed, as ["a", "b"] (got {error["input"]!r})'
    return f"{error['msg']} (got {error['input']!r})"


def values(provider: object) -> dict[str, Any]:
    """A provider's options as plain JSON values: what decides whether a finished stage may be used again."""
    named = {item.name: getattr(provider, item.name) for item in dataclasses.fields(provider)}  # type: ignore[arg-type]
    return {name: _plain(value) for name, value in named.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint


def _help(hint: Any) -> str:
    extras = typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()
    return next((extra for extra in extras if isinstance(extra, str)), "")


def _type_name(hint: Any) -> str:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_type_name(part) for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(repr(choice) for choice in typing.get_args(hint))
    if (origin := typing.get_origin(hint)) is not None:
        parts = [_type_name(part) for part in typing.get_args(hint) if part is not Ellipsis]
        if origin is Mapping:
            return "table" if parts[-1] == "Any" else f"table of {parts[-1]}"
        return f"{'list' if origin is tuple else origin.__name__} of {', '.join(parts)}"
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "Path": "path"}.get(
        getattr(hint, "__name__", str(hint)), getattr(hint, "__name__", str(hint))
    )


def _default(item: dataclasses.Field[Any]) -> str | None:
    if item.default is not dataclasses.MISSING:
        return "none" if item.default is None else repr(_plain(item.default))
    if item.default_factory is not dataclasses.MISSING:
        return repr(_plain(item.default_factory()))
    return None
