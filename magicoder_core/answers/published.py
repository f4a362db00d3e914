"""The published layout, read at once: most answers have it, and then nothing in them needs to be weighed.

What is read here is what the long way gives, too (a test holds that for every layout it knows): whatever could make a
difference there, be it a second heading's word, reasoning, a container, a rule or a quotation mark, is left to it.
"""

from __future__ import annotations

from magicoder_core.answers.fence import is_one_block

_PROBLEM, _SOLUTION = "[Problem Description]\n", "\n[Solution]\n"
_MARKS = ("~~~", "</", "<|", "[/", "[THINK", "\r")
_FIRST = frozenset("|><\"'#/-%;*`")
_LAST = frozenset("-=*_~^>]}")


def published(text: str) -> tuple[str, str] | None:
    """Problem and solution of an answer in exactly the published layout; None: it may be read otherwise."""
    at = text.find(_SOLUTION)
    if at < 0 or not text.startswith(_PROBLEM) or not text.isascii():
        return None
    lowered = text.lower()
    if lowered.count("problem") != 1 or lowered.count("solution") != 1 or "think" in lowered:
        return None
    if any(mark in text for mark in _MARKS):
        return None
    problem, solution = text[len(_PROBLEM) : at].strip(), text[at + len(_SOLUTION) :].strip()
    sure = _is_prose(problem) and solution[:1] not in _FIRST - {"`"} and solution[-1:] not in _LAST
    return (problem, solution) if sure and any(map(str.isalnum, solution)) and is_one_block(solution) else None


def _is_prose(text: str) -> bool:
    """Whether a text begins with a word, ends with none of the marks that only separate, and holds no code block."""
    return text[:1].isalnum() and text[-1] not in _LAST and "```" not in text
