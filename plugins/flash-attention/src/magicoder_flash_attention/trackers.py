"""Programs that show a training while it runs, besides our own log: each training is a run of its own to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = "magicoder"
"""What runs are filed under, where the environment says nothing else."""


@contextmanager
def told(names: Sequence[str], logs: Path | None) -> Iterator[None]:
    """Within the block the trackers write beside our log; what they began there ends with it.

    What the user has set in the environment stays.

    Args:
        names: of the trackers, as in the trainer's option ``report_to``.
        logs: the folder of our log; None: theirs is where they like.
    """
    wanted = {"WANDB_PROJECT": PROJECT}
    if logs is not None:
        wanted |= {"TENSORBOARD_LOGGING_DIR": str(logs / "tensorboard"), "WANDB_DIR": str(logs)}
    mine = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(mine)
    users = _open(names)
    try:
        yield
    finally:
        if _open(names) and not users:
            import wandb  # type: ignore[import-not-found,unused-ignore]  # an extra

            # transformers goes on with an open run, and wandb with its folder, also in this process's next training.
            wandb.finish()
            wandb.teardown()
        for name in mine:
            os.environ.pop(name, None)


def _open(names: Sequence[str]) -> bool:
    """Whether a run of Weights & Biases is open in this process."""
    if "wandb" not in names:
        return False
    import wandb

    return wandb.run is not None
