"""Where a completion ends."""

from __future__ import annotations

from collections.abc import Iterable

HARNESS = (
    "<file_sep>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|EOT|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
)
"""What the BigCode evaluation harness adds to each record's stop tokens (8fc5bae).

The first is of ``bigcode_eval/tasks/multiple.py``; the others are tokens that end a model's text (StarCoder, Qwen, Llama,
DeepSeek), of which ``bigcode_eval/generation.py`` adds the model's own.
"""


def cut(completion: str, stop_tokens: Iterable[str]) -> str:
    """A completion up to where the earliest stop token begins; whole where it has none.

    The prompt must not stand before it: prompts have stop tokens themselves. The rule is that of MultiPL-E
    (``multipl_e/completions.py``) and of the BigCode evaluation harness, whose own tokens count too.
    """
    places = (completion.find(token) for token in (*stop_tokens, *HARNESS))
    return completion[: min((place for place in places if place >= 0), default=len(completion))]
