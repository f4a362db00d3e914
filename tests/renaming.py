"""Programs with every name of their own changed: functions, arguments, locals, helpers and classes; docstrings dropped.

What is imported keeps its name, and so do attributes, builtins and arguments that calls of others' functions name.
"""

from __future__ import annotations

import ast
import builtins

_KEPT = frozenset(dir(builtins)) | {"self", "cls"}


def renamed(code: str, prefix: str = "name") -> tuple[str, dict[str, str]]:
    """The program in other names, the same name always by the same other one, and which is which."""
    tree = ast.parse(code)
    names = _own(tree)
    changed = {name: f"{prefix}_{number}" for number, name in enumerate(dict.fromkeys(names), 1)}
    return ast.unparse(ast.fix_missing_locations(_Renamer(changed).visit(tree))) + "\n", changed


def _own(tree: ast.Module) -> list[str]:
    """The names that a program gives, in order, without those of modules."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.arg):
            found.append(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.append(node.name)
    methods = {
        one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for one in node.body
        if isinstance(one, ast.FunctionDef)
    }
    return [name for name in found if name not in imported | methods | _KEPT]


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def _of(self, name: str) -> str:
        return self._names.get(name, name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._of(node.name)
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._of(node.name)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._of(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._of(node.arg)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        # Only a function of the program's own takes its arguments by other names.
        if isinstance(node.func, ast.Name) and node.func.id in self._names:
            for word in node.keywords:
                word.arg = word.arg and self._of(word.arg)
        self.generic_visit(node)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = node.name and self._of(node.name)
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._of(name) for name in node.names]
        return node

    visit_Nonlocal = visit_Global  # noqa: N815 - as `ast` has it
