"""Rows as Parquet, made of the input and the decisions on it when all rows are judged.

``scores`` becomes a struct of numbers, ``flags`` a list of ``{filter, reason, evidence}`` and ``rejected`` one of them;
evidence stands as JSON text, since each filter's has a form of its own. Columns of Parquet input keep their types; those
of JSON are found by looking at all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.filtering.reading import Source, Table

Rows = Callable[[], Iterator[Mapping[str, Any]]]
"""Gives all rows of one output, each time from the beginning."""

_GROUP = 1000
"""Rows of a row group, which is what is held in memory: about 3 MB."""

NOTES = ("scores", "flags", "rejected")


def write(path: Path, rows: Rows, sources: Sequence[Source], measured: Sequence[str]) -> None:
    """Write rows, whole or not at all.

    Args:
        path: the file.
        rows: gives them.
        sources: where they come from.
        measured: names of the scores that rows may have from this chain.

    Raises:
        RunError: a column holds values of several types.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    schema = _schema(path, rows, sources, measured)
    with jsonl.whole(path) as out, parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for group in _groups(rows()):
            try:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
            except (pa.ArrowException, TypeError, ValueError) as error:
                raise RunError(f"{path}: {_line(error)}; write .jsonl instead") from error


def _schema(path: Path, rows: Rows, sources: Sequence[Source], measured: Sequence[str]) -> Any:
    """The columns of the rows as they are, then ours."""
    import pyarrow as pa

    if sources and all(isinstance(source, Table) for source in sources):
        found: Iterable[Any] = (source.schema for source in sources if isinstance(source, Table))
    else:
        found = (_inferred(path, group) for group in _groups(rows()))
    try:
        whole = reduce(_united, found, pa.schema([]))
    except (pa.ArrowException, TypeError) as error:
        raise RunError(
            f"{path}: a column has values of several types ({_line(error)}); write .jsonl instead"
        ) from error
    names = sorted({*measured, *_inner(whole, "scores")})
    note = pa.struct([(name, pa.string()) for name in ("filter", "reason", "evidence")])
    ours = {"scores": pa.struct([(name, pa.float64()) for name in names]), "flags": pa.list_(note), "rejected": note}
    fields = [pa.field(item.name, _known(item.type)) for item in whole if item.name not in NOTES]
    return pa.schema([*fields, *((name, kind) for name, kind in ours.items() if name != "scores" or names)])


def _united(one: Any, other: Any) -> Any:
    import pyarrow as pa

    # A file's own notes (a library's features, a frame's index) do not speak of our columns.
    return pa.unify_schemas([one.remove_metadata(), other.remove_metadata()], promote_options="permissive")


def _inferred(path: Path, group: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    # Of a list of rows Arrow would take the columns of the first.
    names = dict.fromkeys(name for row in group for name in row)
    try:
        return pa.table({name: [row.get(name) for row in group] for name in names}).schema
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise RunError(
            f"{path}: a column has values of several types ({_line(error)}); write .jsonl instead"
        ) from error


def _inner(schema: Any, name: str) -> list[str]:
    """The names within a struct column, if there is one."""
    import pyarrow as pa

    number = schema.get_field_index(name)
    if number < 0 or not pa.types.is_struct(schema.types[number]):
        return []
    return [item.name for item in schema.types[number]]


def _known(kind: Any) -> Any:
    """A column of nulls alone is one of texts: other readers know no null type."""
    import pyarrow as pa

    return pa.string() if pa.types.is_null(kind) else kind


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    source = iter(rows)
    while group := [_flat(row) for row in islice(source, _GROUP)]:
        yield group


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with evidence as text, and without what Arrow cannot hold: lone surrogates, which models do emit."""
    made = {name: jsonl.unicode_only(value) for name, value in row.items()}
    if isinstance(flags := made.get("flags"), list):
        made["flags"] = [_note(flag) for flag in flags]
    if isinstance(why := made.get("rejected"), dict):
        made["rejected"] = _note(why)
    return made


def _note(note: Any) -> Any:
    if not isinstance(note, dict) or isinstance(note.get("evidence"), str):
        return note
    return note | {"evidence": jsonl.dumps(note.get("evidence") or {})}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
