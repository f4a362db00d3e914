"""How a benchmark asks for a Python program, and how the program is found in the answer.

A style is a way to ask, as published scores differ in it:

    chat        a chat model is asked for the whole function in a code block
    completion  a base model goes on with the benchmark's own prompt, as raw text
    magicoder   the paper's format, as raw text: its markers, and an answer that begins within a code block

`request` asks in a style; `program` finds the whole program in what comes back, in time linear in the answer's length.

The list below stands in docs/scoring.md for users, too. What EvalPlus' own sanitising (0.3.1, ``evalplus/sanitize.py``) keeps of an answer is kept: the longest range of lines
that parses, and of it the imports and the definitions that the entry point needs; usage examples, tests, main guards and
prose go. Where the two differ:

- The prompt's imports and helper functions are put in front, where the answer does not bring its own: EvalPlus judges
  what a chat model forgot to import as wrong. Helpers that stand in a code block of their own are found, too.
- Kept here and lost there: functions that are decorated or have no ``return``, ``from __future__``, imports within
  ``try``, assignments to several names or with an operator, and statements that fill a table which is needed, calls of
  the program's own functions among them (see `completing.changing`). A call that reaches the entry point, or reads what
  a user types, shows or tests the program: it goes.
- Lost here and kept there: assignments to a global name that is only some function's local name, as ``n = input()``
  beside ``def f(n)``; imports after the function that nothing needs, as a base model's ``import unittest``.
- A first definition that is only a stub (``...``) does not win over a later one, and a block cut off at the answer's end
  does not win over a whole one that is shorter.
- The range is found by the parser's error messages in a bounded number of tries, not by trying all ranges: where an
  answer has several errors, it may be shorter. Of code of more than 65,536 characters only those are looked at.
- A range that does not define the entry point is never chosen; there the longest is, even if it is only a helper.
- A program of one line counts here; there a range has at least two.
- Understood only here: a body without its function or without its indent, tabs for indent, doctest prompts (``>>>``),
  the thought of a reasoning model.
"""

from __future__ import annotations

from magicoder_core.completing.styles import STOPS, STYLES, WIRE, Kind, capability_of, request

__all__ = ["STOPS", "STYLES", "WIRE", "Kind", "capability_of", "program", "request"]


def program(*, prompt: str, entry_point: str, text: str, style: STYLES = "chat") -> str:
    """The whole program in an answer, however it is wrapped up.

    An answer that holds none gives a program that does not pass: the prompt with the answer after it.

    Args:
        prompt: the benchmark's own; if it begins the function, its imports and helpers stand before the answer's code.
        entry_point: the name that the program must define.
        text: the answer.
        style: in which way it was asked for.
    """
    # Benchmarks import this module for their options' sake, and listing plugins imports benchmarks.
    from magicoder_core.completing.extraction import extracted

    return extracted(prompt, entry_point, text, style)
