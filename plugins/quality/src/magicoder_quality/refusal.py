"""Filter ``refusal``: solutions in which the model says that it will not or cannot.

Only the beginning of a solution is looked at, and only whole phrases in which the speaker refuses: "I cannot stress
enough", "I'm sorry for the confusion, here is the code" and a program that prints "Sorry, I can't" are none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from magicoder_core import Filter, Instruction, Judgement

_HEAD = 400
_EXCERPT = 120

_CANNOT = (
    r"(?:can(?:no|')?t|can not|could ?n[o']t|am (?:not able|unable) to|['i]m (?:not able|unable) to|won't|will not)"
)
_DO = (
    r"(?:assist|help|provide|comply|fulfil?l|answer|complete|generate|create|write|produce|do that|do this|continue|"
    r"proceed|support|engage|discuss|share|respond|give you|offer|execute|run|access|browse|open|view|see|perform|"
    r"directly|actually|determine|understand|process)"
)
_PHRASES = tuple(
    re.compile(phrase, re.IGNORECASE)
    for phrase in (
        rf"\b(?:i(?:'m| am) )?(?:so |very |really |truly )?sorry,? (?:but |however,? )?(?:i |as an? )(?:{_CANNOT}|don't|do not|ai|am an ai|a language)\b",
        rf"\bi(?:'m| am)? ?(?:{_CANNOT.replace('am ', '')}) (?:to )?{_DO}\b",
        rf"\bi {_CANNOT} {_DO}\b",
        r"\bas an? (?:ai|artificial intelligence|large language|language|text-based|virtual)(?: language)?(?: model| assistant)?,? (?:i|it is not)\b",
        r"\bi(?:'m| am) (?:just |only |merely )?an? (?:ai|language model|text-based|virtual assistant)\b",
        r"\bi (?:must|have to|will have to|need to) (?:respectfully )?(?:decline|refuse)\b",
        r"\bi (?:apologi[sz]e|regret),? (?:but|that) (?:i|as an?)\b",
        r"\bi (?:do not|don't) (?:have (?:access|the ability|the capability|enough information|sufficient information)|feel comfortable)\b",
        rf"\bi (?:won't|will not) be able to {_DO}\b",
        rf"\b(?:that|this|it)(?:'s| is) something (?:that )?i (?:{_CANNOT})\b",
        r"\b(?:that|this|it)(?:'s| is) not something (?:that )?i (?:can|am able to|'m able to)\b",
        r"\bi(?:'m| am) not (?:comfortable (?:with|\w+ing)|(?:willing|allowed|permitted) to)\b",
        r"\b(?:it is|it's) not (?:possible|appropriate) for me to\b",
        r"\b(?:cannot|can't|unable to) (?:be (?:answered|completed|solved)|answer) (?:without|because|as|since)\b",
    )
)
_HONEST = re.compile(
    r"\bi (?:cannot|can't|can not) (?:stress|emphasi[sz]e|overstate|recommend|thank|help but|wait|imagine|believe)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"(=#]|//|(?<!\w)'")
_REPORTED = re.compile(
    r"\b(?:repl(?:y|ies)|respond|answer|say|print|output|display|show|return|write)s?"
    r"(?: (?:with|back|that|only|just|something like|the (?:message|text|words|line|string)))*[:,]?$",
    re.IGNORECASE,
)
_QUICK = ("sorry", "cannot", "can't", "can not", "unable", "not able", "as an ai", "language model", "an ai", "decline",
          "refuse", "apologi", "regret", "don't", "do not", "won't", "will not", "not possible", "not appropriate",
          "as a ", "as an ", "could", "not comfortable", "not willing", "not allowed", "not permitted",
          "not something")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Refusal(Filter):
    """Drops a row whose solution begins with a refusal ("I'm sorry, but I can't help with that")."""

    by_row = True

    with_code: Annotated[bool, "drop it also if code follows all the same; else it is only flagged"] = False

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the ``phrase``, its ``offset`` in the solution (characters), and an ``excerpt`` from there."""
        return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        found = refusal(row.solution)
        if found is None:
            return Judgement(keep=True)
        start, phrase = found
        excerpt = " ".join(row.solution[start : start + _EXCERPT].split())
        evidence = {"phrase": phrase, "offset": start, "excerpt": excerpt}
        if "```" in row.solution and not self.with_code:
            return Judgement(keep=True, reason="refusal before code", evidence=evidence)
        return Judgement(keep=False, reason="refusal", evidence=evidence)


def refusal(solution: str) -> tuple[int, str] | None:
    """Where a refusal begins in a solution, and its phrase; None if it begins with none.

    It must stand in the prose before the first code block.
    """
    head = solution[:_HEAD].partition("```")[0].replace("\u2019", "'")
    lower = head.lower()
    if not any(word in lower for word in _QUICK):
        return None
    if _is_program(head):
        return None
    head = _HONEST.sub(lambda found: "\0" * len(found[0]), head)
    hits = [found for phrase in _PHRASES for found in phrase.finditer(head) if not _is_quoted(head, found.start())]
    if not hits:
        return None
    first = min(hits, key=lambda found: found.start())
    return first.start(), first[0]


def _is_quoted(head: str, start: int) -> bool:
    """Whether a phrase stands in a text of code or in a comment, or is quoted or reported within a sentence."""
    before = head[head.rfind("\n", 0, start) + 1 : start].strip()
    return before not in {'"', "'"} and bool(_QUOTED.search(before) or _REPORTED.search(before))


def _is_program(head: str) -> bool:
    """Whether a solution begins as code does, which may print anything."""
    from magicoder_quality.blocks import is_code

    return is_code(head)
