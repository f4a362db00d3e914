"""Answers in batches: the prompts side by side, a row leaves when it is done.

transformers' own `generate` runs a batch until its longest answer ends and knows one way of drawing for all rows.
Here each row has its own limits, stops and random stream, and the batch shrinks as rows end.

Imported when the teacher opens: it needs torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import DynamicCache

from magicoder_core import Sampling
from magicoder_core.progress import Advance

_LOOK_BACK = 16
"""Tokens decoded to find a stop string, beyond its length: tokens may decode to nothing, or to part of a letter."""


class Row:
    """One answer under way.

    Args:
        prompt: the tokens before it.
        sampling: how to draw; ``max_tokens`` is set.
        seed: of the row's own random stream.
        stops: tokens that end it.
        decode: tokens to text.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        seed: int,
        stops: Sequence[int],
        decode: Callable[[Sequence[int]], str],
    ) -> None:
        self.prompt = list(prompt)
        self.tokens: list[int] = []
        self.finish_reason: str | None = None if (sampling.max_tokens or 0) > 0 else "length"
        self._sampling = sampling
        self._stops = frozenset(stops)
        self._decode = decode
        self._random = torch.Generator().manual_seed(seed)

    def draw(self, logits: torch.Tensor) -> int:
        """Choose the next token from one row of logits and take note of it."""
        heat = self._sampling.temperature or 0.0
        token = int(logits.argmax()) if heat <= 0 else self._sampled(logits.float().cpu() / heat)
        self._take(token)
        return token

    def text(self) -> str:
        """The answer so far, cut before the first stop string."""
        text = self._decode([token for token in self.tokens if token not in self._stops])
        ends = [at for stop in self._sampling.stop if (at := text.find(stop)) >= 0]
        return text[: min(ends)] if ends else text

    def _sampled(self, logits: torch.Tensor) -> int:
        shares = torch.softmax(logits, dim=-1)
        top = self._sampling.top_p
        if top is not None and top < 1:
            ranked, _ = shares.sort(descending=True)
            # The smallest set of tokens that together reach top_p: one is in while those before it do not.
            least = ranked[max(int((ranked.cumsum(-1) - ranked < top).sum()), 1) - 1]
            shares = torch.where(shares >= least, shares, 0)
        return int(torch.multinomial(shares, 1, generator=self._random))

    def _take(self, token: int) -> None:
        self.tokens.append(token)
        if token in self._stops or self._at_stop_string():
            self.finish_reason = "stop"
        elif len(self.tokens) >= (self._sampling.max_tokens or 0):
            self.finish_reason = "length"

    def _at_stop_string(self) -> bool:
        if not self._sampling.stop:
            return False
        longest = max(len(stop) for stop in self._sampling.stop)
        tail = self._decode(self.tokens[-longest - _LOOK_BACK :])
        return any(stop in tail for stop in self._sampling.stop)


def _unheard(_: float = 0, **__: object) -> None:
    """Tells nobody."""


@torch.inference_mode()
def generate(model: Any, rows: Sequence[Row], advance: Advance = _unheard) -> None:
    """Run all rows to their end; ``advance`` hears of each that ends, with the tokens drawn so far.

    Padding stands on the left, so that all rows continue at the same place; masks come from lengths.
    """
    live = [row for row in rows if row.finish_reason is None]
    if not live:
        return
    ids, mask = _left_padded([row.prompt for row in live], model.device)
    cache = DynamicCache(config=model.config)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    while True:
        logits = _forward(model, ids, mask, positions, cache)
        drawn = [row.draw(line) for row, line in zip(live, logits, strict=True)]
        left = [number for number, row in enumerate(live) if row.finish_reason is None]
        advance(len(live) - len(left), tokens=sum(len(row.tokens) for row in rows))
        if not left:
            return
        if len(left) < len(live):
            kept = torch.tensor(left, device=mask.device)
            cache.batch_select_indices(kept)
            mask = mask[kept]
            live = [live[number] for number in left]
        ids = torch.tensor([[drawn[number]] for number in left], device=mask.device)
        mask = torch.cat([mask, mask.new_ones(len(left), 1)], dim=1)
        positions = mask.sum(-1, keepdim=True) - 1


def _left_padded(prompts: Sequence[Sequence[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(prompt) for prompt in prompts)
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for line, prompt in enumerate(prompts):
        ids[line, width - len(prompt) :] = torch.tensor(prompt)
        mask[line, width - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def _forward(model: Any, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any) -> torch.Tensor:
    known = inspect.signature(model.forward).parameters
    # Logits of the whole prompt would be its length times the vocabulary: 20 prompts of 500 tokens, 3 GB at 152k.
    last = {"logits_to_keep": 1} if "logits_to_keep" in known else {}
    # transformers 5.24 gave the cache another name, and warns of the old one.
    held = {"cache" if "cache" in known else "past_key_values": cache}
    out = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, **held, **last)
    logits: torch.Tensor = out.logits[:, -1]
    return logits
