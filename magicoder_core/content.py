"""What all records share: they are plain JSON on the disk, and named by their content (see `records`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from magicoder_core.lazily import orjson

_FLAT: Final = frozenset({"str", "int", "float", "bool", "None", "Role", "Status", "Wording"})
"""Annotations of values that are JSON as they are."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Anything that is written as one line of JSON."""

    nested: ClassVar[Mapping[str, type[Record]]] = {}
    """Fields that hold a record, or a list of records, of this class."""

    later: ClassVar[Mapping[str, Any]] = {}
    """Fields that came later, with the value at which they are not written: what they do not concern keeps its name."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values, in the order of its fields."""
        return _SHAPES[type(self)].values.of(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record of such values; unknown keys are ignored, so that old readers read newer files.

        Raises:
            TypeError: a field without a default is missing.
        """
        shape = _SHAPES[cls]
        given = {name: data[name] for name in data.keys() & shape.arguments}
        for name in shape.values.deep:
            if name in given:
                given[name] = cls._revive(name, given[name])
        return cls(**given)

    @classmethod
    def _revive(cls, name: str, value: Any) -> Any:
        kind = cls.nested.get(name)
        if isinstance(value, list):
            return tuple(kind.from_dict(item) if kind else _frozen(item) for item in value)
        return kind.from_dict(value) if kind and value is not None else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified(Record):
    """A record that is named by its content."""

    annotations: ClassVar[frozenset[str]] = frozenset()
    """Fields that say something about the record and do not change which one it is."""

    id: str = field(init=False, compare=False)

    def __getattr__(self, name: str) -> Any:
        """The id, when it is first asked for: a run makes many records whose names nobody wants to know."""
        if name != "id":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        made = hashlib.sha256(self.spelled()).hexdigest()[:16]
        object.__setattr__(self, "id", made)
        return made

    @classmethod
    def restored(cls, data: Mapping[str, Any]) -> Self:
        """As `from_dict`, for what the same run has written: it is known by the name that it had then."""
        made = cls.from_dict(data)
        if "id" in data:  # a line may have been written by hand meanwhile
            object.__setattr__(made, "id", data["id"])
        return made

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values; its content is read once, for its name too."""
        shape = _SHAPES[type(self)]
        content = shape.naming.of(self)
        try:
            made = {"id": object.__getattribute__(self, "id")}
        except AttributeError:
            made = {"id": content_id(content)}
            object.__setattr__(self, "id", made["id"])
        made |= content
        made |= shape.notes.of(self)
        return made

    def content(self) -> dict[str, Any]:
        """What names the record: its fields as plain JSON values, without the id and what only annotates it."""
        return _SHAPES[type(self)].naming.of(self)

    def spelled(self) -> bytes:
        """The canonical JSON of `content`, whose sha256 is the id."""
        return canonical(self.content())


def content_id(content: Mapping[str, Any]) -> str:
    """First 16 hex digits of the sha256 of the canonical JSON of ``content``."""
    return hashlib.sha256(canonical(content)).hexdigest()[:16]


def canonical(content: Mapping[str, Any]) -> bytes:
    """The one spelling of JSON that names are made of: sorted keys, no white space, UTF-8.

    What UTF-8 cannot hold (lone surrogates; models do emit them) is escaped, in ASCII throughout.
    """
    library = orjson()
    try:
        made: bytes = library.dumps(content, option=library.OPT_SORT_KEYS)
    except library.JSONEncodeError:
        made = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return made


class _Values:
    """Some of a class's fields, read at once: a run makes millions of records."""

    __slots__ = ("_get", "_later", "_names", "deep")

    def __init__(self, cls: type[Record], names: Iterable[str]) -> None:
        self._names = tuple(names)
        types = {item.name: str(item.type) for item in fields(cls)}
        self.deep = tuple(name for name in self._names if not _is_flat(types[name]))
        """The fields that may hold something else than what JSON has, too: records, tuples, paths, mappings."""
        self._later = tuple((name, silent) for name, silent in cls.later.items() if name in self._names)
        # Of a single name it gives no tuple; a second one is taken off by `zip`.
        self._get = attrgetter(*self._names, "__class__") if self._names else None

    def of(self, record: Record) -> dict[str, Any]:
        """The fields of a record as plain JSON values."""
        if self._get is None:
            return {}
        made = dict(zip(self._names, self._get(record), strict=False))
        for name in self.deep:
            if (value := made[name]) is not None:
                made[name] = _plain(value)
        for name, silent in self._later:
            if made[name] == silent:
                del made[name]
        return made


class _Shape:
    """What a class is made of, and which of its fields are its content."""

    __slots__ = ("arguments", "naming", "notes", "values")

    def __init__(self, cls: type[Record]) -> None:
        self.arguments = frozenset(item.name for item in fields(cls) if item.init)
        names = [item.name for item in fields(cls) if not item.name.startswith("_")]
        self.values = _Values(cls, names)
        notes: frozenset[str] = getattr(cls, "annotations", frozenset())
        self.naming = _Values(cls, [name for name in names if name != "id" and name not in notes])
        self.notes = _Values(cls, [name for name in names if name in notes])


class _Shapes(dict[type, _Shape]):
    """The shape of each class, looked up once."""

    def __missing__(self, cls: type) -> _Shape:
        self[cls] = shape = _Shape(cls)
        return shape


_SHAPES = _Shapes()


def _is_flat(annotation: str) -> bool:
    return {part.strip() for part in annotation.split("|")} <= _FLAT


def _plain(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value] if value else []
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
