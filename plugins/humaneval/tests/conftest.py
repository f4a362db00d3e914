"""What several of these suites need: data of one's own, and their verdicts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from magicoder_humaneval import HumanEval

from magicoder_core import Submission, Verdict, sandbox

RECORD = {
    "task_id": "Own/0",
    "prompt": "def one():\n    ''' The number one. '''\n",
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


@pytest.fixture
def record() -> dict[str, str]:
    """A task of one's own."""
    return dict(RECORD)


@pytest.fixture
def boxed() -> None:
    """Leave a test out where programs cannot be kept apart."""
    if sandbox.probe().level != "bubblewrap":
        pytest.skip(f"no bubblewrap: {sandbox.probe()}")


@pytest.fixture
def own(tmp_path: Path, boxed: None) -> Callable[..., HumanEval]:
    """A benchmark of one's own data: one task, `RECORD` but for the changes."""

    def made(**changes: str) -> HumanEval:
        path = tmp_path / "own.jsonl"
        path.write_text(json.dumps({**RECORD, **changes}))
        return HumanEval(data=path, cpu_seconds=1)

    return made


@pytest.fixture
def function(own: Callable[..., HumanEval]) -> Callable[[str, str], HumanEval]:
    """A benchmark of one task: the body of ``f(x)`` and, of its tests, the body of ``check(candidate)``."""

    def made(solution: str, test: str, head: str = "def f(x):") -> HumanEval:
        lines = "".join(f"    {line}\n" for line in test.splitlines())
        return own(
            prompt=f"{head}\n    '''What f does.'''\n",
            canonical_solution="".join(f"    {line}\n" for line in solution.splitlines()),
            test=f"def check(candidate):\n{lines}",
            entry_point="f",
        )

    return made


@pytest.fixture
def judged() -> Callable[..., list[Verdict]]:
    """The verdicts of a benchmark of one's own data on programs."""

    def verdicts(benchmark: HumanEval, *programs: str) -> list[Verdict]:
        submissions = [Submission(problem_id="Own/0", code=code, sample=n) for n, code in enumerate(programs)]
        found = list(benchmark.judge(submissions))
        assert [verdict.sample for verdict in found] == list(range(len(programs)))
        return found

    return verdicts
