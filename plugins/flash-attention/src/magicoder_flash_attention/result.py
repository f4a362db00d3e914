"""What a training leaves: a plain model, what it says of itself, its manifest.

Imported when training starts: it needs torch.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from magicoder_core import jsonl
from magicoder_flash_attention import adapters, card, lineage, processes, resume, student
from magicoder_flash_attention.monitor import LOG

if TYPE_CHECKING:
    from magicoder_flash_attention.loop import Loop
    from magicoder_flash_attention.settings import Settings
    from magicoder_flash_attention.template import Template
    from magicoder_flash_attention.trainer import FlashAttentionTrainer

_OURS = ("*.safetensors", "*.safetensors.index.json", "*.gguf", "adapter_config.json", resume.MANIFEST)
"""What an older result may have left that is not written over: files of a model's, under names that vary."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A trained model on its way to the disk.

    Attributes:
        options: the trainer.
        settings: its numbers.
        where: the base model's `student.source`.
        template: the prompt format, which is saved along.
        loop: the training.
    """

    options: FlashAttentionTrainer
    settings: Settings
    where: str
    template: Template
    loop: Loop

    def save(self, folder: Path, said: dict[str, Any], facts: resume.Facts) -> None:
        """Write model, tokenizer, log, card and manifest; all processes must call this, the first one writes.

        Args:
            folder: where to.
            said: what the checkpoint shall say of itself.
            facts: of the training, for the manifest.

        Raises:
            OSError: it cannot be written.
        """
        whole = self._whole()
        if whole is None:
            return
        whole = whole.to(self._dtype)
        whole.generation_config.eos_token_id = self.template.stops(whole.generation_config)
        student.save(whole, self.template.tokenizer, folder)
        jsonl.write(folder / LOG, self.loop.history())
        kind = str(self._dtype).removeprefix("torch.")
        told = {**said, "weights": f"saved as {kind}; the losses are those of the weights as they were trained"}
        jsonl.write_json(folder / lineage.FACTS, told)
        jsonl.write_text(folder / "README.md", card.text(told))
        if self.options.gguf != "none":
            from magicoder_flash_attention.gguf import export

            export(folder, folder / "model.gguf", self.options.gguf)
        resume.seal(folder, facts)

    def _whole(self) -> Any:
        """The model with its weights, gathered from all processes and merged with its adapters; None where it is not saved."""
        loop = self.loop
        model = loop.accelerator.unwrap_model(loop.model_wrapped)
        sharded = loop.is_fsdp_enabled or loop.is_deepspeed_enabled
        weights = loop.accelerator.get_state_dict(loop.model_wrapped) if sharded else None
        if not processes.leads():
            return None
        if self.settings.lora_rank:
            return self._merged(model, weights)
        return student.plain(model, weights) if sharded else model

    def _merged(self, model: Any, weights: Any) -> Any:
        # In the wider of the two types: what is saved is rounded once.
        base = student.config_of(self.where).dtype or self._dtype
        wider = torch.promote_types(self._dtype, base)
        held = next(student.base_of(model).parameters()).dtype
        whole = weights is None and self.settings.quantization == "none"
        if whole and torch.promote_types(held, wider) == held:
            return model.merge_and_unload()
        return adapters.merged(self.where, weights or dict(model.named_parameters()), self.settings, wider)

    @property
    def _dtype(self) -> torch.dtype:
        """Of the weights that are saved."""
        wanted = self.options.save_dtype
        kept = student.config_of(self.where).dtype if wanted == "base" else getattr(torch, wanted)
        return kept or torch.float32


def move(folder: Path, output: Path) -> None:
    """Put a saved result in its place, its manifest last: with that it is whole."""
    for pattern in _OURS:
        for old in output.glob(pattern):
            old.unlink()
    for file in sorted(folder.iterdir(), key=lambda path: path.name == resume.MANIFEST):
        moved(file, output)
    resume.flush(output)


def moved(file: Path, folder: Path) -> None:
    """Put one file in its place."""
    file.replace(folder / file.name)


def clear(state: Path) -> None:
    """Remove the checkpoints, when the result is in its place."""
    if state.is_dir():
        shutil.rmtree(state)
