"""`magicoder analyse`: what a data set is, as figures and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path, dir_okay=False)
PARTS = ("lengths", "categories", "similarity")
TEXTS = ("seed", "problem", "solution", "problem-solution")
"""As `magicoder_quality.analysis` has them, which `--help` need not import."""


@click.command()
@click.argument("rows", type=click.Path(path_type=Path))
@click.option("--beside", multiple=True, type=click.Path(path_type=Path), help="A set to compare with; repeatable.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="The folder to write to.")
@click.option("--json", "json", type=_FILE, metavar="A.json", help="Write the figures alone.")
@click.option("--html", "html", type=_FILE, metavar="A.html", help="Write the page alone.")
@click.option(
    "--only", "parts", multiple=True, type=click.Choice(PARTS), help="One analysis; repeatable; default: all of them."
)
@click.option(
    "--against",
    multiple=True,
    default=["humaneval"],
    show_default=True,
    metavar="BENCHMARK[=PATH]",
    help="What similarity is measured to, with its data in a local file or folder if one is named; repeatable.",
)
@click.option(
    "--embedding",
    default="word-vectors",
    show_default=True,
    help="What names categories: word-vectors, or a model of sentence-transformers by its name or folder.",
)
@click.option(
    "--text",
    "mode",
    default="problem",
    show_default=True,
    type=click.Choice(TEXTS),
    help="Whose category is named.",
)
@click.option("--columns", metavar="problem=COL,solution=COL", help="Which columns of ROWS mean what.")
def analyse(rows: Path, folder: Path | None, json: Path | None, html: Path | None, **wish: Any) -> list[str]:
    """Look at ROWS, a file or folder, as the paper does: lengths, categories, and similarity to benchmarks.

    Writes analysis.json, pictures (SVG) and index.html, a page that needs nothing else; without --to, --json and --html
    into the folder NAME-analysis. Rows are JSON Lines, a JSON array or Parquet.
    """
    from magicoder_quality import analysis
    from magicoder_quality.analysis import places

    if not (folder or json or html):
        folder = places.default(rows)
    places.check(places.read(rows, wish["beside"], wish["against"]), folder, json, html)
    facts = analysis.analyse(analysis.Wish(rows=rows, **wish))
    written = analysis.write(facts, folder, json=json, html=html)
    return [*analysis.lines(facts), *(f"written: {path}" for path in written)]
