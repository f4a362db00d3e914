"""How a conversation becomes tokens: one object, used to train and to serve.

What a model is asked at evaluation must be, token for token, what it was trained to answer. So prompt and response
are never joined as text: the prompt is rendered by the tokenizer's chat template and tokenised alone, the response
(or the beginning of one) is tokenised alone, and the token that ends a turn is found by rendering a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
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
            return list(self.tokenizer(jsonl.unicode_only(messages[0].content))["input_ids"])
        begun = messages[-1].content if messages[-1].role == "assistant" else None
        turns = messages if begun is None else messages[:-1]
        rendered = self._render([turns], add_generation_prompt=True)
        (tokens, *rest) = self._encode(rendered if begun is None else [*rendered, begun])
        return tokens + rest[0] if rest else tokens

    def pair(self, instruction: str, solution: str) -> tuple[list[int], list[int]]:
        """The prompt's tokens for an instruction, and those to be learnt: the solution and the stop token."""
        return self.pairs([instruction], [solution])[0]

    def pairs(self, instructions: Sequence[str], solutions: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """For each instruction and its solution what `pair` gives; much quicker than one by one.

        A prompt is what `prompt` gives for the instruction as the one turn of a user.

        Raises:
            RecipeError: the tokenizer has no stop token.
        """
        asked = self._render(
            [[Message(role="user", content=text)] for text in instructions], add_generation_prompt=True
        )
        stop = self.stop
        learnt = self._encode(solutions)
        return [(prompt, [*answer, stop]) for prompt, answer in zip(self._encode(asked), learnt, strict=True)]

    @cached_property
    def stop(self) -> int:
        """The token that ends a turn of the assistant: the first special one after a rendered answer, else EOS.

        Raises:
            RecipeError: there is neither.
        """
        turns = [Message(role="user", content=_MARK), Message(role="assistant", content=_MARK)]
        (text,) = self._render([turns], add_generation_prompt=False)
        (tail,) = self._encode([text.rpartition(_MARK)[2]])
        special = set(self.tokenizer.all_special_ids)
        found = next((token for token in tail if token in special), self.tokenizer.eos_token_id)
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

    def _render(self, conversations: Sequence[Sequence[Message]], *, add_generation_prompt: bool) -> list[str]:
        turns = [
            [{"role": message.role, "content": message.content} for message in messages] for messages in conversations
        ]
        texts = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt)
        return [str(text) for text in texts]

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without those that the tokenizer would put around it."""
        if not texts:
            return []
        # Models do emit lone surrogates; no tokenizer takes them.
        clean = [jsonl.unicode_only(text) for text in texts]
        made: list[list[int]] = self.tokenizer(clean, add_special_tokens=False, verbose=False)["input_ids"]
        return made
