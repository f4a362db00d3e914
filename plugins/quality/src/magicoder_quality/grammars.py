"""Tree-sitter's grammars, one wheel each: what a block of code looks like to them, and where it breaks off.

A snippet is often less than a file: members of a class, statements of a function, PHP without its tag. So a block is
parsed as it stands, and where that fails as the inside of what its language would have around it; the reading with the
fewest errors counts.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

GRAMMARS = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "php-only": ("tree_sitter_php", "language_php_only"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "shell": ("tree_sitter_bash", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}
"""The module and function of each grammar, by our name for the language (or the dialect)."""

_CLASS, _METHOD = ("class Snippet {\n", "\n}"), ("class Snippet { void snippet() {\n", "\n} }")
_FUNCTION = ("void snippet() {\n", "\n}")
_READINGS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "c": (("c", *_FUNCTION), ("cpp", "", "")),
    "cpp": (("cpp", *_FUNCTION), ("cpp", *_CLASS)),
    "csharp": (("csharp", *_CLASS), ("csharp", *_METHOD)),
    "go": (("go", "func snippet() {\n", "\n}"),),
    "java": (("java", *_CLASS), ("java", *_METHOD)),
    "javascript": (
        ("javascript", *_CLASS),
        ("typescript", "", ""),
        ("javascript", "async function snippet() {\n", "\n}"),
    ),
    "php-only": (("php-only", *_CLASS),),
    "ruby": (),
    "rust": (("rust", "fn snippet() {\n", "\n}"), ("rust", "impl Snippet {\n", "\n}")),
    "shell": (),
    "swift": (("swift", *_CLASS), ("swift", "func snippet() {\n", "\n}")),
    "tsx": (("tsx", *_CLASS),),
    "typescript": (("tsx", "", ""), ("typescript", *_CLASS)),
}
"""Further ways to read a block: a grammar, and what stands before and after."""

_ELISION = re.compile(r"^[ \t]*(?:\.\.\.|…)[ \t]*;?[ \t]*$", re.MULTILINE)
_BLANK_TO_FILL_IN = re.compile(r"<[A-Za-z][\w -]*>(?!\s*<)")
_DIRECTIVE = re.compile(r"^([ \t]*#.*?)[ \t]+$", re.MULTILINE)
_EXPANSION = re.compile(r"\$\{(?:#\w+(?:\[[@*]\])?|\w+:[ $\w-][^{}]*)\}")
_NO_BODY = re.compile(r"(?<=\(\))[ \t]*\{[ \t]*(?:\.\.\.|…)?[ \t]*\}")
_IRB = re.compile(r"(?:irb\([^)\n]*\)(?::\d+)?(?::\d+)?[>*]|[\d.]+ :\d+ >|>>|\?>)(?: |$)")
_EXCERPT = 80
_MOST_PLACES = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What a grammar makes of a block: places with an error, characters in them, and the first (line from 1, text)."""

    errors: int = 0
    characters: int = 0
    line: int = 0
    excerpt: str = ""


def known(language: str) -> bool:
    """Whether there is a grammar for a language."""
    return language in GRAMMARS


def parse(language: str, code: str) -> Found:
    """What is wrong with a block of code.

    Raises:
        KeyError: there is no grammar for that language.
    """
    text = _tidied(language, code)
    # Without a tag and not begun as a page, it is PHP as a whole; the other grammar would take it for text.
    bare = language == "php" and "<?" not in text and not text.lstrip().startswith("<")
    first = "php-only" if bare else language
    best = _read(first, text)
    for grammar, before, after in _READINGS.get(first, ()):
        if not best.errors:
            break
        other = _read(grammar, text, before, after)
        best = other if other.errors < best.errors else best
    return best


def _tidied(language: str, code: str) -> str:
    """A block without what is no error to people: lines left out, blanks to fill in, two quirks of the grammars."""
    text = _ELISION.sub("", code)
    if language == "shell":
        # `((i < ${#name}))` and `${name:$i:1}` are right, but not to this grammar.
        text = _EXPANSION.sub("$VALUE", _BLANK_TO_FILL_IN.sub("VALUE", _NO_BODY.sub(" { :; }", text)))
    elif language == "ruby" and _IRB.match(text.lstrip()):
        text = session(text, _IRB)
    elif language in {"c", "cpp"}:
        # A directive must end with its line's end, and with nothing before that.
        text = _DIRECTIVE.sub(r"\1", text) + "\n"
    return text


def session(code: str, prompt: re.Pattern[str]) -> str:
    """What was typed into a session: lines without their prompts, and empty ones for what it printed.

    So lines keep their numbers.
    """
    lines = ((line, prompt.match(line)) for line in code.split("\n"))
    return "\n".join(line[found.end() :] if found else "" for line, found in lines)


def _read(grammar: str, text: str, before: str = "", after: str = "") -> Found:
    data = f"{before}{text}{after}".encode("utf-8", "replace")
    root = _parser(grammar).parse(data).root_node
    if not root.has_error:
        return Found()
    errors = _errors(root)
    first = errors[0]
    characters = sum(max(1, node.end_byte - node.start_byte) for node in errors)
    line = first.start_point[0] + 1 - before.count("\n")
    shown = data[max(first.start_byte, len(before)) : first.end_byte].decode("utf-8", "replace").strip()
    told = f"{first.type} is missing" if first.is_missing else " ".join(shown.split())[:_EXCERPT]
    return Found(len(errors), characters, max(1, min(line, text.count("\n") + 1)), told)


def _errors(root: Node) -> list[Node]:
    """The outermost nodes that are errors, in the order of the text; at least one."""
    found: list[Node] = []
    waiting = [root]
    while waiting and len(found) < _MOST_PLACES:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(node)
        elif node.has_error:
            waiting += reversed(node.children)
    return found or [root]


@cache
def _parser(grammar: str) -> Parser:
    from tree_sitter import Language, Parser

    module, function = GRAMMARS[grammar]
    made: Any = getattr(importlib.import_module(module), function)()
    return Parser(Language(made))
