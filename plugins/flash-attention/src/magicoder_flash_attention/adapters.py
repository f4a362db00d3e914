"""LoRA and QLoRA: small weights that are tuned instead of the model's, and merged into it at the end.

Imported when training starts: it needs torch and peft.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from magicoder_core import RecipeError
from magicoder_flash_attention import student
from magicoder_flash_attention.settings import Quantization, Settings


def check(settings: Settings) -> None:
    """Look whether the libraries that adapters need are installed.

    Raises:
        RecipeError: one is not, or the GPU for packed weights is missing; says what to do.
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


def adapted(model: Any, settings: Settings, seed: int) -> Any:
    """The model with frozen weights and float32 LoRA adapters on all its linear layers but the head.

    Scaling 2 (alpha = 2 x rank) on all linear layers is the convention of peft's own guides, not measured here.
    """
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if settings.quantization != "none":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)  # type: ignore[no-untyped-call]  # peft's
    torch.manual_seed(seed)
    rank = settings.lora_rank
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config)


def merged(where: str, adapter: Path) -> Any:
    """The whole model, with what the adapters learnt in its weights, as bfloat16.

    Adapters over packed weights are merged into the base as it was before it was packed: a 4-bit weight has no room for
    what they learnt.

    Args:
        where: the base model's `student.source`.
        adapter: the folder in which peft saved the adapters.
    """
    import torch
    from peft import PeftModel

    base = student.model_of(where, torch.bfloat16, "sdpa")
    return PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
