"""The loss at supervised positions only, so that the logits of a whole batch are never made.

Of 7,172 packed tokens and a vocabulary of 32,768 the logits alone are 0.9 GB, the softmax and their gradient twice that
again; yet half of them belong to prompts. Here the model computes hidden states, and the head sees those alone whose
next token counts, some rows at a time. There are three ways, of which `attach` takes the first that is right for a model:

- ``liger``: Liger's fused kernel, on CUDA, where all tokens weigh the same.
- ``chunked``: `chunked_loss`, plain torch. It makes the gradients in the forward pass, so that logits live for one chunk.
- ``logits``: the model's own head computes the logits of the supervised positions. For heads that do more than multiply
  (adapters, soft caps, quantisation) or whose weights are elsewhere (sharded).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Literal

from magicoder_flash_attention.student import base_of

Kind = Literal["liger", "chunked", "logits"]

_OWN = ("predicts", "targets", "token_weights")
_MEANINGLESS = ("attention_mask", "labels", "inputs_embeds")
_PROBE = 3
"""Rows of random hidden states by which a head is compared with the model's logits."""
_SPREAD = 50.0
"""Standard deviation of the logits in that comparison: a soft cap, 30 in Gemma 2, must show."""


def attach(model: Any, *, rows: int = 512, liger: Literal["auto", "off"] = "auto") -> Head:
    """Teach a causal language model of transformers, adapted by peft or not, to return the loss of supervised positions.

    Afterwards the model takes three more arguments: ``predicts`` (S), positions in the flattened batch whose next token
    is supervised; ``targets`` (S), those tokens; ``token_weights`` (S), float32. With them it returns an object whose
    ``loss`` is the sum of weight x negative log-likelihood, a float32 scalar, and whose ``logits`` is None. Without
    them it behaves as before. S may be 0: the loss is 0 then, and still reaches every parameter, as DDP demands.

    Args:
        model: the model; what is replaced is ``forward`` of this instance, of the wrapped model under peft.
        rows: supervised positions whose logits are made together.
        liger: ``auto`` takes Liger's kernel where it runs.
    """
    base = base_of(model)
    return Head(base, rows, *_kind(base, liger))


class Head:
    """How a model computes its loss; made by `attach`."""

    def __init__(self, model: Any, rows: int, kind: Kind, reason: str) -> None:
        self._model = model
        self._rows = rows
        self._kind = kind
        self._reason = reason
        self._original = model.forward
        self._replaced = "forward" in vars(model)
        # The signature is the original's and ours: transformers asks it which arguments a model takes.
        takes = inspect.signature(self._original)
        mine = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in _OWN]
        kept = list(takes.parameters.values())
        last = [kept.pop()] if kept and kept[-1].kind is inspect.Parameter.VAR_KEYWORD else []

        def forward(_: Any, *args: Any, **named: Any) -> Any:
            return self._forward(*args, **named)

        # Bound, and without __wrapped__: accelerate wraps and unwraps `forward` by both.
        it = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        forward.__signature__ = inspect.Signature([it, *kept, *mine, *last])  # type: ignore[attr-defined]  # functions have it
        model.forward = MethodType(forward, model)

    @property
    def kind(self) -> Kind:
        """Which way; it becomes ``logits`` when the head's weights are sharded after `attach`."""
        return "logits" if self._elsewhere() else self._kind

    @property
    def reason(self) -> str:
        """Why this way, in a few words."""
        return self._elsewhere() or self._reason

    def detach(self) -> None:
        """Give the model its own ``forward`` back."""
        if self._replaced:
            self._model.forward = self._original
        else:
            vars(self._model).pop("forward", None)

    def _forward(self, *args: Any, **named: Any) -> Any:
        own = [named.pop(name, None) for name in _OWN]
        if own[0] is None:
            return self._original(*args, **named)
        from transformers.modeling_outputs import CausalLMOutputWithPast

        return CausalLMOutputWithPast(loss=self._loss(_clean(args, named), *own))

    def _loss(self, inputs: dict[str, Any], predicts: Any, targets: Any, weights: Any) -> Any:
        from torch.distributed.tensor import DTensor

        head = self._model.get_output_embeddings()
        kind = self.kind
        if kind == "logits" or isinstance(head.weight, DTensor):  # what is sharded even now is so by tensor parallelism
            return self._of_logits(inputs, predicts, targets, weights)
        hidden = self._model.base_model(**inputs)[0]
        hidden = hidden.reshape(-1, hidden.shape[-1]).index_select(0, predicts)
        if kind == "liger" and _uniform(weights):
            return _liger_loss(hidden, head.weight, head.bias, targets) * weights[0]
        return chunked_loss(hidden, head.weight, head.bias, targets, weights, rows=self._rows)

    def _of_logits(self, inputs: dict[str, Any], predicts: Any, targets: Any, weights: Any) -> Any:
        import torch

        # One position is computed even where none counts: the head's weights must be reached, and may be sharded.
        places = predicts if len(predicts) else predicts.new_zeros(1)
        alone = inputs["input_ids"].shape[0] == 1
        if alone and "logits_to_keep" in inspect.signature(self._original).parameters:
            logits = self._original(**inputs, logits_to_keep=places).logits[0]
        else:
            logits = self._original(**inputs).logits
            logits = logits.reshape(-1, logits.shape[-1]).index_select(0, places)
        logits = logits[: len(predicts)].float()
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        return (losses * weights).sum()

    def _elsewhere(self) -> str | None:
        """Why the head's weight is not there to be multiplied with; None if it is."""
        from torch.distributed.fsdp import FSDPModule

        head = self._model.get_output_embeddings()
        # Not by its name: DeepSpeed gathers what is looked at, and takes it for a parameter of the whole model ever after.
        if hasattr(head._parameters.get("weight"), "ds_id"):  # noqa: SLF001 - there is no other way past that
            return "DeepSpeed partitions the head"
        # A head that FSDP2 shards together with the whole model is whole again while the model's forward runs.
        return "FSDP2 shards the head by itself" if isinstance(head, FSDPModule) else None


def _clean(args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """The arguments that the inner model gets.

    Raises:
        ValueError: one of them would make the loss another than that of the positions given.
    """
    if args:
        raise ValueError("with `predicts`, pass all arguments by name")
    given = {name: value for name, value in named.items() if value is not None}
    if wrong := [name for name in _MEANINGLESS if name in given]:
        raise ValueError(f"with `predicts`, leave out {', '.join(wrong)}")
    if given.get("use_cache"):
        raise ValueError("with `predicts`, pass use_cache=False: a cache makes packed examples see each other")
    return {**given, "use_cache": False}


def _kind(model: Any, liger: str) -> tuple[Kind, str]:
    import torch

    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear:
        return "logits", f"the head is a {type(head).__name__}, not a plain linear layer"
    if model.base_model is model:
        return "logits", "the model does not name its inner model"
    if head._forward_hooks or head._forward_pre_hooks:  # noqa: SLF001 - there is no public way to ask
        return "logits", "the head has hooks"
    if hasattr(head.weight, "ds_id"):
        return "logits", "DeepSpeed partitions the head"
    if why := _more_than_head(model, head):
        return "logits", why
    why_not = _no_liger(liger)
    return ("chunked", why_not) if why_not else ("liger", "Liger's kernel runs here")


def _more_than_head(model: Any, head: Any) -> str | None:
    """Whether the model does more to its logits than the head: tried, with random hidden states for the inner model's."""
    import torch

    weight = head.weight
    if weight.is_meta:
        return None
    hidden = torch.randn(1, _PROBE, weight.shape[1], generator=torch.Generator().manual_seed(0)).to(weight)
    with torch.no_grad():
        hidden = hidden * (_SPREAD / head(hidden).float().std().clamp_min(1e-6)).to(hidden)
        mine = head(hidden).float()
        with _in_place_of(model.base_model, hidden):
            tokens = torch.zeros(1, _PROBE, dtype=torch.long, device=weight.device)
            theirs = model.forward(input_ids=tokens, use_cache=False).logits.float()
    same = mine.shape == theirs.shape and torch.allclose(mine, theirs, rtol=1e-2, atol=1e-2 * _SPREAD)
    return None if same else "the model does more to its logits than the head"


class _Hidden:
    """What an inner model returns, as far as a causal language model looks: hidden states, and nothing else."""

    def __init__(self, hidden: Any) -> None:
        self.last_hidden_state = hidden

    def __getitem__(self, place: int | slice) -> Any:
        return (self.last_hidden_state,)[place]

    def __getattr__(self, _: str) -> None:
        return None


@contextmanager
def _in_place_of(inner: Any, hidden: Any) -> Iterator[None]:
    before = vars(inner).get("forward")
    inner.forward = lambda *_, **__: _Hidden(hidden)
    try:
        yield
    finally:
        if before is None:
            del inner.forward
        else:
            inner.forward = before


def _no_liger(wanted: str) -> str | None:
    """Why Liger's kernel does not compute the loss; None if it can."""
    if wanted == "off":
        return "Liger's kernel is switched off"
    import torch

    if not torch.cuda.is_available():
        return "in chunks, since Liger's kernel needs CUDA"
    try:
        import triton  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401 - comes with CUDA's torch
        from liger_kernel.transformers.functional import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra
            liger_fused_linear_cross_entropy,
        )
    except (ImportError, OSError, RuntimeError) as error:
        return f"in chunks, since Liger's kernel cannot be imported: {' '.join(str(error).split())[:120]}"
    return None if callable(liger_fused_linear_cross_entropy) else "in chunks: this Liger has no such kernel"


def _uniform(weights: Any) -> bool:
    return len(weights) > 0 and bool((weights == weights[0]).all())


def _liger_loss(hidden: Any, weight: Any, bias: Any, targets: Any) -> Any:
    """The sum of negative log-likelihoods by Liger's kernel."""
    import torch
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy

    if torch.is_autocast_enabled("cuda"):
        hidden = hidden.to(torch.get_autocast_dtype("cuda"))
    takes = inspect.signature(liger_fused_linear_cross_entropy).parameters
    # In float32, since the weight's gradient is a sum over chunks.
    more = {"accum_dtype": torch.float32} if "accum_dtype" in takes else {}
    return liger_fused_linear_cross_entropy(hidden, weight, targets, bias=bias, reduction="sum", **more)


def chunked_loss(hidden: Any, weight: Any, bias: Any, targets: Any, token_weights: Any, *, rows: int = 512) -> Any:
    """The sum of weight x negative log-likelihood, with the logits of ``rows`` positions at a time.

    The gradients of hidden states, weight and bias are made in the forward pass, of those that need one; the backward
    pass scales them, once. Under autocast the products are computed in its dtype; the softmax is float32, and so is the
    sum of the weight's gradient over chunks.

    Args:
        hidden: tensor (S, hidden size).
        weight: the head's, (vocabulary, hidden size).
        bias: (vocabulary), or None.
        targets: (S), int64.
        token_weights: (S), float32.
        rows: positions of a chunk.

    Returns:
        A float32 scalar.
    """
    import torch

    from magicoder_flash_attention.chunked import ChunkedLoss

    inputs = (hidden, weight, bias, targets, token_weights, rows, torch.is_grad_enabled())
    return ChunkedLoss.apply(*inputs)  # type: ignore[no-untyped-call]  # torch's
