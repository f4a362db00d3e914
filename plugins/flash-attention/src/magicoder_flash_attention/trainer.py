"""The trainer ``flash-attention``."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from magicoder_core import Checkpoint, Trainer, TrainingData, jsonl, progress
from magicoder_flash_attention import attention, student
from magicoder_flash_attention.attention import Wanted
from magicoder_flash_attention.quiet import quiet
from magicoder_flash_attention.student import Dtype
from magicoder_flash_attention.template import Template

if TYPE_CHECKING:
    from magicoder_flash_attention.encoding import Example
    from magicoder_flash_attention.loop import Plan

_POSITIVE = ("epochs", "batch_size", "accumulation", "max_length")


@dataclass(frozen=True, kw_only=True)
class FlashAttentionTrainer(Trainer):
    """Fine-tunes a model with transformers: whole or by LoRA, on a GPU with flash attention or on a bare CPU.

    The loss counts the response and its stop token only, as a mean over all tokens of a step. The defaults are the
    paper's where they do not depend on the machine (arXiv 2312.02120, and ise-uiuc/magicoder 3ef43f0 README-DEV):
    2 epochs, learning rate 5e-5 falling linearly after 15 steps, 1216 tokens; its 512 examples a step are
    ``batch_size`` times ``accumulation``, its optimizer is ``adafactor`` without clipping.
    """

    base_model: Annotated[str, "what to tune: a folder, owner/name on the Hub, a name of the catalogue, a .gguf file"]
    epochs: Annotated[int, "times that each row is seen"] = 2
    max_steps: Annotated[int | None, "stop after so many optimizer steps"] = None
    learning_rate: Annotated[float, "highest learning rate; it falls linearly to 0"] = 5e-5
    warmup_steps: Annotated[int, "optimizer steps over which the learning rate rises"] = 15
    batch_size: Annotated[int, "rows computed together"] = 2
    accumulation: Annotated[int, "batches that make one optimizer step"] = 8
    max_length: Annotated[int, "tokens of a row; longer rows are left out and counted"] = 1216
    lora_rank: Annotated[int, "rank of LoRA adapters, merged at the end; 0 tunes the whole model"] = 0
    optimizer: Annotated[Literal["adamw", "adafactor"], "which optimizer"] = "adamw"
    weight_decay: Annotated[float, "decay of the weights"] = 0.0
    max_grad_norm: Annotated[float, "length to which a gradient is clipped; 0 never clips"] = 1.0
    dtype: Annotated[Dtype, "of the weights; auto: float32 for those tuned, the fastest for a frozen base"] = "auto"
    attention: Annotated[Wanted, "auto takes flash attention where it runs, else sdpa"] = "auto"
    save_steps: Annotated[int, "optimizer steps between checkpoints to resume from; 0 keeps none"] = 50

    def __post_init__(self) -> None:
        """Refuse numbers that make no training.

        Raises:
            ValueError: one of them is not positive.
        """
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")

    @property
    def base(self) -> str:
        """The model that is tuned; the teacher ``transformers`` takes the same names."""
        return self.base_model

    def check(self) -> None:
        """Look whether there is such a base model; it may still have to be fetched.

        Raises:
            ModelError: there is not.
        """
        student.check(self.base_model)

    def train(self, data: TrainingData, output: Path) -> Checkpoint:
        """Tune on ``data``, resuming from what an interrupted call left in ``output/state``.

        ``output`` then holds a plain model in Hugging Face format and ``training.jsonl``, one line a step with
        ``loss``, ``grad_norm`` and ``learning_rate``. For the same rows, options and machine its bytes are the same.

        Raises:
            RunError: no row fits, or the loss or gradient is not finite.
            ModelError: the base model cannot be had.
        """
        from magicoder_flash_attention import encoding

        output.mkdir(parents=True, exist_ok=True)
        with quiet():
            where = student.source(self.base_model)
            template = Template(student.tokenizer_of(where))
            plan = self._plan(encoding.encode(data, template, self.max_length), data.seed)
            self._run(where, template, plan, data.seed, output)
        return Checkpoint(path=str(output), base_model=self.base_model, digest=jsonl.digest(output))

    def _plan(self, examples: Sequence[Example], seed: int) -> Plan:
        from magicoder_flash_attention import encoding
        from magicoder_flash_attention.loop import Plan

        step = self.batch_size * self.accumulation
        numbers = encoding.order(len(examples), self.epochs, seed)
        if self.max_steps is not None:
            numbers = numbers[: self.max_steps * step]
        content = json.dumps([[item.tokens, item.prompt] for item in examples] + [numbers, repr(self)])
        return Plan(examples, numbers, step, hashlib.sha256(content.encode()).hexdigest())

    def _run(self, where: str, template: Template, plan: Plan, seed: int, output: Path) -> None:
        from magicoder_flash_attention import resume
        from magicoder_flash_attention.loop import Loop

        state = output / "state"
        checkpoint = resume.newest(state, plan.key)
        model = self._model(where, seed)
        pad = template.tokenizer.pad_token_id or template.tokenizer.eos_token_id or 0
        with progress.task("train", total=plan.steps, unit="step") as advance:
            loop = Loop(model, self._arguments(state, plan, seed), plan, pad, advance)
            loop.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        self._finish(model, template, state / "final")
        jsonl.write(state / "final" / "training.jsonl", loop.history())
        for file in sorted((state / "final").iterdir()):
            file.replace(output / file.name)
        shutil.rmtree(state)

    def _model(self, where: str, seed: int) -> Any:
        device = student.device_of("auto")
        dtype = student.dtype_of(self.dtype, student.fast_dtype(device) if self.lora_rank else _float32())
        chosen, reason = attention.choose(self.attention, device, _computing(dtype, device))
        progress.say(f"attention {chosen} on {device}, weights in {str(dtype).removeprefix('torch.')}: {reason}")
        model = student.model_of(where, dtype, chosen)
        return _adapted(model, self.lora_rank, seed) if self.lora_rank else model

    def _arguments(self, state: Path, plan: Plan, seed: int) -> Any:
        from transformers import TrainingArguments

        from magicoder_flash_attention import resume

        cuda = student.device_of("auto") == "cuda"
        return TrainingArguments(
            output_dir=str(state),
            per_device_train_batch_size=self.batch_size,
            gradient_accumulation_steps=self.accumulation,
            max_steps=plan.steps,
            learning_rate=self.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=self.warmup_steps,
            optim="adafactor" if self.optimizer == "adafactor" else "adamw_torch_fused",
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
            # Weights in float32 compute in bfloat16 on a GPU: small updates are not rounded away.
            bf16=cuda and self.dtype == "auto" and not self.lora_rank,
            use_cpu=not cuda,
            seed=seed,
            save_strategy="steps" if self.save_steps else "no",
            save_steps=self.save_steps or 1,
            save_total_limit=resume.KEPT,
            logging_steps=1,
            logging_nan_inf_filter=False,
            log_level="error",
            disable_tqdm=True,
            report_to="none",
            remove_unused_columns=False,
            dataloader_pin_memory=cuda,
        )

    def _finish(self, model: Any, template: Template, folder: Path) -> None:
        whole = model.merge_and_unload() if self.lora_rank else model
        whole.generation_config.eos_token_id = template.stops(whole.generation_config)
        student.save(whole, template.tokenizer, folder)


def _float32() -> Any:
    import torch

    return torch.float32


def _computing(dtype: Any, device: str) -> Any:
    """The dtype that attention computes in: under autocast not that of the weights."""
    return student.fast_dtype(device) if device == "cuda" and dtype == _float32() else dtype


def _adapted(model: Any, rank: int, seed: int) -> Any:
    """The model with frozen weights and float32 LoRA adapters on all its linear layers but the head.

    Scaling 2 (alpha = 2 x rank) on all linear layers is the convention of peft's own guides, not measured here.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config)
