"""Which names a statement of a module binds or changes, by calls of the program's own functions too.

What a call changes counts only where the call is a whole statement, at the top of the module or in a function that is
called so: ``fill()`` is there for what it does, ``fib(3)`` in ``print(fib(3))`` for what it gives. A function changes
the global names that it assigns, whose items or attributes it assigns, or one of whose methods it calls as a whole
statement; and those of its arguments to which it does the same.

Not seen: what a class does when it is made, what is done through another name for the same value, and what is called
within an expression, as in ``_ = fill()``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORT = (ast.Import, ast.ImportFrom)
SETTING = "sys.set"
"""Stands for the functions of ``sys`` that change what a program may do, as ``sys.setrecursionlimit``."""

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_PLACE = (ast.Attribute, ast.Subscript)
_ASKING = ("input", "stdin")
"""What reads from the user: nobody is there when a program is judged."""

_CHANGERS = frozenset(
    {
        *("setattr", "delattr", "setitem", "delitem", "shuffle", "insort", "insort_left", "insort_right"),
        *("heapify", "heappush", "heappop", "heappushpop", "heapreplace"),
    }
)
"""Functions of Python's own that change their first argument."""

_Node = TypeVar("_Node", bound=Hashable)


def closure(begun: Iterable[_Node], leads: Mapping[_Node, Iterable[_Node]]) -> set[_Node]:
    """All that one comes to from ``begun``, itself included."""
    found = set(begun)
    waiting = list(found)
    while waiting:
        new = set(leads.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def call_of(name: str) -> str:
    """What stands, among names that a statement may change, for all that calling a function changes."""
    return f"{name}()"


class Calls:
    """What calls of a program's functions change. Calls that reach the entry point or ask the user change nothing.

    Those show, test or serve a program that is complete without them: the entry point gives the same when it is
    called later.

    Args:
        nodes: the program's top-level statements.
        definitions: its functions and classes, by name.
        entry: the entry point.
    """

    def __init__(self, nodes: Iterable[ast.stmt], definitions: Mapping[str, ast.stmt], entry: str) -> None:
        self.leads: dict[str, list[str]] = defaultdict(list)
        """For each name the calls that change it, as `call_of` names them; for each call those which it is part of."""
        nodes = list(nodes)
        begun = [call.func.id for node in nodes for call in _calls(node) if isinstance(call.func, ast.Name)]
        self._functions = _reached(begun, definitions)
        callers: dict[str, list[str]] = defaultdict(list)
        passes: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for name, function in self._functions.items():
            for called in function.called:
                callers[called].append(name)
            for callee, call in function.calls:
                if callee in self._functions:
                    self.leads[call_of(callee)].append(call_of(name))
                    for parameter, given in self._functions[callee].given(call):
                        passes[callee, parameter].append((name, given))
        self._shows = closure({entry, *_ASKING}, callers)
        changed = [(name, each) for name, function in self._functions.items() for each in function.changed]
        self._changed = closure(changed, passes)
        modules = {name for node in nodes if isinstance(node, IMPORT) for name in _imported(node)}
        for name, each in self._changed:
            if each not in self._functions[name].local and each not in modules:
                self.leads[each].append(call_of(name))

    def changed(self, value: ast.expr) -> Iterator[str]:
        """The names whose value an expression may change that is a whole statement, as ``memo.update(...)``."""
        if not isinstance(value, ast.Call):
            return
        yield from _changed_by_form(value)
        name = value.func.id if isinstance(value.func, ast.Name) else ""
        if name in self._functions and name not in self._shows:
            yield call_of(name)
            for parameter, given in self._functions[name].given(value):
                if (name, parameter) in self._changed:
                    yield given


class _Function:
    """What a function changes by itself, and what it calls. Functions within it count as parts of it.

    ``local`` are the names that are not the module's, ``changed`` those of others, or of parameters, that it changes;
    ``called`` are the names that it calls in any way, ``calls`` the calls that are whole statements.
    """

    def __init__(self, top: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.parameters = [each.arg for each in (*top.args.posonlyargs, *top.args.args, *top.args.kwonlyargs)]
        self.called: set[str] = set()
        self.calls: list[tuple[str, ast.Call]] = []
        self._bound: set[str] = set()
        self._shared: set[str] = set()
        self._touched: set[str] = set()
        for node in ast.walk(top):
            if node is not top:
                self._note_names(node)
                self._note_calls(node)
        self.local = self._bound - self._shared
        self.changed = {name for name in self._touched if name in self.parameters or name not in self.local}
        self.changed |= self._bound & self._shared
        self.calls = [(name, call) for name, call in self.calls if name not in self.local]

    def _note_names(self, node: ast.AST) -> None:
        if isinstance(node, ast.arg):
            self._bound.add(node.arg)
        elif isinstance(node, ast.Global):
            self._shared.update(node.names)
        elif isinstance(node, ast.AugAssign):
            self._touched.update(base(node.target))
        elif isinstance(node, IMPORT):
            self._bound.update(_imported(node))
        elif isinstance(node, DEFINITION):
            self._bound.add(node.name)
        else:
            (self._touched if isinstance(node, _PLACE) else self._bound).update(_stored(node))

    def _note_calls(self, node: ast.AST) -> None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self._touched.update(_changed_by_form(node.value))
            if isinstance(node.value.func, ast.Name):
                self.calls.append((node.value.func.id, node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            self.called.add(node.func.id)
        elif "stdin" in (getattr(node, "id", None), getattr(node, "attr", None)):
            self.called.add("stdin")

    def given(self, call: ast.Call) -> Iterator[tuple[str, str]]:
        """Each parameter to which a call of this function gives a name's value, or a part of it, with the name."""
        named = [(each.arg, each.value) for each in call.keywords if each.arg]
        for parameter, value in (*zip(self.parameters, call.args, strict=False), *named):
            for name in base(value):
                yield parameter, name


def _reached(begun: Iterable[str], definitions: Mapping[str, ast.stmt]) -> dict[str, _Function]:
    """The functions among ``begun`` and all that these call, looked into."""
    found: dict[str, _Function] = {}
    waiting = list(begun)
    while waiting:
        name = waiting.pop()
        node = definitions.get(name)
        if name not in found and isinstance(node, _FUNCTION):
            found[name] = _Function(node)
            waiting += found[name].called
    return found


def bound(node: ast.stmt, calls: Calls) -> Iterator[str]:
    """The names that a statement of a module binds or changes."""
    for each in _running(node):
        if isinstance(each, DEFINITION):
            yield each.name
        elif isinstance(each, IMPORT):
            yield from _imported(each)
        elif isinstance(each, ast.Expr):
            yield from calls.changed(each.value)
        else:
            yield from _stored(each)


def _calls(node: ast.stmt) -> Iterator[ast.Call]:
    """The calls in a statement of a module that are whole statements."""
    for each in _running(node):
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call):
            yield each.value


def _running(top: ast.stmt) -> Iterator[ast.AST]:
    """What runs with a statement of a module: not the bodies of functions, and no main guard."""
    waiting: list[ast.AST] = [] if isinstance(top, ast.If) and _is_main_guard(top.test) else [top]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.Lambda):
            yield node
            if not isinstance(node, (*DEFINITION, ast.Expr)):
                waiting += ast.iter_child_nodes(node)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    return ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _stored(node: ast.AST) -> Iterator[str]:
    """The name that a target binds, or whose value it changes."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield from base(node)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name


def _changed_by_form(call: ast.Call) -> Iterator[str]:
    """The names whose value a call may change that is a whole statement, whatever it calls."""
    function = call.func
    if isinstance(function, ast.Attribute):
        names = list(base(function.value))
        yield from [SETTING] if names == ["sys"] and function.attr.startswith("set") else names
    if call.args and {getattr(function, "attr", ""), getattr(function, "id", "")} & _CHANGERS:
        yield from base(call.args[0])


def base(node: ast.AST) -> Iterator[str]:
    """The name that an attribute or an item belongs to, or that this is, if there is one."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_main_guard(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))
