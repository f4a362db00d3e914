"""`magicoder score` through the real plugin and the real sandbox: right verdicts, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from magicoder_core import find

pytestmark = pytest.mark.plugins

HOSTILE = {
    "leaves": "import os\nos._exit(0)\n",
    "exits": "raise SystemExit(0)\n",
    "prints": "print('pass')\n",
    "spins": "while True:\n    pass\n",
    "nothing": "",
}


@pytest.fixture
def references():
    return {item.problem_id: item.code for item in find("benchmark", "humaneval")().references()}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    return tmp_path


def write(path, rows):
    path.write_text("".join(json.dumps({"task_id": task, "solution": code}) + "\n" for task, code in rows))


def test_right_wrong_and_hostile_programs(cli, references, here):
    tasks = list(references)[:3]
    rows = [(task, references[task]) for task in tasks]
    write(here / "s.jsonl", rows + [(task, code) for code in HOSTILE.values() for task in tasks])
    options = ("--json", "R.json", "--eval-results", "-o", "limit=3", "-o", "cpu_seconds=1")
    done = cli("score", "humaneval", "s.jsonl", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads((here / "R.json").read_text())
    statuses = [row["status"] for row in report["verdicts"]]
    assert statuses[:3] == ["pass"] * 3
    assert "pass" not in statuses[3:]
    assert "harness_error" not in statuses
    assert statuses[12:15] == ["timeout"] * 3
    assert report["metrics"]["pass@1"]["value"] == pytest.approx(1 / 6)
    assert (report["self_test"]["references"], report["broken"]) == (3, [])
    assert report["isolation"] in {"bubblewrap", "landlock"}
    assert "sha256" in report["versions"]
    results = [json.loads(line) for line in (here / "s.jsonl_results.jsonl").read_text().splitlines()]
    assert [row["passed"] for row in results] == [True] * 3 + [False] * (len(statuses) - 3)


def test_the_format_of_human_eval(cli, here):
    problems = {item.id: item.prompt for item in find("benchmark", "humaneval")().problems()}
    references = find("benchmark", "humaneval")().references()
    rows = [
        {"task_id": item.problem_id, "completion": item.code.removeprefix(problems[item.problem_id])}
        for item in references
    ]
    (here / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("score", "humaneval", "s.jsonl")
    assert done.returncode == 0, done.stderr
    assert "pass@1  100.0% [97.7, 100.0] on 164 tasks" in done.stdout


def descendants(root):
    """Processes below one, each with when it began: a number may be given anew."""
    found, parents = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (facts := facts_of(entry.name)):
            parents[int(entry.name)] = facts
    chosen = {root}
    while more := {pid for pid, (parent, _) in parents.items() if parent in chosen} - chosen:
        chosen |= more
    found |= {pid: parents[pid][1] for pid in chosen - {root} if pid in parents}
    return found


def facts_of(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[1]), int(fields[19])) if fields[0] != "Z" else None


def alive(processes):
    return [pid for pid, began in processes.items() if (facts := facts_of(pid)) and facts[1] == began]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_it_leaves_nothing_behind_and_goes_on(kill, cli, references, here):
    code = references["HumanEval/0"]
    write(here / "s.jsonl", [("HumanEval/0", f"import time\ntime.sleep(0.2)\n{code}")] * 30)
    arguments = ["score", "humaneval", "s.jsonl", "-o", "limit=1", "--json", "R.json"]
    command = [sys.executable, "-m", "magicoder_core", *arguments]
    process = subprocess.Popen(command, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    verdicts = here / "s.jsonl.humaneval.verdicts.jsonl"
    deadline = time.monotonic() + 90
    while not verdicts.exists() or verdicts.read_bytes().count(b"\n") < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    below = descendants(process.pid)
    assert below, "programs are at work"
    process.send_signal(kill)
    process.wait(timeout=60)
    deadline = time.monotonic() + 20
    while alive(below) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(below) == []
    assert not (here / "R.json").exists()
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    assert "verdicts are known from before" in done.stderr
    assert json.loads((here / "R.json").read_text())["metrics"]["statuses"] == {"pass": 30}
    assert [path.name for path in (here / "cache").iterdir()] == ["self-tests"]
