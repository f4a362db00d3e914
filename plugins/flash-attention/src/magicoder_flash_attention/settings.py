"""Presets: every number that a training needs, for the machine at hand; what a recipe says goes before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Preset = Literal["paper", "fast-full", "lora-24g", "cpu-tiny"]
Truncate = Literal["drop", "keep-end", "paper"]
"""What becomes of an over-long row: ``drop`` leaves it out, ``keep-end`` cuts the solution and keeps the stop token,
``paper`` cuts on the right, stop token and all (as ise-uiuc/magicoder 3ef43f0 did)."""

Arranged = Literal["packed", "padded"]
Norm = Literal["token", "paper"]
Optimizer = Literal["adafactor", "adamw", "adamw-8bit"]
Schedule = Literal["linear", "cosine", "constant"]
Weights = Literal["auto", "float32", "bfloat16"]
Quantization = Literal["none", "nf4"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All numbers of a training, none left open. `FlashAttentionTrainer` says what each means."""

    max_length: int = 1216
    truncate: Truncate = "drop"
    epochs: int = 2
    examples_per_step: int = 512
    arrangement: Arranged = "packed"
    bin_tokens: int = 8192
    batch_size: int = 2
    loss_norm: Norm = "token"
    learning_rate: float = 5e-5
    schedule: Schedule = "linear"
    warmup_steps: int = 15
    optimizer: Optimizer = "adafactor"
    weight_decay: float = 0.0
    max_grad_norm: float = 0.0
    dtype: Weights = "auto"
    activation_checkpointing: bool = False
    lora_rank: int = 0
    quantization: Quantization = "none"

    def to_dict(self) -> dict[str, Any]:
        """By name."""
        return asdict(self)


_FAST = Settings(activation_checkpointing=True)

PRESETS: Mapping[Preset, Settings] = {
    "paper": Settings(truncate="paper", arrangement="padded", loss_norm="paper", dtype="bfloat16"),
    "fast-full": _FAST,
    "lora-24g": replace(
        _FAST,
        bin_tokens=4096,
        learning_rate=2e-4,
        optimizer="adamw",
        max_grad_norm=1.0,
        lora_rank=32,
    ),
    "cpu-tiny": Settings(
        bin_tokens=2048,
        examples_per_step=16,
        warmup_steps=0,
        max_grad_norm=1.0,
        dtype="float32",
    ),
}
"""``paper`` is what was published (arXiv 2312.02120; ise-uiuc/magicoder 3ef43f0, README-DEV.md and `train.py`), with its
faults: answers are cut, short ones weigh more, small updates round away. ``fast-full`` has the same numbers and none of
these. For ``lora-24g`` (adapters on one GPU of 24 GB) and ``cpu-tiny`` rank, learning rate and examples a step are
conventional choices, not measured ones."""

NAMES = tuple(field.name for field in fields(Settings))


def settled(preset: Preset, given: Mapping[str, Any]) -> Settings:
    """The preset's numbers, but where ``given`` has one that is not None.

    Raises:
        ValueError: numbers that make no training, or that exclude each other.
    """
    made = replace(PRESETS[preset], **{name: value for name, value in given.items() if value is not None})
    _check(made)
    return made


def _check(made: Settings) -> None:
    for name in ("max_length", "epochs", "examples_per_step", "bin_tokens", "batch_size"):
        if getattr(made, name) < 1:
            raise ValueError(f"{name} must be at least 1 (got {getattr(made, name)})")
    for name in ("warmup_steps", "weight_decay", "max_grad_norm", "lora_rank"):
        if not getattr(made, name) >= 0:  # "< 0" would let NaN through
            raise ValueError(f"{name} must not be negative (got {getattr(made, name)})")
    if not 0 < made.learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a number above 0 (got {made.learning_rate})")
    if made.quantization != "none" and not made.lora_rank:
        raise ValueError("quantization needs adapters: packed weights cannot be tuned themselves; set lora_rank")
    if made.loss_norm == "paper" and made.examples_per_step % made.batch_size:
        raise ValueError(
            f"loss_norm 'paper' averages over batches of batch_size = {made.batch_size}: "
            f"examples_per_step = {made.examples_per_step} must be a multiple of it"
        )
