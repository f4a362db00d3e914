"""The pytest plugin that comes with the package: fixtures, and readable failures of the contracts' assertions.

Our own modules are imported within the fixtures: pytest loads this file before it can rewrite assertions and before
coverage is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from magicoder_core.records import Instruction, Snippet

_CONTRACTS = ("providers", "seed_sources", "methods", "teachers", "filters", "trainers", "benchmarks")

pytest.register_assert_rewrite(*(f"magicoder_core.testing.{name}" for name in _CONTRACTS))


@pytest.fixture
def magicoder_snippet() -> Snippet:
    """A short snippet of Python with its origin."""
    from magicoder_core.testing import fakes

    return fakes.snippet()


@pytest.fixture
def magicoder_instruction() -> Instruction:
    """A problem with its solution, made of `magicoder_snippet`."""
    from magicoder_core.testing import fakes

    return fakes.instruction()
