"""The chunked loss as torch's autograd knows it.

A module of its own because the class derives from torch's: `magicoder_flash_attention.head` imports it when a loss is
computed. The method, gradients made in the forward pass, is that of Liger's fused linear cross-entropy
(arXiv 2410.10989, section 3.2) without its kernel.
"""

from __future__ import annotations

from typing import Any

import torch


class ChunkedLoss(torch.autograd.Function):
    """The sum of weight x negative log-likelihood; use `magicoder_flash_attention.head.chunked_loss`."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes arguments by place alone
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        token_weights: torch.Tensor,
        rows: int,
        learns: bool,  # noqa: FBT001 - as above
    ) -> torch.Tensor:
        """The loss; the gradients wait in ``ctx``."""
        needed = [learns and need for need in ctx.needs_input_grad[:3]]
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        gradients = _Gradients(hidden, weight, bias, needed)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        with torch.autocast(device, enabled=False):
            used = weight.to(dtype), None if bias is None else bias.to(dtype)
            for start in range(0, len(targets), rows):
                part = slice(start, start + rows)
                states = hidden[part].to(dtype)
                value, slope = _chunk(states, *used, targets[part], token_weights[part], learns=any(needed))
                loss += value
                if slope is not None:
                    gradients.add(part, slope, states, used[0])
        ctx.gradients = gradients
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of hidden states, weight and bias times ``outer``; they are given away, so this works once."""
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            raise RuntimeError("the chunked loss makes its gradients once; retain_graph does not keep them")
        return (*gradients.times(outer[0]), None, None, None, None)


class _Gradients:
    """Sums of gradients over chunks; None for an input that needs none."""

    def __init__(
        self, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, needed: list[bool]
    ) -> None:
        self.dtypes = hidden.dtype, weight.dtype, None if bias is None else bias.dtype
        self.hidden = torch.empty_like(hidden) if needed[0] else None
        self.weight = torch.zeros_like(weight, dtype=torch.float32) if needed[1] else None
        self.bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and needed[2] else None

    def add(self, part: slice, slope: torch.Tensor, states: torch.Tensor, weight: torch.Tensor) -> None:
        """Add a chunk's, from the gradient ``slope`` (rows, vocabulary) of its logits."""
        if self.bias is not None:
            self.bias += slope.sum(0, dtype=torch.float32)
        if self.hidden is not None:
            self.hidden[part] = slope @ weight
        if self.weight is None:
            return
        if slope.dtype == torch.float32:
            self.weight.addmm_(slope.t(), states)
        else:
            self.weight += slope.t() @ states

    def times(self, outer: torch.Tensor) -> list[torch.Tensor | None]:
        """All of them times a scalar, in the dtypes of what they are gradients of."""
        sums = (self.hidden, self.weight, self.bias)
        return [
            None if total is None else total.mul_(outer).to(dtype)
            for total, dtype in zip(sums, self.dtypes, strict=True)
        ]


def _chunk(
    states: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    token_weights: torch.Tensor,
    *,
    learns: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A chunk's loss, and its gradient by the logits: (softmax - one at the target) x weight."""
    logits = torch.nn.functional.linear(states, weight, bias).float()
    places = targets[:, None]
    total = logits.logsumexp(-1, keepdim=True)
    losses = (total - logits.gather(1, places))[:, 0]
    value = (losses * token_weights).sum()
    if not learns:
        return value, None
    slope = logits.sub_(total).exp_()
    slope.scatter_add_(1, places, torch.full_like(places, -1, dtype=slope.dtype))
    return value, slope.mul_(token_weights[:, None]).to(states.dtype)
