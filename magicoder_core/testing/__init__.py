"""The conformance kit for plugin authors: one contract class for each hook, and fakes to test with.

    from magicoder_core.testing import TeacherContract
    from magicoder_parrot import Parrot

    class TestParrot(TeacherContract):
        provider = Parrot()

That is all: pytest collects every test of the contract. Each contract's docstring says what else it can be told.
The contracts need pytest, which the core does not depend on; the fakes (`ScriptedAsk`, `snippet`, `instruction`,
`training_data`) need nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magicoder_core.testing.benchmarks import BenchmarkContract
    from magicoder_core.testing.fakes import ScriptedAsk, instruction, snippet, training_data
    from magicoder_core.testing.filters import FilterContract
    from magicoder_core.testing.methods import MethodContract
    from magicoder_core.testing.providers import HEAVY, ProviderContract
    from magicoder_core.testing.seed_sources import SeedSourceContract
    from magicoder_core.testing.teachers import TeacherContract
    from magicoder_core.testing.trainers import TrainerContract

__all__ = [
    "HEAVY",
    "BenchmarkContract",
    "FilterContract",
    "MethodContract",
    "ProviderContract",
    "ScriptedAsk",
    "SeedSourceContract",
    "TeacherContract",
    "TrainerContract",
    "instruction",
    "snippet",
    "training_data",
]

_HOMES = {
    "BenchmarkContract": "benchmarks",
    "FilterContract": "filters",
    "HEAVY": "providers",
    "MethodContract": "methods",
    "ProviderContract": "providers",
    "ScriptedAsk": "fakes",
    "SeedSourceContract": "seed_sources",
    "TeacherContract": "teachers",
    "TrainerContract": "trainers",
    "instruction": "fakes",
    "snippet": "fakes",
    "training_data": "fakes",
}


def __getattr__(name: str) -> Any:
    """Import a name on use: pytest loads this package for its plugin before it can rewrite our assertions."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
