"""An analysis as files: JSON, pictures, and one page that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_quality.analysis import charts, svg

JSON, PAGE = "analysis.json", "index.html"


def page(facts: Mapping[str, Any]) -> str:
    """The analysis as one HTML page that loads nothing from elsewhere. All names are escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    pictures = {name: picture.made(styled=False) for name, picture in charts.pictures(facts)}
    return environment.get_template("page.html.jinja").render(facts=facts, pictures=pictures, style=svg.style())


def write(
    facts: Mapping[str, Any], folder: Path | None = None, *, json: Path | None = None, html: Path | None = None
) -> list[Path]:
    """Write an analysis, each file whole or not at all; returns what was written.

    Args:
        facts: see `magicoder_quality.analysis.analyse`.
        folder: gets the JSON, the page and each picture.
        json: a file for the JSON alone.
        html: a file for the page alone.

    Raises:
        OSError: a file cannot be written.
    """
    made = [(html, page(facts))] if html else []
    if folder:
        made += [(folder / f"{name}.svg", picture.made()) for name, picture in charts.pictures(facts)]
        made += [(folder / PAGE, page(facts))]
    for path, text in made:
        jsonl.write_text(path, text)
    figures = [path for path in (json, folder / JSON if folder else None) if path]
    for path in figures:
        jsonl.write_json(path, facts)
    return [*(path for path, _ in made), *figures]
