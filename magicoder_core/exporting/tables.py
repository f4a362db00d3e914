"""Rows as a file: JSON Lines, or Parquet through pyarrow. Written whole or not at all, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import util
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RecipeError
from magicoder_core.exporting.forms import Columns, Row

KINDS = ("jsonl", "parquet")
_GROUP = 1000
"""Rows of a Parquet row group, which is what is held in memory: about 3 MB."""


def check(kind: str) -> None:
    """Look whether such a file can be written.

    Raises:
        RecipeError: there is no such kind, or its library is not installed.
    """
    if kind not in KINDS:
        raise RecipeError(f"--format {kind}: no such format; one of {', '.join(KINDS)}")
    if kind == "parquet" and util.find_spec("pyarrow") is None:
        raise RecipeError("--format parquet: needs pyarrow: pip install 'magicoder-core[parquet]'")


def write(path: Path, rows: Iterable[Row], kind: str, columns: Columns) -> None:
    """Write all ``rows`` to ``path``.

    Raises:
        OSError: the file cannot be written.
    """
    if kind == "jsonl":
        jsonl.write(path, rows)
    else:
        _write_parquet(path, rows, columns)


def _write_parquet(path: Path, rows: Iterable[Row], columns: Columns) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    schema = pa.schema([(name, _type(kind)) for name, kind in columns.items()])
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd") as out:
            for group in _groups(rows):
                out.write_table(pa.Table.from_pylist(group, schema=schema))
        part.replace(path)
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while group := [jsonl.unicode_only(row) for row in islice(source, _GROUP)]:
        yield group


def _type(kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_type(kind[0]))
    if isinstance(kind, Mapping):
        return pa.struct([(name, _type(inner)) for name, inner in kind.items()])
    return pa.string() if kind == "text" else pa.int64()
