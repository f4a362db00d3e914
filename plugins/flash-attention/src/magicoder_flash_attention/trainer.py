"""The trainer ``flash-attention``: its options. What they do is in `tuning`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from magicoder_core import Checkpoint, Trainer, TrainingData
from magicoder_flash_attention import adapters, processes, student
from magicoder_flash_attention.attention import Wanted
from magicoder_flash_attention.quiet import quiet
from magicoder_flash_attention.settings import (
    NAMES,
    Arranged,
    Norm,
    Optimizer,
    Preset,
    Quantization,
    Schedule,
    Settings,
    Truncate,
    Weights,
    settled,
)
from magicoder_flash_attention.template import Form

Tracker = Literal["trackio", "wandb", "tensorboard"]
Exported = Literal["none", "f16", "bf16", "q8_0"]
SavedDtype = Literal["base", "float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class FlashAttentionTrainer(Trainer):
    """Fine-tunes a model with transformers: whole or by LoRA, on GPUs with flash attention or on a bare CPU.

    A step is ``examples_per_step`` rows, whatever the machine; how they lie in micro-batches changes the speed and not
    the mathematics. The loss counts the response and its stop token only. Options that are none are the preset's:
    ``paper`` trains as was published (arXiv 2312.02120), ``fast-full`` with the same numbers and without its faults.
    """

    joint: ClassVar[bool] = True
    passing: ClassVar[frozenset[str]] = frozenset(
        (
            "activation_checkpointing",
            "arrangement",
            "attention",
            "bin_tokens",
            "deterministic",
            "eval_steps",
            "parallel",
            "report_to",
            "save_steps",
            "world_size",
        )
    )

    base_model: Annotated[str, "what to tune: a folder, owner/name on the Hub, a name of the catalogue, a .gguf file"]
    preset: Annotated[Preset, "where options that are not given come from"] = "fast-full"
    template: Annotated[Form, "prompt format: the tokenizer's chat template, or Magicoder's markers"] = "auto"
    max_length: Annotated[int | None, "tokens of a row"] = None
    truncate: Annotated[Truncate | None, "longer rows: leave out, cut but keep the stop token, or cut as the paper"] = (
        None
    )
    epochs: Annotated[int | None, "times that each row is seen"] = None
    max_steps: Annotated[int | None, "stop after so many optimizer steps"] = None
    examples_per_step: Annotated[int | None, "rows that make one optimizer step, over all processes"] = None
    arrangement: Annotated[Arranged | None, "rows joined without padding, or padded in batches as drawn"] = None
    bin_tokens: Annotated[int | None, "most tokens computed together, where packed"] = None
    batch_size: Annotated[int | None, "rows computed together, where padded"] = None
    loss_norm: Annotated[Norm | None, "mean over a step's tokens, or of batch_size rows' means as in the paper"] = None
    learning_rate: Annotated[float | None, "highest learning rate"] = None
    schedule: Annotated[Schedule | None, "how the learning rate falls"] = None
    warmup_steps: Annotated[int | None, "optimizer steps over which the learning rate rises"] = None
    optimizer: Annotated[Optimizer | None, "which optimizer"] = None
    weight_decay: Annotated[float | None, "decay of the weights"] = None
    max_grad_norm: Annotated[float | None, "length to which a gradient is clipped; 0 never clips"] = None
    dtype: Annotated[Weights | None, "of the weights; auto: float32 if tuned, the fastest for a frozen base"] = None
    attention: Annotated[Wanted, "auto takes the fastest that runs here; require-flash: or an error"] = "auto"
    activation_checkpointing: Annotated[bool | None, "compute activations again instead of keeping them"] = None
    lora_rank: Annotated[int | None, "rank of LoRA adapters, merged at the end; 0 tunes the whole model"] = None
    quantization: Annotated[
        Quantization | None, "pack a frozen base into 4 bits (QLoRA); a CPU computes slowly with it"
    ] = None
    held_out: Annotated[float, "share of the rows that are not trained on, only looked at"] = 0.0
    eval_steps: Annotated[int, "optimizer steps between looks at them; 0: before and after only"] = 0
    save_steps: Annotated[int, "optimizer steps between checkpoints to resume from; 0 keeps none"] = 50
    save_dtype: Annotated[SavedDtype, "of the result's weights; base: as the base model's"] = "base"
    gguf: Annotated[Exported, "write model.gguf too, which llama.cpp serves, with weights of this type"] = "none"
    world_size: Annotated[int | None, "processes that torchrun starts; another number is an error"] = None
    parallel: Annotated[str, "how they share the work: ddp, fsdp2, deepspeed-zero3, or a JSON file of FSDP's"] = "ddp"
    report_to: Annotated[tuple[Tracker, ...], "trackers that hear of each step, besides the log"] = ()
    deterministic: Annotated[bool, "only algorithms that give the same bits again, on a GPU too; slower"] = False

    def __post_init__(self) -> None:
        """Refuse numbers that make no training.

        Raises:
            ValueError: one of them is out of bounds, or two exclude each other.
        """
        _ = self.settings
        for name in ("save_steps", "eval_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative (got {getattr(self, name)})")
        for name in ("max_steps", "world_size"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1 (got {value})")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out: a share from 0 to below 1 is needed (got {self.held_out})")

    @property
    def settings(self) -> Settings:
        """All numbers, with the preset's where none is given."""
        return settled(self.preset, {name: getattr(self, name) for name in NAMES})

    @property
    def base(self) -> str:
        """The model that is tuned; the teacher ``transformers`` takes the same names."""
        return self.base_model

    def check(self) -> None:
        """Look whether there is such a base model, which may still have to be fetched, and all that the options need.

        Raises:
            ModelError: there is no such model.
            RecipeError: a library is missing, or not as many processes run as were asked for.
        """
        student.check(self.base_model)
        self.check_machine()
        place = student.at_hand(self.base_model)
        if place or self.attention != "auto":
            with quiet():
                self._check_model(place)

    def _check_model(self, place: Path | None) -> None:
        from magicoder_flash_attention import fitness

        fitness.attends(self.attention, packed=self.settings.arrangement == "packed")
        if place:
            gguf = self.gguf != "none"
            fitness.of_folder(place, form=self.template, max_length=self.settings.max_length, gguf=gguf)

    def inputs(self) -> Mapping[str, Path]:
        """The base model, where it is a folder or a file here: another content makes another checkpoint."""
        path = Path(self.base_model).expanduser()
        return {**super().inputs(), **({"base_model": path} if path.exists() else {})}

    def check_machine(self) -> None:
        """Look whether all that the options need is here, but for the model.

        Raises:
            RecipeError: a library is missing, or a GPU, or not as many processes run as were asked for.
        """
        processes.check(self.world_size)
        processes.possible(self.parallel)
        adapters.check(self.settings)
        if processes.kind(self.parallel) == "deepspeed":
            adapters.needs("deepspeed", "parallel")
        for name in self.report_to:
            adapters.needs(name, "report_to")

    def train(self, data: TrainingData, output: Path) -> Checkpoint:
        """Tune on ``data``, resuming from what an interrupted call left in ``output/state``.

        ``output`` then holds a plain model in Hugging Face format with its card, ``training.json`` (what it was made
        of), ``training.jsonl`` (one line a step: ``loss``, ``grad_norm``, ``learning_rate``, tokens) and a manifest of
        hashes. For the same rows, options and machine its bytes are the same. What is seen while it runs goes to
        ``data.logs``.

        Raises:
            RunError: no row fits, the loss or gradient is not finite, or the disk is full.
            ModelError: the base model cannot be had.
            RecipeError: an option cannot be had here.
        """
        with quiet(), processes.as_launched():
            from magicoder_flash_attention.tuning import Tuning

            return Tuning(self, data, output).run()
