"""What of a program its entry point needs: imports, and the statements that bind or change names it reaches."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType

from magicoder_core.completing.changing import DEFINITION, IMPORT, SETTING, Calls, base, bound, call_of, closure
from magicoder_core.completing.parsing import Parsed

_ALL = "*"
"""What ``from module import *`` binds: nobody can tell whether it is needed."""


@dataclass
class _Statement:
    """A statement of a module: in which part of the program it stands, and which names it binds or changes."""

    part: int
    node: ast.stmt
    binds: frozenset[str] = frozenset()
    kept: bool = False

    @property
    def lines(self) -> range:
        """Its lines, counted from 1, decorators included."""
        decorators: Sequence[ast.expr] = getattr(self.node, "decorator_list", ())
        first = min([self.node.lineno, *(each.lineno for each in decorators)])
        return range(first, (self.node.end_lineno or first) + 1)

    @property
    def real(self) -> bool:
        """Whether it does anything but hold a place, as a body of ``...`` does."""
        return not isinstance(self.node, DEFINITION) or not all(map(_holds_a_place, self.node.body))

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
    chosen = _chosen([*statements[first:], *statements[:first]])
    calls = Calls([one.node for one in statements], {each: one.node for each, one in chosen.items()}, name)
    for one in statements:
        one.binds = frozenset(bound(one.node, calls))
    listed = _listed(statements[first:], statements[:first], chosen, calls)
    entry = next((one for one in listed.get(name, ()) if one.real), None)
    if entry is None:
        return None
    for one in statements:
        here = one.part == 0 or (one.part == len(context) and one.node.lineno < entry.node.lineno)
        one.kept = isinstance(one.node, IMPORT) and here
    _keep(name, listed, calls)
    return _written(parts, statements)


def _listed(
    own: Sequence[_Statement], context: Sequence[_Statement], chosen: Mapping[str, _Statement], calls: Calls
) -> dict[str, list[_Statement]]:
    """For each name the statements that bind it, of several definitions only the one that counts."""
    names = {name for one in own for name in one.binds}
    # A call in the context yields where the own code has the function, or what it changes: that comes later.
    names = closure(names | {call_of(name) for name in names}, calls.leads)
    found: dict[str, list[_Statement]] = {}
    for one in (*own, *(other for other in context if not other.binds <= names or isinstance(other.node, DEFINITION))):
        if not isinstance(one.node, DEFINITION) or chosen[one.node.name] is one:
            for name in one.binds:
                found.setdefault(name, []).append(one)
    return found


def _chosen(ranked: Iterable[_Statement]) -> dict[str, _Statement]:
    """For each function or class the definition that counts: the first real one, or the first."""
    chosen: dict[str, _Statement] = {}
    for one in ranked:
        if isinstance(one.node, DEFINITION):
            first = chosen.setdefault(one.node.name, one)
            if not first.real and one.real:
                chosen[one.node.name] = one
    return chosen


def _keep(name: str, listed: dict[str, list[_Statement]], calls: Calls) -> None:
    """Mark all that ``name`` needs, directly or not."""
    needed = {name, SETTING, _ALL}
    waiting = sorted(needed)
    while waiting:
        now = waiting.pop()
        new = set(calls.leads.get(now, ()))
        for one in listed.pop(now, ()):
            if not one.kept:
                one.kept = True
                new.update(_used(one.node))
        new -= needed
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


def _holds_a_place(node: ast.stmt) -> bool:
    """Whether it is a docstring, ``...``, ``pass`` or ``raise NotImplementedError``."""
    if isinstance(node, ast.Raise):
        return node.exc is not None and list(base(getattr(node.exc, "func", node.exc))) == ["NotImplementedError"]
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
