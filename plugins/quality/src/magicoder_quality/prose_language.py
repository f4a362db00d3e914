"""Filter ``prose-language``: problems and explanations in the languages that people want.

What is looked at is the prose: code blocks, inline code, addresses and lines of code are left out. English is known by its
commonest words, at next to no cost; other texts are shown to py3langid (Naive Bayes over byte n-grams, its model in the
wheel). A text that is too short passes, and so does one that may be in a wanted language, by what the model thinks of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated

from magicoder_core import Filter, Instruction, Judgement

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier  # type: ignore[import-untyped]  # it has no types

_NO_PROSE = re.compile(
    r"`[^`\n]*`|https?://\S+|\S+[_/\\=(){}\[\]<>@|^$]\S*|[\"\u201c'][^\"\u201d'\n]{0,80}[\"\u201d']|\S*\d\S*"
)
_ENGLISH_WORDS = (
    "the of and to is that with for this are you from which should if not be an as by at or on it will can each all "
    "given using return returns write create your"
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
"""Common in English problems, and mostly words of no other language that is written in Latin letters."""

_ENOUGH = 0.15
_MOST = 800
"""Characters that are shown to the model: more of them change nothing and cost time."""

_EXCERPT = 80
_LARGE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]")
"""Chinese, Japanese and Korean letters, of which one says about as much as three of an alphabet."""

_WEIGHT = 3


@dataclass(frozen=True, kw_only=True)
class ProseLanguage(Filter):
    """Drops a row whose problem or explanation is written in another natural language than wanted."""

    by_row = True

    languages: Annotated[tuple[str, ...], "the languages that are kept, by their ISO 639-1 codes"] = ("en",)
    min_letters: Annotated[
        int, "a text with fewer letters outside code passes (one of Chinese, Japanese, Korean counts as 3)"
    ] = 60
    min_confidence: Annotated[float, "how sure the model must be that it is none of them, between 0 and 1"] = 0.9

    def __post_init__(self) -> None:
        """Refuse what keeps nothing or means nothing.

        Raises:
            ValueError: no language is given, or a limit makes none.
        """
        if not self.languages:
            raise ValueError("languages must name at least one")
        if self.min_letters < 1 or not 0 <= self.min_confidence <= 1:
            raise ValueError("min_letters must be at least 1, and min_confidence between 0 and 1")

    def check(self) -> None:
        """Look whether the model knows the languages.

        Raises:
            RecipeError: it does not know one.
        """
        if self.languages == ("en",):
            return  # the model takes half a second to load
        from magicoder_core import RecipeError

        known = set(_identifier().labels)
        for name in self.languages:
            if name not in known:
                raise RecipeError(
                    f"prose-language.languages: no language '{name}'; there are: {', '.join(sorted(known))}"
                )

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the ``field`` at fault, its likeliest ``language``, an ``excerpt``, and the ``confidence``.

        That is how sure the model is that the text is in none of the wanted languages.
        """
        return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        for field, text in (("problem", row.problem), ("solution", row.solution)):
            said = _spoken(text, whole=field == "problem")
            if _letters(said) < self.min_letters or ("en" in self.languages and _is_english(said)):
                continue
            ranked = _identifier().rank(said[:_MOST])
            confidence = 1 - sum(share for name, share in ranked if name in self.languages)
            language = ranked[0][0]
            if language not in self.languages and confidence >= self.min_confidence:
                evidence = {
                    "field": field,
                    "language": language,
                    "confidence": round(confidence, 3),
                    "excerpt": " ".join(said.split())[:_EXCERPT],
                }
                return Judgement(
                    keep=False, reason=f"{field} is not in {' or '.join(self.languages)}", evidence=evidence
                )
        return Judgement(keep=True)


@cache
def _identifier() -> LanguageIdentifier:
    """The model; it takes half a second to load and is the same for all."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return model


def _spoken(text: str, *, whole: bool) -> str:
    """The prose of a text, its first part; ``whole``: a text without code blocks is prose, whatever it looks like."""
    from magicoder_quality.blocks import is_code, prose

    if not whole and "```" not in text and is_code(text):
        return ""
    lines = [line for line in prose(text).splitlines() if line.strip() and not _looks_like_code(line)]
    return _NO_PROSE.sub(" ", "\n".join(lines)[: 4 * _MOST])


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text)) + (_WEIGHT - 1) * len(_LARGE.findall(text))


def _looks_like_code(line: str) -> bool:
    return line.startswith(("    ", "\t")) or line.rstrip()[-1] in "{};" or line.lstrip().startswith(("#", "//", "|"))


def _is_english(text: str) -> bool:
    words = text.lower().split()
    return sum(1 for word in words if word.strip(".,:;!?") in _ENGLISH) >= max(2, _ENOUGH * len(words))
