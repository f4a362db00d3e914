"""Verdicts that outlive whatever stops a scoring."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from magicoder_core import RunError, Verdict
from magicoder_core.judging import Ledger

FACTS = {"benchmark": "plain", "options": {"x": 1}}


def verdict(number, status="pass", **extra):
    return Verdict(problem_id=f"t/{number}", sample=0, status=status, detail="why", cpu_seconds=0.25, extra=extra)


def test_what_was_written_is_found_again(tmp_path):
    path = tmp_path / "v.jsonl"
    with Ledger(path, FACTS) as ledger:
        ledger.add(1, "b", verdict(1, base_fail_tests=[[10**30, "\ud800"]]))
        ledger.add(0, "a", verdict(0, "fail"))
        assert list(ledger.first(2)) == [verdict(0, "fail"), verdict(1, base_fail_tests=[[10**30, "\ud800"]])]
    with Ledger(path, FACTS) as again:
        assert (again.known, again.foreign) == (2, 0)
        assert again.find(0, "a") == verdict(0, "fail")
        assert again.find(0, "b") is None
        assert again.find(7, "a") is None
        assert list(again.first(2))[1].extra == {"base_fail_tests": [[10**30, "\ud800"]]}
        with pytest.raises(KeyError):
            again.at(2)


def test_other_facts_use_nothing_and_lose_nothing(tmp_path):
    path = tmp_path / "v.jsonl"
    with Ledger(path, FACTS) as ledger:
        ledger.add(0, "a", verdict(0))
    with Ledger(path, FACTS | {"options": {"x": 2}}) as other:
        assert (other.known, other.foreign) == (0, 1)
        assert other.find(0, "a") is None
        other.add(0, "a", verdict(0, "fail"))
    with Ledger(path, FACTS) as again:
        assert again.find(0, "a") == verdict(0)
        again.add(1, "b", verdict(1))
    with Ledger(path, FACTS) as last:
        assert (last.known, last.foreign) == (2, 1)
        assert list(last.first(2)) == [verdict(0), verdict(1)]


def test_new_forgets(tmp_path):
    path = tmp_path / "v.jsonl"
    with Ledger(path, FACTS) as ledger:
        ledger.add(0, "a", verdict(0))
    with Ledger(path, FACTS, new=True) as ledger:
        assert ledger.find(0, "a") is None
    assert len(path.read_text().splitlines()) == 1


def test_what_could_not_be_judged_is_tried_again(tmp_path):
    path = tmp_path / "v.jsonl"
    with Ledger(path, FACTS) as ledger:
        ledger.add(0, "a", verdict(0, "harness_error"))
        assert ledger.at(0).status == "harness_error"
    with Ledger(path, FACTS) as ledger:
        assert ledger.known == 0
        ledger.add(0, "a", verdict(0))
    with Ledger(path, FACTS) as ledger:
        assert ledger.find(0, "a") == verdict(0)


@pytest.mark.parametrize("torn", [b'{"at": 2, "prog', b'{"at": 2, "program": "c", "verdict": {}}', b"\xff\n", b"[]\n"])
def test_a_torn_end_is_cut_off(tmp_path, torn):
    path = tmp_path / "v.jsonl"
    with Ledger(path, FACTS) as ledger:
        ledger.add(0, "a", verdict(0))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with Ledger(path, FACTS) as ledger:
        assert ledger.known == 1
        ledger.add(1, "b", verdict(1))
    with Ledger(path, FACTS) as ledger:
        assert list(ledger.first(2)) == [verdict(0), verdict(1)]
    assert path.read_bytes().startswith(whole)


def test_a_file_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "v.jsonl"
    path.write_text('{"task_id": 1}\n')
    with pytest.raises(RunError, match="holds something else than verdicts"):
        Ledger(path, FACTS)
    assert path.read_text() == '{"task_id": 1}\n'


def test_two_at_once_are_refused(tmp_path):
    with Ledger(tmp_path / "v.jsonl", FACTS), pytest.raises(RunError, match="another magicoder judges"):
        Ledger(tmp_path / "v.jsonl", FACTS)
    Ledger(tmp_path / "v.jsonl", FACTS).__exit__(None, None, None)


def test_a_kill_loses_nothing_that_was_added(tmp_path):
    path = tmp_path / "v.jsonl"
    code = """
import sys, time
from pathlib import Path
from magicoder_core import Verdict
from magicoder_core.judging import Ledger
ledger = Ledger(Path(sys.argv[1]), {})
for number in range(100):
    ledger.add(number, str(number), Verdict(problem_id="t", sample=number, status="pass"))
print("there", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"there\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Ledger(path, {}) as ledger:
        assert ledger.known == 100


def test_the_facts_stand_in_the_file(tmp_path):
    Ledger(tmp_path / "v.jsonl", FACTS).__exit__(None, None, None)
    assert json.loads((tmp_path / "v.jsonl").read_text())["of"] == FACTS
