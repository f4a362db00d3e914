"""Runs in words: a line for each stage, the scores, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from magicoder_core import jsonl
from magicoder_core.rundir import RunDirectory
from magicoder_core.stages import Result, Run

_SHOWN = {
    "seeds": ("snippets.jsonl",),
    "generate": ("instructions.jsonl",),
    "filter": ("kept.jsonl",),
    "train": ("checkpoint/",),
    "evaluate": (),
}
_NAMED = 5
"""Broken tasks that are named; the report names all of them."""


def stage_line(result: Result) -> str:
    """One line: the stage, what it counted, how long it took, or that it had been done before."""
    when = "done before" if result.reused else f"{result.seconds:.1f} s"
    files = "".join(f"  {name}" for name in _SHOWN.get(result.stage, ()))
    return f"{result.stage:<9} {counted(result.stage, result.counts):<58} {when:>11}{files}"


def counted(stage: str, counts: Mapping[str, Any]) -> str:
    """A stage's counts in words."""
    return _WORDS[stage](counts) if stage in _WORDS and counts else ""


def _seeds(counts: Mapping[str, Any]) -> str:
    return f"{counts['snippets']} snippets"


def _generate(counts: Mapping[str, Any]) -> str:
    failed = sum(counts["failed"].values())
    pace = f", {counts['tokens_per_second']:.0f} tokens/s" if counts.get("tokens_per_second") else ""
    money = f", {counts['usd']:.4f} USD" if counts.get("usd") else ""
    again = f", {counts['replayed']} from the journal" if counts.get("replayed") else ""
    again += f", {counts['cached']} from the cache" if counts.get("cached") else ""
    why = f" ({', '.join(f'{number} {reason}' for reason, number in counts['failed'].items())})" if failed else ""
    return f"{counts['rows']} rows, {failed} failed{why}; {counts['asked']} asked{again}{money}{pace}"


def _filter(counts: Mapping[str, Any]) -> str:
    why = f" ({', '.join(f'{number} {reason}' for reason, number in counts['rejected'].items())})"
    flagged = sum(counts.get("flagged", {}).values())
    flags = f", flags: {flagged}" if flagged else ""
    return f"{counts['kept']} of {counts['rows']} rows kept{why if counts['rejected'] else ''}{flags}"


def _train(counts: Mapping[str, Any]) -> str:
    done = [*counts.get("earlier", ()), counts]
    return ", then ".join(f"{item['rows']} rows on {item['base_model']}" for item in done)


def _evaluate(counts: Mapping[str, Any]) -> str:
    return f"{', '.join(counts)} scored"


_WORDS = {"seeds": _seeds, "generate": _generate, "filter": _filter, "train": _train, "evaluate": _evaluate}


BESIDE = frozenset({"statuses", "broken", "groups"})
"""What stands among the metrics of a score and is none."""


def scores(scored: Mapping[str, Any]) -> Iterator[str]:
    """One line for each score: benchmark, model, value with its interval, what became of the programs."""
    for benchmark, models in scored.items():
        for label, metrics in models.items():
            for metric, value, counts in measured(metrics):
                yield f"{benchmark} {metric}, {label}: {score(value)}   {statuses(counts)}"
            if broken := metrics.get("broken"):
                more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
                yield f"{benchmark}, {label}: broken here and left out: {', '.join(broken[:_NAMED])}{more}"


def measured(metrics: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, int]]]:
    """Each metric of a score, then those of its groups: the name, the value, what became of the programs."""
    for group, found in {"": metrics, **metrics.get("groups", {})}.items():
        for name, value in found.items():
            if name not in BESIDE:
                yield f"{group} {name}".lstrip(), value, found["statuses"]


def score(value: Mapping[str, Any]) -> str:
    """A metric as people write it: percent, 95% interval, number of problems."""
    low, high = 100 * value["low"], 100 * value["high"]
    return f"{100 * value['value']:.1f}% [{low:.1f}, {high:.1f}] on {value['tasks']} problems"


def statuses(counts: Mapping[str, int]) -> str:
    """``13 pass, 6 fail, 1 timeout``."""
    return ", ".join(f"{number} {status}" for status, number in counts.items())


def overview(directory: RunDirectory) -> list[str]:
    """A run for reading: what it is, its stages, its scores and its first row."""
    facts = directory.facts
    lines = [f"{facts['name']}  {directory.path}", f"begun {facts['created']}, python {facts['python']}"]
    lines += [", ".join(f"{name} {version}" for name, version in facts["versions"].items()), ""]
    for name, stage in directory.stages.items():
        done = Result(name, reused=False, counts=stage["counts"], seconds=stage["seconds"])
        lines.append(stage_line(done) if stage["status"] == "done" else _unfinished(name, stage))
    if (evaluated := directory.stages.get("evaluate", {})).get("status") == "done":
        lines += ["", *scores(evaluated["counts"])]
    return lines + _first_row(directory)


def _unfinished(name: str, stage: Mapping[str, Any]) -> str:
    return f"{name:<9} {stage['status']}{': ' + stage['error'] if stage.get('error') else ''}"


def _first_row(directory: RunDirectory) -> list[str]:
    kept = directory / "kept.jsonl"
    row = next(jsonl.read(kept), None) if kept.exists() else None
    if row is None:
        return []
    return ["", f"The first of the rows, {row['id']}:", "", row["problem"].strip(), "", row["solution"].strip()]


def closing(run: Run, results: Sequence[Result]) -> list[str]:
    """The last lines of a run: scores, where everything lies, what to try next."""
    lines = []
    if results and all(result.reused for result in results):
        lines.append("All of this was done before; --redo STAGE runs one again, --new begins a new run.")
    evaluated = run.directory.stages.get("evaluate", {})
    if evaluated.get("status") == "done":
        lines += list(scores(evaluated["counts"]))
    where = f"Everything is in {run.directory.path}; open report.html there in a browser."
    return ["", *lines, *([""] if lines else []), where, "Next:", *(f"  {hint}" for hint in _next(run))]


def _next(run: Run) -> list[str]:
    path = run.directory.path
    kept = run / "kept.jsonl"
    row = next(jsonl.read(kept), None) if kept.exists() else None
    of_rows = [f"magicoder explain {path} {row['id']}", f"magicoder export {path} --as messages"] if row else []
    return [
        f"magicoder show {path}",
        *of_rows,
        "magicoder plugins                     # what else a recipe can use",
        "magicoder new teacher my-teacher      # a plugin of your own",
    ]
