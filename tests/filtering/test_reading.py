"""Files of rows: told apart by their content, read from any place on, cut anywhere."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magicoder_core import RunError
from magicoder_core.filtering import inputs, reading
from magicoder_core.filtering.reading import Array, Lines, PackedLines, Table

ROWS = [{"problem": f"p{number}", "solution": "s\u2028é" * (number % 5)} for number in range(1000)]


def written(path, kind):
    if kind == "parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=300)
        return path
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"
    text = json.dumps(ROWS, indent=1) if kind.startswith("array") else text
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
    return path


def read(source, start=0, end=None):
    items = [item for batch in source.batches(start, end) for item in batch.items]
    return [json.loads(item) if isinstance(item, bytes) else item for item in items]


KINDS = {"lines": Lines, "lines.gz": PackedLines, "array": Array, "array.gz": Array, "parquet": Table}


@pytest.fixture(params=sorted(KINDS))
def source(request, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_BLOCK", 1000)
    monkeypatch.setattr(reading, "_UNIT", 3000)
    monkeypatch.setattr(reading, "_ROWS", 64)
    # A name that says nothing: content decides.
    return inputs.source(written(tmp_path / "rows", request.param))


def test_all_rows_are_read_whatever_holds_them(source):
    assert read(source) == ROWS


def test_reading_goes_on_from_the_end_of_any_batch(source):
    batches = list(source.batches())
    assert len(batches) > 10
    seen = 0
    for batch in batches:
        seen += len(batch.items)
        assert read(source, batch.end) == ROWS[seen:]
        assert read(source, 0, batch.end) == ROWS[:seen]


def test_units_together_are_the_whole(source):
    parts = [read(source, *unit) for unit in source.units()]
    assert [row for part in parts for row in part] == ROWS
    later = list(source.batches())[5].end
    assert [row for unit in source.units(later) for row in read(source, *unit)] == read(source, later)


def test_batches_weigh_what_the_file_weighs(source):
    assert sum(batch.weight for batch in source.batches()) == pytest.approx(source.size, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "place"), [("lines", "rows:8"), ("array", "rows: item 8"), ("parquet", "rows: row 8")]
)
def test_a_row_has_a_place_that_people_find(tmp_path, kind, place):
    source = inputs.source(written(tmp_path / "rows", kind))
    assert source.where(0, 7) == f"{tmp_path}/{place}"


def test_a_place_counts_blank_lines_and_lines_before_it(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n\n{}\n  \n{}\r\n{}")
    source = inputs.source(path)
    (batch,) = source.batches()
    assert batch.items == [b"{}\n", b"{}\r\n", b"{}"]
    assert [source.where(0, number) for number in range(3)] == [f"{path}:{line}" for line in (3, 5, 6)]
    assert source.where(9, 1) == f"{path}:6"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lengths=st.lists(st.integers(min_value=0, max_value=30), max_size=40),
    block=st.integers(min_value=2, max_value=50),
    unit=st.integers(min_value=1, max_value=80),
    ended=st.booleans(),
)
def test_lines_are_cut_nowhere_but_at_their_ends(tmp_path, lengths, block, unit, ended):
    texts = [b"x" * length for length in lengths]
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join(texts) + (b"\n" if ended else b""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_BLOCK", block)
        patch.setattr(reading, "_UNIT", unit)
        source = Lines(path)
        found = [
            item.rstrip(b"\n") for unit in source.units() for batch in source.batches(*unit) for item in batch.items
        ]
    assert found == [text for text in texts if text]


def test_an_array_may_be_empty_and_has_odd_signs(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("\ufeff [ ] ", encoding="utf-8")
    assert read(inputs.source(path)) == []
    path.write_text(json.dumps([{"a": ']},[{\\"'}, {"b": "\ud800"}]))
    assert read(inputs.source(path)) == [{"a": ']},[{\\"'}, {"b": "\ud800"}]


@pytest.mark.parametrize("text", ['[{"a": 1}', '[{"a": 1} {"b": 2}]', "[{]", "[1,]"])
def test_a_broken_array_is_told_with_its_place(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(RunError, match=r"a\.json: (after item \d|at its beginning): no JSON array"):
        read(inputs.source(path))


@pytest.mark.parametrize("torn", [700, 999])
@pytest.mark.parametrize("start", [0, 100, 900])
def test_a_torn_array_is_told_with_the_item(tmp_path, torn, start):
    texts = list(map(json.dumps, ROWS))
    texts[torn] = texts[torn][:-3]
    path = tmp_path / "a.json"
    path.write_text("[" + ",".join(texts) + "]")
    with pytest.raises(
        RunError, match=rf"a\.json: after item {torn}: no JSON array of objects \([^()]*\); mend the file$"
    ):
        read(inputs.source(path), start)


@pytest.mark.parametrize("kind", ["lines.gz", "array.gz", "parquet"])
def test_a_damaged_file_is_told(tmp_path, kind):
    path = written(tmp_path / "rows", kind)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RunError, match=r"a damaged (gzip|Parquet) file"):
        read(inputs.source(path))


def test_a_folder_is_its_files_by_their_paths(tmp_path):
    for name in ("b.jsonl", "a/z.parquet", "a/.hidden/x.jsonl", "note.txt", "c.json.gz", "d.jsonl.part"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = inputs.found([tmp_path])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a/z.parquet", "b.jsonl", "c.json.gz"]


def test_missing_and_repeated_files_are_refused(tmp_path):
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "empty").mkdir()
    for given_, line in (
        ([tmp_path / "b.jsonl"], "no such file or folder of rows"),
        ([tmp_path / "empty"], "no file of rows in this folder"),
        ([tmp_path / "a.jsonl", tmp_path], "is given twice"),
    ):
        with pytest.raises(RunError, match=line):
            inputs.found(given_)


def test_a_large_file_is_read_in_little_memory(tmp_path):
    import tracemalloc

    for kind, text in (("lines", b'{"a": "%s"}\n'), ("array", b'{"a": "%s"},')):
        path = tmp_path / kind
        row = text % (b"x" * 2000)
        with path.open("wb") as out:
            out.write(b"[" if kind == "array" else b"")
            out.writelines(row for _ in range(10_000))
            out.write(b'{"a": 1}]' if kind == "array" else b"")
        tracemalloc.start()
        rows = sum(len(batch.items) for batch in inputs.source(path).batches())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows >= 10_000
        assert peak < 6e6, f"{kind}: {peak / 1e6:.1f} MB of {path.stat().st_size / 1e6:.0f}"


def test_a_pipe_is_refused(tmp_path):
    import os

    os.mkfifo(tmp_path / "fifo")
    for given_ in (tmp_path / "fifo", Path("-"), Path("/dev/stdin"), Path("/dev/fd/0"), Path("/proc/self/fd/0")):
        with pytest.raises(RunError, match=f"^{given_}: a pipe is read but once, .* write it to a file first$"):
            inputs.found([given_])
