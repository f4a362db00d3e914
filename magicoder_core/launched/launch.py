"""Which process of a launch this is, as its environment says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from magicoder_core import rundir
from magicoder_core.errors import RunError
from magicoder_core.launched.meeting import FOLDER
from magicoder_core.recipe import Recipe

_DIGITS = 8


@dataclass(frozen=True)
class Launch:
    """Which of how many processes this is, and what their launcher calls them together."""

    rank: int
    world: int
    name: str

    def folder(self, read: Recipe | None, directory: Path | None) -> Path:
        """Where the processes of this launch meet: beside the run directory, or where new ones are made.

        The first half of its name is the run's, so that a later launch of the same run finds what this one left.

        Args:
            read: the recipe; it does not matter where there is a ``directory``.
            directory: the run directory, if the command names it.
        """
        name = directory.name if directory else f"{read.name}-{read.key}" if read else ""
        above = directory.parent if directory else rundir.RUNS
        return above / FOLDER / f"{_digits(name)}-{_digits(self.name)}"

    def waits_for(self, ranks: str) -> str:
        """A line for whoever wonders why nothing happens."""
        return (
            f"rank {self.rank} of {self.world} waits for {ranks}: RANK and WORLD_SIZE are set, and a launcher (torchrun, "
            "accelerate launch) starts the same command for every rank; to run alone, unset them"
        )


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]


def here(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The launch that this process is one of; None where it is alone.

    Raises:
        RunError: ``RANK`` or ``WORLD_SIZE`` is no number that fits.
    """
    given = {name: environment.get(name, "") for name in ("RANK", "WORLD_SIZE")}
    if not all(given.values()) or given["WORLD_SIZE"] == "1":
        return None
    try:
        rank, world = map(int, given.values())
    except ValueError:
        rank, world = -1, 0
    if not 0 <= rank < world:
        raise RunError(
            f"RANK={given['RANK']!r}, WORLD_SIZE={given['WORLD_SIZE']!r}: no process of a launch; unset them"
        )
    names = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT", "WORLD_SIZE")
    return Launch(rank, world, " ".join(environment.get(name, "") for name in names))
