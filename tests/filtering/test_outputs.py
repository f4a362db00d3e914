"""Files in each format that an output's name may ask for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from magicoder_core import MagicoderError, RunError
from magicoder_core.filtering import outputs, work

CHAIN = ("without", "measure", "turns")


@pytest.fixture
def typed(write, rows):
    """Rows of which each column has one type, and a lone surrogate in one of them."""
    made = [row | {"extra": [str(item) for item in row["extra"]], "count": row["extra"][0]} for row in rows(50)]
    return write([*made, made[0] | {"problem": "lone", "seed": "lone", "solution": "x = 1"}])


def test_packed_rows_are_the_same_rows(done, typed):
    _, kept, rejected = done(typed, *CHAIN)
    _, packed, others = done(typed, *CHAIN, name="packed", kind=".jsonl.gz")
    assert (gzip.decompress(packed), gzip.decompress(others)) == (kept, rejected)
    _, again, _ = done(typed, *CHAIN, name="again", kind=".jsonl.gz")
    assert again == packed


def read(path):
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    return parquet.read_table(path)


def test_parquet_has_the_rows_and_columns_for_what_was_said(done, typed, tmp_path, lines):
    pytest.importorskip("pyarrow")
    _, kept, rejected = done(typed, *CHAIN)
    done(typed, *CHAIN, name="T", kind=".parquet")
    for name, wanted in (("T", lines(kept)), ("T-rejected", lines(rejected))):
        table = read(tmp_path / f"{name}.parquet")
        columns = ["seed", "problem", "solution", "extra", "count", "scores", "flags", "rejected"]
        assert table.column_names == columns
        assert str(table.schema.field("scores").type) == "struct<length: double, turn: double>"
        made = table.to_pylist()
        assert [{key: row[key] for key in columns[:5]} for row in made] == [
            {key: row[key] for key in columns[:5]} for row in wanted
        ]
        for row, line in zip(made, wanted, strict=True):
            scores = {key: value for key, value in (row["scores"] or {}).items() if value is not None}
            assert scores == line.get("scores", {})
            assert [_read(flag) for flag in row["flags"] or []] == line.get("flags", [])
            assert _read(row["rejected"]) == line.get("rejected")


def _read(note):
    return note and note | {"evidence": json.loads(note["evidence"])}


def test_parquet_of_parquet_keeps_its_types(done, rows, tmp_path, lines):
    pa = pytest.importorskip("pyarrow")
    from datetime import UTC, datetime
    from decimal import Decimal

    from pyarrow import parquet

    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    odd = {"when": now, "bytes": b"\xff", "price": Decimal("1.50"), "extra": None}
    table = pa.Table.from_pylist([row | odd for row in rows(30)])
    parquet.write_table(table.replace_schema_metadata({"library": "mine"}), tmp_path / "rows.parquet")
    done(tmp_path / "rows.parquet", *CHAIN, name="T", kind=".parquet")
    made = read(tmp_path / "T.parquet")
    for name in ("when", "bytes", "price"):
        assert made.schema.field(name).type == table.schema.field(name).type
        assert set(made[name].to_pylist()) == {odd[name]}
    assert made.schema.metadata is None
    assert str(made.schema.field("extra").type) == "string"
    with pytest.raises(RunError, match=r"rows\.parquet: row 1: .*name a \.parquet file to write"):
        done(tmp_path / "rows.parquet", *CHAIN, name="J")


def test_parquet_may_be_filtered_again(done, typed, tmp_path):
    pytest.importorskip("pyarrow")
    done(typed, *CHAIN, name="T", kind=".parquet")
    outcome, _, _ = done(tmp_path / "T-rejected.parquet", "measure", name="U", kind=".parquet")
    table = read(tmp_path / "U.parquet")
    assert 0 < outcome.tally.kept == len(table)
    assert table["rejected"].null_count == len(table), "a row that is kept now is not rejected"


def test_columns_of_several_types_are_no_parquet(done, write, rows):
    pytest.importorskip("pyarrow")
    with pytest.raises(
        RunError, match=r"K\.parquet: the column 'extra' has values of several types.*write \.jsonl instead"
    ):
        done(
            write([row | {"extra": number if number % 2 else "x"} for number, row in enumerate(rows(4))]),
            *CHAIN,
            kind=".parquet",
        )


def test_late_columns_are_columns(done, write, rows, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from magicoder_core.filtering import parquet

    monkeypatch.setattr(parquet, "_GROUP", 3)
    made = [row | {"extra": None, "late": 1 if number > 15 else None} for number, row in enumerate(rows(20))]
    made[-1] |= {"very late": {"a": 1.5}}
    made[-2] |= {"very late": {"b": "x"}, "late": 2.5}
    done(write(made), "measure", name="T", kind=".parquet")
    table = read(tmp_path / "T.parquet")
    assert str(table.schema.field("late").type) == "double"
    assert table.schema.field("very late").type.num_fields == 2
    assert table.num_rows == 20 - read(tmp_path / "T-rejected.parquet").num_rows


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("K.txt", "the name tells the format: .jsonl, .jsonl.gz or .parquet is needed"),
        ("folder.jsonl", "is there, and no file"),
    ],
)
def test_a_name_that_can_be_no_output_is_refused(tmp_path, name, line):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(MagicoderError, match="--kept") as caught:
        outputs.check("--kept", tmp_path / name)
    assert line in str(caught.value)


def test_an_output_in_a_folder_to_be_makes_the_folder(job, typed, tmp_path):
    made = job(typed, "without", name="new/folder/K")
    work.run(made)
    assert (tmp_path / "new" / "folder" / "K.jsonl").exists()


@pytest.mark.parametrize("how", ["copied", "linked", "pointed to"])
def test_a_side_file_of_an_output_that_is_read_is_refused(tmp_path, typed, job, how):
    side = tmp_path / "K.jsonl.part"
    {"copied": typed.rename, "linked": side.hardlink_to, "pointed to": side.symlink_to}[how](
        side if how == "copied" else typed
    )
    given = side if how == "copied" else typed
    before = given.read_bytes()
    with pytest.raises(RunError, match=r"^--kept .*K\.jsonl: K\.jsonl\.part is written beside it, which is .* as well"):
        job(given, "without")
    assert given.read_bytes() == before


@pytest.mark.parametrize("end", ["part", "filter.json", "filter.json.part", "journal.jsonl", "decisions.part", "lock"])
def test_no_output_is_a_side_file_of_another_one(tmp_path, typed, job, end):
    with pytest.raises(RunError, match=f"K.jsonl.{end} is written beside it, which is --report as well"):
        job(typed, "without", report=tmp_path / f"K.jsonl.{end}")


def test_any_command_may_ask_whether_it_would_overwrite_what_it_reads(tmp_path):
    rows, folder = tmp_path / "rows.jsonl", tmp_path / "data"
    rows.write_text("mine")
    folder.mkdir()
    (tmp_path / "a.json.part").write_text("mine")
    outputs.refuse_overlaps({"--json": tmp_path / "b.json", "--html": None}, [rows, folder])
    for path, read, line in (
        (rows, rows, f"--json {rows}: is {rows} as well; choose another file"),
        (folder / "x.json", folder, f"--json {folder}/x.json: lies in {folder}, whose files are read"),
        (tmp_path / "a.json", tmp_path / "a.json.part", "a.json.part is written beside it"),
    ):
        with pytest.raises(RunError) as caught:
            outputs.refuse_overlaps({"--json": path}, [read])
        assert line in str(caught.value)


def test_a_place_that_cannot_be_written_is_told_before_anything_is_judged(tmp_path, typed, job):
    for path, why in ((typed / "J.json", r"rows\.jsonl is no folder"), (Path("/proc/J.json"), "No such file")):
        with pytest.raises(
            RunError, match=rf"^--report .*J\.json: cannot be written \(.*{why}.*\); choose another place$"
        ):
            job(typed, "without", report=path)
    with pytest.raises(RunError, match=r"^--kept .*K\.jsonl: cannot be written \(.*rows\.jsonl is no folder\)"):
        job(typed, "without", name="rows.jsonl/K")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


HARD = {
    "empty": ({}, r"T\.parquet: Parquet cannot hold the column 'hard' \(.*no child field"),
    "large": (
        2**70,
        r"rows\.jsonl:1: the column 'hard' .*too large.*, which .*T\.parquet cannot hold; write \.jsonl instead",
    ),
    "mixed": (["a", 1], r"rows\.jsonl:1: the column 'hard' has values of several types"),
}


@pytest.mark.parametrize("name", sorted(HARD))
def test_what_parquet_cannot_hold_is_told_with_its_column(done, write, rows, name):
    pytest.importorskip("pyarrow")
    value, line = HARD[name]
    with pytest.raises(RunError, match=line):
        done(write([row | {"extra": None, "hard": value} for row in rows(20)]), "measure", name="T", kind=".parquet")


def test_what_can_be_known_is_known_before_anything_is_judged(job, write, rows, tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    monkeypatch.setattr(work._Work, "run", None)
    large = write([row | {"extra": 2**70 if number == 7 else 1} for number, row in enumerate(rows(20))])
    with pytest.raises(RunError, match=r"rows\.jsonl:8: the column 'extra'"):
        work.run(job(large, "measure", kind=".parquet"))
    for name, value in (("a", 1), ("b", "x")):
        parquet.write_table(
            pa.table({"problem": ["p"], "solution": ["s"], "odd": [value]}), tmp_path / f"{name}.parquet"
        )
    with pytest.raises(RunError, match="odd has incompatible types"):
        work.run(job([tmp_path / "a.parquet", tmp_path / "b.parquet"], "measure", kind=".parquet"))


def test_what_may_fail_is_said_before_anything_is_judged(job, write, rows, said):
    pytest.importorskip("pyarrow")
    halves = write([row | {"extra": "x" if number % 2 else 1} for number, row in enumerate(rows(20))], "halves.jsonl")
    with pytest.raises(RunError, match="the column 'extra' has values of several types"):
        work.run(job(halves, "measure", name="H", kind=".parquet"))
    assert "H.parquet: the column 'extra' has values of several types in the first rows" in said[-1]


def test_a_large_number_that_comes_late_is_told_with_its_column(done, write, rows, monkeypatch):
    pytest.importorskip("pyarrow")
    from magicoder_core.filtering import parquet

    monkeypatch.setattr(parquet, "_GROUP", 3)
    path = write([row | {"extra": 2**70 if number == 15 else 1} for number, row in enumerate(rows(20))])
    with pytest.raises(RunError, match=r"T\.parquet: the column 'extra' .*too large.*write \.jsonl instead"):
        done(path, "measure", name="T", kind=".parquet")
