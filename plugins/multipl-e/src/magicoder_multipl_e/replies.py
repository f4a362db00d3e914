"""What a model replied, as code: without thoughts, tags and end marks around it, in the blocks that it has."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from magicoder_core.answers import fences, without_reasoning
from magicoder_multipl_e import naming
from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.prose import without_prose
from magicoder_multipl_e.shapes import SHAPES

_FENCE = "```"
_THOUGHT_ENDS = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL)
"""For what `without_reasoning` takes for a mark that is only spoken of: a thought with unfinished code in it."""

_SPEAKER = re.compile(
    r"\A\s*(?:<\|(?:im_start|start|start_header_id)\|>\s*)?(?:assistant|model)(?:<\|(?:end_header_id|im_sep|message)\|>)?[ \t]*\n"
)
_END = re.compile(
    r"(?:<\|(?:im_end|im_start|endoftext|end_of_text|EOT|eot_id|eom_id|end|return|start|file_sep|fim_pad|fim_middle)\|>"
    r"|<(?:end_of_turn|file_sep|\uff5cend\u2581of\u2581sentence\uff5c)>|(?:</s>|<eos>|\[DONE\])\s*\Z).*",
    re.DOTALL,
)
_WRAPPED = re.compile(
    r"^[ \t]*<(?P<tag>answer|code|solution|response|output|result|final_answer|implementation|file)\b[^<>\n]*>"
    r"(?P<code>.*?)(?:</(?P=tag)>|\Z)",
    re.DOTALL | re.MULTILINE,
)
_QUOTED = re.compile(r"^>[ \t]?(?:```|~~~)", re.MULTILINE)
_QUOTE = re.compile(r"^>[ \t]?", re.MULTILINE)
_BEHIND_PROSE = re.compile(r"\A((?:[^`\n]*\n)*[ \t]*[^\s`/#;][^`\n]*[:.!)*\uff1a][ \t]*)(```[\w+#-]+[ \t]*\n)")
_MARK = re.compile(r"^[ \t]{0,3}```", re.MULTILINE)
_MARKDOWN = frozenset({"markdown", "md", ""})


@dataclass(frozen=True)
class Blocks:
    """The code blocks of a reply: those in its language (marked so, or not marked), and those that say another."""

    ours: tuple[str, ...]
    others: tuple[str, ...] = ()


def cleaned(text: str) -> str:
    """A reply without what models write around an answer: thoughts, the speaker's name, marks of its end."""
    text = text.replace("\r\n", "\n").replace("\ufeff", "").replace("\u200b", "")
    spoken = without_reasoning(text)
    text = _THOUGHT_ENDS.sub("", text if spoken is None else spoken)
    text = _END.sub("", _SPEAKER.sub("", text))
    return _QUOTE.sub("", text) if _QUOTED.search(text) else text


def blocks(language: str, text: str) -> Blocks:
    """The code blocks of a cleaned reply; the reply itself, without its English, where it has none.

    Args:
        language: a key of `naming.NAMES`.
        text: what `cleaned` makes.
    """
    found = _fenced(_BEHIND_PROSE.sub(r"\1\n\2", text)) if _FENCE in text or "~~~" in text else []
    if not found:
        wrapped = _WRAPPED.search(text)
        return Blocks((without_prose(language, wrapped["code"] if wrapped else text),))
    marked = [(_marked(info), _ended(language, code)) for info, code in found]
    ours = [code for words, code in marked if words & naming.marks(language)]
    unmarked = [code for words, code in marked if not words]
    others = [code for words, code in marked if words and not words & naming.marks(language)]
    return Blocks((*ours, *unmarked), tuple(others))


def _fenced(text: str) -> list[tuple[str, str]]:
    """The blocks of a text, as what is written at their marks, and their code; those of a Markdown page apart."""
    found: list[tuple[str, str]] = []
    for block in fences(text):
        inner = _fenced(block.code) if block.language in _MARKDOWN and _MARK.search(block.code) else []
        found += inner or [(block.info, textwrap.dedent(block.code))]
    return found


def _marked(info: str) -> frozenset[str]:
    """What a block's first word says of its language: ``cpp``, ``{.cpp}``, ``cpp:main.cpp``, ``main.cpp``, ``rust,ignore``."""
    word = info.strip().partition(" ")[0].lower().strip("{}.")
    head = re.split(r"[:,{;=(]", word)[0].removeprefix("language-")
    return frozenset({head, head.rpartition(".")[2]} - {""}) if head else frozenset()


def _ended(language: str, code: str) -> str:
    """Code up to a line that ends the block for people, though not for Markdown, as text follows the marks."""
    if language not in SHAPES:
        return code
    for mark in _MARK.finditer(code):
        before = Source(language, f"{code[: mark.start()]}X").masked
        if before.endswith("X"):
            return code[: mark.start()]
    return code
