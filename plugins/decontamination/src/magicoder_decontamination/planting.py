"""Benchmark items as they turn up in training data: copied, reformatted, cut, renamed.

Each perturbation makes a text of one task's texts, or None where it cannot: a prompt without examples has none to leave
out, and only Python can be renamed here.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from magicoder_core import Needle
from magicoder_decontamination.trees import without_docstring

_WIDTH: Final = 58
_EXAMPLE: Final = re.compile(r"^[ \t]*>>>")


@dataclass
class Task:
    """One task's texts: its words, its solution, and the whole program; None where there is none."""

    benchmark: str
    problem_id: str
    words: str | None = None
    solution: str | None = None
    program: str | None = None


def tasks_of(needles: Iterable[Needle]) -> list[Task]:
    """The tasks of some needles, the first text of each sort counting."""
    found: dict[tuple[str, str], Task] = {}
    for needle in needles:
        key = needle.benchmark, needle.problem_id
        task = found.setdefault(key, Task(*key))
        part = "words" if needle.kind in {"docstring", "words", "question", "prompt"} else needle.kind
        if part in {"words", "solution", "program"} and getattr(task, part) is None:
            setattr(task, part, needle.text)
    return list(found.values())


@dataclass(frozen=True)
class Perturbation:
    """One way to write a task; it is planted into the ``problem`` or the ``solution`` of a row."""

    name: str
    part: str
    write: Callable[[Task], str | None] = field(compare=False)

    def of(self, task: Task) -> str | None:
        """The text to plant."""
        text = self.write(task)
        return text if text and text.strip() else None


def _words(change: Callable[[str], str | None]) -> Callable[[Task], str | None]:
    return lambda task: change(task.words.strip()) if task.words and task.words.strip() else None


def _solution(change: Callable[[str], str | None]) -> Callable[[Task], str | None]:
    return lambda task: change(task.solution.strip("\r\n")) if task.solution and task.solution.strip() else None


def _program(change: Callable[[ast.Module], str | None]) -> Callable[[Task], str | None]:
    def write(task: Task) -> str | None:
        try:
            return change(ast.parse(task.program)) if task.program else None
        except (SyntaxError, ValueError, RecursionError):
            return None

    return write


def _same(text: str) -> str:
    return text


def _crlf(text: str) -> str:
    return "".join(f"{line}  \r\n" for line in text.splitlines())


def _dedented(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def _rewrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH)


def _typeset(text: str) -> str:
    """With quotes and dashes as word processors have them."""
    return text.replace("'", "\u2019").replace('"', "\u201d").replace(" - ", " \u2013 ")


def _bulleted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _fenced_examples(text: str) -> str | None:
    """With its examples in a code block, without their prompts."""
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if _EXAMPLE.match(line)), None)
    if first is None:
        return None
    examples = [re.sub(r"^[ \t]*>>>[ \t]?", "", line).strip() for line in lines[first:]]
    return "\n".join([*lines[:first], "```python", *examples, "```"])


def _prose(text: str) -> str | None:
    """Without its examples."""
    found = re.search(r"^[ \t]*>>>|^\W*(?:for )?examples?\b", text, re.MULTILINE | re.IGNORECASE)
    return text[: found.start()] if found else None


def _indented(text: str, width: int) -> str:
    def line(given: str) -> str:
        depth = len(given) - len(given.lstrip(" "))
        return " " * (depth * width // 4) + given.lstrip(" ")

    return "\n".join(line(given) for given in text.splitlines())


def _commented(text: str) -> str:
    """With a comment behind each third line, and one before it."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        if number % 3 == 1 and line.strip():
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(f"{indent}# step {number}: what follows is as described above")
        lines.append(
            f"{line}  # part {number}" if number % 3 == 0 and line.strip() and not line.endswith("\\") else line
        )
    return "\n".join(lines)


def _reformatted(tree: ast.Module) -> str:
    """As Python itself would write it, without docstrings."""
    return ast.unparse(_Undocumented().visit(tree))


def renamed(tree: ast.Module) -> str:
    """With every identifier that is no builtin, attribute or module renamed, and without docstrings."""
    return ast.unparse(_Renamed(tree).visit(_Undocumented().visit(tree)))


class _Undocumented(ast.NodeTransformer):
    """Takes docstrings out."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Take one out."""
        self.generic_visit(node)
        node.body = without_docstring(node.body) or [ast.Pass()]
        return node


class _Renamed(ast.NodeTransformer):
    """Renames what a program binds: functions, arguments, variables; not attributes, builtins, modules, keywords."""

    def __init__(self, tree: ast.Module) -> None:
        names = dict.fromkeys(_bound(tree))
        self._names = {name: f"{_SYLLABLES[number % len(_SYLLABLES)]}_{number}" for number, name in enumerate(names)}

    def visit(self, node: ast.AST) -> ast.AST:
        """Rename what a node itself is called."""
        for part in ("id", "name", "arg"):
            value = getattr(node, part, None)
            if isinstance(value, str) and not isinstance(node, ast.alias | ast.Attribute):
                setattr(node, part, self._names.get(value, value))
        return self.generic_visit(node)


_SYLLABLES: Final = ("kavo", "lemi", "noru", "pida", "selo", "tavi", "wuna", "zeri")


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)):
                yield name


PERTURBATIONS: Final[Mapping[str, Perturbation]] = {
    one.name: one
    for one in (
        Perturbation("words, as they are", "problem", _words(_same)),
        Perturbation("words, UPPER CASE", "problem", _words(str.upper)),
        Perturbation("words, CRLF and trailing blanks", "problem", _words(_crlf)),
        Perturbation("words, without indentation", "problem", _words(_dedented)),
        Perturbation("words, wrapped anew", "problem", _words(_rewrapped)),
        Perturbation("words, typographic quotes", "problem", _words(_typeset)),
        Perturbation("words, quoted as in mail", "problem", _words(_bulleted)),
        Perturbation("words, examples in a code block", "problem", _words(_fenced_examples)),
        Perturbation("words, without examples", "problem", _words(_prose)),
        Perturbation("solution, as it is", "solution", _solution(_same)),
        Perturbation("solution, CRLF and trailing blanks", "solution", _solution(_crlf)),
        Perturbation("solution, indented by two", "solution", _solution(lambda text: _indented(text, 2))),
        Perturbation("solution, with comments", "solution", _solution(_commented)),
        Perturbation("program, reformatted", "solution", _program(_reformatted)),
        Perturbation("program, every name changed", "solution", _program(renamed)),
    )
}
"""In the order in which they are told."""
