"""The name that llama.cpp has for how a tokenizer splits text before it merges bytes.

llama.cpp holds these ways as lists of regular expressions under names (`src/llama-vocab.cpp`) and takes the name from
``tokenizer.ggml.pre``. A wrong one gives other tokens without a word, so we compare definitions and guess nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from magicoder_core import ModelError

_GPT2 = r"(gpt-2)"
"""Stands for what ``ByteLevel`` with ``use_regex`` does: its expression is part of the tokenizers library."""

_DIGIT = r"\p{N}"

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""How GPT-4 and its many heirs split; they differ in the digits that make a piece."""

_KNOWN: Mapping[tuple[bool, tuple[str, ...]], str] = {
    (False, (_GPT2,)): "gpt-2",
    (False, (_DIGIT, _GPT2)): "starcoder",
    (False, (_WORDS % r"\p{N}",)): "qwen2",
    (False, (_WORDS % r"\p{N}{1,3}",)): "dbrx",
    (True, (_WORDS % r"\p{N}{1,3}",)): "llama-bpe",
    (
        False,
        ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", _DIGIT),
    ): "deepseek-coder",
}
"""llama.cpp's name by whether whole words that are tokens are taken before any merge, and the expressions in order.

From the ``tokenizer.json`` of GPT-2, StarCoder, StarCoder2 and SmolLM2, Qwen2, DBRX and Granite, Llama 3, and
DeepSeek-Coder. The tests hold each against llama.cpp itself, on text that tells them apart.
"""


def name(definition: Mapping[str, Any], where: Path, base: Path | None) -> str:
    """llama.cpp's name for the split of a tokenizer.

    The tokenizer's own definition decides, since with it the checkpoint was trained. Only where that is none we know,
    ``base`` is asked, and believed if its vocabulary is the same.

    Args:
        definition: the content of a ``tokenizer.json``.
        where: the checkpoint's folder, for messages.
        base: a GGUF file of the base model, or None.

    Raises:
        ModelError: neither knows a name.
    """
    merges_last = bool(definition["model"].get("ignore_merges"))
    if found := _KNOWN.get((merges_last, expressions(definition["pre_tokenizer"]) or ())):
        return found
    if base is None:
        known = ", ".join(sorted(_KNOWN.values()))
        raise ModelError(
            f"{where}: its tokenizer splits text in no way that we know of in llama.cpp ({known}); "
            "name a GGUF file of the base model (--base), which says what it is"
        )
    return _of_base(definition, where, base)


def expressions(step: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """The expressions by which a ``pre_tokenizer`` of ``tokenizer.json`` splits, in order; None if that is not all."""
    if step is None or step["type"] != "Sequence":
        return _last(step)
    *splits, last = step["pretokenizers"] or [None]
    found = [_split(one) for one in splits]
    ending = _last(last)
    if ending is None or None in found:
        return None
    return (*(one for one in found if one), *ending)


def _split(step: Mapping[str, Any]) -> str | None:
    if step == {"type": "Digits", "individual_digits": True}:
        return _DIGIT
    if step["type"] == "Split" and step["behavior"] == "Isolated" and not step["invert"]:
        pattern: str | None = step["pattern"].get("Regex")
        return pattern
    return None


def _last(step: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """Bytes become letters last, split once more by GPT-2's expression or not; a blank put before the text is refused."""
    if step is None or step["type"] != "ByteLevel" or step["add_prefix_space"]:
        return None
    return (_GPT2,) if step["use_regex"] else ()


def _of_base(definition: Mapping[str, Any], where: Path, base: Path) -> str:
    import gguf

    try:
        fields = gguf.GGUFReader(base).fields
    except (OSError, ValueError) as error:
        raise ModelError(f"{base}: no GGUF file: {' '.join(str(error).split())}") from error
    named, tokens, merges = (fields.get(f"tokenizer.ggml.{part}") for part in ("pre", "tokens", "merges"))
    if named is None or tokens is None or merges is None:
        raise ModelError(f"{base}: does not say how its tokenizer splits text")
    if not _same(definition["model"], tokens.contents(), merges.contents()):
        raise ModelError(f"{base}: its vocabulary is not that of {where}, so it cannot say how that splits text")
    return str(named.contents())


def _same(model: Mapping[str, Any], tokens: Sequence[str], merges: Sequence[str]) -> bool:
    from magicoder_flash_attention.gguf.vocabulary import pairs

    if list(merges) != pairs(model["merges"]):
        return False
    return all(number < len(tokens) and tokens[number] == token for token, number in model["vocab"].items())
