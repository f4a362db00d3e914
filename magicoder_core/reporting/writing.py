"""`magicoder report`: from what is asked for to a table and its files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from magicoder_core import jsonl
from magicoder_core.judging.outputs import check_outputs
from magicoder_core.reporting import html, plain, reading
from magicoder_core.reporting.assembling import table
from magicoder_core.reporting.shapes import Table


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to put into a table and what to write.

    Args:
        scores: report files, run directories or matrices of runs, each as ``PATH`` or ``NAME=PATH``.
        k: of pass@k.
        published: have the paper's rows below.
        json: a file for the table as JSON.
        html: a file for the table as a page.
    """

    scores: Sequence[str]
    k: int = 1
    published: bool = True
    json: Path | None = None
    html: Path | None = None


def report(wish: Wish) -> tuple[Table, list[Path]]:
    """The table, and the files that were written, each whole or not at all.

    Raises:
        RunError: a score cannot be read, or a file cannot be written or would lie over a score.
    """
    scores = reading.scores(wish.scores)
    outputs = {"--json": wish.json, "--html": wish.html}
    check_outputs({name: path for name, path in outputs.items() if path}, [score.path for score in scores])
    made = table(scores, k=wish.k, with_published=wish.published)
    return made, list(_written(made, wish))


def _written(made: Table, wish: Wish) -> Iterator[Path]:
    if wish.json:
        jsonl.write_text(wish.json, json.dumps(plain.document(made), indent=2, ensure_ascii=True) + "\n")
        yield wish.json
    if wish.html:
        jsonl.write_text(wish.html, html.page(made))
        yield wish.html
