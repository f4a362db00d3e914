"""Several processes that train together, as `torchrun` or `accelerate launch` starts them.

Which one this is stands in the environment (``RANK``, ``WORLD_SIZE``); without them it is alone. All functions that
talk to the others must be called by all of them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from magicoder_core import RecipeError, RunError, progress
from magicoder_flash_attention.settings import Settings

SHARDED = {"fsdp2": "fsdp2.json", "deepspeed-zero3": "deepspeed-zero3.json"}
"""Ways to spread the weights over the processes, each with the configuration that ships with this package."""

Kind = Literal["ddp", "fsdp", "deepspeed"]

_LAUNCHED: dict[Kind, str] = {"fsdp": "ACCELERATE_USE_FSDP", "deepspeed": "ACCELERATE_USE_DEEPSPEED"}
"""What `accelerate launch` sets where its own file or options name such a way."""

_SETTINGS = ("ACCELERATE_", "FSDP_")
"""How the names of environment variables begin by which accelerate speaks to itself, also from one training to the next."""


def world() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is, counted from 0."""
    return int(os.environ.get("RANK", "0"))


def device() -> int | str:
    """This process's device: the number of its GPU among the machine's, or ``cpu``."""
    import torch

    return int(os.environ.get("LOCAL_RANK", "0")) if torch.cuda.is_available() else "cpu"


def leads() -> bool:
    """Whether this is the one that writes."""
    return rank() == 0


def check(wanted: int | None) -> None:
    """Compare the number of processes with the one that was asked for.

    A launcher may start fewer than it is told and say nothing: `accelerate launch --cpu --num_processes 2` of
    accelerate 1.15 starts one.

    Raises:
        RecipeError: they differ.
    """
    if wanted is not None and wanted != world():
        raise RecipeError(
            f"trainer.world_size: {wanted} processes were asked for, {world()} run; start them with "
            f"`torchrun --nproc_per_node {wanted} -m magicoder_core run RECIPE` (or on N nodes with their share)"
        )


def barrier() -> None:
    """Wait for the others."""
    if world() > 1:
        import torch.distributed as dist

        dist.barrier()


@contextmanager
def first_one() -> Iterator[None]:
    """The first process goes through the block before the others do: what it fetches or caches is there for them."""
    if not leads():
        barrier()
    yield
    if leads():
        barrier()


def all_same(value: str, what: str) -> None:
    """See to it that all processes work on the same.

    Raises:
        RunError: ``value`` differs between them.
    """
    if len(set(gathered(value))) > 1:
        raise RunError(f"trainer: the processes differ in {what}: give all the same recipe, rows, model and versions")


def gathered(value: Any) -> list[Any]:
    """What each process has, in their order."""
    if world() == 1:
        return [value]
    import torch.distributed as dist

    found: list[Any] = [None] * world()
    dist.all_gather_object(found, value)
    return found


def total(value: Any) -> Any:
    """The sum of a tensor over all processes, in place."""
    if world() > 1:
        import torch.distributed as dist

        dist.all_reduce(value)
    return value


def kind(parallel: str) -> Kind:
    """Which library spreads the weights; ``ddp``: none, each process has them all.

    Where the recipe leaves it at ddp, what `accelerate launch` was told counts.

    Raises:
        RecipeError: there is no such way, its file is no JSON object, or the launcher was told of another.
    """
    told = [way for way, name in _LAUNCHED.items() if os.environ.get(name, "").lower() in ("true", "1")]
    if parallel == "ddp":
        return told[0] if told else "ddp"
    found: Kind = "deepspeed" if "zero_optimization" in _config(parallel) else "fsdp"
    if told and told[0] != found:
        raise RecipeError(
            f"trainer.parallel: {parallel} is {found}, and `accelerate launch` was told {told[0]}; "
            "leave one of them out"
        )
    return found


def possible(parallel: str) -> None:
    """Look whether the weights can be spread here as the option says; without it they would silently not be.

    Raises:
        RecipeError: there is no such way, or not enough GPUs or processes for it.
    """
    if kind(parallel) == "ddp":
        return
    import torch

    if not torch.cuda.is_available():
        raise RecipeError(
            f"trainer.parallel: {parallel} spreads the weights over GPUs, and there is no CUDA device here; "
            'use parallel = "ddp"'
        )
    if world() == 1:
        raise RecipeError(
            f"trainer.parallel: {parallel} spreads the weights over processes, and only one runs; start them with "
            "`torchrun --nproc_per_node N -m magicoder_core run RECIPE`"
        )


def arguments(parallel: str, *, checkpointing: bool, quantized: bool = False) -> dict[str, Any]:
    """What `transformers.TrainingArguments` is told of it; the environment hears the rest, see `as_launched`.

    Args:
        parallel: the option.
        checkpointing: activations are computed again instead of being kept. FSDP does that itself, since it would
            gather the weights once more for it otherwise.
        quantized: the weights are packed.

    Raises:
        RecipeError: see `kind`.
    """
    way = kind(parallel)
    again = _checkpointing() if checkpointing and way != "fsdp" else {}
    if parallel == "ddp":
        if way == "fsdp" and checkpointing:
            os.environ["FSDP_ACTIVATION_CHECKPOINTING"] = "true"  # what the launcher is told comes by such names
        return {**again, "ddp_find_unused_parameters": False} if way == "ddp" and world() > 1 else again
    config = _config(parallel)
    if way == "deepspeed":
        return {**again, "deepspeed": config}
    if checkpointing and "fsdp_activation_checkpointing" not in config:
        config.setdefault("activation_checkpointing", True)
    if quantized:
        config["cpu_ram_efficient_loading"] = False  # accelerate 1.15 hands no packed weights on
    # By this transformers knows, before there is a model, that one process alone is to load the weights.
    os.environ[_LAUNCHED["fsdp"]] = "true"
    return {"fsdp": True, "fsdp_config": config}


def fitted(settings: Settings, parallel: str, *, named: bool) -> Settings:
    """The settings with an optimizer that fits the way in which the weights are spread.

    DeepSpeed hands flat pieces of them to the optimizer, in which Adafactor finds no rows and columns.

    Args:
        settings: the recipe's and the preset's.
        parallel: the option.
        named: the recipe itself names the optimizer, and so has it.
    """
    if settings.optimizer != "adafactor" or kind(parallel) != "deepspeed":
        return settings
    if named:
        progress.say(
            "warning: DeepSpeed spreads weights as flat pieces, so that Adafactor's steps are not its usual ones"
        )
        return settings
    progress.say("optimizer adamw instead of adafactor, which takes other steps on the flat pieces of DeepSpeed")
    return replace(settings, optimizer="adamw")


def _checkpointing() -> dict[str, Any]:
    """Activation checkpointing, under the name that this version of transformers has for it."""
    from transformers import TrainingArguments

    names = {"activation_checkpointing", "gradient_checkpointing"} & set(TrainingArguments.__dataclass_fields__)
    name = min(names)  # the newer comes first in the alphabet
    return {name: True, f"{name}_kwargs": {"use_reentrant": False}}


@contextmanager
def as_launched() -> Iterator[None]:
    """Within the block accelerate may note in the environment what it likes; the next training hears nothing of it."""
    before = _noted()
    try:
        yield
    finally:
        for name in _noted().keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        models_whole()


def models_whole() -> None:
    """Have transformers load models whole again: after a training with DeepSpeed it would still spread each of them.

    All processes would then have to load them together, and the one that saves or serves the result would wait for ever.
    """
    if "transformers.integrations.deepspeed" in sys.modules:
        from transformers.integrations.deepspeed import unset_hf_deepspeed_config

        unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]  # transformers'


def _noted() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_SETTINGS)}


def _config(parallel: str) -> dict[str, Any]:
    """The options of a way to spread the weights.

    Raises:
        RecipeError: there is no such way, or its file is no JSON object.
    """
    shipped, path = SHARDED.get(parallel), Path(parallel).expanduser()
    if not shipped and (path.suffix != ".json" or not path.is_file()):
        raise RecipeError(
            f"trainer.parallel: '{parallel}': there are ddp, {', '.join(SHARDED)}, or the path of a .json file "
            "(of FSDP's options, or of DeepSpeed's with zero_optimization)"
        )
    place = resources.files(__package__) / "configs" / shipped if shipped else path
    try:
        made = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"trainer.parallel: {parallel}: not readable as JSON ({error})") from error
    if not isinstance(made, dict):
        raise RecipeError(f"trainer.parallel: {parallel}: a JSON object is needed")
    return made
