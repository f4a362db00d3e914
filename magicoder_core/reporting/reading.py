"""Scores of other commands, found again: files of `magicoder score --json`, and the reports in run directories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.judging.words import short
from magicoder_core.rundir import CELLS, RunDirectory

_REPORT = "report.json"
_ENDS = ("value", "low", "high", "tasks")
_NO_REPORT = "`magicoder score BENCHMARK SAMPLES --json FILE` writes one"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One report, and the row that it is for.

    Args:
        row: equal for scores of the same model, where that is known.
        name: as the row is shown.
        path: the file.
        report: its JSON, without the verdicts.
    """

    row: str
    name: str
    path: Path
    report: Mapping[str, Any]

    @property
    def benchmark(self) -> str:
        """The benchmark's name."""
        return str(self.report["benchmark"])

    @property
    def versions(self) -> Mapping[str, str]:
        """Data, semantics and software, as the report has them."""
        return self.report["versions"]  # type: ignore[no-any-return]  # looked at when it was read

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        """The metrics of each group of problems."""
        return self.report.get("groups") or {}

    @property
    def decoding(self) -> Mapping[str, Any]:
        """How the answers were drawn; empty where samples were scored that came from elsewhere."""
        return self.report.get("decoding") or {}

    @property
    def broken(self) -> Mapping[str, str]:
        """Tasks that could not be judged, each with the reason."""
        return {item["task_id"]: item["reason"] for item in self.report.get("broken") or ()}

    @property
    def missing(self) -> tuple[str, ...]:
        """Tasks for which there was no sample."""
        return tuple((self.report.get("samples") or {}).get("missing") or ())


def scores(given: Iterable[str]) -> list[Score]:
    """The scores that are meant by ``PATH`` or ``NAME=PATH``: report files, run directories, matrices of runs.

    Scores of one NAME share a row; so do those of one model of a run.

    Raises:
        RunError: there is no score at one of them; the message names it.
    """
    found: list[Score] = []
    for item in given:
        name, path = _parted(item)
        made = list(_of_directory(path, name)) if path.is_dir() else [_of_file(path, name)]
        if not made:
            raise RunError(f"{path}: this run has scored nothing; give its recipe a [[benchmark]]")
        found += made
    return found


def _parted(given: str) -> tuple[str, Path]:
    """Name and path; what exists as it stands is a path alone, since directories of a matrix have an equals sign."""
    name, equals, path = given.partition("=")
    if Path(given).exists() or not equals:
        return "", Path(given)
    if not name.strip() or not path:
        raise RunError(f"'{given}': write NAME=PATH, or the path of a report or a run directory alone")
    return name.strip(), Path(path)


def _of_file(path: Path, name: str) -> Score:
    report = _read(path)
    shown = name or str(report["versions"].get("model") or path.stem)
    return Score(row=(name and f"name {name}") or f"file {path.resolve()}", name=short(shown), path=path, report=report)


def _of_directory(path: Path, name: str, cell: str = "") -> Iterator[Score]:
    """The scores of a run, by benchmark and model; or those of all runs of a matrix, each the cell of that name."""
    if not (path / "run.json").is_file():
        raise RunError(f"{path}: no run here (no run.json); name a run directory or the report's own file")
    run = RunDirectory(path)
    if cells := run.facts.get(CELLS):
        for below in cells:
            if (path / below / "run.json").is_file():
                yield from _of_directory(path / below, name, below)
        return
    stage = run.stages.get("evaluate")
    if stage is not None and stage["status"] != "done":
        raise RunError(
            f"{path}: its stage evaluate is {stage['status']}, not done; run the same command again, or name the "
            f"reports that count, as {path}/<benchmark>/{_REPORT}"
        )
    made = [file for file in (stage or {}).get("output", {}) if Path(file).name == _REPORT]
    alone = len({_model(file) for file in made}) == 1
    for file in made:
        yield _of_run(run, file, (name, cell), alone=alone)


def _model(file: str) -> str:
    """Whose report it is, by its place: a baseline's or an earlier trainer's; empty for the run's last model."""
    return " ".join(Path(file).parent.parts[1:])


def _of_run(run: RunDirectory, file: str, names: tuple[str, str], *, alone: bool) -> Score:
    """One report of a run; ``names`` are the one that was given to it and its cell's in a matrix."""
    report = _read(run / file)
    given, cell = names
    tuned = "train" in run.stages
    label = _model(file) or ("tuned" if tuned else "model")
    whose = " ".join(filter(None, (given, cell))) or str(run.facts.get("name", run.path.name))
    shown = f"{whose} {label}"
    if alone and (given or cell):
        shown = whose
    elif alone and not tuned:
        shown = str(report["versions"].get("model") or shown)
    row = f"name {shown}" if given else f"run {run.path.resolve()} {label}"
    return Score(row=row, name=short(shown), path=run / file, report=report)


def _read(path: Path) -> dict[str, Any]:
    """A report, looked at as far as it is used.

    Raises:
        RunError: there is none, or it is none.
    """
    if not path.is_file():
        raise RunError(f"{path}: no such report or run directory; {_NO_REPORT}")
    try:
        report = jsonl.decoded(path.read_bytes())
    except ValueError as error:
        raise RunError(f"{path}: no report: not JSON ({error}); {_NO_REPORT}") from error
    if problem := _problem(report):
        raise RunError(f"{path}: no report: {problem}; {_NO_REPORT}")
    report.pop("verdicts", None)
    return dict(report)


def _problem(report: Any) -> str:
    """What makes it no report; empty if nothing does."""
    if not isinstance(report, dict):
        return f"a JSON object was expected, not {type(report).__name__}"
    for key, kind in (("benchmark", str), ("metrics", dict), ("versions", dict)):
        if not isinstance(report.get(key), kind):
            return f"its '{key}' is {'missing' if key not in report else f'no {kind.__name__}'}"
    if not isinstance(groups := report.get("groups") or {}, dict):
        return "its 'groups' are no object"
    places = {"metrics": report["metrics"], **{f"groups.{name}": metrics for name, metrics in groups.items()}}
    return next((problem for place, metrics in places.items() if (problem := _wrong(place, metrics))), "")


def _wrong(place: str, metrics: Any) -> str:
    if not isinstance(metrics, dict):
        return f"its '{place}' is no object"
    for name, metric in metrics.items():
        if name == "statuses":
            if not isinstance(metric, dict):
                return f"its '{place}.statuses' is no object"
        elif not isinstance(metric, dict) or not all(isinstance(metric.get(end), int | float) for end in _ENDS):
            return f"its '{place}.{name}' has no numbers {', '.join(_ENDS)}"
    return ""
