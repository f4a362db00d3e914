"""Python functions as they are behind their names and their layout.

Two functions have one `fingerprint` if their syntax trees are equal once docstrings, annotations, decorators, defaults, a
method's ``self`` and ``async`` are gone and each name that is no builtin stands as the how-manieth it is: so a copy with every
identifier renamed, reformatted, with other comments, is still the same. Attributes, keyword arguments and constants stay.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

BUILTINS: Final = frozenset(dir(builtins))

Function = ast.FunctionDef | ast.AsyncFunctionDef

_MOST_NODES: Final = 5000
_KINDS: Final = {"AnnAssign": "Assign", "AsyncFunctionDef": "FunctionDef"}
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_BLOCKS: Final = ("body", "orelse", "handlers", "finalbody", "cases")
_SKIPPED: Final = frozenset(
    {
        "annotation",
        "ctx",
        "decorator_list",
        "defaults",
        "kw_defaults",
        "returns",
        "simple",
        "type_comment",
        "type_params",
    }
)
_NAMES: Final = {
    "Name": "id",
    "arg": "arg",
    "FunctionDef": "name",
    "AsyncFunctionDef": "name",
    "ClassDef": "name",
    "ExceptHandler": "name",
}
_TELLING: Final = frozenset(
    [
        "Assert",
        "Attribute",
        "AsyncFor",
        "AsyncWith",
        "Await",
        "BoolOp",
        "Break",
        "Constant",
        "Continue",
        "Delete",
        "For",
        "Global",
        "If",
        "IfExp",
        "Import",
        "ImportFrom",
        "Lambda",
        "Match",
        "Nonlocal",
        "Raise",
        "Try",
        "TryStar",
        "While",
        "With",
        "Yield",
        "YieldFrom",
        "comprehension",
    ]
)

_RARE: Final = frozenset(name for kind in (str, bytes, list, dict, set, tuple, int, float) for name in dir(kind)) - {
    *[
        "append",
        "copy",
        "count",
        "decode",
        "encode",
        "endswith",
        "extend",
        "find",
        "format",
        "get",
        "index",
        "insert",
        "items",
        "join",
        "keys",
        "lower",
        "lstrip",
        "pop",
        "remove",
    ],
    *[
        "replace",
        "reverse",
        "rstrip",
        "sort",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "title",
        "update",
        "upper",
        "values",
        "add",
    ],
}
"""Methods of Python's own types that are worth a look in however small a function; others may be anybody's."""


@dataclass(frozen=True)
class Fingerprint:
    """What a function is, in 16 bytes; of how many nodes, and how much in it no renaming changes.

    ``telling`` counts builtins, attributes, constants, and keywords but ``def`` and ``return``; ``rare`` of these the
    attributes that few functions have, and the floats.
    """

    digest: bytes
    nodes: int
    telling: int
    rare: int


def functions(code: str) -> list[Function]:
    """The functions of a program, methods and nested ones too, in the order of their lines; none if it is no Python."""
    return list(_within(_parsed(code)))


def top_level(code: str) -> list[Function]:
    """The functions of a program that stand in no other and in no class."""
    return [node for node in _parsed(code).body if isinstance(node, Function)]


def _parsed(code: str) -> ast.Module:
    """A program's tree; an empty one if it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is looked at: invalid escapes and the like
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _within(node: ast.AST) -> Iterator[Function]:
    """The functions among the statements below a node: expressions hold none, and are most of a tree."""
    for name in _BLOCKS:
        for item in getattr(node, name, ()):
            if isinstance(item, Function):
                yield item
            if isinstance(item, ast.stmt | ast.excepthandler | ast.match_case):
                yield from _within(item)


def fingerprint(function: Function) -> Fingerprint | None:
    """A function's fingerprint; None if it is too large to be a benchmark's, or nested too deeply."""
    reader = _Reader()
    try:
        reader.read(function)
    except (RecursionError, OverflowError):
        return None
    text = "\0".join(reader.parts).encode("utf-8", "surrogatepass")
    return Fingerprint(hashlib.blake2b(text, digest_size=16).digest(), reader.nodes, reader.telling, reader.rare)


def shape(function: Function) -> tuple[object, ...]:
    """What equal functions have in common, for a quick look: their number of arguments and their kinds of statements."""
    kinds = [type(item) if type(item) is not ast.AnnAssign else ast.Assign for item in without_docstring(function.body)]
    return len(_own(function.args)), *kinds


def _own(arguments: ast.arguments) -> list[ast.arg]:
    """The arguments by position, but a method's object."""
    first = arguments.args[0].arg if arguments.args else ""
    return arguments.args[1:] if first in {"self", "cls"} else arguments.args


def bound(function: Function) -> frozenset[str]:
    """The names that a function itself binds: a builtin among them is none of the builtins."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, Function | ast.ClassDef):
            names.add(node.name)
    return frozenset(names)


@dataclass
class _Reader:
    """Reads a tree from left to right, but what a comprehension goes over before what it makes.

    So a name is bound before it is used, and a builtin that the function binds is known to be none.
    """

    bound: set[str] = field(default_factory=set)
    parts: list[str] = field(default_factory=list)
    nodes: int = 0
    telling: int = 0
    rare: int = 0
    _numbers: dict[str, str] = field(default_factory=dict)

    def read(self, node: ast.AST) -> None:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise OverflowError
        kind = type(node).__name__
        self.telling += kind in _TELLING
        self.rare += _is_rare(node)
        self.parts.append(_KINDS.get(kind, kind))
        for name, value in self._fields(node):
            if isinstance(value, ast.AST):
                self.read(value)
            elif isinstance(value, list):
                self.parts.append("[")
                for item in value:
                    if isinstance(item, ast.AST):
                        self.read(item)
                    else:
                        self.parts.append(self._name(item) if isinstance(item, str) else repr(item))
                self.parts.append("]")
            elif name == _NAMES.get(kind) and isinstance(value, str):
                if not isinstance(getattr(node, "ctx", None), ast.Load):
                    self.bound.add(value)
                self.parts.append(self._name(value))
            else:
                self.parts.append(f"{type(value).__name__}:{value!r}")

    def _fields(self, node: ast.AST) -> Iterator[tuple[str, object]]:
        for name in reversed(node._fields) if isinstance(node, _COMPREHENSIONS) else node._fields:
            value = getattr(node, name, None)
            if name in _SKIPPED or (name == "asname" and isinstance(node, ast.alias)):
                continue
            if name == "body" and isinstance(node, Function | ast.ClassDef):
                value = without_docstring(node.body)
            if name == "args" and isinstance(node, ast.arguments):
                value = _own(node)
            if isinstance(node, ast.AnnAssign) and name == "target":
                value = [node.target]
            yield name, value

    def _name(self, name: str) -> str:
        if name in BUILTINS and name not in self.bound:
            self.telling += 1
            return name
        return self._numbers.setdefault(name, f"#{len(self._numbers)}")


def _is_rare(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _RARE
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """A function's body without its docstring."""
    first = body[0] if body else None
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return body[1:] if documented else body
