"""Proof, on the real model and before the first step, that packed examples do not see each other.

Packing goes wrong in silence: with a mask of ones, or positions that do not restart, the loss still falls, and on wrong
gradients. So a few real examples are computed packed and separately. In float32 logits and gradients must be equal;
in bfloat16, where rounding hides too much, other tokens in the first example must not move anything of the later ones.
Each time the same is done wrongly as well, and must be seen: a test that sees nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

from magicoder_core import RunError
from magicoder_flash_attention import segments
from magicoder_flash_attention.attention import Choice
from magicoder_flash_attention.student import base_of

TOLERANCE = 1e-5
"""Largest relative difference in float32. Right arrangements differ by about 3e-7, wrong ones by 0.1 to 1."""

MOVEMENT = 1e-3
"""Largest relative movement of other examples in bfloat16; kernels that keep them apart move nothing."""

_NEAR = 1e-3
"""Up to here rounding may explain a difference in float32: kernels that sum in another order for rows of another length
differ by 3e-5 in the gradients of Qwen2.5-Coder-0.5B (two threads), and by 3e-7 on one thread."""

_SEEN = 10.0
"""A wrong arrangement must differ by so many tolerances."""

_EXAMPLES = 5
_PARAMETERS = 20_000_000
"""Parameters whose gradients are compared: all of a small model, of others the smallest and the outermost."""

_DENSE = ("sdpa", "eager")
"""Implementations that are told of segments by positions, with no mask."""


@dataclass(frozen=True)
class Proof:
    """What the self-test found.

    All differences are relative: the largest of the logits to the largest logit, that of gradients by their lengths.

    Attributes:
        ok: packed examples do not see each other.
        method: ``equality`` or ``perturbation``; ``blind`` if the wrong arrangement was not seen; ``failed`` if the
            model could not be run.
        logits: difference of the logits.
        gradients: difference of the gradients; None if they are not compared: sharded parameters.
        control: the smallest difference of an arrangement that is wrong on purpose.
        detail: all of it in one line.
    """

    ok: bool
    method: Literal["equality", "perturbation", "blind", "failed"]
    logits: float
    gradients: float | None
    control: float
    detail: str


def prove(model: Any, chosen: Choice | str, examples: Sequence[Sequence[int]], *, autocast: Any = None) -> Proof:
    """Compare packed and separate examples on a model.

    The model is left as it was: mode, gradients, attention and random state. Of a model whose parameters are sharded
    over processes the logits alone are compared, and all processes must call this with as many examples.

    Args:
        model: a causal language model of transformers, adapted by peft or not.
        chosen: the attention to prove, or its name in transformers.
        examples: token lists; the first few of them are taken. Let the longest of the data be one: what an attention
            gets wrong only beyond some length is seen with it alone. One of a single token is added here.
        autocast: the dtype of autocast in training; None takes what is in force here.

    Raises:
        ValueError: there are not two examples of two tokens or more.
    """
    import torch

    rows = [list(row) for row in examples if len(row) > 1][:_EXAMPLES]
    if len(rows) < 2:  # noqa: PLR2004 - one to see and one to be seen
        raise ValueError("the self-test needs two examples of two tokens or more")
    rows.insert(1, rows[0][:1])
    implementation = chosen if isinstance(chosen, str) else chosen.implementation
    test = _Test(model, rows, autocast)
    exact = test.autocast is None and next(model.parameters()).dtype == torch.float32
    with _as_it_was(model), _attention(model, implementation):
        try:
            return _exact(test) if exact else _perturbation(test, MOVEMENT)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError, ValueError, TypeError, RunError) as error:
            reason = " ".join(str(error).split())[:200]
            return Proof(False, "failed", float("inf"), None, 0.0, f"attention {implementation} fails: {reason}")


class _Test:
    """A model, examples, and how they are computed."""

    def __init__(self, model: Any, rows: list[list[int]], autocast: Any) -> None:
        import torch

        self.model = model
        self.rows = rows
        self.device = next(model.parameters()).device
        kind = self.device.type
        self.autocast = autocast or (torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None)
        self.vocabulary = int(base_of(model).config.get_text_config().vocab_size)
        self.learning = _parameters(model)

    def packed(self, rows: list[list[int]], **wrong: Any) -> Any:
        """Logits (tokens, vocabulary) of one packed row; ``wrong`` replaces arguments."""
        import torch

        lengths = [len(row) for row in rows]
        bounds = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32).to(self.device)
        places = [place for length in lengths for place in range(length)]
        inputs = {"position_ids": torch.tensor([places], device=self.device), **_bounds(bounds, max(lengths)), **wrong}
        return self._logits([token for row in rows for token in row], inputs)

    def separate(self, rows: list[list[int]]) -> Any:
        """The same logits of each row by itself, by an attention of transformers that needs no segments."""
        import torch

        base = base_of(self.model)
        trusted = "sdpa" if getattr(base, "_supports_sdpa", False) else "eager"
        ours = base.config._attn_implementation in (segments.SEGMENTS, segments.VARLEN)  # noqa: SLF001 - transformers' own name
        with _attention(self.model, trusted) if ours else nullcontext():
            return torch.cat([self._logits(row, {}) for row in rows])

    def wrong(self) -> dict[str, dict[str, Any]]:
        """Arguments under which the attention in use lets examples see each other."""
        import torch

        total = sum(map(len, self.rows))
        running = torch.arange(total, device=self.device)[None]
        if base_of(self.model).config._attn_implementation in _DENSE:  # noqa: SLF001 - as above
            ones = torch.ones(1, total, dtype=torch.long, device=self.device)
            return {"a mask of ones": {"attention_mask": ones}, "running positions": {"position_ids": running}}
        whole = _bounds(torch.tensor([0, total], dtype=torch.int32, device=self.device), total)
        return {"one segment": {"position_ids": running, **whole}}

    def _logits(self, tokens: list[int], inputs: dict[str, Any]) -> Any:
        import torch

        row = torch.tensor([tokens], device=self.device)
        cast = torch.autocast(self.device.type, dtype=self.autocast) if self.autocast else nullcontext()
        with cast, torch.set_grad_enabled(bool(self.learning) and torch.is_grad_enabled()):
            return self.model(input_ids=row, use_cache=False, **inputs).logits[0].float()

    def loss(self, logits: Any, rows: list[list[int]]) -> Any:
        """Sum over all next tokens within each row."""
        import torch

        starts = [sum(map(len, rows[:number])) for number in range(len(rows))]
        places = [start + place for start, row in zip(starts, rows, strict=True) for place in range(len(row) - 1)]
        targets = torch.tensor([token for row in rows for token in row[1:]], device=self.device)
        return torch.nn.functional.cross_entropy(logits[places], targets, reduction="sum")

    def gradient(self, loss: Any) -> Any:
        """Gradient of the parameters that are compared, flat and on the CPU."""
        import torch

        grads = torch.autograd.grad(loss, self.learning, allow_unused=True)
        return torch.cat([grad.detach().flatten().float().cpu() for grad in filter(torch.is_tensor, grads)])


def _exact(test: _Test) -> Proof:
    """In float32: equality; where only rounding can stand against it, that nothing moves when others change.

    Then all is computed by the same kernels twice, and what examples do not see cannot move them at all.
    """
    proof = _equality(test)
    if proof.ok or not max(proof.logits, proof.gradients or 0.0) <= _NEAR:
        return proof
    second = _perturbation(test, TOLERANCE)
    return replace(second, detail=f"{second.detail}; {proof.detail}")


def _equality(test: _Test) -> Proof:
    packed, packed_slope = _run(test, test.packed(test.rows))
    apart, apart_slope = _run(test, test.separate(test.rows))
    logits = _relative(packed, apart)
    gradients = None if apart_slope is None else _relative_length(packed_slope, apart_slope)
    control = _control(test, lambda wrong: _relative(_no_grad(test, test.rows, wrong), apart))
    return _proof("equality", TOLERANCE, logits, gradients, control)


def _perturbation(test: _Test, limit: float) -> Proof:
    """Change the first example, and look at those behind it: at their logits and at the gradients that they make."""
    first, *later = test.rows
    changed = [[(token + 1 + place) % test.vocabulary for place, token in enumerate(first)], *later]
    before, before_slope = _run(test, test.packed(test.rows), since=len(first))
    after, after_slope = _run(test, test.packed(changed), since=len(first))
    logits = _relative(after, before)
    gradients = None if before_slope is None else _relative_length(after_slope, before_slope)

    def moved(wrong: dict[str, Any]) -> float:
        one, other = (_no_grad(test, rows, wrong)[len(first) :] for rows in (test.rows, changed))
        return _relative(other, one)

    return _proof("perturbation", limit, logits, gradients, _control(test, moved))


def _run(test: _Test, logits: Any, since: int = 0) -> tuple[Any, Any]:
    """Logits and gradient of the examples from token ``since`` on, the first of which has as many."""
    rows = test.rows[1:] if since else test.rows
    logits = logits[since:]
    slope = test.gradient(test.loss(logits, rows)) if logits.requires_grad else None
    return logits.detach(), slope


def _no_grad(test: _Test, rows: list[list[int]], wrong: dict[str, Any]) -> Any:
    import torch

    with torch.no_grad():
        return test.packed(rows, **wrong)


def _control(test: _Test, difference: Callable[[dict[str, Any]], float]) -> float:
    """The smallest difference that a wrong arrangement makes. One that is refused is seen as well as can be."""
    seen = []
    for wrong in test.wrong().values():
        try:
            seen.append(difference(wrong))
        except RunError:
            seen.append(float("inf"))
    return min(seen)


def _proof(
    method: Literal["equality", "perturbation"], limit: float, logits: float, gradients: float | None, control: float
) -> Proof:
    found = max(logits, gradients or 0.0)
    sees = control > _SEEN * limit
    slopes = "no gradients" if gradients is None else f"gradients {gradients:.1e}"
    detail = f"by {method}: logits {logits:.1e}, {slopes} apart (limit {limit:.0e}); done wrongly {control:.1e}"
    if not sees:
        return Proof(False, "blind", logits, gradients, control, f"blind {detail}")
    return Proof(found <= limit, method, logits, gradients, control, detail)  # a NaN is not <=


def _relative(one: Any, other: Any) -> float:
    return float((one - other).abs().max() / other.abs().max().clamp_min(1e-30))


def _relative_length(one: Any, other: Any) -> float:
    return float((one - other).norm() / other.norm().clamp_min(1e-30))


def _bounds(bounds: Any, longest: int) -> dict[str, Any]:
    return {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": longest, "max_length_k": longest}


def _parameters(model: Any) -> list[Any]:
    """The trainable parameters, up to a number: from both ends of the model inwards, since a fault shows in all layers."""
    from torch.distributed.tensor import DTensor

    every = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if any(isinstance(parameter, DTensor) or hasattr(parameter, "ds_id") for parameter in every):
        return []  # a gradient reaches the whole parameters, which exist during forward and backward alone
    order = [every[place // 2 if place % 2 == 0 else -1 - place // 2] for place in range(len(every))]
    chosen, room = [], _PARAMETERS
    for parameter in order:
        if parameter.numel() <= room:
            chosen.append(parameter)
            room -= parameter.numel()
    return chosen


@contextmanager
def _attention(model: Any, implementation: str) -> Iterator[None]:
    """Another attention for a while. Set past transformers' checks, which were passed when the rung was chosen."""
    config = base_of(model).config
    before = config._attn_implementation  # noqa: SLF001 - the public way cannot set what it reads
    config._attn_implementation = implementation  # noqa: SLF001 - as above
    try:
        yield
    finally:
        config._attn_implementation = before  # noqa: SLF001 - as above


@contextmanager
def _as_it_was(model: Any) -> Iterator[None]:
    """Evaluation mode for a while, without a trace on the random state."""
    import torch

    modes = {module: module.training for module in model.modules()}
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        model.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
