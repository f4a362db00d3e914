"""The code of a row: its solution's code blocks, or the whole solution where it has none and is code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from magicoder_core import Instruction

if TYPE_CHECKING:
    from magicoder_core.prompts import Fence

LANGUAGES = {
    "bash": "shell",
    "c#": "csharp",
    "c++": "cpp",
    "c_cpp": "cpp",
    "cc": "cpp",
    "console": "console",
    "cs": "csharp",
    "cxx": "cpp",
    "ecmascript": "javascript",
    "golang": "go",
    "h": "c",
    "hpp": "cpp",
    "ipython": "python",
    "js": "javascript",
    "jsx": "javascript",
    "mjs": "javascript",
    "node": "javascript",
    "py": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "shell",
    "ts": "typescript",
    "zsh": "shell",
}
"""What fences and data sets call languages, by other names than ours. Python 2 is another language."""

_CODE = re.compile(
    r"[;{}()\[\]=<>]|^\s*(?:import|from|def|class|print|echo|select|puts|let|var|const)\b", re.IGNORECASE
)
_COMMENT = re.compile(r"\s*(?:#|//|/\*|\*|--|%|;|<!--|\"\"\")")
_WORD = re.compile(r"[\"'(`*_]*[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[\"')`*_]*[.,:;!?]*[\"')`*_]*")
_COMMON = re.compile(r"\b(?:the|an|are|was|be|to|of|on|that|this|it|you|can|will|yes|which)\b", re.IGNORECASE)
_SYMBOL = re.compile(r"^(?: {4}|\t)|(?:^|\s)[-+*/%=<>!&|^~]+(?:\s|$)|^\s*[\w.]+\(.*\)[;:]?\s*$")
_PLAIN = 0.7
_FEWEST = 4
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|script|style)\b", re.IGNORECASE)
_MARKS = re.compile(r"^[ \t]*(?:`{3,}|~{3,}).*$", re.MULTILINE)
_IN_LIST = re.compile(r"^([ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)(?=`{3,}[^`\n]*$|~{3,})", re.MULTILINE)
_FIRST_LINES = 60


@dataclass(frozen=True, slots=True)
class Block:
    """Code of a solution.

    ``number`` counts the solution's blocks from 1; ``language`` is our name for it, empty if nothing says it; ``line``
    is where the code begins in the solution, from 1; ``fenced`` is False for a solution that is code as a whole.
    """

    number: int
    language: str
    code: str
    fenced: bool
    closed: bool
    line: int


def language_of(name: str) -> str:
    """Our name for a language, whatever a fence or a data set calls it; empty stays empty."""
    lower = name.strip().lower()
    return LANGUAGES.get(lower, lower)


def blocks(row: Instruction, language: str = "") -> list[Block]:
    """The code of a row's solution; empty if there is none. ``language`` is that of code for which nothing says it.

    A block without a language is in the row's, but only if no block of the solution has one, and only the first such
    block: the others are mostly what a program prints. A solution without a block is code as a whole, if it looks like it.
    """
    solution = _plain(row.solution)
    if found := _fences(solution):
        return list(_fenced(row.language or language, solution, found))
    if is_code(solution):
        return [Block(1, _spoken(row.language or language, solution), solution, fenced=False, closed=True, line=1)]
    return []


def _fences(text: str) -> list[Fence]:
    if "```" not in text and "~~~" not in text:
        return []
    # The core loads what reads answers on use.
    from magicoder_core.prompts import fences

    found: list[Fence] = fences(text)
    return found


def _plain(text: str) -> str:
    """A text with one sort of line ends, and with blanks for the mark of a list item that is a block of code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if "```" not in text and "~~~" not in text:
        return text
    return _IN_LIST.sub(lambda found: " " * len(found[0]), text)


def _fenced(spoken: str, solution: str, found: list[Fence]) -> Iterator[Block]:
    bare = not any(one.language for one in found)
    at = 0
    for number, one in enumerate(found, 1):
        language = _spoken(spoken if bare and number == 1 else one.language, one.code)
        line, at = _line(solution, one, at)
        yield Block(number, language, one.code, fenced=True, closed=one.closed, line=line)


def _spoken(name: str, code: str) -> str:
    """The language of a block that is said to be in ``name``: scripts in a page are called by it, and are a page."""
    language = language_of(name)
    return "html" if language in {"javascript", "typescript"} and _PAGE.match(code) else language


def _line(text: str, fence: Fence, start: int) -> tuple[int, int]:
    """The line on which a block's code begins, and where to look for the next; its opening marks if it has no code."""
    place = text.find(fence.code, start) if fence.code else -1
    place = max(place, start)
    return text.count("\n", 0, place) + 1, place + len(fence.code)


def is_code(text: str) -> bool:
    """Whether a text without code blocks is code as a whole: it has something of code, and does not begin with prose."""
    lines = [line for line in text.splitlines() if line.strip()][:_FIRST_LINES]
    if not lines or is_sentence(lines[0]) or not any(_CODE.search(line) for line in lines):
        return False
    return 2 * sum(map(is_sentence, lines)) < len(lines)


def is_sentence(line: str) -> bool:
    """Whether a line is prose: four words or more, most of them plain, common ones of English among them.

    Those that are also words of programming languages (``for``, ``in``, ``is``, ``with``, ``a``) say nothing.
    """
    words = line.split()
    if len(words) < _FEWEST or _COMMENT.match(line) or line.rstrip()[-1] in "{;" or _SYMBOL.search(line):
        return False
    plain = sum(1 for word in words if _WORD.fullmatch(word))
    return plain >= _PLAIN * len(words) and bool(_COMMON.search(line))


def prose(text: str) -> str:
    """A text without its code blocks: what people read, with its line ends."""
    text = _plain(text)
    parts, at = [], 0
    for fence in _fences(text):
        place = text.find(fence.code, at) if fence.code else text.find(fence.info, at)
        place = max(place, at)
        parts.append(text[at:place])
        at = place + len(fence.code)
    if not parts:
        return text
    parts.append(text[at:])
    return "".join(_MARKS.sub("", part) for part in parts)
