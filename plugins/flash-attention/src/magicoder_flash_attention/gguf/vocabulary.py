"""A tokenizer, its chat template and its stop tokens as the metadata that llama.cpp reads.

The loaded tokenizer is asked, not the file: transformers may make something else of a ``tokenizer.json``, and what it
makes is what the model was trained with and what the teacher `transformers` uses.

One difference remains: llama.cpp also stops at tokens that end something by their text (`_STOPPING`, and those between
files, as ``<|file_sep|>``) where the checkpoint does not name them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import ModelError, RecipeError, progress
from magicoder_flash_attention.gguf import splitting
from magicoder_flash_attention.template import Template

_STOPPING = frozenset(
    {"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<end_of_turn>"}
)
"""Tokens at which llama.cpp stops because of their text; EOS and `_ROOM` are for others (`src/llama-vocab.cpp`)."""

_ROOM = ("eot", "eom")
"""llama.cpp's names for the ends of a turn and of a message: it stops at them as at EOS."""

_PLAIN = {"continuing_subword_prefix": "", "end_of_word_suffix": "", "byte_fallback": False, "dropout": None}
"""Settings of a byte-pair tokenizer that llama.cpp has no other value of."""


@dataclass(frozen=True)
class Vocabulary:
    """What llama.cpp is told of a tokenizer.

    Args:
        tokens: the text of each; of ordinary ones in the letters that stand for bytes.
        types: of each, a `gguf.TokenType`.
        merges: the pairs that become one token, first come first.
        split: llama.cpp's name for how text is split before.
        special: token ids by llama.cpp's names: ``bos``, ``eos``, ``eot``, ``eom``, ``unk``, ``pad``.
        adds: whether BOS is put before a text and EOS after it.
        template: the chat template (Jinja).
    """

    tokens: Sequence[str]
    types: Sequence[int]
    merges: Sequence[str]
    split: str
    special: Mapping[str, int]
    adds: tuple[bool, bool]
    template: str

    def describe(self, writer: Any) -> None:
        """Add it all to a `gguf.GGUFWriter`."""
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.split)
        writer.add_token_list(list(self.tokens))
        writer.add_token_types(list(self.types))
        writer.add_token_merges(list(self.merges))
        for name, number in self.special.items():
            getattr(writer, f"add_{name}_token_id")(number)
        writer.add_add_bos_token(self.adds[0])
        writer.add_add_eos_token(self.adds[1])
        writer.add_chat_template(self.template)


def of(tokenizer: Any, config: Any, generation: Any, where: Path, base: Path | None) -> Vocabulary:
    """The vocabulary for a model.

    Args:
        tokenizer: of transformers.
        config: the model's.
        generation: the model's generation config, which may name more stop tokens.
        where: the checkpoint's folder, for messages.
        base: see `magicoder_flash_attention.gguf.splitting.name`.

    Raises:
        ModelError: llama.cpp would make other tokens of a text, or cannot stop where the model should.
    """
    definition = _definition(tokenizer, where)
    tokens, types = _tokens(definition, config.vocab_size, where)
    template = Template(tokenizer)
    special = _special(tokenizer, config, _stops(template, generation, where), tokens, where)
    adds = _adds(tokenizer, where)
    text = _self_contained(tokenizer, special)
    if adds[0] and "bos_token" not in text and tokenizer.bos_token not in text:
        progress.say(
            f"{where}: llama.cpp will put {tokenizer.bos_token} before a conversation, the chat template alone does not"
        )
    merges = pairs(definition["model"]["merges"])
    return Vocabulary(tokens, types, merges, splitting.name(definition, where, base), special, adds, text)


def pairs(merges: Sequence[Any]) -> list[str]:
    """The merges of a ``tokenizer.json``, old form or new, as GGUF has them: with a blank between."""
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def _definition(tokenizer: Any, where: Path) -> dict[str, Any]:
    """The content of the tokenizer's ``tokenizer.json``, if llama.cpp knows such a one."""
    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is None:
        raise ModelError(f"{where}: no tokenizer.json; save its tokenizer in the fast form first")
    definition: dict[str, Any] = json.loads(inner.to_str())
    model, normalizer = definition["model"], definition["normalizer"]
    if model["type"] != "BPE" or model.get("byte_fallback") or not model["merges"]:
        raise ModelError(f"{where}: its tokenizer is no byte-level BPE, the only kind that can be exported")
    odd = [name for name, plain in _PLAIN.items() if (model.get(name) or plain) != plain]
    # Qwen's own GGUF files leave NFC out, too: llama.cpp has no normalizer for this kind.
    if normalizer not in (None, {"type": "NFC"}, {"type": "Sequence", "normalizers": []}):
        odd.append(f"normalizer {normalizer['type']}")
    odd += [f"whitespace taken by {token['content']}" for token in definition["added_tokens"] if _greedy(token)]
    if odd:
        raise ModelError(f"{where}: llama.cpp has nothing for this of its tokenizer: {', '.join(odd)}")
    return definition


def _greedy(token: Mapping[str, Any]) -> bool:
    return bool(token["lstrip"] or token["rstrip"] or token["single_word"])


def _tokens(definition: Mapping[str, Any], size: int, where: Path) -> tuple[list[str], list[int]]:
    """Text and type of each row of the embedding; rows without a token are marked as unused."""
    from gguf import TokenType

    named = {number: (text, TokenType.NORMAL) for text, number in definition["model"]["vocab"].items()}
    for token in definition["added_tokens"]:
        kind = TokenType.CONTROL if token["special"] else TokenType.USER_DEFINED
        named[token["id"]] = (token["content"], kind)
    if max(named) >= size:
        raise ModelError(f"{where}: token {max(named)} has no embedding; the model has {size}")
    rows = [named.get(number, (f"[PAD{number}]", TokenType.UNUSED)) for number in range(size)]
    return [text for text, _ in rows], [int(kind) for _, kind in rows]


def _stops(template: Template, generation: Any, where: Path) -> list[int]:
    """The tokens at which the teacher `transformers` stops; at least one."""
    try:
        return template.stops(generation)
    except RecipeError as error:
        raise ModelError(f"{where}: no stop token; set eos_token in its tokenizer_config.json") from error


def _special(tokenizer: Any, config: Any, stops: Sequence[int], tokens: Sequence[str], where: Path) -> dict[str, int]:
    """The special tokens by llama.cpp's names. Without BOS or EOS it would take token 11 for either."""
    ending = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else stops[0]
    others = [token for token in stops if token != ending and tokens[token] not in _STOPPING]
    if len(others) > len(_ROOM):
        texts = ", ".join(tokens[token] for token in others)
        raise ModelError(f"{where}: llama.cpp has room for two more stop tokens than EOS, not for {texts}")
    beginning = next(one for one in (tokenizer.bos_token_id, config.bos_token_id, ending) if one is not None)
    found = {"bos": beginning, "eos": ending, **dict(zip(_ROOM, others, strict=False))}
    more = {"unk": tokenizer.unk_token_id, "pad": tokenizer.pad_token_id}
    return found | {name: number for name, number in more.items() if number is not None}


def _adds(tokenizer: Any, where: Path) -> tuple[bool, bool]:
    """Whether the tokenizer puts BOS before a text, and EOS after it."""
    bare, dressed = (tokenizer("a", add_special_tokens=whether)["input_ids"] for whether in (False, True))
    before, after = [tokenizer.bos_token_id], [tokenizer.eos_token_id]
    for adds in ((False, False), (True, False), (False, True), (True, True)):
        if dressed == before * adds[0] + bare + after * adds[1]:
            return adds
    raise ModelError(f"{where}: its tokenizer puts other tokens around a text than BOS and EOS: {dressed}")


def _self_contained(tokenizer: Any, special: Mapping[str, int]) -> str:
    """The chat template, with what llama.cpp would not give it.

    transformers hands a template all special tokens, and nothing for one that there is not; llama.cpp hands it BOS and
    EOS alone, and always some.
    """
    template = tokenizer.chat_template
    text: str = template["default"] if isinstance(template, dict) else template  # as transformers chooses
    given = {"bos_token": special["bos"], "eos_token": special["eos"]}
    for name in ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"):
        value = getattr(tokenizer, name, None)
        if name in text and (name not in given or value is None):
            text = f"{{% set {name} = {json.dumps(value or '', ensure_ascii=False)} %}}{text}"
    return text
