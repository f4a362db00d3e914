"""What is told beside verdicts: how far a first run is, and by which limits it judges."""

import pytest
from magicoder_evalplus import HumanEvalPlus, Mbpp, judging
from magicoder_evalplus.rules import RULES

from magicoder_core import progress, sandbox

boxed = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")


class Counted(progress.Silent):
    """Keeps what is begun, and counts it."""

    def __init__(self):
        self.begun, self.done, self.ended = [], [], []

    def begin(self, name, total, unit):
        self.begun.append((name, total, unit))
        self.done.append(0)
        return len(self.begun) - 1

    def advance(self, task, amount, figures):
        assert task not in self.ended
        self.done[task] += amount

    def end(self, task):
        self.ended.append(task)


def counted(benchmark, count=None):
    reporter = Counted()
    with progress.reporting(reporter):
        list(benchmark.judge(list(benchmark.references())[:count]))
    return reporter


@boxed
def test_a_first_run_is_one_account_of_all_tasks(own, monkeypatch, tmp_path):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path))
    monkeypatch.setattr(judging, "_WINDOW", 3)
    some = counted(HumanEvalPlus(data=own, limit=2), 2)
    assert (some.begun, some.done, some.ended) == ([("expected answers of humaneval+", 2, "task")], [2], [0])
    others = counted(HumanEvalPlus(data=own))
    assert (others.begun, others.done, others.ended) == ([("expected answers of humaneval+", 6, "task")], [6], [0])
    assert counted(HumanEvalPlus(data=own)).begun == []


@boxed
def test_an_account_ends_before_the_last_programs_are_judged(own, monkeypatch, tmp_path):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path))
    benchmark, reporter = HumanEvalPlus(data=own), Counted()
    prepared = benchmark._shelf.prepared(benchmark.references())
    with progress.reporting(reporter):
        next(prepared)
    assert (reporter.done, reporter.ended) == ([8], [0])
    prepared.close()


@boxed
def test_tasks_that_the_semantics_let_nobody_pass_are_not_waited_for(own, monkeypatch, tmp_path):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path))
    seen = counted(HumanEvalPlus(data=own, semantics="evalplus-0.3.1"))
    assert (seen.begun, seen.done) == ([("expected answers of humaneval+", 7, "task")], [7])


def test_limits_and_quirks_in_words(own):
    assert str(RULES["strict"]) == (
        "CPU time: a call max(4 s, 4 x reference), a suite 60 s, and 15 s of waiting; memory 4 GiB"
    )
    assert str(RULES["evalplus-0.3.1"]) == (
        "elapsed time: a call max(1 s, 4 x reference), a suite min(60 s, the sum of its calls) + 2 s; memory 4 GiB"
    )
    for semantics, rules in RULES.items():
        said = HumanEvalPlus(data=own, semantics=semantics).provenance()
        assert (said["limits"], said["quirks"]) == (str(rules), rules.quirks)
        published = semantics != "strict"
        for words in ("os.getcwd", "broadcasting", "only plain values can pass", "own memory is not counted"):
            assert (words in said["quirks"]) is published


def test_google_s_mbpp_is_told_by_its_own_rules(own):
    said = Mbpp(data=own.with_name("own-mbpp.jsonl")).provenance()
    assert said["limits"] == "CPU time: an assertion 4 s, all of a task 60 s, and 15 s of waiting; memory 4 GiB"
    assert said["quirks"] == "assertions are compared exactly, floats too; only plain values can pass"
    assert "1e-6" in Mbpp(data=own).provenance()["quirks"]
