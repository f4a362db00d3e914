"""The benchmarks that rows are compared with, as their providers give them."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from magicoder_core import Benchmark, RunError, find
from magicoder_quality.analysis.similarity import Items

_IDENTITY = ("data", "data_version", "sha256")


def items(entry: str) -> Items:
    """A benchmark's problems, each as its prompt, a blank and its reference solution (without the prompt before it).

    ``entry`` is ``NAME``, or ``NAME=PATH`` with its data in a local file or folder.

    Raises:
        RecipeError: there is no benchmark of that name.
        RunError: its data are not to be had, or it has no problems.
    """
    name, equals, path = entry.partition("=")
    name = name.strip()
    made = cast("type[Benchmark]", find("benchmark", name))
    benchmark = made(data=Path(path.strip())) if equals else made()
    solutions = {submission.problem_id: submission.code for submission in benchmark.references()}
    problems = list(benchmark.problems())
    if not problems:
        raise RunError(f"--against {name}: the benchmark has no problems; leave it out")
    texts = [f"{item.prompt} {solutions.get(item.id, '').removeprefix(item.prompt)}" for item in problems]
    known = {key: value for key, value in benchmark.provenance().items() if key in _IDENTITY}
    return Items(name, [item.id for item in problems], texts, known)
