"""Several processes that train together, as `torchrun` or `accelerate launch` starts them.

Which one this is stands in the environment (``RANK``, ``WORLD_SIZE``); without them it is alone. All functions that
talk to the others must be called by all of them.
"""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from magicoder_core import RecipeError, RunError

SHARDED = {"fsdp2": "fsdp2.json", "deepspeed-zero3": "deepspeed-zero3.json"}
"""Ways to spread the weights over the processes, each with the configuration that ships with this package."""


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


def known(parallel: str) -> None:
    """Look whether there is such a way to share the work.

    Raises:
        RecipeError: there is not.
    """
    if parallel == "ddp" or parallel in SHARDED:
        return
    path = Path(parallel).expanduser()
    if path.suffix != ".json" or not path.is_file():
        raise RecipeError(
            f"trainer.parallel: '{parallel}': there are ddp, {', '.join(SHARDED)}, or the path of a .json file "
            "(of FSDP's options, or of DeepSpeed's with zero_optimization)"
        )


def arguments(parallel: str) -> dict[str, Any]:
    """What `transformers.TrainingArguments` is told of it.

    Raises:
        RecipeError: the file is no JSON object.
    """
    if parallel == "ddp":
        return {"ddp_find_unused_parameters": False} if world() > 1 else {}
    config = _config(parallel)
    if "zero_optimization" in config:
        return {"deepspeed": config}
    return {"fsdp": True, "fsdp_config": config}


def _config(parallel: str) -> dict[str, Any]:
    shipped = SHARDED.get(parallel)
    place = resources.files(__package__) / "configs" / shipped if shipped else Path(parallel).expanduser()
    try:
        made = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"trainer.parallel: {parallel}: not readable as JSON ({error})") from error
    if not isinstance(made, dict):
        raise RecipeError(f"trainer.parallel: {parallel}: a JSON object is needed")
    return made
