"""The hooks: what a plugin may implement.

A hook returns providers, classes by name, and never does the work: a recipe then chooses, orders and configures
them. A plugin is a module (or any object) with one or more of these functions, marked with `hookimpl`::

    from magicoder_core import Teacher, hookimpl

    @hookimpl
    def teacher():
        return {"parrot": Parrot}

and is found through the entry-point group ``magicoder``. Names are lower-case-with-hyphens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pluggy

from magicoder_core.benchmarks import Benchmark
from magicoder_core.providers import Filter, Method, Provider, SeedSource, Teacher
from magicoder_core.trainers import Trainer

PROJECT = "magicoder"
"""Name of the entry-point group and of the pluggy project."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

KINDS: Mapping[str, type[Provider]] = {
    "seed_source": SeedSource,
    "method": Method,
    "teacher": Teacher,
    "filter": Filter,
    "trainer": Trainer,
    "benchmark": Benchmark,
}
"""Each hook with the base class of what it returns."""


class Hooks(Protocol):
    """What a plugin may implement: any of these functions."""

    @hookspec
    def seed_source(self) -> Mapping[str, type[SeedSource]]:
        """Where snippets come from."""
        ...

    @hookspec
    def method(self) -> Mapping[str, type[Method]]:
        """How a snippet becomes an instruction."""
        ...

    @hookspec
    def teacher(self) -> Mapping[str, type[Teacher]]:
        """What answers requests."""
        ...

    @hookspec
    def filter(self) -> Mapping[str, type[Filter]]:
        """Which rows are kept."""
        ...

    @hookspec
    def trainer(self) -> Mapping[str, type[Trainer]]:
        """How a model is tuned on the rows."""
        ...

    @hookspec
    def benchmark(self) -> Mapping[str, type[Benchmark]]:
        """How a model is scored."""
        ...
