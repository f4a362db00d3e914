"""Scores are found in files and run directories, and what is none is named."""

from __future__ import annotations

import json

import pytest
from reports import counted, made, python

from magicoder_core.errors import RunError
from magicoder_core.reporting.reading import scores


def names(found):
    return [(score.name, score.benchmark) for score in found]


def test_a_file_is_named_by_its_own_name_or_by_the_one_that_is_given(desk):
    desk.file("a.json", python())
    desk.file("b=c.json", python())
    found = scores(["a.json", "mine=a.json", "b=c.json", "x=b=c.json"])
    assert [score.name for score in found] == ["a", "mine", "b=c", "x"]
    assert [str(score.path) for score in found] == ["a.json", "a.json", "b=c.json", "b=c.json"]


def test_a_report_that_knows_its_model_is_named_by_it(desk):
    desk.file("report.json", python(versions={"model": "llama-cpp:small"}))
    assert [score.name for score in scores(["report.json"])] == ["llama-cpp:small"]


def test_reports_of_one_name_are_of_one_row_and_others_are_not(desk):
    desk.file("a.json", python())
    desk.file("b.json", python())
    one, other, third = scores(["m=a.json", "m=b.json", "a.json"])
    assert one.row == other.row != third.row


def test_verdicts_are_not_kept(desk):
    desk.file("a.json", {**python(), "verdicts": [{"task_id": "x"}]})
    assert "verdicts" not in scores(["a.json"])[0].report


def test_a_run_has_a_row_for_each_of_its_models(desk):
    reports = {"plain": made("plain", counted(1, 2)), "plain/baseline": made("plain", counted(0, 2))}
    run = desk.run("r", {**reports, "plain/trainer-1": made("plain", counted(1, 2))}, trained=True)
    assert names(scores([run])) == [("r tuned", "plain"), ("r baseline", "plain"), ("r trainer-1", "plain")]
    assert [score.name for score in scores([f"mine={run}"])] == ["mine tuned", "mine baseline", "mine trainer-1"]


def test_a_run_of_one_model_is_named_by_it_and_has_one_row(desk):
    versions = {"model": "words:words"}
    reports = {name: made(name, counted(1, 2), versions) for name in ("one", "two")}
    found = scores([desk.run("r", reports)])
    assert names(found) == [("words:words", "one"), ("words:words", "two")]
    assert found[0].row == found[1].row
    assert [score.name for score in scores([f"mine={found[0].path.parent.parent}"])] == ["mine", "mine"]


def test_reports_that_a_finished_run_did_not_make_are_left_alone(desk):
    run = desk.run("r", {"plain": made("plain", counted(1, 2))})
    desk.file("r/plain/trainer-3/report.json", made("plain", counted(2, 2)))
    assert len(scores([run])) == 1


def test_a_matrix_has_the_rows_of_all_its_runs(desk):
    cells = ["rate=1.0,seed=1", "rate=2.0,seed=1", "rate=3.0,seed=1"]
    for cell in cells[:2]:
        desk.run(f"m/{cell}", {"plain": made("plain", counted(1, 2))}, trained=True)
    desk.file("m/run.json", {"cells": cells})
    assert [score.name for score in scores(["m"])] == cells[:2]
    assert [score.name for score in scores(["x=m"])] == [f"x {cell}" for cell in cells[:2]]
    assert len(scores([f"m/{cells[0]}"])) == 1


def test_cells_of_one_name_in_two_matrices_are_two_rows(desk):
    for matrix in ("m", "n"):
        desk.run(f"{matrix}/seed=1", {"plain": made("plain", counted(1, 2))}, trained=True)
        desk.file(f"{matrix}/run.json", {"cells": ["seed=1"]})
    one, other = scores(["m", "n"])
    assert (one.name, one.row != other.row) == (other.name, True)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nonsense", "bad.json: no report: not JSON"),
        ("[1]", "bad.json: no report: a JSON object was expected, not list"),
        ('{"eval": {}, "hash": "x"}', "bad.json: no report: its 'benchmark' is missing"),
        ('{"benchmark": "x", "metrics": [], "versions": {}}', "bad.json: no report: its 'metrics' is no dict"),
        (
            '{"benchmark": "x", "metrics": {"pass@1": {"value": 1}}, "versions": {}}',
            "its 'metrics.pass@1' has no numbers",
        ),
        ('{"benchmark": "x", "metrics": {}, "versions": {}, "groups": {"js": 3}}', "its 'groups.js' is no object"),
        ('{"benchmark": "x", "metrics": {"statuses": 3}, "versions": {}}', "its 'metrics.statuses' is no object"),
    ],
)
def test_what_is_no_report_is_one_line_that_says_where_one_comes_from(desk, text, line):
    desk.file("bad.json", text)
    with pytest.raises(RunError) as error:
        scores(["bad.json"])
    assert line in str(error.value)
    assert "`magicoder score BENCHMARK SAMPLES --json FILE` writes one" in str(error.value)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("none.json", "none.json: no such report or run directory"),
        ("=a.json", "'=a.json': write NAME=PATH"),
        ("name=", "'name=': write NAME=PATH"),
        ("empty", "empty: no run here (no run.json)"),
        ("unfinished", "unfinished: its stage evaluate is failed, not done"),
        ("unscored", "unscored: this run has scored nothing"),
        ("gone", "gone/plain/report.json: no such report"),
    ],
)
def test_where_nothing_is_scored_is_one_line(desk, given, line):
    (desk.folder / "empty").mkdir()
    desk.run("unfinished", {"plain": made("plain", counted(1, 2))}, status="failed")
    desk.file("unscored/run.json", {"name": "u", "stages": {"seeds": {"status": "done"}}})
    desk.run("gone", {"plain": made("plain", counted(1, 2))})
    (desk.folder / "gone/plain/report.json").unlink()
    with pytest.raises(RunError) as error:
        scores([given])
    assert str(error.value).startswith(line)


def test_a_report_of_an_earlier_version_is_one(desk):
    old = {name: python()[name] for name in ("benchmark", "metrics", "versions")}
    desk.file("old.json", json.dumps(old))
    found = scores(["old.json"])[0]
    assert (found.groups, found.decoding, found.broken, found.missing) == ({}, {}, {}, ())
