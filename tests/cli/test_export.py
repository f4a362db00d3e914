"""`magicoder export`: files, folders with a card, and one line where something is in the way."""

from __future__ import annotations

import json

import pytest

from magicoder_core import jsonl
from magicoder_core.testing import instruction, snippet


@pytest.fixture
def run(tmp_path):
    """A run directory of three rows, as far as the export looks at it."""
    folder = tmp_path / "run"
    folder.mkdir()
    seeds = [snippet(f"x = {number}\n") for number in range(5)]
    rows = [{**instruction(f"Problem {n}").to_dict(), "parent": seeds[n].id} for n in (0, 2, 4)]
    jsonl.write(folder / "snippets.jsonl", (item.to_dict() for item in seeds))
    jsonl.write(folder / "kept.jsonl", rows)
    (folder / "run.json").write_text(json.dumps({"name": "tried"}))
    return folder


def test_rows_go_to_stdout(called, run):
    status, out, err = called("export", run)
    assert (status, err) == (0, "")
    assert [len(json.loads(line)["messages"]) for line in out.splitlines()] == [2, 2, 2]


def test_rows_go_to_a_file(called, run, tmp_path):
    target = tmp_path / "made" / "rows.jsonl"
    status, out, _ = called("export", run, "--as", "oss-instruct", "--to", target)
    assert (status, out) == (0, f"3 rows as oss-instruct in {target}\n")
    assert [row["index"] for row in jsonl.read(target)] == [0, 2, 4]
    assert [path.name for path in target.parent.iterdir()] == ["rows.jsonl"]


def test_a_card_is_written_beside_a_file(called, run, tmp_path):
    target = tmp_path / "made" / "rows.jsonl"
    assert called("export", run, "--to", target, "--card")[0] == 0
    assert 'path: "rows.jsonl"' in (target.parent / "README.md").read_text()


def test_a_folder_gets_rows_and_card_and_can_be_written_again(called, run, tmp_path):
    for number in range(2):
        status, out, _ = called("export", run, "--to", f"{tmp_path}/set/", "--as", "sharegpt")
        assert status == 0, number
        assert "3 rows as sharegpt" in out
        assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["README.md", "train.jsonl"]


def test_a_readme_of_somebody_else_stays(called, run, tmp_path):
    (tmp_path / "README.md").write_text("# Mine")
    for arguments in (("--to", f"{tmp_path}/"), ("--to", tmp_path / "rows.jsonl", "--card")):
        status, _, err = called("export", run, *arguments)
        assert (status, err.count("\n")) == (1, 1)
        assert "is left as it is" in err
    assert (tmp_path / "README.md").read_text() == "# Mine"
    assert not (tmp_path / "rows.jsonl").exists()


def test_a_folder_that_cannot_be_made_is_one_line(called, run):
    status, _, err = called("export", run, "--to", "/proc/x/y")
    assert (status, err) == (1, "magicoder: --to /proc/x/y: cannot be written: /proc/x: No such file or directory\n")


def test_a_file_where_a_folder_is_needed_is_one_line(called, run):
    target = run / "run.json" / "rows.jsonl"
    status, _, err = called("export", run, "--to", target)
    assert (status, err.count("\n")) == (1, 1)
    assert f"--to {target}: cannot be written" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--card",), "add --to"),
        (("--format", "parquet"), "add --to"),
        (("--public",), "--push-to-hub"),
        (("--push-to-hub", "me/set", "--to", "rows.jsonl"), "end --to with a /"),
    ],
)
def test_options_that_do_not_go_together(called, run, arguments, message):
    status, _, err = called("export", run, *arguments)
    assert status == 2
    assert message in " ".join(err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "shareGPT"), "no such format; did you mean 'sharegpt'?"),
        (("--format", "csv", "--to", "x.csv"), "--format csv: no such format; one of jsonl, parquet"),
    ],
)
def test_a_format_that_is_none(called, run, arguments, message):
    status, _, err = called("export", run, *arguments)
    assert (status, err.count("\n")) == (1, 1)
    assert message in err


def test_rows_without_their_snippet_are_told(called, run, tmp_path):
    rows = list(jsonl.read(run / "kept.jsonl"))
    jsonl.write(run / "kept.jsonl", [rows[0] | {"parent": "0" * 16}, *rows])
    _, out, err = called("export", run, "--to", tmp_path / "rows.jsonl")
    assert "4 rows" in out
    assert err == "1 rows name a snippet that is not in snippets.jsonl\n"


def test_a_run_that_has_no_rows_yet(called, run):
    (run / "kept.jsonl").unlink()
    status, _, err = called("export", run)
    assert (status, err.count("\n")) == (1, 1)
    assert "the stage 'filter' makes it" in err
