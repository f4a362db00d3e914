"""Rows of our own, right, wrong and hostile, made to programs and judged with each language's real tools.

``MAGICODER_TEST_DATA`` names the folder that has `multipl-e`, else it is looked for beside the repository; without it, the
rows of the one problem that is in `own_add.jsonl` are judged. ``MAGICODER_TEST_LANGUAGES`` (``cpp,java``) names languages whose
tools must be here, and whose rows are all judged; without it, a few quick ones are, of all languages whose tools are here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from magicoder_multipl_e import MultiPLE, toolchains
from magicoder_multipl_e.languages.model import Kit

from magicoder_core import Problem, Submission, Verdict

HERE = Path(__file__).parent
REAL = Path(os.environ.get("MAGICODER_TEST_DATA") or HERE.parents[3] / "shared" / "data") / "multipl-e"
NAMED = frozenset(filter(None, os.environ.get("MAGICODER_TEST_LANGUAGES", "").split(",")))

Row = Mapping[str, Any]


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Iterator[None]:
    """One cache of headers and libraries for all rows: they take seconds to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAGICODER_CACHE", str(tmp_path_factory.mktemp("kept")))
        yield


@dataclass(frozen=True)
class Bench:
    """A language whose tools are here, and the records there are of it."""

    language: str
    kit: Kit
    data: Path
    problems: Mapping[str, Problem]
    all_rows: bool

    def rows(self, folder: str) -> list[Row]:
        """The rows of a folder whose problems there are; not empty."""
        lines = (HERE / folder / f"{self.language}.jsonl").read_text("utf-8").splitlines()
        rows = [row for row in map(json.loads, lines) if row["name"] in self.problems]
        assert rows, f"{folder}/{self.language}.jsonl has no row of a known problem"
        return rows

    def judged(self, rows: Sequence[Row], *, cpu_scale: float) -> list[Verdict]:
        """The verdicts on rows with ``completion`` or ``solution``, in order, in one call."""
        benchmark = MultiPLE(data=self.data, languages=(self.language,), cpu_scale=cpu_scale, cache=False)
        submissions = []
        for place, row in enumerate(rows):
            problem = self.problems[row["name"]]
            whole = "solution" in row
            made = (
                benchmark.solved(problem, row["solution"]) if whole else benchmark.completed(problem, row["completion"])
            )
            submissions.append(Submission(problem_id=problem.id, sample=place, code=made))
        return list(benchmark.judge(submissions))


@pytest.fixture
def bench(kept: None) -> Callable[[str], Bench]:
    """Makes the bench of a language; skips where its tools are not here, and fails if they must be."""

    def made(language: str) -> Bench:
        if NAMED and language not in NAMED:
            pytest.skip(f"MAGICODER_TEST_LANGUAGES does not name {language}")
        found = toolchains.probe(language)
        if not isinstance(found, Kit):
            (pytest.fail if language in NAMED else pytest.skip)(found.message)
        real = (REAL / f"humaneval-{language}-reworded.jsonl").is_file()
        data = REAL if real else HERE / "own_add.jsonl"
        problems = {
            problem.id.partition("/")[2]: problem for problem in MultiPLE(data=data, languages=(language,)).problems()
        }
        return Bench(language, found, data, problems, all_rows=language in NAMED)

    return made
