"""The published layout, read at once: most answers have it, and then nothing in them needs to be weighed.

What is read here is what the long way gives, too (a test holds that for every layout it knows): whatever could make a
difference there, be it a second heading's word, reasoning, a container, a rule or a quotation mark, is left to it.
"""

from __future__ import annotations

from magicoder_core.answers.fence import is_one_block
from magicoder_core.answers.reasoning import hints

_PROBLEM, _SOLUTION = "[Problem Description]\n", "\n[Solution]\n"
_FIRST = frozenset("|><\"'#/-%;*")
_LAST = frozenset("-=*_~^>]}")


def published(text: str) -> tuple[str, str] | None:
    """Problem and solution of an answer in exactly the published layout; None: it may be read otherwise."""
    at = text.find(_SOLUTION)
    if at < 0 or not text.startswith(_PROBLEM) or not text.isascii() or _is_marked(text):
        return None
    lowered = text.lower()
    if lowered.count("problem") != 1 or lowered.count("solution") != 1:
        return None
    problem, solution = text[len(_PROBLEM) : at].strip(), text[at + len(_SOLUTION) :].strip()
    sure = _is_prose(problem) and solution[:1] not in _FIRST and solution[-1:] not in _LAST
    return (problem, solution) if sure and any(map(str.isalnum, solution)) and is_one_block(solution) else None


def _is_marked(text: str) -> bool:
    """Whether there is a mark that the long way looks at; single characters are looked for first, which takes no time."""
    if "\r" in text or ("~" in text and "~~~" in text) or ("/" in text and "[/" in text):
        return True
    return ("<" in text and ("</" in text or "<|" in text)) or hints(text)


def _is_prose(text: str) -> bool:
    """Whether a text begins with a word, ends with none of the marks that only separate, and holds no code block."""
    return text[:1].isalnum() and text[-1] not in _LAST and not ("`" in text and "```" in text)
