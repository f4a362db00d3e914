"""LoRA and QLoRA: small weights that are tuned instead of the model's, and merged into it at the end.

Imported when training starts: it needs torch and peft.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from magicoder_core import RecipeError, RunError
from magicoder_flash_attention import processes, student
from magicoder_flash_attention.settings import Quantization, Settings

_ADAPTER = ".lora_"
"""What is in the name of each of an adapter's weights, and in no other's."""


def check(settings: Settings) -> None:
    """Look whether the libraries that adapters need are installed.

    Raises:
        RecipeError: one is not; says what to do.
    """
    if settings.lora_rank:
        needs("peft", "lora_rank")
    if settings.quantization != "none":
        needs("bitsandbytes", "quantization")
    if settings.optimizer == "adamw-8bit":
        needs("bitsandbytes", "optimizer")


def needs(library: str, option: str) -> None:
    """Look whether a library can be imported.

    Raises:
        RecipeError: it cannot; the message names the ``option`` that needs it, and how to install it.
    """
    try:
        importlib.import_module(library)
    except (ImportError, OSError, RuntimeError) as error:
        # One that is installed for another machine fails in its own ways, when it is imported.
        raise RecipeError(
            f"trainer.{option}: needs {library}, which cannot be imported ({error}); "
            f"pip install 'magicoder-flash-attention[{library}]'"
        ) from error


def packed_weights(kind: Quantization) -> Any:
    """How transformers is to load the weights (Dettmers et al., QLoRA, arXiv 2305.14314); None: as they are.

    4-bit NormalFloat with double quantization; computed in bfloat16.
    """
    if kind == "none":
        return None
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # transformers'
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def trainable(model: Any) -> Any:
    """A model with packed weights that stay as they are while others are tuned on top of them, on a CPU too.

    For answers on CPUs with AVX-512 bitsandbytes 0.50 packs the weights anew, which rounds their scales, as soon as the
    model evaluates, also in the middle of a training; and it can do so only with rows of whole blocks of 64.
    """
    from peft import prepare_model_for_kbit_training

    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)  # type: ignore[no-untyped-call]  # peft's


def adapted(model: Any, settings: Settings, seed: int) -> Any:
    """The model with frozen weights and float32 LoRA adapters on all its linear layers but the head.

    Scaling 2 (alpha = 2 x rank) on all linear layers is the convention of peft's own guides, not measured here.
    """
    import torch

    if settings.quantization != "none":
        model = trainable(model)
    torch.manual_seed(seed)
    return _with_adapters(model, settings)


def merged(where: str, learnt: Mapping[str, Any], settings: Settings, dtype: Any) -> Any:
    """The whole model, with what the adapters learnt in its weights.

    Adapters over packed weights are merged into the base as it was before it was packed: a 4-bit weight has no room for
    what they learnt. They are not handed over by peft's own files: of a model whose layers are wrapped, as FSDP does
    to compute activations again, peft 0.21 finds no adapters, and saves and loads none without an error.

    Args:
        where: the base model's `student.source`.
        learnt: the adapted model's weights by name; those that are not the adapters' may be left out.
        settings: what it was adapted with.
        dtype: the torch dtype of the sum.

    Raises:
        RunError: an adapter's weights are missing, or of another model.
    """
    processes.models_whole()
    model = _with_adapters(student.model_of(where, dtype, "sdpa"), settings)
    mine = {name: weight for name, weight in learnt.items() if _ADAPTER in name}
    found = model.load_state_dict(mine, strict=False)
    if wrong := [*found.unexpected_keys, *(name for name in found.missing_keys if _ADAPTER in name)]:
        raise RunError(f"trainer: the adapters cannot be merged: {wrong[0]} has no counterpart ({len(wrong)} in all)")
    return model.merge_and_unload()


def _with_adapters(model: Any, settings: Settings) -> Any:
    from peft import LoraConfig, get_peft_model

    rank = settings.lora_rank
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config)
