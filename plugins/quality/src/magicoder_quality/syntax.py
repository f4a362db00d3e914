"""Filter ``syntax``: solutions whose code can be read by a parser of its language."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import Filter, Instruction, Judgement

if TYPE_CHECKING:
    from magicoder_quality.blocks import Block
    from magicoder_quality.grammars import Found

_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.)(?: |$)")
_SHELL = re.compile(r"[ \t]*\$ .*")
_MAGIC = re.compile(r"^[ \t]*(?:[!%?][\w%?].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_NEWER = re.compile(r"^\s*(?:type\s+\w+\b|(?:async\s+)?def\s+\w+\[|class\s+\w+\[)")
_NEWER_SINCE = (3, 12)
_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_MOST = 200_000
"""Characters of a block that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Syntax(Filter):
    """Drops a row whose solution has code that no parser of its language can read (Python, C, C++, Java, Rust, ...)."""

    by_row = True

    max_errors: Annotated[int, "so many places with an error are tolerated in a block"] = 0
    max_error_share: Annotated[float, "a block is also tolerated if the errors are at most this share of its text"] = (
        0.0
    )
    languages: Annotated[
        tuple[str, ...], "look at blocks in these languages only; none given: in all that are known"
    ] = ()
    bare: Annotated[bool, "look at a solution without code blocks, too, if it looks like code as a whole"] = True
    language: Annotated[str, "the language of code where neither the row nor its code block names one"] = ""
    require_code: Annotated[bool, "drop a solution without any code"] = False

    def __post_init__(self) -> None:
        """Refuse limits that make none, and languages without a grammar.

        Raises:
            ValueError: a limit is negative, a share above 1, or a language unknown.
        """
        from magicoder_quality.blocks import language_of
        from magicoder_quality.grammars import GRAMMARS, known

        if self.max_errors < 0 or not 0 <= self.max_error_share <= 1:
            raise ValueError("max_errors must be at least 0, and max_error_share between 0 and 1")
        for option, names in (("languages", self.languages), ("language", (self.language,) if self.language else ())):
            for name in names:
                if not known(language_of(name)):
                    raise ValueError(f"{option}: no grammar for '{name}'; there are: {', '.join(sorted(GRAMMARS))}")

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Scores: ``syntax.blocks`` read, ``syntax.errors`` in all of them, ``syntax.unknown`` blocks in other languages.

        Evidence is the first block at fault: its number (``block``), ``language``, how many ``errors``, the ``line`` of
        the solution where the first is, and what stands there (``near``).
        """
        with warnings.catch_warnings():
            # What the compiler has to say of a row's code is no warning of ours.
            warnings.simplefilter("ignore")
            return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        from magicoder_quality.blocks import blocks
        from magicoder_quality.grammars import known

        found = [block for block in blocks(row, self.language) if block.code.strip() and (self.bare or block.fenced)]
        if not found and self.require_code:
            return Judgement(keep=False, reason="no code")
        looked = [
            block for block in found if known(block.language) and len(block.code) <= _MOST and self._wanted(block)
        ]
        bad: dict[str, Any] = {}
        total = 0
        for block in looked:
            errors = check(block)
            total += errors.errors
            if not bad and self._too_many(block, errors):
                bad = _evidence(block, errors)
        scores = {
            "syntax.blocks": float(len(looked)),
            "syntax.errors": float(total),
            "syntax.unknown": float(len(found) - len(looked)),
        }
        reason = f"{bad['language']} does not parse" if bad else None
        return Judgement(keep=not bad, reason=reason, evidence=bad, scores=scores)

    def _wanted(self, block: Block) -> bool:
        from magicoder_quality.blocks import language_of

        return not self.languages or block.language in {language_of(name) for name in self.languages}

    def _too_many(self, block: Block, found: Found) -> bool:
        return found.errors > self.max_errors and found.characters > self.max_error_share * len(block.code)


def _evidence(block: Block, found: Found) -> dict[str, Any]:
    return {
        "block": block.number,
        "language": block.language,
        "errors": found.errors,
        "line": block.line + found.line - 1,
        "near": found.excerpt,
    }


def check(block: Block) -> Found:
    """What is wrong with a block of a known language.

    Python is read by Python itself, which is stricter than the grammar: that one lets Python 2 pass. The grammar has the
    word only on what is newer than the Python that runs here.
    """
    from magicoder_quality.grammars import Found, parse

    if block.language != "python":
        return parse(block.language, block.code)
    code = _plain_python(block.code)
    try:
        _parsed(code)
    except SyntaxError as error:
        if _newer(error, code):
            return parse("python", code)
        lines = code.split("\n")
        line = max(1, min(error.lineno or 1, len(lines)))
        told = f"{error.msg}: {lines[line - 1].strip()[:80]}"
        return Found(max(1, parse("python", code).errors), max(1, len(lines[line - 1])), line, told)
    except (ValueError, RecursionError, MemoryError) as error:
        return Found(1, len(code), 1, type(error).__name__)
    return Found()


def _parsed(code: str) -> None:
    """Have Python read a block.

    Raises:
        SyntaxError: it cannot (also ValueError, RecursionError, MemoryError).
    """
    try:
        compile(code, "<row>", "exec", _FLAGS, dont_inherit=True)
    except IndentationError:
        if code[:1] not in " \t":
            raise
        # A text over many lines, within an indented block, may keep it from being moved to the left.
        compile(f"if 1:\n{code}", "<row>", "exec", _FLAGS, dont_inherit=True)


def _newer(error: SyntaxError, code: str) -> bool:
    """Whether a Python older than 3.12 stumbles over what came with it: nested quotes in f-strings, type parameters."""
    if sys.version_info >= _NEWER_SINCE:
        return False
    lines = code.split("\n")
    line = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else ""
    return "f-string" in str(error.msg) or bool(_NEWER.match(line)) or "f'" in line or 'f"' in line


def _plain_python(code: str) -> str:
    """A block as a program: no prompts of a session and its output, no commands of a notebook, no common indentation."""
    from magicoder_quality.grammars import session

    first = code.lstrip()
    if first.startswith(">>>"):
        code = session(code, _PROMPT)
    elif first.startswith("$ "):
        code = session(code, _SHELL)
    if "!" in code or "%" in code or "?" in code:
        code = _MAGIC.sub("", code)
    return textwrap.dedent(code) if code[:1] in " \t\n" else code
