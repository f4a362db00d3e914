"""Reports as `magicoder score --json` and the stage `evaluate` write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import scoring

SIX = {"java": 158, "js": 161, "cpp": 161, "php": 161, "swift": 158, "rs": 156}
LIBRARIES = {
    "Matplotlib": 155,
    "Numpy": 220,
    "Pandas": 291,
    "Pytorch": 68,
    "Scipy": 106,
    "Sklearn": 115,
    "Tensorflow": 45,
}


def metrics(passed: int, tasks: int, *, prefix: str = "", samples: int = 1) -> dict[str, Any]:
    """The metrics of so many tasks, of which so many are solved by every sample."""
    results = {str(number): [number < passed] * samples for number in range(tasks)}
    return {f"{prefix}{name}": value for name, value in scoring.summary(results).items()}


def counted(passed: int, tasks: int, **more: Any) -> dict[str, Any]:
    statuses = {"fail": tasks - passed, "pass": passed}
    return {**metrics(passed, tasks, **more), "statuses": {name: number for name, number in statuses.items() if number}}


def unjudged(tasks: int) -> dict[str, Any]:
    return {"statuses": {"harness_error": tasks}}


def made(benchmark: str, found: dict[str, Any], versions: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A report as it is written."""
    return {
        "benchmark": benchmark,
        "metrics": found,
        "versions": {
            "magicoder-core": "0.1.0",
            "python": "3.11.7",
            "subset": "all problems",
            "isolation": "bubblewrap",
            "data": f"{benchmark}.jsonl.gz",
            "sha256": "ab" * 32,
            "semantics": "strict",
            **(versions or {}),
        },
        "isolation": "bubblewrap",
        "decoding": {},
        "broken": [],
        "self_test": {"references": 164, "mistakes": 3},
        "harness_errors": 0,
        **more,
    }


def python(passed: int = 100, plus: int = 90, tasks: int = 164, benchmark: str = "humaneval+", **more: Any) -> dict:
    """A report of base and plus tests."""
    return made(benchmark, {**counted(plus, tasks), **metrics(passed, tasks, prefix="base ")}, **more)


def grouped(benchmark: str, groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A report by groups; those that are numbers of (passed, tasks) were judged, others were not."""
    parts = {name: counted(*found) if isinstance(found, tuple) else unjudged(found) for name, found in groups.items()}
    judged = [found for found in groups.values() if isinstance(found, tuple)]
    whole = counted(sum(passed for passed, _ in judged), sum(tasks for _, tasks in judged))
    whole["statuses"]["harness_error"] = sum(found for found in groups.values() if not isinstance(found, tuple))
    return made(benchmark, whole, groups=parts, **more)


@dataclass(frozen=True)
class Desk:
    """A folder to put reports into."""

    folder: Path

    def file(self, name: str, report: Any) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report if isinstance(report, str) else json.dumps(report))
        return str(path)

    def run(self, name: str, reports: dict[str, Any], *, status: str = "done", trained: bool = False, **facts: Any):
        """A run directory with reports at such places, as ``humaneval/baseline``."""
        for place, report in reports.items():
            self.file(f"{name}/{place}/report.json", report)
        output = {f"{place}/report.json": "0" for place in reports}
        stages = {"train": {"status": "done"}} if trained else {}
        stages["evaluate"] = {"status": status, "counts": {}, "seconds": 1.0, "output": output}
        return str(Path(self.file(f"{name}/run.json", {"name": name, "stages": stages, **facts})).parent)
