"""How a conversation becomes tokens: one object, used to train and to serve.

What a model is asked at evaluation must be, token for token, what it was trained to answer. So prompt and response
are never joined as text: the prompt is rendered by the tokenizer's chat template and tokenised alone, the response
(or the beginning of one) is tokenised alone, and the token that ends a turn is found by rendering a turn.

Special tokens are the template's to write. Where a row or a question has the text of one, as `<|im_end|>` in code about
chats, it is tokenised as the letters that it is: it neither ends a turn nor begins one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from magicoder_core import Message, RecipeError, jsonl

Form = Literal["auto", "chat", "magicoder"]
"""Which template: the tokenizer's own (``chat``), Magicoder's markers, or the markers where it has none (``auto``)."""

MAGICODER = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set turns = messages[1:] %}"
    "{% else %}{% set system = 'You are an exceptionally intelligent coding assistant that consistently delivers "
    "accurate and reliable responses to user instructions.' %}{% set turns = messages %}{% endif %}"
    "{{ bos_token }}{{ system }}{% for message in turns %}"
    "{% if message.role == 'assistant' %}{{ '\n\n@@ Response\n' + message.content }}{{ eos_token }}"
    "{% else %}{{ '\n\n@@ Instruction\n' + message.content }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '\n\n@@ Response\n' }}{% endif %}"
)
"""The wire format of the released Magicoder checkpoints (ise-uiuc/magicoder 3ef43f0, `prompt_template.py`) as a chat
template; a conversation of several turns is our extension of it."""

_MARK = "0"

_HELD, _OPEN, _CLOSE = re.compile("\ufdd0([0-9]+)\ufdd1"), "\ufdd0", "\ufdd1"
"""Stands for the text of a special token while a conversation is rendered: characters that no text has, by Unicode."""


class Template:
    """A tokenizer's chat template, or Magicoder's markers as its chat template.

    Args:
        tokenizer: of transformers; the markers replace its template where they are used, so that they are saved along.
        form: which of the two.

    Raises:
        RecipeError: ``chat``, and the tokenizer has no template.
    """

    def __init__(self, tokenizer: Any, form: Form = "auto") -> None:
        self.tokenizer = tokenizer
        if form == "chat" and not tokenizer.chat_template:
            raise RecipeError(
                "trainer.template: 'chat', but the base model's tokenizer has no chat template; "
                "'magicoder' or 'auto' takes Magicoder's markers"
            )
        if form == "magicoder" or not tokenizer.chat_template:
            tokenizer.chat_template = MAGICODER

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens before an answer; a last turn of the assistant is the beginning of that answer.

        Raw text to go on with is no conversation: it is tokenised as any text, with the special tokens (as BOS) that the
        tokenizer puts around one.
        """
        if messages[0].role == "text":
            return self._raw(messages[0].content)
        begun = messages[-1].content if messages[-1].role == "assistant" else None
        turns = messages if begun is None else messages[:-1]
        (tokens,) = self._asked([turns])
        return tokens if begun is None else tokens + self._contents([begun])[0]

    def pair(self, instruction: str, solution: str) -> tuple[list[int], list[int]]:
        """The prompt's tokens for an instruction, and those to be learnt: the solution and the stop token."""
        return self.pairs([instruction], [solution])[0]

    def pairs(self, instructions: Sequence[str], solutions: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """For each instruction and its solution what `pair` gives; much quicker than one by one.

        A prompt is what `prompt` gives for the instruction as the one turn of a user.

        Raises:
            RecipeError: the tokenizer has no stop token, or its template takes no question alone.
        """
        asked = self._asked([[Message(role="user", content=text)] for text in instructions])
        stop = self.stop
        return [(prompt, [*answer, stop]) for prompt, answer in zip(asked, self._contents(solutions), strict=True)]

    @cached_property
    def stop(self) -> int:
        """The token that ends a turn of the assistant: the first special one after a rendered answer, else EOS.

        Raises:
            RecipeError: there is neither.
        """
        turns = [Message(role="user", content=_MARK), Message(role="assistant", content=_MARK)]
        (text,) = self._render([turns], add_generation_prompt=False)
        (tail,) = self._encode([text.rpartition(_MARK)[2]])
        found = next((token for token in tail if token in self._special), self.tokenizer.eos_token_id)
        if found is None:
            raise RecipeError(
                "trainer.base_model: its tokenizer has no stop token, neither in the chat template nor as EOS; "
                "set eos_token in its tokenizer_config.json"
            )
        return int(found)

    @property
    def pad(self) -> int:
        """The token to pad with: the tokenizer's, else the stop token. Nothing is told by it, see `batches`."""
        given = self.tokenizer.pad_token_id
        return self.stop if given is None else int(given)

    def stops(self, generation_config: Any) -> list[int]:
        """All tokens at which the model may stop: the template's, the tokenizer's and the generation config's."""
        configured = getattr(generation_config, "eos_token_id", None)
        several = configured if isinstance(configured, list) else [configured]
        return sorted({token for token in [self.stop, self.tokenizer.eos_token_id, *several] if token is not None})

    @property
    def name(self) -> str:
        """What to call the prompt format: Magicoder's markers, or a chat template by the beginning of its sha256."""
        if self._marked:
            return "Magicoder's markers (@@ Instruction, @@ Response)"
        digest = hashlib.sha256(self.tokenizer.chat_template.encode()).hexdigest()[:12]
        return f"the base model's chat template (sha256 {digest})"

    @property
    def _marked(self) -> bool:
        return bool(self.tokenizer.chat_template == MAGICODER)

    @cached_property
    def _special(self) -> dict[int, str]:
        """All special tokens: those that the tokenizer has names for, and those that are only declared."""
        named = dict(zip(self.tokenizer.all_special_ids, self.tokenizer.all_special_tokens, strict=True))
        added = self.tokenizer.added_tokens_decoder.items()
        return named | {number: token.content for number, token in added if token.special}

    @cached_property
    def _in_text(self) -> re.Pattern[str]:
        """Finds the text of any special token, the longest first."""
        texts = sorted(set(self._special.values()) | {_OPEN, _CLOSE}, key=lambda text: (-len(text), text))
        return re.compile("|".join(map(re.escape, texts)))

    def _asked(self, conversations: Sequence[Sequence[Message]]) -> list[list[int]]:
        """The tokens of each conversation and of what opens an answer."""
        held: list[str] = []
        turns = [[replace(turn, content=self._hold(turn.content, held)) for turn in talk] for talk in conversations]
        texts = self._render(turns, add_generation_prompt=True)
        first = self.tokenizer.bos_token if self._marked else None
        begins: list[int] = [] if first is None else [self.tokenizer.bos_token_id]
        # As published, BOS is put before the tokens of the text, not before the text: some tokenizers treat that otherwise.
        texts = [text.removeprefix(first) if first else text for text in texts]
        plain = iter(self._encode([text for text in texts if _OPEN not in text]))
        return [begins + (list(self._pieces(text, held)) if _OPEN in text else next(plain)) for text in texts]

    def _hold(self, text: str, held: list[str]) -> str:
        """The text with a number for each special token's text in it, which goes to ``held``."""

        def number(found: re.Match[str]) -> str:
            held.append(found[0])
            return f"{_OPEN}{len(held) - 1}{_CLOSE}"

        return self._in_text.sub(number, text)

    def _pieces(self, rendered: str, held: Sequence[str]) -> Iterator[int]:
        """The tokens of a rendered text, with what was held back as letters."""
        for number, part in enumerate(_HELD.split(rendered)):
            yield from self._letters(held[int(part)]) if number % 2 else self._encode([part])[0]

    def _raw(self, text: str) -> list[int]:
        """The tokens of a text that the model is to go on with."""
        tokens = list(self.tokenizer(jsonl.unicode_only(text))["input_ids"])
        first = self.tokenizer.bos_token_id
        # Magicoder's rows begin with BOS, also where the tokenizer itself puts none before a text.
        return [first, *tokens] if self._marked and first is not None and tokens[:1] != [first] else tokens

    def _render(self, conversations: Sequence[Sequence[Message]], *, add_generation_prompt: bool) -> list[str]:
        from jinja2 import TemplateError

        turns = [
            [{"role": message.role, "content": message.content} for message in messages] for messages in conversations
        ]
        try:
            texts = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except TemplateError as error:
            raise RecipeError(
                f"trainer.template: the base model's chat template does not take these turns ({error}); "
                "'magicoder' takes Magicoder's markers"
            ) from error
        return [str(text) for text in texts]

    def _contents(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of texts that are nobody's template: the text of a special token is no such token in them."""
        plain = iter(self._encode([text for text in texts if not self._in_text.search(text)]))
        return [self._letters(text) if self._in_text.search(text) else next(plain) for text in texts]

    def _letters(self, text: str) -> list[int]:
        clean = jsonl.unicode_only(text)
        return list(
            self.tokenizer(clean, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
        )

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without those that the tokenizer would put around it."""
        if not texts:
            return []
        # Models do emit lone surrogates; no tokenizer takes them.
        clean = [jsonl.unicode_only(text) for text in texts]
        made: list[list[int]] = self.tokenizer(clean, add_special_tokens=False, verbose=False)["input_ids"]
        return made
