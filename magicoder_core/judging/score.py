"""`magicoder score`: any model's samples, judged by one benchmark.

The samples are read twice: once to know that all is there, before anything is spent, and once to judge them. Verdicts
go to ``<samples>.<benchmark>.verdicts.jsonl`` as they come (see `ledger`), so that whatever stops a scoring, the next
one goes on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, plugins, progress, recipe, sandbox
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import RunError, attributed
from magicoder_core.judging.environment import facts
from magicoder_core.judging.judge import judge
from magicoder_core.judging.ledger import Ledger
from magicoder_core.judging.outputs import check_outputs
from magicoder_core.judging.report import make_report
from magicoder_core.judging.samples import Samples, Survey
from magicoder_core.judging.selftest import self_test
from magicoder_core.judging.words import named
from magicoder_core.judging.writing import has_results_file, results_path, write_report, write_results
from magicoder_core.models import cache_dir
from magicoder_core.recipe import Bound
from magicoder_core.records import Report
from magicoder_core.scoring import Tally

_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to score and what to write.

    Args:
        benchmark: its name.
        samples: a file or a folder, see `Samples`.
        options: the benchmark's, as ``name=value``.
        report: where the report with all verdicts goes, if it is wanted.
        results: where the official scorer's results file goes; its own place if only ``official`` is true.
        official: whether that file is wanted.
        incomplete: score although samples of some tasks are missing; these tasks are left out.
        weak: allow programs to run with limits alone.
        new: judge everything again.
    """

    benchmark: str
    samples: Path
    options: Sequence[str] = ()
    report: Path | None = None
    results: Path | None = None
    official: bool = False
    incomplete: bool = False
    weak: bool = False
    new: bool = False


@dataclass(frozen=True, kw_only=True)
class Score:
    """What came out: the report, the count behind it, what the file held, how much was known, what was written."""

    report: Report
    tally: Tally
    survey: Survey
    missing: Sequence[str]
    known: int
    written: Sequence[Path] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report, how fast the machine was, and what the file held, as plain JSON values."""
        held = {"judged": self.survey.total, "unknown": self.survey.unknown.total(), "missing": list(self.missing)}
        machine = {"speed": sandbox.speed(), "cpu_seconds": round(self.tally.cpu_seconds, 2)}
        return self.report.to_dict() | {"machine": machine, "samples": held}


def score(wish: Wish) -> Score:
    """Judge samples and write what is wished for.

    Raises:
        RecipeError: no such benchmark, or a wrong option.
        RunError: the samples cannot be read, tasks are missing, the self-test fails, or no program can be judged.
        SandboxError: programs cannot be isolated here.
    """
    bound = _bound(wish)
    with sandbox.weak_isolation(wish.weak), sandbox.standby(), _unchanged(wish.samples):
        sandbox.required()
        with attributed("benchmark", bound.name):
            bound.provider.check()
        place = _ledger(wish)
        check_outputs(_outputs(wish, bound), [wish.samples, place, *bound.provider.inputs().values()])
        samples = _samples(bound, wish.samples)
        survey = samples.survey()
        missing = _complete(bound.name, wish, survey, samples.tasks)
        test = self_test(bound, survey.known)
        with Ledger(place, facts(bound), new=wish.new) as ledger:
            if ledger.known:
                progress.say(f"{ledger.path}: {ledger.known} verdicts are known from before; --new judges all again")
            known = judge(
                bound, samples, ledger, total=survey.total, broken=test.broken, label=f"{bound.name}, {wish.samples}"
            )
            tally = Tally(samples.groups)
            for verdict in ledger.first(survey.total):
                tally.add(verdict)
            report = make_report(bound, tally, test, _facts(wish, samples.tasks, missing))
            made = Score(report=report, tally=tally, survey=survey, missing=missing, known=known)
            written = list(_write(wish, bound, made, samples, ledger))
    return replace(made, written=written)


def _bound(wish: Wish) -> Bound[Benchmark]:
    """The benchmark with its options.

    Raises:
        RecipeError: there is none of that name, or an option is wrong.
        RunError: it is to write a file that it has not.
    """
    bound: Bound[Benchmark] = recipe.single(plugins.catalogue(), "benchmark", wish.benchmark, wish.options)
    if (wish.official or wish.results) and not has_results_file(bound.provider):
        raise RunError(
            f"{bound.name}: has no results file of an official scorer; leave --eval-results and --results out"
        )
    return bound


def _samples(bound: Bound[Benchmark], path: Path) -> Samples:
    """The samples of the tasks that count."""
    with attributed("benchmark", bound.name):
        problems = {problem.id: problem for problem in bound.provider.problems()}
    chosen = dict(islice(problems.items(), bound.provider.limit))
    return Samples(path, bound.provider, chosen, problems.keys() - chosen.keys())


def _complete(name: str, wish: Wish, survey: Survey, tasks: Sequence[str]) -> list[str]:
    """Tell of unknown tasks; gives the missing ones.

    Raises:
        RunError: some are missing and must not be, or there is nothing to score.
    """
    if survey.unknown:
        progress.say(
            f"{wish.samples}: {survey.unknown.total()} samples of {len(survey.unknown)} tasks that {name} does not "
            f"have are left out: {named(survey.unknown, _NAMED)}"
        )
    if not survey.total:
        others = f"but for others, as {next(iter(survey.unknown))}" if survey.unknown else "because it is empty"
        raise RunError(
            f"{wish.samples}: no sample for a task of {name}, as {tasks[0] if tasks else 'none'}, {others}; "
            "give the samples of this benchmark, or name theirs"
        )
    missing = [task for task in tasks if task not in survey.known]
    if missing and not wish.incomplete:
        raise RunError(
            f"{wish.samples}: no sample for {len(missing)} of {len(tasks)} tasks of {name}: {named(missing, _NAMED)}; "
            "add them, or score the others alone with --incomplete"
        )
    return missing


def _outputs(wish: Wish, bound: Bound[Benchmark]) -> dict[str, Path]:
    """What will be written, by the option that asks for it."""
    found = {"--json": wish.report} if wish.report else {}
    if wish.official or wish.results:
        option = "--results" if wish.results else "--eval-results"
        found[option] = wish.results or results_path(wish.samples, bound.provider)
    return found


def _ledger(wish: Wish) -> Path:
    """Where verdicts are written down: beside the samples, or in the cache where nothing can be written there."""
    samples = wish.samples.resolve() if wish.samples.name in {"", ".."} else wish.samples
    beside = samples.with_name(f"{samples.name}.{wish.benchmark}.verdicts.jsonl")
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    place = hashlib.sha256(str(beside.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    kept = cache_dir() / "verdicts" / f"{place}-{beside.name}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    progress.say(f"{beside.parent} cannot be written to; verdicts go to {kept}")
    return kept


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    """Within the block the samples must stay as they are: what was counted is what is scored.

    Raises:
        RunError: there are none; or, when the block ends, they did not stay so.
    """
    before = _state(path)
    try:
        yield
    except RunError as error:
        if _state(path) == before:
            raise
        raise RunError(_changed(path)) from error
    if _state(path) != before:
        raise RunError(_changed(path))


def _state(path: Path) -> object:
    if path.is_dir():
        return None  # what is written into it may be ours
    if not path.is_file():
        raise RunError(f"{path}: {'no regular file' if path.exists() else 'no such file or folder'} of samples")
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _changed(path: Path) -> str:
    return f"{path}: was changed while it was scored; run the same command again"


def _facts(wish: Wish, tasks: Sequence[str], missing: Sequence[str]) -> dict[str, str]:
    """What stands beside the versions: who these samples are, and that some are not there."""
    there = len(tasks) - len(missing)
    subset = {"subset": f"{there} of {len(tasks)} problems: the others have no sample"} if missing else {}
    return {"samples": jsonl.digest(wish.samples), **subset}


def _write(wish: Wish, bound: Bound[Benchmark], made: Score, samples: Samples, ledger: Ledger) -> Iterator[Path]:
    """Write what is wished for; gives the files."""
    for option, path in _outputs(wish, bound).items():
        if option == "--json":
            write_report(path, made.to_dict(), ledger.first(made.survey.total))
        else:
            write_results(path, bound, samples, ledger.first(made.survey.total))
        yield path
