"""`magicoder score` as people call it."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from magicoder_core import plugins, sandbox

PLUGIN = Path(__file__).parent.parent / "plain_benchmark.py"
TASKS = [f"plain/{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sandbox, "required", lambda: sandbox.Isolation(level="bubblewrap"))
    monkeypatch.chdir(tmp_path)
    yield
    plugins.use([])


@pytest.fixture
def write(tmp_path):
    def write(codes, name="s.jsonl"):
        rows = [{"task_id": task, "solution": code} for task, code in codes]
        path = tmp_path / name
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return name

    return write


@pytest.fixture
def score(called):
    """Run `magicoder score plain ARGUMENTS`; gives status, stdout, and stderr without how far it is."""

    def score(*arguments):
        status, out, err = called("score", "--plugin", PLUGIN, "plain", *arguments)
        return status, out, "".join(line for line in err.splitlines(keepends=True) if " programs in " not in line)

    return score


def test_a_score_with_all_that_belongs_to_it(score, write, tmp_path):
    codes = [("plain/0", "right"), ("plain/1", "wrong"), ("plain/2", "base"), ("plain/3", "hang"), ("plain/4", "right")]
    status, out, err = score(write(codes), "--json", "R.json")
    assert (status, err) == (0, "")
    assert "pass@1       40.0% [11.8, 76.9] on 5 tasks, base and plus tests\n" in out
    assert "base pass@1  60.0% [23.1, 88.2] on 5 tasks\n" in out
    assert "5 programs for 5 tasks: 2 fail, 2 pass, 1 timeout\n" in out
    assert re.search(r"\n  plain/2  0/1  fail \(base pass, plus fail\) +test 3 of plain/2: got 'base'\n", out)
    for line in ("data", "semantics", "isolation", "magicoder-core", "python", "self-test"):
        assert f"  {line} " in out
    report = json.loads((tmp_path / "R.json").read_text())
    assert list(report)[:4] == ["benchmark", "metrics", "versions", "isolation"]
    assert (report["benchmark"], report["isolation"], report["broken"]) == ("plain", "bubblewrap", [])
    assert report["metrics"]["pass@1"]["value"] == 0.4
    assert report["metrics"]["base pass@1"]["value"] == 0.6
    assert {"data": "sha256 0123", "semantics": "strict", "subset": "all 5 problems"}.items() <= report[
        "versions"
    ].items()
    assert report["self_test"] == {"references": 5, "mistakes": 1}
    assert (report["machine"]["cpu_seconds"], report["machine"]["speed"]) == (2.5, sandbox.speed())
    assert report["verdicts"][2] == {
        "task_id": "plain/2",
        "sample": 0,
        "status": "fail",
        "detail": "test 3 of plain/2: got 'base'",
        "isolation": "bubblewrap",
        "base_status": "pass",
        "plus_status": "fail",
        "plus_fail_tests": [[10**30]],
    }


def test_several_samples_of_a_task_in_any_order(score, write, tmp_path):
    codes = [(task, "right" if number < 4 else "wrong") for number in range(10) for task in TASKS]
    assert score(write(codes, "s.jsonl.gz"), "--json", "R.json", "-o", "ks=[1,3,10]")[0] == 0
    report = json.loads((tmp_path / "R.json").read_text())
    assert report["metrics"]["pass@1"]["value"] == pytest.approx(0.4)
    assert report["metrics"]["pass@3"]["value"] == pytest.approx(1 - (6 * 5 * 4) / (10 * 9 * 8))
    assert report["metrics"]["pass@10"]["value"] == 1
    assert [(row["task_id"], row["sample"]) for row in report["verdicts"][:6]] == [
        *((t, 0) for t in TASKS),
        ("plain/0", 1),
    ]


def test_a_k_that_cannot_be_had_is_told(score, write):
    status, out, err = score(write([(task, "right") for task in TASKS]), "-o", "ks=[2]")
    assert (status, err) == (0, "  plain: no pass@2: a task has only 1 sample\n")
    assert "pass@" not in out.replace("no pass@2", "")


def test_missing_tasks_are_named_unless_they_may_be(score, write, tmp_path):
    name = write([("plain/0", "right"), ("plain/3", "wrong"), ("other/1", "x"), ("other/1", "x")])
    status, out, err = score(name)
    assert (status, out) == (1, "")
    assert err == (
        "  s.jsonl: 2 samples of 1 tasks that plain does not have are left out: other/1\n"
        "magicoder: s.jsonl: no sample for 3 of 5 tasks of plain: plain/1, plain/2, plain/4; "
        "add them, or score the others alone with --incomplete\n"
    )
    status, out, err = score(name, "--incomplete", "--json", "R.json")
    assert status == 0
    assert "pass@1       50.0%" in out
    assert "missing: 3 tasks have no sample: plain/1, plain/2, plain/4\n" in out
    assert "unknown: 2 samples of 1 tasks that the benchmark does not have: other/1\n" in out
    report = json.loads((tmp_path / "R.json").read_text())
    assert report["samples"] == {"judged": 2, "unknown": 2, "missing": ["plain/1", "plain/2", "plain/4"]}
    assert report["versions"]["subset"] == "2 of 5 problems: the others have no sample"


def test_a_limit_is_a_subset_and_no_gap(score, write):
    status, out, _ = score(write([(task, "right") for task in TASKS]), "-o", "limit=2")
    assert status == 0
    assert "on 2 tasks" in out
    assert "beyond the limit: 3 samples\n" in out
    assert "the first 2 problems" in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["none.jsonl"], "none.jsonl: no such file or folder of samples"),
        (["/dev/null"], "/dev/null: no regular file of samples"),
        (["s.jsonl", "-o", "limt=2"], "plain.limt: no such option; did you mean 'limit'?"),
        (["s.jsonl", "-o", "limit"], "-o limit: write it as option=value"),
        (["s.jsonl", "-o", "ks=[]"], "plain: ks must be at least 1 (got 0)"),
        (["bad.jsonl"], "bad.jsonl:1: not JSON in UTF-8"),
        (["empty.jsonl"], "empty.jsonl: no sample for a task of plain, as plain/0"),
        (["s.jsonl", "-o", "lenient=true"], "plain: self-test: a program for plain/0 that is known to be wrong passes"),
    ],
)
def test_what_is_wrong_is_one_line(score, write, tmp_path, arguments, line):
    write([(task, "right") for task in TASKS])
    (tmp_path / "bad.jsonl").write_text("nonsense\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    status, out, err = score(*arguments)
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith(f"magicoder: {line}")


def test_no_benchmark_of_that_name(called):
    status, _, err = called("score", "--plugin", PLUGIN, "plane", "s.jsonl")
    assert (status, err) == (1, "magicoder: no benchmark named 'plane'; did you mean 'plain'?\n")


def test_broken_tasks_are_shown_and_left_out(score, write, tmp_path):
    name = write([(task, "right") for task in TASKS] + [("plain/0", "lost")])
    status, out, err = score(name, "-o", 'bad=["plain/1"]', "--json", "R.json")
    assert status == 0
    assert "plain/1: its own reference does not pass: fail: test 3 of plain/1: got 'right'" in err
    assert "pass@1       100.0%" in out
    assert "on 4 tasks" in out
    assert "broken here: plain/1: its own reference does not pass: fail: test 3" in out
    assert "not judged: 2 programs, which count for nothing" in out
    report = json.loads((tmp_path / "R.json").read_text())
    assert report["broken"] == [
        {"task_id": "plain/1", "reason": "its own reference does not pass: fail: test 3 of plain/1: got 'right'"}
    ]
    assert report["harness_errors"] == 2
    assert report["verdicts"][1]["status"] == "harness_error"


def test_nothing_that_can_be_judged_is_no_score_of_nought(score, write):
    status, out, err = score(write([(task, "lost") for task in TASKS]))
    assert (status, out) == (1, "")
    assert "plain: no program could be judged here; the last time: test 3 of plain/4" in err


def test_the_second_time_verdicts_are_known(score, write, tmp_path):
    name = write([(task, "right") for task in TASKS])
    log = f"log={tmp_path / 'log'}"
    assert score(name, "-o", log)[0] == 0
    (tmp_path / "log").unlink()
    status, out, err = score(name, "-o", log, "--json", "R.json")
    assert status == 0
    assert err == "  s.jsonl.plain.verdicts.jsonl: 5 verdicts are known from before; --new judges all again\n"
    assert "5 programs for 5 tasks: 5 pass; 5 verdicts known from before\n" in out
    assert len((tmp_path / "log").read_text().splitlines()) == 4, "the canaries of the self-test"
    _, out, err = score(name, "-o", log, "--new")
    assert (err, "from before" in out) == ("", False)


def test_more_samples_are_judged_alone(score, write, tmp_path):
    codes = [(task, "right") for task in TASKS]
    score(write(codes))
    _, out, _ = score(write([*codes, ("plain/2", "wrong")]))
    assert "6 programs for 5 tasks: 1 fail, 5 pass; 5 verdicts known from before" in out


def test_the_official_results_beside_the_samples(score, write, tmp_path):
    name = write([(task, word) for word in ("right", "wrong") for task in reversed(TASKS)])
    _, out, _ = score(name, "--eval-results", "--results", "other.json")
    assert out.endswith("written: other.json\n")
    assert not (tmp_path / "s_eval_results.json").exists()
    _, out, _ = score(name, "--eval-results")
    assert out.endswith("written: s_eval_results.json\n")
    results = json.loads((tmp_path / "s_eval_results.json").read_text())
    assert list(results) == [f"{task}#{number}" for task in TASKS for number in range(2)]
    assert results["plain/3#1"] == ["wrong", "fail"]
    assert (tmp_path / "other.json").read_text() == (tmp_path / "s_eval_results.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--json", "s.jsonl"], "--json: s.jsonl is read or written by this scoring itself"),
        (["--results", "./s.jsonl"], "--results: s.jsonl is read or written by this scoring itself"),
        (["--json", "link"], "--json: link is read or written"),
        (["--json", "s.jsonl.plain.verdicts.jsonl"], "--json: s.jsonl.plain.verdicts.jsonl is read or written"),
        (["--json", "data.jsonl", "-o", "data=data.jsonl"], "--json: data.jsonl is read or written"),
        (["--json", "R.json", "--results", "R.json"], "--json and --results name the same file, R.json"),
        (["--json", "/proc/R.json"], "--json: cannot write /proc/R.json ("),
        (["--eval-results", "--json", "s_eval_results.json"], "--json and --eval-results name the same file"),
    ],
)
def test_outputs_are_looked_at_before_anything_is_judged(score, write, tmp_path, arguments, line):
    write(zip(TASKS, ["right"] * 5, strict=True))
    before = (tmp_path / "s.jsonl").read_bytes()
    (tmp_path / "link").symlink_to("s.jsonl")
    (tmp_path / "data.jsonl").write_text("{}")
    status, out, err = score("s.jsonl", *arguments)
    assert (status, out) == (1, "")
    assert line in err
    assert (tmp_path / "s.jsonl").read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["data.jsonl", "link", "s.jsonl"]


def test_a_report_goes_into_a_pipe(score, write, tmp_path):
    write(zip(TASKS, ["right"] * 5, strict=True))
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    status, _, _ = score("s.jsonl", "--json", "pipe")
    report = os.read(reader, 1 << 16)
    os.close(reader)
    assert status == 0
    assert json.loads(report)["metrics"]["pass@1"]["value"] == 1.0
    assert (tmp_path / "pipe").is_fifo()


def test_a_report_goes_where_a_link_points(score, write, tmp_path):
    write(zip(TASKS, ["right"] * 5, strict=True))
    (tmp_path / "R.json").symlink_to("elsewhere.json")
    assert score("s.jsonl", "--json", "R.json")[0] == 0
    assert (tmp_path / "R.json").is_symlink()
    assert json.loads((tmp_path / "elsewhere.json").read_text())["benchmark"] == "plain"


def test_a_mark_before_the_first_line_is_no_text(score, write, tmp_path):
    write(zip(TASKS, ["right"] * 5, strict=True))
    (tmp_path / "s.jsonl").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "s.jsonl").read_bytes())
    status, _, err = score("s.jsonl")
    assert (status, err) == (0, "")


def test_what_holds_no_sample_of_the_benchmark_is_told(score, write, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    assert "empty.jsonl: no sample for a task of plain, as plain/0, because it is empty" in score("empty.jsonl")[2]
    assert "no sample for a task of plain, as plain/0, but for others, as Mbpp/2" in score(write([("Mbpp/2", "x")]))[2]


def test_official_results_in_the_samples_order_where_the_scorer_has_it(score, write, tmp_path, monkeypatch):
    monkeypatch.setattr("magicoder_core.benchmarks.Benchmark.results_by_task", False)
    write([*((task, "right") for task in reversed(TASKS)), ("plain/4", "wrong")])
    assert score("s.jsonl", "--eval-results")[0] == 0
    results = json.loads((tmp_path / "s_eval_results.json").read_text())
    assert list(results) == [*(f"{task}#0" for task in reversed(TASKS)), "plain/4#1"]
    assert results["plain/4#1"] == ["wrong", "fail"]


def test_a_folder_of_programs(score, tmp_path):
    for task in TASKS:
        folder = tmp_path / "programs" / task.replace("/", "_")
        folder.mkdir(parents=True)
        (folder / "0.py").write_text("right\n")
    status, out, _ = score("programs", "--eval-results")
    assert status == 0
    assert out.endswith("written: programs/eval_results.json\n")
    assert "100.0%" in score("programs")[1]
    assert (tmp_path / "programs.plain.verdicts.jsonl").exists()


def test_where_nothing_can_be_written_beside_the_samples(score, write, tmp_path, monkeypatch):
    name = write([(task, "right") for task in TASKS])
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    status, _, err = score(name)
    assert status == 0
    assert "cannot be written to; verdicts go to" in err
    assert not list(tmp_path.glob("*.verdicts.jsonl"))
    assert len(list((tmp_path / "cache" / "verdicts").iterdir())) == 1


def test_a_file_that_changes_meanwhile_is_told(score, write, tmp_path, monkeypatch):
    name = write([(task, "right") for task in TASKS])
    status, _, err = score(name, "-o", f"log={tmp_path / name}")
    assert status == 1
    assert "s.jsonl: was changed while it was scored" in err


def test_what_programs_say_cannot_move_the_cursor(score, write):
    _, out, _ = score(write([(task, "\x1b[2J\x07") for task in TASKS]))
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "got '?[2J?'" in out


def test_a_table_on_a_terminal(monkeypatch, capsys):
    from magicoder_core.cli import score as command
    from magicoder_core.judging.telling import Failed

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    command._failed([Failed("plain/0", "1/2", "fail", "[bold]no markup[/bold]")] * 21)
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "21 tasks with a program that did not pass; the first 20:" in out
    assert re.search(r"task +passed +status +why", out)
    assert out.count("[bold]no markup[/bold]") == 20
    command._failed([])
    assert capsys.readouterr().out == ""


def test_a_long_list_of_failures_is_bounded(score, write):
    codes = [(f"plain/{number}", "wrong") for number in range(50)]
    _, out, _ = score(write(codes), "-o", "tasks=50")
    assert "50 tasks with a program that did not pass; the first 20:" in out
    assert out.count("test 3 of") == 20


def test_workers_reach_the_sandbox(score, write, monkeypatch):
    from magicoder_core.sandbox import width

    found = []
    monkeypatch.setattr(sandbox, "required", lambda: found.append(width()) or sandbox.Isolation(level="x"))
    score(write([(task, "right") for task in TASKS]), "--workers", "7")
    assert set(found) == {7}
    assert score("s.jsonl", "--workers", "0")[0] == 2


COMMAND = """
import sys
from magicoder_core import sandbox
sandbox.required = lambda: sandbox.Isolation(level="bubblewrap")
from magicoder_core.cli.main import main
sys.argv = ["magicoder", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_what_is_stopped_goes_on(write, tmp_path, kill):
    name = write([(task, "right") for task in TASKS * 40])
    arguments = ["score", "--plugin", str(PLUGIN), "plain", name, "--json", "R.json", "-o"]
    command = [sys.executable, "-c", COMMAND, *arguments, "pause=0.02"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    verdicts = tmp_path / f"{name}.plain.verdicts.jsonl"
    deadline = time.monotonic() + 60
    while not verdicts.exists() or verdicts.read_bytes().count(b"\n") < 20:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(kill)
    _, err = process.communicate(timeout=60)
    if kill is signal.SIGINT:
        assert process.returncode == 130
        assert err.strip() == "magicoder: interrupted; the same command goes on from here"
    assert not (tmp_path / "R.json").exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert "verdicts are known from before" in done.stderr
    assert "200 programs for 5 tasks: 200 pass; " in done.stdout
    assert len(json.loads((tmp_path / "R.json").read_text())["verdicts"]) == 200


def test_groups_are_scored_by_themselves_and_what_cannot_be_judged_is_never_nought(called, tmp_path):
    rows = [{"number": number, "solution": "right" if number else "wrong"} for number in range(5)]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("-o", 'absent=["south"]', "--json", "R.json")
    status, out, err = called("score", "--plugin", PLUGIN, "grouped", "s.jsonl", *options)
    assert status == 0, err
    assert "north pass@1       66.7% [20.8, 93.9] on 3 tasks" in out
    assert re.search(r"^south +not judged: 2 harness_error$", out, re.MULTILINE)
    assert "broken here: 2 tasks: the tools are missing: install them\n" in out
    tested = "3 tasks found fit by the benchmark's own test; 3 references passed, 1 known mistakes failed"
    assert f"self-test  {tested}" in re.sub("  +", "  ", out)
    report = json.loads((tmp_path / "R.json").read_text())
    assert report["groups"]["south"] == {"statuses": {"harness_error": 2}}
    assert report["groups"]["north"]["pass@1"]["tasks"] == 3
