"""Whether a base model can be tuned as the options say: looked at before anything is spent, and again before step 1."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicoder_core import ModelError, RecipeError, RunError, progress
from magicoder_flash_attention import attention, student
from magicoder_flash_attention.template import Form, Template

if TYPE_CHECKING:
    from magicoder_flash_attention.examples import Examples

_LEARNT_POSITIONS = ("gpt_bigcode", "gpt2", "gpt_neo", "gptj", "codegen", "opt", "xglm")
"""Kinds of models that have a table with each position, and none for later ones."""


def of_folder(where: Path, *, form: Form, max_length: int, gguf: bool) -> Any:
    """Look at a model in a folder; gives its configuration.

    Raises:
        ModelError: there is no model of transformers in it, or no GGUF file can be made of it.
        RecipeError: it has no template of this form, or rows of ``max_length`` are longer than it takes.
    """
    config = student.config_of(str(where))
    tokenizer = student.tokenizer_of(str(where))
    Template(tokenizer, form).pair("x", "y")
    fits(config, max_length)
    if gguf:
        from magicoder_flash_attention.gguf import check

        check(where)
    return config


def fits(config: Any, max_length: int) -> None:
    """Compare the longest row with the model's context.

    Raises:
        RecipeError: the model has no weights for positions so late.
    """
    context = getattr(config.get_text_config(), "max_position_embeddings", None)
    if not context or max_length <= context:
        return
    if config.model_type in _LEARNT_POSITIONS:
        raise RecipeError(f"trainer.max_length: {max_length} tokens, but the model has positions for {context} only")
    progress.say(f"warning: max_length = {max_length} is beyond the {context} tokens that the model was made for")


def attends(wanted: attention.Wanted, *, packed: bool) -> None:
    """Look whether a flash attention that must be had is, as far as that can be told without the model.

    Raises:
        RecipeError: it is not.
    """
    if wanted != "auto":
        device = student.device_of("auto")
        attention.choose(wanted, device, student.fast_dtype(device), packed=packed)


def knows(config: Any, examples: Examples) -> None:
    """See that the model has a row of weights for each token of the rows.

    Raises:
        ModelError: it has not: another tokenizer's model.
    """
    size = int(config.get_text_config().vocab_size)
    largest = examples.largest
    if largest >= size:
        raise ModelError(
            f"trainer.base_model: its tokenizer gives token {largest}, but the model knows {size} tokens only; "
            "they do not belong together"
        )


def finite(model: Any) -> None:
    """See that the weights are numbers: a broken base model is not the rows' fault.

    Raises:
        ModelError: one of them is not; names it.
    """
    import torch

    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not weight.is_meta and not bool(torch.isfinite(weight).all()):
            raise ModelError(f"trainer.base_model: its weights {name} are not all finite; take another copy of it")


def warmed(warmup: int, steps: int, *, named: bool) -> int:
    """How many steps the learning rate rises: the preset's, but of a short training a tenth at most.

    Raises:
        RunError: the recipe itself names as many as there are steps, or more: nothing would be learnt at full rate.
    """
    if named and warmup >= steps:
        raise RunError(f"trainer.warmup_steps: {warmup}, but the training has {steps} steps; take fewer")
    most = warmup if named else min(warmup, steps // 10)
    if most < warmup:
        progress.say(f"warm-up of {most} steps instead of {warmup}: a tenth of {steps}")
    return most
