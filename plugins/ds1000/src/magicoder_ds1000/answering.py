"""The code in what a model wrote: the official post-processing of each format, the paper's, and our own for chat models."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass

from magicoder_core.answers import fences, without_reasoning
from magicoder_ds1000.data import Form, Mode, Task
from magicoder_ds1000.prompting import FENCE, GAP, STOPS

_STARTS = ("BEGIN SOLUTION\n<code>", "# SOLUTION START")
_LANGUAGES = ("", "python", "py", "python3")
_HEAD = re.compile(r"(?P<outer>[ \t]*)(?:async )?def (?P<name>\w+)\(")
_BEGINS = re.compile(r"^[ \t]*(?:BEGIN SOLUTION|</?code>)[ \t]*(?:\n|\Z)", re.MULTILINE)
_ENDS = re.compile(r"^[ \t]*END SOLUTION\b", re.MULTILINE)
"""The prompts' marks that are no comments: those may stay, and what follows such an end may belong to the answer."""

_BODY = "### BEGIN SOLUTION"
"""In prompts whose answer is a body."""


def official(text: str, form: Form, mode: Mode) -> str:
    """What the official scorer of a format takes of a raw completion.

    Source: xlang-ai/DS-1000 b39aab71, ``test_ds1000.py`` (JSONL); the BigCode harness 8fc5bae6, ``tasks/ds1000.py`` (tree).
    """
    if form == "jsonl":
        text = text.split("</code>", maxsplit=1)[0].replace("```python", "").split(FENCE)[0]
        return text.split("\nEND SOLUTION")[0].replace("<code>", "")
    if mode == "completion":
        for start in _STARTS:
            text = text.split(start, 1)[-1]
    for stop in STOPS:
        text = text.split(stop)[0]
    return text.strip()


def published(text: str) -> str:
    """What the paper takes of a response that begins within a code block (ise-uiuc/magicoder f01c2c2)."""
    return text.split(FENCE, maxsplit=1)[0]


def of_chat(text: str, task: Task) -> str:
    """The code that a chat model's answer has for the gap of a problem: its first block, fitted to the gap.

    Where the gap is in the body of a function and the answer has the whole function, that one's body is taken, after the
    imports and helpers that it needs; a body that is not indented is. An answer without a block is post-processed as the
    official scorer does. The prompts' own marks of where a solution begins and ends are no code, and neither are thoughts.
    """
    spoken = without_reasoning(text)
    text = text if spoken is None else spoken
    blocks = [block.code for block in fences(text) if block.language in _LANGUAGES and block.code.strip()]
    code = blocks[0] if blocks and not _goes_on(text) else official(text, "jsonl", "completion")
    code = _BEGINS.sub("", _ENDS.split(code, maxsplit=1)[0])
    gap = _gap(task)
    return fitted((gap and _body_of(code, gap.name)) or code, task).rstrip()


def _goes_on(text: str) -> bool:
    """Whether an answer goes on with the prompt's own code block: the only fence in it ends that one."""
    before, fence, _ = text.partition(FENCE)
    code = _BEGINS.sub("", _ENDS.split(before, maxsplit=1)[0])
    return bool(fence) and text.count(FENCE) == 1 and _is_code(textwrap.dedent(code))


def _is_code(text: str) -> bool:
    """Whether a text is Python, and more than words that happen to be: ``Solution`` alone is a name."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(not isinstance(one, ast.Expr) or isinstance(one.value, ast.Call) for one in body)


def fitted(code: str, task: Task) -> str:
    """Some code, indented where the gap of a problem is in the body of a function and it is not."""
    gap = _gap(task)
    if gap is None or gap.holds(code):
        return code
    deeper = [*(textwrap.indent(text, gap.indent) for text in (code, textwrap.dedent(code))), gap.indent + code]
    first = next((line for line in code.split("\n") if line.strip()), "")
    return next(filter(gap.holds, deeper), code if first.startswith((" ", "\t")) else deeper[0])


@dataclass(frozen=True)
class _Gap:
    """A gap in the body of a function: the function's name, its indent, and its lines before the gap."""

    name: str
    outer: str
    before: str

    @property
    def indent(self) -> str:
        """Of the body."""
        return f"{self.outer}    "

    def holds(self, code: str) -> bool:
        """Whether with some code in the gap there is still that function, and nothing beside it."""
        text = f"if 1:\n{self.before}{code}\n{self.indent}pass\n" if self.outer else f"{self.before}{code}\n    pass\n"
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return len(body) == 1 and (not self.outer or (isinstance(body[0], ast.If) and len(body[0].body) == 1))


def _gap(task: Task) -> _Gap | None:
    """The function in whose body a problem's gap is; None where it is in none.

    It follows the function's head, or some lines of its body, where the prompt says that a body is wanted.
    """
    lines = task.context.partition(GAP)[0].rstrip(" \t").split("\n")[:-1]
    written = [place for place, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    heads = [(place, head) for place in written if (head := _HEAD.match(lines[place]))]
    if not heads:
        return None
    place, head = heads[-1]
    if not (place == written[-1] and lines[place].rstrip().endswith(":")) and _BODY not in task.prompt:
        return None
    return _Gap(head["name"], head["outer"], "".join(f"{line}\n" for line in lines[place:]))


def _body_of(code: str, name: str) -> str:
    """The body of the function ``name`` in some code, after what it needs of the rest; nothing where it is not there."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found:
        return ""
    lines = code.split("\n")
    body = "\n".join(lines[found[-1].body[0].lineno - 1 : found[-1].end_lineno])
    indent = body[: len(body) - len(body.lstrip())] or "    "
    return "\n".join([*(textwrap.indent(ast.unparse(node), indent) for node in _helpers(tree, found[-1])), body])


def _helpers(tree: ast.Module, function: ast.FunctionDef) -> list[ast.stmt]:
    """The imports, functions and classes beside a function."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    return [node for node in tree.body if isinstance(node, kinds) and getattr(node, "name", "") != function.name]
