"""A run as one self-contained page, ``report.html``: scores with their intervals, stages, some rows, versions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from magicoder_core import jsonl, summary
from magicoder_core.resources import templates
from magicoder_core.rundir import RunDirectory

PAGE = "report.html"
_ROWS = 10
_TITLE = 90


def write(directory: RunDirectory) -> None:
    """Write the page of a run, whole. Texts of models are escaped; nothing is loaded from elsewhere."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(templates() / "report"), autoescape=True, trim_blocks=True)
    page = environment.get_template("run.html.jinja").render(
        facts=directory.facts,
        stages=list(_stages(directory)),
        scores=list(_scores(directory)),
        rows=list(_rows(directory)),
    )
    jsonl.write_text(directory / PAGE, page)


def _stages(directory: RunDirectory) -> Iterator[dict[str, Any]]:
    for name, stage in directory.stages.items():
        words = summary.counted(name, stage["counts"]) or stage.get("error", "")
        yield {"name": name, "status": stage["status"], "words": words, "seconds": stage["seconds"]}


def _scores(directory: RunDirectory) -> Iterator[dict[str, Any]]:
    evaluated = directory.stages.get("evaluate", {})
    if evaluated.get("status") != "done":
        return
    for benchmark, models in evaluated["counts"].items():
        for model, metrics in models.items():
            for metric, value, statuses in summary.measured(metrics):
                yield {
                    "benchmark": benchmark,
                    "model": model,
                    "metric": metric,
                    "text": summary.score(value),
                    "value": round(100 * value["value"], 2),
                    "low": round(100 * value["low"], 2),
                    "width": round(100 * (value["high"] - value["low"]), 2),
                    "statuses": summary.statuses(statuses),
                    "broken": ", ".join(metrics.get("broken", ())),
                }


def _rows(directory: RunDirectory) -> Iterator[dict[str, str]]:
    kept = directory / "kept.jsonl"
    if not kept.exists():
        return
    for row in islice(jsonl.read(kept), _ROWS):
        title = " ".join(row["problem"].split())
        yield {
            "id": row["id"],
            "title": title if len(title) <= _TITLE else f"{title[: _TITLE - 3]}...",
            "problem": row["problem"].strip(),
            "solution": row["solution"].strip(),
        }
