"""The code in what a model wrote: the official post-processing of each format, the paper's, and our own for chat models."""

from __future__ import annotations

import ast
import textwrap

from magicoder_core.answers import fences
from magicoder_ds1000.data import Form, Mode
from magicoder_ds1000.prompting import FENCE, GAP, STOPS

_STARTS = ("BEGIN SOLUTION\n<code>", "# SOLUTION START")
_LANGUAGES = ("", "python", "py", "python3")


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


def of_chat(text: str, context: str) -> str:
    """The code that a chat model's answer has for the gap of a ``context``: its first block, fitted to the gap.

    Where the gap is the body of a function and the answer has the whole function, that one's body is taken; a body that is
    not indented is. An answer without a block is post-processed as the official scorer does.
    """
    blocks = [block.code for block in fences(text) if block.language in _LANGUAGES]
    code = blocks[0] if blocks else official(text, "jsonl", "completion")
    name, _ = _gap(context)
    return fitted(_body_of(code, name) or code if name else code, context)


def fitted(code: str, context: str) -> str:
    """Some code, indented where the gap of a ``context`` is the body of a function and it is not."""
    name, indent = _gap(context)
    first = next((line for line in code.split("\n") if line.strip()), "")
    return textwrap.indent(code, indent) if name and not first.startswith((" ", "\t")) else code


def _gap(context: str) -> tuple[str, str]:
    """The function whose body the gap is, and that body's indent; both empty where it is in none."""
    before = context.partition(GAP)[0].rstrip(" \t")
    lines = [line for line in before.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    head = lines[-1].strip() if lines else ""
    if not (head.startswith("def ") and head.endswith(":")):
        return "", ""
    outer = lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())]
    return head[4:].partition("(")[0].strip(), outer + "    "


def _body_of(code: str, name: str) -> str:
    """The body of the function ``name`` in some code, with the imports before it; nothing where it is not there."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return ""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found:
        return ""
    lines = code.split("\n")
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    body = "\n".join(lines[found[-1].body[0].lineno - 1 : found[-1].end_lineno])
    indent = body[: len(body) - len(body.lstrip())] or "    "
    return "\n".join([*(indent + ast.unparse(node) for node in imports), body])
