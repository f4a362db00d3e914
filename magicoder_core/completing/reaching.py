"""What of a program its entry point needs: imports, and the statements that bind or change names it reaches."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType

from magicoder_core.completing.parsing import Parsed

_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORT = (ast.Import, ast.ImportFrom)
_SETTING = "sys.set"
"""Stands for the functions of ``sys`` that change what a program may do, as ``sys.setrecursionlimit``."""

_ALL = "*"
"""What ``from module import *`` binds: nobody can tell whether it is needed."""


@dataclass
class _Statement:
    """A statement of a module: in which part of the program it stands, and which names it binds or changes."""

    part: int
    node: ast.stmt
    binds: frozenset[str] = field(init=False)
    kept: bool = False

    def __post_init__(self) -> None:
        self.binds = frozenset(_bound(self.node))

    @property
    def lines(self) -> range:
        """Its lines, counted from 1, decorators included."""
        decorators: Sequence[ast.expr] = getattr(self.node, "decorator_list", ())
        first = min([self.node.lineno, *(each.lineno for each in decorators)])
        return range(first, (self.node.end_lineno or first) + 1)

    @property
    def real(self) -> bool:
        """Whether it does anything but hold a place, as a body of ``...`` does."""
        return not isinstance(self.node, _DEFINITION) or not all(map(_holds_a_place, self.node.body))

    @property
    def future(self) -> bool:
        """Whether it is ``from __future__ import ...``."""
        return isinstance(self.node, ast.ImportFrom) and self.node.module == "__future__"


def reduced(own: Parsed, context: Sequence[Parsed], name: str) -> str | None:
    """The program that ``name`` needs, in order and with its comments; None if nothing real is bound to the name.

    Args:
        own: the code with the definition; all imports before that stay. Of two definitions of a function the first
            counts that is no stub, which is EvalPlus' choice and not Python's.
        context: code that stands before it, and yields to it where both define a name. Of the first all imports
            stay, of the others those that are needed.
        name: the entry point.
    """
    parts = [*context, own]
    statements = [_Statement(number, node) for number, part in enumerate(parts) for node in part.tree.body]
    first = len(statements) - len(own.tree.body)
    listed = _listed(statements[first:], statements[:first])
    entry = next((one for one in listed.get(name, ()) if one.real), None)
    if entry is None:
        return None
    for one in statements:
        here = one.part == 0 or (one.part == len(context) and one.node.lineno < entry.node.lineno)
        one.kept = isinstance(one.node, _IMPORT) and here
    _keep(name, listed)
    return _written(parts, statements)


def _listed(own: Sequence[_Statement], context: Sequence[_Statement]) -> dict[str, list[_Statement]]:
    """For each name the statements that bind it, of several definitions only the one that counts."""
    chosen = _chosen([*own, *context])
    bound = {name for one in own for name in one.binds}
    found: dict[str, list[_Statement]] = {}
    for one in (*own, *(other for other in context if not other.binds <= bound or isinstance(other.node, _DEFINITION))):
        if not isinstance(one.node, _DEFINITION) or chosen[one.node.name] is one:
            for name in one.binds:
                found.setdefault(name, []).append(one)
    return found


def _chosen(ranked: Iterable[_Statement]) -> dict[str, _Statement]:
    """For each function or class the definition that counts: the first real one, or the first."""
    chosen: dict[str, _Statement] = {}
    for one in ranked:
        if isinstance(one.node, _DEFINITION):
            first = chosen.setdefault(one.node.name, one)
            if not first.real and one.real:
                chosen[one.node.name] = one
    return chosen


def _keep(name: str, listed: dict[str, list[_Statement]]) -> None:
    """Mark all that ``name`` needs, directly or not."""
    needed = {name, _SETTING, _ALL}
    waiting = sorted(needed)
    while waiting:
        for one in listed.pop(waiting.pop(), ()):
            if not one.kept:
                one.kept = True
                new = set(_used(one.node)) - needed
                needed |= new
                waiting += new


def _written(parts: Sequence[Parsed], statements: Sequence[_Statement]) -> str:
    """The kept statements of all parts; ``from __future__`` lines in front, where alone they may stand."""
    texts = ["\n".join(dict.fromkeys(ast.unparse(one.node) for one in statements if one.future))]
    gone: list[set[int]] = [set() for _ in parts]
    for keeps in (False, True):  # two statements may share a line
        for one in statements:
            if keeps is (one.kept and not one.future):
                change = gone[one.part].difference_update if keeps else gone[one.part].update
                change(one.lines)
    for part, without in zip(parts, gone, strict=True):
        lines = enumerate(part.text.split("\n"), 1)
        texts.append("\n".join(line for number, line in lines if number not in without).strip())
    return "\n\n\n".join(filter(None, texts)) + "\n"


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds or changes."""
    if isinstance(node, ast.Expr):
        yield from _changed(node.value)
    elif not (isinstance(node, ast.If) and _is_main_guard(node.test)):
        yield from _bound_within(node)


def _bound_within(top: ast.stmt) -> Iterator[str]:
    waiting: list[ast.AST] = [top]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _DEFINITION):
            yield node.name
        elif isinstance(node, _IMPORT):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Expr):
            yield from _changed(node.value)
        elif not isinstance(node, ast.Lambda):
            yield from _stored(node)
            waiting += ast.iter_child_nodes(node)


def _stored(node: ast.AST) -> Iterator[str]:
    """The name that a target binds, or whose value it changes."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield from _base(node)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name


def _changed(value: ast.expr) -> Iterator[str]:
    """The name whose value a call may change that is a whole statement, as ``memo.update(...)``."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        base = list(_base(value.func.value))
        yield from [_SETTING] if base == ["sys"] and value.func.attr.startswith("set") else base


def _base(node: ast.AST) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_main_guard(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _holds_a_place(node: ast.stmt) -> bool:
    """Whether it is a docstring, ``...``, ``pass`` or ``raise NotImplementedError``."""
    if isinstance(node, ast.Raise):
        return node.exc is not None and list(_base(getattr(node.exc, "func", node.exc))) == ["NotImplementedError"]
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _used(node: ast.stmt) -> Iterator[str]:
    """The global names that a statement uses, and the names of attributes; not those of its own local variables."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(ast.Module([node], []), "<answer>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        # Python will say so when the program runs.
        yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        return
    waiting = [code]
    while waiting:
        code = waiting.pop()
        yield from code.co_names
        waiting += (const for const in code.co_consts if isinstance(const, CodeType))
