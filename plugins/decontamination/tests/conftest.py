"""What the tests share: a benchmark of a third party, and rows."""

from pathlib import Path

import pytest

from magicoder_core import plugins
from magicoder_core.testing import instruction

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def bench_file():
    return HERE / "plain_bench.py"


@pytest.fixture
def towers(bench_file):
    """The benchmark `towers` is there, as if its plugin were installed."""
    plugins.use([bench_file])
    yield
    plugins.use([])


@pytest.fixture(scope="session")
def bench(bench_file):
    """The module of that benchmark, for its texts."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("plain_bench_texts", bench_file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def row():
    def made(problem="Write a program that greets people by their names.", solution="print('hello')", tests=None):
        return instruction(problem, solution) if tests is None else _with_tests(problem, solution, tests)

    return made


def _with_tests(problem, solution, tests):
    from dataclasses import replace

    return replace(instruction(problem, solution), tests=tests)
