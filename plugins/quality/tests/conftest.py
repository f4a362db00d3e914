"""What several of these suites need: rows, and their judgements."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from magicoder_core import Filter, Instruction, Judgement, sandbox
from magicoder_core.testing import instruction


@pytest.fixture
def boxed() -> None:
    """Leave a test out where programs cannot be kept apart."""
    if sandbox.probe().level != "bubblewrap":
        pytest.skip(f"no bubblewrap: {sandbox.probe()}")


@pytest.fixture
def row() -> Callable[..., Instruction]:
    """A row whose solution is one block of code, with tests or without."""

    def made(code: str, tests: str | None = None, language: str = "python", problem: str = "Do it.") -> Instruction:
        return replace(instruction(problem, f"```{language}\n{code}\n```", language), tests=tests)

    return made


@pytest.fixture
def judged() -> Callable[[Filter, Instruction], Judgement]:
    """A filter's judgement of one row."""

    def one(subject: Filter, row: Instruction) -> Judgement:
        (judgement,) = subject.judge([row])
        return judgement

    return one
