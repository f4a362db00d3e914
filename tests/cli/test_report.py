"""`magicoder report` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reports import Desk, counted, made, python

from magicoder_core import plugins, sandbox

PLUGIN = Path(__file__).parent.parent / "plain_benchmark.py"
RECIPE = """
[model]
use = "words"
words = ["right"]
[[benchmark]]
use = "plain"
tasks = 3
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sandbox, "required", lambda: sandbox.Isolation(level="bubblewrap"))
    monkeypatch.chdir(tmp_path)
    yield Desk(tmp_path)
    plugins.use([])


def test_a_table_with_the_papers_rows(desk, called):
    desk.file("a.json", python(110, 101))
    status, out, err = called("report", "mine=a.json")
    assert (status, err) == (0, "")
    assert "HumanEval  HumanEval+" in out
    assert "mine" in out
    assert "MagicoderS-DS-6.7B [RM, RN]" in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_table_without_them(desk, called):
    desk.file("a.json", python(110, 101))
    status, out, _ = called("report", "a.json", "--no-published")
    assert status == 0
    assert "published" not in out
    assert "Magicoder" not in out


def test_files_are_written_beside_it(desk, called):
    desk.file("a.json", python(110, 101))
    status, out, _ = called("report", "a.json", "--json", "T.json", "--html", "deep/T.html")
    assert status == 0
    assert out.endswith("written: T.json\nwritten: deep/T.html\n")
    assert json.loads(Path("T.json").read_text())["suites"][0]["rows"][0]["name"] == "a"
    assert Path("deep/T.html").read_text().startswith("<!doctype html>")


def test_markdown_is_all_that_is_printed(desk, called):
    desk.file("a.json", python(110, 101))
    status, out, err = called("report", "a.json", "--markdown", "--html", "T.html")
    assert (status, err) == (0, "written: T.html\n")
    assert out.startswith("## HumanEval and MBPP\n")
    assert "written" not in out


def test_pass_at_another_k(desk, called):
    desk.file("a.json", made("humaneval", counted(1, 2, samples=10)))
    status, out, _ = called("report", "a.json", "-k", 10)
    assert status == 0
    assert out.startswith("HumanEval and MBPP: pass@10 in per cent")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["none.json"], 1, "magicoder: none.json: no such report or run directory"),
        (["a.json", "--json", "a.json"], 1, "magicoder: --json: a.json is read or written by this scoring itself"),
        (["a.json", "--json", "x", "--html", "x"], 1, "magicoder: --json and --html name the same file, x"),
        (["a.json", "-k", "0"], 2, "Error: Invalid value for '-k'"),
        ([], 2, "Error: Missing argument"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(desk, called, arguments, status, line):
    before = desk.file("a.json", python())
    text = Path(before).read_text()
    found, out, err = called("report", *arguments)
    assert (found, out) == (status, "")
    assert line in err
    assert Path(before).read_text() == text
    assert [item.name for item in desk.folder.iterdir() if item.is_file()] == ["a.json"]


def test_scores_that_were_just_made_by_both_commands(desk, called):
    """A run's own report and the report of `score` on the run's samples: the same figure, one row each."""
    desk.file("r.toml", RECIPE)
    assert called("run", "r.toml", "--plugin", PLUGIN, "--dir", "run")[0] == 0
    scored = ("score", "--plugin", PLUGIN, "plain", "run/plain/samples.jsonl", "-o", "tasks=3", "--json", "again.json")
    assert called(*scored)[0] == 0
    status, out, err = called("report", "run", "again.json", "--json", "T.json")
    assert (status, err) == (0, "")
    (suite,) = json.loads(Path("T.json").read_text())["suites"]
    assert [row["name"] for row in suite["rows"]] == ["words:words", "again"]
    assert [row["cells"]["plain"]["value"] for row in suite["rows"]] == [1, 1]
    assert suite["marks"] == []
    assert "temperature 0.8" in out
    assert "how they were drawn is not known here" in out
