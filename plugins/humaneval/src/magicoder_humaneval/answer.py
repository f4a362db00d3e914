"""From a model's answer to a whole program, in time linear in the answer's length."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

_PYTHON = frozenset({"", "python", "py", "python3", "pycon"})
_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import[ \t][^\n]*\n?", re.MULTILINE)
_STATEMENT = re.compile(
    r"(?:import[ \t]+[\w.]+|from[ \t]+[\w.]+[ \t]+import\b|def[ \t]+\w+[ \t]*\(|async[ \t]+def\b|class[ \t]+\w+[ \t]*[:(]"
    r"|@[\w.]+|[A-Za-z_]\w*[ \t]*(?::[^=\n]{1,80})?=[^=]|#|\)|\]|\}|\"\"\"|''')"
)
_BODY = "    "


@dataclass(frozen=True)
class _Block:
    language: str
    code: str
    closed: bool

    @property
    def python(self) -> bool:
        return self.language.lower() in _PYTHON


def program(prompt: str, entry_point: str, text: str) -> str:
    """The whole program in the answer ``text``.

    Code that defines ``entry_point`` is taken as the whole function: what stands before it in the prompt (imports,
    helpers) is put in front. Anything else continues the prompt.
    """
    defines = re.compile(
        rf"^(?:async[ \t]+)?(?:def[ \t]+{re.escape(entry_point)}\b|{re.escape(entry_point)}[ \t]*=)", re.MULTILINE
    )
    code = _chosen(_answer(text), defines)
    if not defines.search(code):
        return prompt + _continuation(code)
    before = defines.search(prompt)
    prelude = prompt[: before.start()] if before else ""
    return _joined(prelude, code)


def _answer(text: str) -> str:
    """The answer without the thinking before it."""
    return text.replace("\r\n", "\n").rpartition("</think>")[2]


def _chosen(text: str, defines: re.Pattern[str]) -> str:
    before, blocks = _blocks(text)
    blocks = [block for block in blocks if block.python] or blocks
    defining = [block for block in blocks if defines.search(block.code)]
    if defining:
        # The last word counts, unless it was cut off: models repeat the question first, and improve a first try.
        return ([block for block in defining if block.closed] or defining)[-1].code
    # The answer may begin inside a fence that the prompt opened: then the first fence closes it.
    if not blocks or defines.search(textwrap.dedent(before)) or before.lstrip("\n").startswith((" ", "\t")):
        return _without_prose(before, defines)
    return blocks[0].code


def _blocks(text: str) -> tuple[str, list[_Block]]:
    """What stands before the first fence, and the fenced blocks; one that is not closed goes on to the end."""
    before: list[str] = []
    blocks: list[_Block] = []
    inside: list[str] | None = None
    fence, language = "", ""
    for line in text.split("\n"):
        mark, info = _fence(line)
        if inside is None and mark:
            fence, language, inside = mark, info.split(maxsplit=1)[0] if info else "", []
        elif inside is None:
            before += [] if blocks else [line]
        elif mark.startswith(fence) and not info:
            blocks.append(_Block(language, textwrap.dedent("\n".join(inside)), closed=True))
            inside = None
        else:
            inside.append(line)
    if inside:
        blocks.append(_Block(language, textwrap.dedent("\n".join(inside)), closed=False))
    return "\n".join(before), blocks


def _fence(line: str) -> tuple[str, str]:
    """The fence that a line is and what is written after it; two empty texts for any other line."""
    text = line.strip()
    rest = text.lstrip(text[:1]) if text.startswith(("```", "~~~")) else text
    return ("", "") if rest == text or "`" in rest else (text[: len(text) - len(rest)], rest.strip())


def _without_prose(text: str, defines: re.Pattern[str]) -> str:
    """Text without fences: from the first statement to the last line that can belong to code."""
    if not defines.search(text):
        return text
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if _STATEMENT.match(line) or defines.match(line))
    return "\n".join(_code_lines(lines[start:]))


def _code_lines(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() and not line.startswith((" ", "\t")) and not _STATEMENT.match(line):
            return
        yield line


def _continuation(code: str) -> str:
    """The body that completes a prompt: indented, and cut where it ends."""
    lines = code.strip("\n").split("\n")
    if lines[0].strip() and not lines[0].startswith((" ", "\t")):
        # Either no line has its indent, or only the first lost it, with the white space that a prompt ended in.
        deeper = [line for line in lines[1:] if line.strip()]
        alone = bool(deeper) and deeper[0].startswith(_BODY) and not lines[0].rstrip().endswith((":", "(", "[", "{"))
        lines = [_BODY + lines[0], *lines[1:]] if alone else [_BODY + line for line in lines]
    body = []
    for line in lines:
        if line.strip() and not line.startswith((" ", "\t")):
            break
        body.append(line)
    return "\n".join(body) + "\n"


def _joined(prelude: str, code: str) -> str:
    """Both, with ``from __future__`` lines in front: they may not stand anywhere else."""
    future = "".join(_FUTURE.findall(code))
    rest = _FUTURE.sub("", code) if future else code
    start = prelude.rstrip()
    return f"{future}{start}\n\n\n{rest.strip()}\n" if start else f"{future}{rest.strip()}\n"
