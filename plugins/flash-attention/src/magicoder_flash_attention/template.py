"""How a conversation becomes tokens: one object, used to train and to serve.

What a model is asked at evaluation must be, token for token, what it was trained to answer. So prompt and response
are never joined as text: the prompt is rendered by the tokenizer's chat template and tokenised alone, the response
(or the beginning of one) is tokenised alone, and the token that ends a turn is found by rendering a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from magicoder_core import Message

LEAD_IN = "Write a solution to the following coding problem:"
"""Line before the problem in the user turn (ise-uiuc/magicoder 3ef43f0, `preprocess_data.py`)."""

MAGICODER = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set turns = messages[1:] %}"
    "{% else %}{% set system = 'You are an exceptionally intelligent coding assistant that consistently delivers "
    "accurate and reliable responses to user instructions.' %}{% set turns = messages %}{% endif %}"
    "{{ bos_token }}{{ system }}{% for message in turns %}"
    "{% if message.role == 'assistant' %}{{ '\n\n@@ Response\n' + message.content + eos_token }}"
    "{% else %}{{ '\n\n@@ Instruction\n' + message.content }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '\n\n@@ Response\n' }}{% endif %}"
)
"""The wire format of the released Magicoder checkpoints (the same source, `prompt_template.py`) as a chat template,
for tokenizers that have none; a conversation of several turns is our extension of it."""

_MARK = "0"


class Template:
    """A tokenizer's chat template; without one, Magicoder's markers become the tokenizer's template.

    Args:
        tokenizer: of transformers; it is given the template where it has none, so that it is saved along.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        if not tokenizer.chat_template:
            tokenizer.chat_template = MAGICODER

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens before an answer; a last turn of the assistant is the beginning of that answer.

        Raw text to go on with is no conversation: it is tokenised as any text, with the special tokens (as BOS) that the
        tokenizer puts around one.
        """
        if messages[0].role == "text":
            return list(self.tokenizer(messages[0].content)["input_ids"])
        begun = messages[-1].content if messages[-1].role == "assistant" else None
        turns = messages if begun is None else messages[:-1]
        tokens = self._encode(self._render(turns, add_generation_prompt=True))
        return tokens if begun is None else tokens + self._encode(begun)

    def pair(self, problem: str, solution: str) -> tuple[list[int], list[int]]:
        """The prompt's tokens for a problem, and those to be learnt: the solution and the stop token."""
        prompt = self.prompt([Message(role="user", content=f"{LEAD_IN}\n{problem}")])
        return prompt, [*self._encode(solution), self.stop]

    @cached_property
    def stop(self) -> int:
        """The token that ends a turn of the assistant: the first special one after a rendered answer, else EOS."""
        turns = [Message(role="user", content=_MARK), Message(role="assistant", content=_MARK)]
        tail = self._render(turns, add_generation_prompt=False).rpartition(_MARK)[2]
        special = set(self.tokenizer.all_special_ids)
        return next((token for token in self._encode(tail) if token in special), self.tokenizer.eos_token_id)

    def stops(self, generation_config: Any) -> list[int]:
        """All tokens at which the model may stop: the template's, the tokenizer's and the generation config's."""
        configured = getattr(generation_config, "eos_token_id", None)
        several = configured if isinstance(configured, list) else [configured]
        return sorted({token for token in [self.stop, self.tokenizer.eos_token_id, *several] if token is not None})

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt)
        return str(text)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
