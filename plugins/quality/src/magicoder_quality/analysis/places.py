"""Where an analysis is written: looked at before any work, so that no file of rows is lost to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from magicoder_core import RunError
from magicoder_core.filtering import inputs
from magicoder_core.filtering.outputs import refuse_overlaps
from magicoder_quality.analysis.writing import JSON, PAGE


def default(rows: Path) -> Path:
    """The folder that an analysis gets if nobody names one: that of the rows' file, with ``-analysis`` behind it.

    Raises:
        RunError: the analysis of other rows stands there.
    """
    folder = Path(f"{rows.resolve().name.partition('.')[0]}-analysis")
    try:
        other = json.loads((folder / JSON).read_bytes())["sets"][0]["path"]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return folder
    if Path(str(other)).resolve() != rows.resolve():
        raise RunError(f"{folder} has the analysis of {other}; name a folder for that of {rows} with --to")
    return folder


def check(read: Sequence[Path], folder: Path | None, json: Path | None, html: Path | None) -> None:
    """Look whether what is to be written is no file that is read, and no two of it are one.

    Args:
        read: the files and folders of rows, and local files of benchmarks.
        folder: as for `magicoder_quality.analysis.write`.
        json: as there.
        html: as there.

    Raises:
        RunError: it is; or it would stand in a folder of rows, and be taken for rows the next time.
    """
    within = {f"--to ({name})": folder / name for name in (JSON, PAGE)} if folder else {}
    refuse_overlaps({"--json": json, "--html": html, **within}, read)


def read(rows: Path, beside: Sequence[Path], against: Sequence[str]) -> list[Path]:
    """All that an analysis reads: files and folders of rows, files within folders, and benchmarks' local data."""
    given = [rows, *beside]
    below = [file for path in given if path.is_dir() for file in inputs.found([path])]
    data = [Path(path.strip()) for _, equals, path in (name.partition("=") for name in against) if equals]
    return [*given, *below, *data]
