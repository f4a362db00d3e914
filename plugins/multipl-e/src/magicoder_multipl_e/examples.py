"""What an answer has beside the program: entry points, tests, examples of use, and what only these need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from magicoder_multipl_e.pieces import Piece
from magicoder_multipl_e.shapes import Shape

_FRAMEWORK = re.compile(
    r"""\s*(?:
    require\s*\(?\s*['"](?:minitest|test/unit|rspec|\.)                                  # Ruby
    | (?:const|let|var)\s[^=\n]*=\s*require\s*\(\s*['"]\.{1,2}/ | import\b[^\n]*['"]\.{1,2}/    # JavaScript
    | (?:import\b|(?:const|let|var)\s[^=\n]*=\s*require\b)[^\n]*['"](?:node:test|@jest/globals|jest|vitest|mocha|chai|ava|tape)['"/]
    | (?:require|include)(?:_once)?\b[^;\n]*['"][^'"\n]*\.php['"]                        # PHP
    | require_relative\b
    | \#\s*include\s*"(?!bits/|std\w+\.h|(?:assert|ctype|limits|math|string|time)\.h)[^"\n]*\.h(?:h|pp|xx)?"  # C++
    | (?:pub\s+)?mod\s+\w+\s*;                                                           # Rust
    )""",
    re.VERBOSE,
)
_TEST_MARK = re.compile(
    r"@(?:Test|ParameterizedTest|RunWith)\b|\[(?:Fact|Theory|Test|TestMethod|TestClass|TestFixture|TestCase)\b"
)
_MAKES = re.compile(r"(?:local\s+)?(?:def|function|sub|fn|func|class|\(define\S* \()")
_BODY = re.compile(
    r"\A\w+\s*\{|\)\s*(?::[^{}=()]*)?\{|=>|->|\b(?:function|sub|lambda|proc|do|fn|func|def|class)\b|\{\s*\|"
)
"""What a declaration with braces has where these hold statements, or names, and not values."""
_VALUE = re.compile(
    r"(?:(?:const|let|var|local|my|our|val|auto|final)\s+)*[$@%]?(\w+)\s*(?::[^=\n]*)?(?:=(?![=>])|<-)|\(define\s+([^\s()]+)"
)
_GUARD = re.compile(
    r"__FILE__|\$PROGRAM_NAME|require\.main|typeof\s+(?:require|module|window|exports|process)|BASH_SOURCE|\$#|\$\{?[1@*]|\bcaller\b"
    r"|\binteractive\s*\(|sys\.(?:nframe|call)|PHP_SAPI|php_sapi_name|\bargv\b|\bargc\b|PROGRAM_FILE|CommandLine\.|commandArgs|__main__"
    r"|\bif\s+(?:arg\b|\.\.\.)",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"(?<![=!<>~])=(?![=~>])|\+\+|--|<-|:=|\w!\s|<<\s|(?<=[\w\])])\.(?:push|add|append|set|insert|put|unshift|fill|call)\b"
    r"|\b(?:define|defvar|insert|push|unshift|declare|export|readonly|assign|setattr|append)\b",
)
_CHANGE_SH = re.compile(
    r"(?:^|[\s;(])[\w\[\]$]+\+?=(?!=)|\+\+|--|\b(?:declare|export|readonly|read|mapfile|eval|source)\b", re.MULTILINE
)


def kept(shape: Shape, name: str, pieces: Iterable[Piece], defines: Callable[[Piece], bool]) -> list[Piece]:
    """The pieces that belong to the program.

    Args:
        shape: the language's forms.
        name: the function's name.
        pieces: in the answer's order.
        defines: whether a piece defines the function.

    Returns:
        Those that define the function or something that it may need, and statements that prepare this.
    """
    found: list[Piece] = []
    examples = {name}
    starts: set[str] = set()
    for piece in pieces:
        if _FRAMEWORK.match(piece.code):
            continue
        code = piece.masked.strip()
        if defines(piece):
            found.append(piece)
        elif _is_own(shape, code) or (shape.wraps and _TEST_MARK.search(code)):
            continue
        elif shape.declares and (_shows(shape, examples, piece) or _calls(starts, code)):
            examples |= _values(code)
        else:
            found.append(piece)
            starts |= {piece.name} if re.search(rf"(?<![\w$.]){re.escape(name)}(?!\w)", piece.masked) else set()
    return found


def _is_own(shape: Shape, code: str) -> bool:
    """Whether a piece is a language's tag, an entry point or a test of the answer's own, and has not one inside."""
    if code.startswith(("#lang", "<?php")) and "\n" not in code:
        return True
    if not shape.dropped or (found := re.search(shape.dropped, code, re.MULTILINE)) is None:
        return False
    before = code[: found.start()]
    # Where blocks have no braces, only the first line tells what a piece is.
    return "{" not in before and (bool(shape.ends) or "\n" not in before)


def _shows(shape: Shape, examples: set[str], piece: Piece) -> bool:
    """Whether a piece only shows or tests the function, where statements may stand beside declarations."""
    code = piece.masked.strip()
    # In a shell's strings commands run.
    text = piece.code if piece.language == "sh" else code
    uses = any(re.search(rf"(?<![\w$.]){re.escape(word)}(?!\w)", text) for word in examples)
    if re.match(shape.declares, code):
        # A value that is made by a call is an example; functions and types may call it.
        return uses and not _MAKES.match(code) and not ("{" in code and _BODY.search(code))
    if uses:
        # What is set at the function itself belongs to it, as its memory.
        return not any(re.match(rf"{re.escape(word)}(?:\.\w+|\[[^\]\n]*\])+\s*=(?!=)", code) for word in examples)
    if shape.blocks and re.match(shape.blocks, code):
        return _only_shows(shape, piece, code)
    return re.match(shape.shows, code) is not None


def _only_shows(shape: Shape, piece: Piece, code: str) -> bool:
    """Whether a loop, a condition or a call in place prints and changes nothing, or asks how the program was started."""
    if _GUARD.search(piece.code):
        return True
    prints = re.search(rf"(?<![\w$.])(?:{shape.shows})", code) is not None
    return prints and (_CHANGE_SH if piece.language == "sh" else _CHANGE).search(code) is None


def _calls(names: set[str], code: str) -> bool:
    """Whether code does no more than call one of some functions, which show or test the function under test."""
    found = re.fullmatch(r"\(?(?:await\s+|&)?([\w.-]+)[^\n{]*", code)
    return found is not None and found[1] in names


def _values(code: str) -> set[str]:
    """The names of the values that an example sets, which other examples use."""
    found = _VALUE.match(code)
    return {word for word in found.groups() if word} if found else set()
