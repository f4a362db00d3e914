"""What a stage is to the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.plugins import Catalogue
from magicoder_core.recipe import Bound, Plan, Recipe
from magicoder_core.rundir import RunDirectory

Counts = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A recipe at work in its directory.

    ``continues`` tells a stage that an interrupted try of it, with the same key, is being continued; ``anew`` that it
    was asked for again though it may be done; ``replay`` that no teacher may be asked, only the journal.
    """

    recipe: Recipe
    plan: Plan
    directory: RunDirectory
    catalogue: Catalogue
    continues: bool = False
    anew: bool = False
    replay: bool = False

    def __truediv__(self, name: str) -> Path:
        """A file of the run."""
        return self.directory / name

    def require(self, name: str, *, stage: str) -> Path:
        """The path of an input.

        Raises:
            RunError: it is not there; the message names the stage that makes it.
        """
        if not (self / name).exists():
            raise RunError(f"{self / name}: missing; the stage '{stage}' makes it: run that first")
        return self / name

    def digest(self, name: str, *, stage: str) -> str:
        """sha256 of an input.

        Raises:
            RunError: as `require`.
        """
        return jsonl.digest(self.require(name, stage=stage))


class Recognise(Protocol):
    """Tells whether an earlier version of Magicoder, whose keys were others, has done a stage; see `former`."""

    def __call__(self, run: Run, *, keep: bool) -> bool:
        """With ``keep`` it is written down, so that today's key is found from then on.

        Raises:
            RunError: it did other work, which would be replaced.
        """


def _none(run: Run, *, keep: bool) -> bool:  # noqa: ARG001 - names of the protocol
    return False


@dataclass(frozen=True)
class Stage:
    """One stage: who works in it, whether a recipe has it, what it makes, what it depends on, and its work.

    ``work`` returns counts, for ``run.json`` and the user. ``unfinished`` tells of counts whether the same command has
    something left to do; later stages go on with what there is. ``recognise`` is asked before ``key`` is looked up.
    """

    name: str
    providers: Callable[[Plan], list[Bound[Any]]]
    applies: Callable[[Plan], bool]
    outputs: Callable[[Plan], list[str]]
    key: Callable[[Run], Mapping[str, Any]]
    work: Callable[[Run], Counts]
    unfinished: Callable[[Run, Counts], bool] = lambda _, __: False
    recognise: Recognise = _none
