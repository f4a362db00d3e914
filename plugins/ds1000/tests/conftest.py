"""What several of these suites need: the other Python, and a benchmark of problems of our own under it.

``MAGICODER_DS1000_PYTHON`` names a Python with all seven libraries. Without it the Python that runs the tests serves,
with as many of the libraries as it has.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import ds1000_problems
import pytest
from ds1000_problems import PYTHON
from magicoder_ds1000 import Ds1000
from magicoder_ds1000.interpreter import Interpreter, look
from magicoder_ds1000.libraries import LIBRARIES

from magicoder_core import Submission, Verdict, progress, sandbox


@pytest.fixture(autouse=True)
def no_data_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data of whoever runs the tests."""
    monkeypatch.delenv("DS1000_PATH", raising=False)


@pytest.fixture
def said():
    """The lines that are said, as they come."""
    lines = []

    class Listener(progress.Silent):
        def say(self, line):
            lines.append(line)

    with progress.reporting(Listener()):
        yield lines


@pytest.fixture(scope="session")
def interpreter() -> Interpreter:
    """The other Python."""
    return look(PYTHON)


@pytest.fixture
def boxed() -> None:
    """Leave a test out where programs cannot be kept apart."""
    if sandbox.probe().level != "bubblewrap":
        pytest.skip(f"no bubblewrap: {sandbox.probe()}")


@pytest.fixture
def has(interpreter: Interpreter, boxed: None) -> Callable[[str], None]:
    """Leave a test out where a library is missing."""

    def look_for(library: str) -> None:
        if missing := interpreter.missing(LIBRARIES[library]):
            pytest.skip(f"{' and '.join(missing)} is not installed for {PYTHON}; MAGICODER_DS1000_PYTHON names another")

    return look_for


@pytest.fixture
def judged() -> Callable[..., list[Verdict]]:
    """The verdicts on answers to one problem."""

    def verdicts(benchmark: Ds1000, name: str, *answers: str) -> list[Verdict]:
        given = [Submission(problem_id=name, code=code, sample=number) for number, code in enumerate(answers)]
        found = list(benchmark.judge(iter(given)))
        assert [verdict.sample for verdict in found] == list(range(len(answers)))
        return found

    return verdicts


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The problems of a library as the older tree, with pickles that the other Python makes once."""

    @cache
    def tree_of(library: str) -> Path:
        problems = [one for one in ds1000_problems.PROBLEMS if one.library == library]
        return ds1000_problems.tree(tmp_path_factory.mktemp(library), problems, str(PYTHON))

    return tree_of
