"""The card of an exported data set: where its rows come from, what made them, what was left out and what it cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.exporting.forms import FORMATS
from magicoder_core.exporting.rows import UNKNOWN, Tally
from magicoder_core.resources import templates
from magicoder_core.rundir import RunDirectory

MARK = "<!-- made by `magicoder export` -->"
"""Stands in each card, so that the next export may replace it and nothing else."""

# What the Hub calls licences, by what repositories call them; it has many more, and `other`.
_LICENCES = frozenset(
    ("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "mpl-2.0", "cc0-1.0", "unlicense", "0bsd", "zlib")
)
_PRIVATE = re.compile(r"url|host|address|proxy|key|env|path|folder|directory|timeout|usd|extra", re.IGNORECASE)
"""Options that say where something is on somebody's machines, or how it is paid: no matter of a card."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def check(path: Path) -> None:
    """Look whether a card can be written there.

    Raises:
        RunError: there is a file that is no card of ours.
    """
    if path.exists() and not (path.is_file() and MARK in path.read_text(encoding="utf-8", errors="replace")):
        raise RunError(f"{path}: is not a card that `magicoder export` made, and is left as it is; name another folder")


def write(path: Path, directory: RunDirectory, tally: Tally, form: str, data: str) -> None:
    """Write the card of a run's rows, exported as ``form`` into the file ``data`` beside it.

    Raises:
        RunError: it cannot be written, or `check` says no.
    """
    check(path)
    try:
        jsonl.write_text(path, text(directory, tally, form, data))
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error


def text(directory: RunDirectory, tally: Tally, form: str, data: str) -> str:
    """The card: YAML front matter as the Hub reads it, then Markdown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - Markdown: values are made harmless by `_cell`
        loader=FileSystemLoader(templates() / "card"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["cell"] = _cell
    return environment.get_template("dataset.md.jinja").render(**_values(directory, tally, form, data))


def _values(directory: RunDirectory, tally: Tally, form: str, data: str) -> dict[str, Any]:
    facts, stages = directory.facts, directory.stages
    generated = stages.get("generate", {})
    key, counts = generated.get("key", {}), generated.get("counts", {})
    return {
        "mark": MARK,
        "name": facts.get("name") or directory.path.name,
        "form": form,
        "says": FORMATS[form].says,
        "data": data,
        "rows": tally.rows,
        "orphans": tally.orphans,
        "size": _size(tally.rows),
        "licence": _licence(tally),
        "languages": tally.languages.most_common(),
        "sources": [(*source, number) for source, number in sorted(tally.sources.items())],
        "unknown": sum(number for (_, licence), number in tally.sources.items() if licence == UNKNOWN),
        "source": _provider(stages.get("seeds", {}).get("key", {}).get("seed_source")),
        "teacher": _provider(key.get("teacher")),
        "model": (key.get("teacher") or {}).get("identity", UNKNOWN),
        "method": _provider(key.get("method")),
        "steps": list(_steps(stages, tally)),
        "rejected": list(_rejected(stages)),
        "filters": [_provider(item) for item in stages.get("filter", {}).get("key", {}).get("filters", [])],
        "cost": _cost(counts),
        "provenance": facts.get("provenance", {}),
        "versions": {"magicoder-core": metadata.version("magicoder-core"), **facts.get("versions", {})},
        "created": facts.get("created", UNKNOWN),
        "commit": facts.get("git_commit"),
        "recipe_key": facts.get("recipe_key", UNKNOWN),
    }


def _provider(key: Mapping[str, Any] | None) -> dict[str, Any]:
    """A provider of the run: its name, and the options that say something."""
    options = (key or {}).get("options", {})
    told = {name: _place_less(value) for name, value in options.items() if not _PRIVATE.search(name)}
    return {
        "use": (key or {}).get("use", UNKNOWN),
        "options": {name: value for name, value in told.items() if value not in (None, [], {})},
    }


def _place_less(value: Any) -> Any:
    """An option's value; of a file, its name alone."""
    is_path = isinstance(value, str) and "\n" not in value and Path(value).expanduser().is_absolute()
    return Path(value).name if is_path else value


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "n>1M")


def _licence(tally: Tally) -> str:
    """The Hub's name of the rows' licence; ``other`` where the seeds have several, or one is not known."""
    found = {licence.lower() for _, licence in tally.sources}
    return next(iter(found)) if len(found) == 1 and found <= _LICENCES else "other"


def _steps(stages: Mapping[str, Any], tally: Tally) -> Iterator[tuple[str, int]]:
    """How many there were after each stage."""
    seeds, made, kept = (stages.get(name, {}).get("counts", {}) for name in ("seeds", "generate", "filter"))
    if "snippets" in seeds:
        yield "snippets drawn", seeds["snippets"]
    if "rows" in made:
        yield "rows made of them", made["rows"]
    if "kept" in kept:
        yield "rows that all filters kept", kept["kept"]
    yield "rows in this file", tally.rows


def _rejected(stages: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """What was left out, by stage and reason."""
    for reason, number in stages.get("generate", {}).get("counts", {}).get("failed", {}).items():
        yield "no row of a snippet", reason, number
    for reason, number in stages.get("filter", {}).get("counts", {}).get("rejected", {}).items():
        yield "dropped by a filter", reason, number


def _cost(counts: Mapping[str, Any]) -> str:
    """Tokens and dollars in words."""
    if not counts:
        return "not recorded in this run"
    tokens = f"{counts['tokens']:,} tokens" if counts.get("tokens") is not None else "tokens not recorded"
    usd = counts.get("usd")
    return f"{tokens}; {'price unknown' if usd is None else f'{usd:.4f} USD'}"


def _cell(value: Any) -> str:
    """A value as one cell of a Markdown table: no line ends, no column marks, no tags."""
    words = " ".join(str(value).split())
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
