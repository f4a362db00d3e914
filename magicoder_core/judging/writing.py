"""What a scoring leaves: the report with all verdicts as one JSON document, and the official scorer's results file.

Both are written in a stream and whole or not at all: there may be many verdicts, and each has its program.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from magicoder_core import jsonl
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import RunError, attributed
from magicoder_core.judging.report import verdict_row
from magicoder_core.judging.samples import Sample, Samples
from magicoder_core.recipe import Bound
from magicoder_core.records import Submission, Verdict


def write_report(path: Path, report: Mapping[str, Any], verdicts: Iterable[Verdict]) -> None:
    """Write ``report`` with ``verdicts`` as its last key, one verdict a line."""
    head = json.dumps(report, indent=2, ensure_ascii=True).removesuffix("\n}")
    with jsonl.whole(path) as out:
        out.write(f'{head},\n  "verdicts": ['.encode())
        for number, verdict in enumerate(verdicts):
            out.write(b",\n    " if number else b"\n    ")
            out.write(jsonl.encoded(verdict_row(verdict)))
        out.write(b"\n  ]\n}\n")


def has_results_file(benchmark: Benchmark) -> bool:
    """Whether the benchmark can write results as its official scorer does."""
    return type(benchmark).results_file is not Benchmark.results_file


def results_path(samples: Path, benchmark: Benchmark) -> Path:
    """Where the official scorer would put its results: beside the samples' file, or within their folder."""
    if samples.is_dir():
        return samples / benchmark.results_suffix.removeprefix(".jsonl").lstrip("_.")
    return samples.with_name(samples.name.removesuffix(".gz").removesuffix(".jsonl") + benchmark.results_suffix)


def write_results(path: Path, bound: Bound[Benchmark], samples: Samples, verdicts: Iterable[Verdict]) -> None:
    """Write the official scorer's results file.

    Args:
        path: the file.
        bound: the benchmark.
        samples: all that were judged.
        verdicts: one for each sample, in the same order.

    Raises:
        RunError: the benchmark cannot make it.
    """
    with TemporaryFile(prefix="magicoder-") as spool, jsonl.whole(path) as out, attributed("benchmark", bound.name):
        if bound.provider.results_by_task:
            judged = _grouped(spool, _spooled(spool, samples, verdicts), samples.tasks)
        else:
            judged = _in_order(samples, verdicts)
        written = 0
        for piece in bound.provider.results_file(judged):
            written += out.write(piece.encode("utf-8", "backslashreplace"))
        if not written:
            raise RunError(f"{bound.name}: has no results file of an official scorer; leave the option out")


def _in_order(samples: Iterable[Sample], verdicts: Iterable[Verdict]) -> Iterator[tuple[Submission, Verdict]]:
    for sample, verdict in zip(samples, verdicts, strict=True):
        yield Submission(problem_id=sample.task_id, code=sample.code or "", sample=sample.number), verdict


def _spooled(spool: BinaryIO, samples: Iterable[Sample], verdicts: Iterable[Verdict]) -> Mapping[str, array[int]]:
    """Put each program with its verdict into a file; gives their places by task.

    A task's samples may stand anywhere among the others', and a packed file cannot be read from the middle.
    """
    places: dict[str, array[int]] = {}
    for sample, verdict in zip(samples, verdicts, strict=True):
        places.setdefault(sample.task_id, array("q")).append(spool.tell())
        spool.write(json.dumps([sample.code or "", verdict.to_dict()]).encode("ascii") + b"\n")
    return places


def _grouped(
    spool: BinaryIO, places: Mapping[str, array[int]], tasks: Iterable[str]
) -> Iterator[tuple[Submission, Verdict]]:
    for task in tasks:
        for place in places.get(task, ()):
            spool.seek(place)
            code, row = json.loads(spool.readline())
            verdict = Verdict.from_dict(row)
            yield Submission(problem_id=task, code=code, sample=verdict.sample), verdict
