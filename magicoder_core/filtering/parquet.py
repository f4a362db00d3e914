"""Rows as Parquet, made of the input and the decisions on it when all rows are judged.

``scores`` becomes a struct of numbers, ``flags`` a list of ``{filter, reason, evidence}`` and ``rejected`` one of them;
evidence stands as JSON text, since each filter's has a form of its own. Columns of Parquet input keep their types; those
of JSON are found by looking at all rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import reduce
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from magicoder_core import jsonl, progress
from magicoder_core.errors import RunError
from magicoder_core.filtering.reading import Batch, Source, Table

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
        RunError: Parquet cannot hold a column, for its values are of several types or of one that it has not; the message
            names it.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    schema = _schema(path, rows, sources, measured)
    _check(path, schema)
    with jsonl.whole(path) as out, parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for group in _groups(rows()):
            columns = [_array(path, item.name, group, item.type) for item in schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def foreseen(path: Path, sources: Sequence[Source]) -> None:
    """Look, before anything is judged, whether rows of these sources can be written.

    Of Parquet all is known; of others the first rows are looked at: one by one, since they may end in different files.

    Raises:
        RunError: they cannot; the message names the column.
    """
    tables = [source.schema for source in sources if isinstance(source, Table)]
    if len(tables) == len(sources):
        _check(path, _whole(path, tables))
    for source in sources:
        if not isinstance(source, Table) and (batch := next(iter(source.batches()), None)) is not None:
            _look(path, source, batch)


def _look(path: Path, source: Source, batch: Batch) -> None:
    rows: list[tuple[int, Mapping[str, Any]]] = []
    for number, item in enumerate(batch.items[:_GROUP]):
        with suppress(ValueError):  # what is no JSON is told when it is judged
            row = json.loads(item) if isinstance(item, bytes) else item
            rows += [(number, _flat(row))] if isinstance(row, dict) else []
    for name in dict.fromkeys(name for _, row in rows for name in row):
        try:
            _array(path, name, [row for _, row in rows])
        except RunError:
            for number, row in rows:  # which of them, if it is one alone
                _array(source.where(batch.start, number), name, [row], target=path)
            progress.say(
                f"{path}: the column '{name}' has values of several types in the first rows: unless those of each type end "
                "in a file of their own, it cannot be written; .jsonl can"
            )


def _schema(path: Path, rows: Rows, sources: Sequence[Source], measured: Sequence[str]) -> Any:
    """The columns of the rows as they are, then ours."""
    import pyarrow as pa

    if sources and all(isinstance(source, Table) for source in sources):
        found: Iterable[Any] = (source.schema for source in sources if isinstance(source, Table))
    else:
        found = (_inferred(path, group) for group in _groups(rows()))
    whole = _whole(path, found)
    names = sorted({*measured, *_inner(whole, "scores")})
    note = pa.struct([(name, pa.string()) for name in ("filter", "reason", "evidence")])
    ours = {"scores": pa.struct([(name, pa.float64()) for name in names]), "flags": pa.list_(note), "rejected": note}
    fields = [pa.field(item.name, _known(item.type)) for item in whole if item.name not in NOTES]
    return pa.schema([*fields, *((name, kind) for name, kind in ours.items() if name != "scores" or names)])


def _whole(path: Path, schemas: Iterable[Any]) -> Any:
    """One schema for all rows.

    Raises:
        RunError: a column has values of several types; Arrow's own words name it.
    """
    import pyarrow as pa

    try:
        return reduce(_united, schemas, pa.schema([]))
    except (pa.ArrowException, TypeError) as error:
        raise RunError(
            f"{path}: a column has values of several types ({_line(error)}); write .jsonl instead"
        ) from error


def _check(path: Path, schema: Any) -> None:
    """Look whether Parquet has all the types: a mapping that is empty in every row has none in it.

    Raises:
        RunError: it has not; the message names the column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    for item in schema:
        try:
            parquet.ParquetWriter(BytesIO(), pa.schema([pa.field(item.name, _known(item.type))])).close()
        except (pa.ArrowException, TypeError) as error:
            raise RunError(
                f"{path}: Parquet cannot hold the column '{item.name}' ({_line(error)}); write .jsonl instead"
            ) from error


def _united(one: Any, other: Any) -> Any:
    import pyarrow as pa

    # A file's own notes (a library's features, a frame's index) do not speak of our columns.
    return pa.unify_schemas([one.remove_metadata(), other.remove_metadata()], promote_options="permissive")


def _inferred(path: Path, group: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    # Of a list of rows Arrow would take the columns of the first.
    names = dict.fromkeys(name for row in group for name in row)
    return pa.schema([(name, _array(path, name, group).type) for name in names])


def _array(
    where: Path | str, name: str, group: Sequence[Mapping[str, Any]], kind: Any = None, target: Path | None = None
) -> Any:
    """A column of some rows.

    Raises:
        RunError: there is no type that holds its values; the message names it.
    """
    import pyarrow as pa

    try:
        return pa.array([row.get(name) for row in group], type=kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        to = f", which {target} cannot hold" if target is not None else ""
        raise RunError(
            f"{where}: the column '{name}' has values of several types, or one of no type that Parquet has "
            f"({_line(error)}){to}; write .jsonl instead"
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
