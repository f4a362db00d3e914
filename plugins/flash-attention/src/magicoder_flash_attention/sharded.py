"""What FSDP2 needs besides accelerate's own preparation, so that spread weights take the steps that whole ones would.

Imported when training starts: it needs torch and transformers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate
from transformers import optimization


class Adafactor(optimization.Adafactor):
    """transformers' Adafactor, which takes weights that are spread over processes, too, and treats them as whole.

    Its statistics are means over the rows and the columns of a gradient. transformers 5.24 begins them as plain tensors,
    which torch refuses to add to spread ones; here those of spread weights are spread tensors from the beginning, so that
    torch makes the means over all processes.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step; see `transformers.optimization.Adafactor`."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if isinstance(parameter.grad, DTensor) and parameter.grad.ndim > 1 and not self.state[parameter]:
                    self.state[parameter] |= _beginning(parameter.grad)
        return super().step(closure)  # type: ignore[no-untyped-call]  # transformers'


def _beginning(gradient: DTensor) -> dict[str, Any]:
    """The state before the first step, as transformers has it for whole weights."""
    rows, columns = (_zeros(gradient.float().mean(dim=dim)) for dim in (-1, -2))
    return {"step": 0, "RMS": 0, "exp_avg_sq_row": rows, "exp_avg_sq_col": columns}


def _zeros(like: torch.Tensor) -> torch.Tensor:
    if not isinstance(like, DTensor):
        return torch.zeros_like(like)
    # What is still to be summed over the processes cannot be kept; each of them has the sum.
    kept: list[Placement] = [Replicate() if isinstance(place, Partial) else place for place in like.placements]
    return torch.zeros_like(like.redistribute(placements=kept))


def exact(accelerator: Any) -> None:
    """Compute as autocast would, where accelerate was told to compute in bfloat16 under FSDP2.

    accelerate 1.15 would also sum the processes' gradients in bfloat16, and round what the model returns to it: the
    loss. Without FSDP2, and in float32, nothing is done.
    """
    plugin = getattr(accelerator.state, "fsdp_plugin", None)
    policy = getattr(plugin, "mixed_precision_policy", None)
    if plugin is None or plugin.fsdp_version != 2 or policy is None:  # noqa: PLR2004 - the version's number
        return
    from torch.distributed.fsdp import MixedPrecisionPolicy

    plugin.mixed_precision_policy = MixedPrecisionPolicy(param_dtype=policy.param_dtype, reduce_dtype=torch.float32)
