"""Verdicts of `magicoder score` beside those of evalplus 0.3.1's own `evaluate`, sample by sample, base and plus.

The samples are the reference solutions and several hundred programs that are nearly right (clients/mutations.py).
`HUMANEVAL_SAMPLES` and `MBPP_SAMPLES` name files with answers of a real model to be judged in the same way.
`HUMANEVAL_OVERRIDE_PATH` and `MBPP_OVERRIDE_PATH` name the data files, as they do for EvalPlus; without one its
benchmark is left out. `nox -s bench -- -k agreement` runs it; evalplus takes minutes, and 5 GB of memory for MBPP+.

A disagreement is about whether a suite of tests was passed. Each must have a reason in `REASONS`, or the test fails.
What the scorers call a program that did not pass is another matter: evalplus knows two words for it, and those are
counted and told.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import driving
import pytest
from benchmarks.clients import mutations

PEER = driving.PEERS / "evalplus"
PASS = "pass"
PATIENCE = 30
SEMANTICS = ("strict", "evalplus-0.3.1")
SUITES = ("base", "plus")
MODEL = "the answer of a model"


@dataclass(frozen=True)
class Judged:
    """A sample, one suite of its tests, and what both scorers say of it.

    ``patient`` is what evalplus says when it gives each call `PATIENCE` seconds; empty where it was not asked.
    """

    number: int
    sample: mutations.Sample
    suite: str
    theirs: str
    ours: str
    detail: str
    semantics: str
    patient: str = ""

    @property
    def agreed(self) -> bool:
        return (self.theirs == PASS) == (self.ours == PASS) and self.ours != "harness_error"

    @property
    def stricter(self) -> bool:
        """Whether evalplus alone says that it did not pass."""
        return self.ours == PASS != self.theirs


@dataclass(frozen=True)
class Reason:
    """Why the two disagree on some samples, and which of them is right."""

    name: str
    why: str
    of: Callable[[Judged], bool]


def changed(*names: str, uses: str = r"\0", strict: bool = False) -> Callable[[Judged], bool]:
    """Samples that evalplus alone fails, with one of these changes, or of a model that wrote what ``uses`` finds.

    ``strict``: by our own semantics alone.
    """

    def of(judged: Judged) -> bool:
        if strict and judged.semantics != "strict":
            return False
        by_model = judged.sample.mutation == MODEL and re.search(uses, judged.sample.solution)
        return judged.stricter and (judged.sample.mutation in names or bool(by_model))

    return of


REASONS: tuple[Reason, ...] = (
    Reason(
        "a forged comparison",
        "evalplus compares in the program's own process and believes an object that says it equals everything",
        lambda judged: judged.theirs == PASS and judged.sample.mutation == "equals everything",
    ),
    Reason(
        "find_zero",
        "evalplus 0.3.1 counts no test of HumanEval/32, so that whatever is right there fails; mended since",
        lambda judged: judged.stricter and judged.sample.task_id == "HumanEval/32",
    ),
    Reason(
        "functions taken away",
        "evalplus sets open, os.getcwd and others to None; ours isolates, and takes nothing away",
        changed("writes a file", "works in a folder", uses=r"\bopen\(|\b(os|shutil|subprocess)\.\w", strict=True),
    ),
    Reason(
        "standard input",
        "reading raises in evalplus; ours is empty",
        changed("reads its input", uses=r"\binput\(|\bstdin\b", strict=True),
    ),
    Reason(
        "memory",
        "evalplus' limit of 4 GiB, for the stack too, counts the evaluator with all expected answers in it",
        changed("takes 2 GiB in the first call", "recurses deeply"),
    ),
    Reason(
        "memory, the reference's own",
        "the same: each answer to Mbpp/255 takes 1 GB, so that whatever is right there may fail",
        lambda judged: judged.stricter and judged.sample.task_id == "Mbpp/255",
    ),
    Reason(
        "kinds of float",
        "evalplus wants equal types where a float is only near enough; ours are plain floats when they are compared",
        changed("numpy scalar, float noise 1e-9", "subclass of float"),
    ),
    Reason(
        "elapsed time",
        "evalplus 0.3.1 gives a call 1 s and a suite a minute of elapsed time, busy as the machine may be",
        lambda judged: judged.stricter and judged.patient in {PASS, "timeout"},
    ),
    Reason(
        "elapsed time, with evalplus' rules",
        "the same limits hold for ours then, and the machine was busy when its turn came; a task is left out if its own "
        "reference takes too long",
        lambda judged: judged.semantics != "strict" and judged.ours in {"timeout", "harness_error"},
    ),
)


# -- the two scorers ---------------------------------------------------------------------------------------------------


def evalplus(dataset: str, data: Path, samples: Path, *options: str) -> Mapping[str, list[tuple[str, str]]]:
    """What evalplus says: for each task the status in base and plus tests of each of its samples, in their order."""
    results = Path(str(samples).replace(".jsonl", "_eval_results.json"))
    environment = {"XDG_CACHE_HOME": str(PEER / "cache" / dataset), f"{dataset.upper()}_OVERRIDE_PATH": str(data)}
    command = [str(PEER / "bin" / "evalplus.evaluate"), "--dataset", dataset, "--samples", str(samples), *options]
    _run(command, environment)
    told = json.loads(results.read_text())["eval"]
    return {task: [(each["base_status"], each["plus_status"]) for each in found] for task, found in told.items()}


def magicoder(dataset: str, data: Path, samples: Path, semantics: str) -> Mapping[tuple[str, int], dict[str, str]]:
    """What `magicoder score` says of each sample, by its task and its number."""
    report = samples.with_name(f"{semantics}.json")
    options = ["-o", f"data={data}", "-o", f"semantics={semantics}"]
    program = Path(sys.executable).parent / "magicoder"
    _run([str(program), "score", f"{dataset}+", str(samples), "--json", str(report), "--new", *options], {})
    return {(each["task_id"], each["sample"]): each for each in json.loads(report.read_text())["verdicts"]}


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-3000:]


def beside(samples: list[mutations.Sample], theirs, ours, semantics: str) -> list[Judged]:
    """Both verdicts of each sample and suite; ``theirs`` and ``ours`` as `evalplus` and `magicoder` give them."""
    seen, found = Counter(), []
    for number, sample in enumerate(samples):
        nth = seen[sample.task_id]
        seen[sample.task_id] += 1
        mine = ours[sample.task_id, nth]
        for suite, status in zip(SUITES, theirs[sample.task_id][nth], strict=True):
            said = mine.get(f"{suite}_status", mine["status"])
            found.append(Judged(number, sample, suite, status, said, mine["detail"], semantics))
    return found


def asked_again(dataset: str, data: Path, judged: list[Judged]) -> list[Judged]:
    """``judged``, with what evalplus says of the samples that it alone fails for no known reason, given more time."""
    wanted = {each.number: each.sample for each in judged if each.stricter and not reason(each)}
    if not wanted:
        return judged
    # It wants a sample of each task.
    rest = [mutations.Sample(str(task["task_id"]), "None", "none") for task in mutations.tasks(data)]
    file = data.with_name("again.jsonl")
    file.write_text("".join(sample.line() for sample in [*wanted.values(), *rest]))
    said = {
        task: iter(found) for task, found in evalplus(dataset, data, file, "--min-time-limit", str(PATIENCE)).items()
    }
    told = {number: dict(zip(SUITES, next(said[sample.task_id]), strict=True)) for number, sample in wanted.items()}
    return [replace(each, patient=told[each.number][each.suite]) if each.number in told else each for each in judged]


def reason(judged: Judged) -> Reason | None:
    """Why the two disagree, if that is known."""
    return next((reason for reason in REASONS if reason.of(judged)), None)


# -- what is told ------------------------------------------------------------------------------------------------------


def tell(bench, title: str, judged: list[Judged]) -> list[Judged]:
    """Print how far the two agree and why they do not; returns the disagreements that have no reason."""
    apart = [(each, reason(each)) for each in judged if not each.agreed]
    bench.say(f"\n{title}: {len(judged) - len(apart)} of {len(judged)} verdicts agree")
    for known in REASONS:
        named = [each for each, why in apart if why is known]
        tasks = sorted({each.sample.task_id for each in named})
        if named:
            bench.say(f"  {len(named)} {known.name}: {known.why} ({', '.join(tasks)})")
    unnamed = [each for each, why in apart if why is None]
    for each in unnamed:
        bench.say(f"  no reason: {_line(each)}")
    words = Counter((each.theirs, each.ours) for each in judged if each.agreed and each.theirs != PASS)
    rows = [{"evalplus": theirs, "magicoder": ours, "suites": count} for (theirs, ours), count in sorted(words.items())]
    if rows:
        bench.table("What they call it where both say that it did not pass", rows)
    return unnamed


def _line(judged: Judged) -> str:
    sample = judged.sample
    said = f"evalplus {judged.theirs}, magicoder {judged.ours}"
    return f"{sample.task_id} ({sample.mutation}), {judged.suite}: {said} {judged.detail[:100]!r}"


@pytest.fixture
def place(tmp_path):
    """The data file of a benchmark, unpacked, and its tasks."""

    def found(dataset: str) -> tuple[Path, list[mutations.Task]]:
        given = os.environ.get(f"{dataset.upper()}_OVERRIDE_PATH")
        if not given or not PEER.exists():
            pytest.skip(f"needs {dataset.upper()}_OVERRIDE_PATH, and evalplus as `nox -s bench` installs it")
        data, read = tmp_path / f"{dataset}.jsonl", Path(given).read_bytes()
        data.write_bytes(gzip.decompress(read) if given.endswith(".gz") else read)
        return data, mutations.tasks(data)

    return found


def compare(bench, title: str, dataset: str, data: Path, samples: list[mutations.Sample]) -> None:
    """Judge by both and tell; fails at a disagreement without a reason."""
    file = data.with_name("samples.jsonl")
    file.write_text("".join(sample.line() for sample in samples))
    theirs = evalplus(dataset, data, file)
    unnamed = []
    for semantics in SEMANTICS:
        judged = beside(samples, theirs, magicoder(dataset, data, file, semantics), semantics)
        unnamed += tell(bench, f"{title}, semantics {semantics}", asked_again(dataset, data, judged))
    assert not unnamed, f"{len(unnamed)} disagreements without a reason, the first: {_line(unnamed[0])}"


@pytest.mark.parametrize("dataset", ["humaneval", "mbpp"])
def test_agreement_on_references_and_on_programs_that_are_nearly_right(dataset, bench, place):
    data, tasks = place(dataset)
    samples = [*mutations.references(tasks), *mutations.mutants(tasks, bench.scaled(500))]
    compare(bench, f"{dataset}+, {len(samples)} programs", dataset, data, samples)


@pytest.mark.parametrize("dataset", ["humaneval", "mbpp"])
def test_agreement_on_the_answers_of_a_model(dataset, bench, place):
    given = os.environ.get(f"{dataset.upper()}_SAMPLES")
    if not given:
        pytest.skip(f"{dataset.upper()}_SAMPLES names no file with answers of a model")
    data, tasks = place(dataset)
    prompts = {str(task["task_id"]): str(task["prompt"]) for task in tasks}
    samples = [
        mutations.Sample(each["task_id"], each.get("solution") or prompts[each["task_id"]] + each["completion"], MODEL)
        for each in map(json.loads, Path(given).read_text().splitlines())
    ]
    compare(bench, f"{dataset}+, answers in {Path(given).name}", dataset, data, samples)
