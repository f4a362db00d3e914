"""The gold self-test: what passes, what is broken, what stops everything, what is remembered."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest
from plain_benchmark import Grouped, Plain

from magicoder_core import RunError, Submission, Verdict
from magicoder_core.judging import selftest
from magicoder_core.judging.selftest import self_test, self_tested

ALL = [f"plain/{number}" for number in range(5)]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def judged(log):
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def test_references_pass_and_mistakes_fail(plain, heard):
    test = self_test(plain(), ALL)
    assert test.counts() == {"references": 5, "mistakes": 1}
    assert (test.broken, heard) == ({}, [])


def test_only_the_chosen_problems_count(plain, log):
    assert self_test(plain(log=log), ALL[3:]).references == 2
    assert judged(log) == ["plain/3 0 right", "plain/4 0 right", "plain/0 0 wrong"]


def test_a_broken_task_is_shown_by_name_and_reason(plain, heard):
    test = self_test(plain(bad=("plain/3",)), ALL)
    assert test.broken == {"plain/3": "its own reference does not pass: fail: test 3 of plain/3: got 'right'"}
    told = "plain: broken here and left out of the score: plain/3: its own reference does not pass: fail: test 3"
    assert [line.partition(" of plain/3")[0] for line in heard] == [told]


def test_many_broken_tasks_are_counted(plain, heard):
    test = self_test(
        plain(tasks=20, bad=tuple(f"plain/{number}" for number in range(15))), [f"plain/{n}" for n in range(20)]
    )
    assert len(test.broken) == 15
    assert len(heard) == 11
    assert heard[-1] == "plain: and 5 more; the report names them all"


def test_where_no_reference_passes_nothing_goes_on(plain):
    with pytest.raises(RunError, match="no reference solution passes here, as plain/0"):
        self_test(plain(bad=tuple(ALL)), ALL)


def test_a_mistake_that_passes_stops_everything(plain, heard, cache):
    with pytest.raises(RunError, match="a program for plain/0 that is known to be wrong passes here"):
        self_test(plain(lenient=True), ALL)
    assert not list(cache.rglob("*.json")), "no success is remembered"


class Lost(Plain):
    def mistakes(self):
        yield Submission(problem_id="plain/1", code="lost")


def test_a_mistake_for_a_broken_task_is_passed_over_if_there_are_others():
    lost = Verdict(problem_id="plain/1", sample=0, status="harness_error", detail="no")
    failed = Verdict(problem_id="plain/0", sample=0, status="fail")
    selftest._refuse("plain", [lost, failed], {"plain/1": "broken"})
    for mistakes, broken in (([lost], {"plain/1": "broken"}), ([lost, failed], {})):
        with pytest.raises(RunError, match=r"plain/1 that is known to be wrong cannot be judged here \(no\)"):
            selftest._refuse("plain", mistakes, broken)


def test_a_mistake_that_cannot_be_judged_proves_nothing(plain):
    with pytest.raises(RunError, match=r"cannot be judged here \(test 3"):
        self_test(dataclasses.replace(plain(), provider=Lost()), ALL)


def test_a_benchmark_without_references_is_told(plain, heard, log):
    assert self_test(plain(silent=True, log=log), ALL).counts() == {"references": 0, "mistakes": 0}
    assert heard == ["plain: brings no reference solutions: whether right programs pass here is not known"]
    assert judged(log) == []


def grouped(plain, **options):
    return dataclasses.replace(plain(), provider=Grouped(**options))


def test_what_the_benchmark_itself_cannot_judge_is_broken_and_said_once_for_each_reason(plain, heard, log):
    test = self_test(grouped(plain, absent=("south",), log=log), ALL)
    assert test.broken == dict.fromkeys(["plain/1", "plain/3"], "the tools are missing: install them")
    assert test.counts() == {"references": 3, "mistakes": 1, "fit": 3}
    why = "the tools are missing: install them"
    assert heard == [f"plain: 2 of 5 tasks cannot be judged here and are left out of the score: {why}"]
    assert judged(log) == ["plain/0 0 right", "plain/2 0 right", "plain/4 0 right", "plain/0 0 wrong"]


def test_where_no_task_can_be_judged_nothing_goes_on(plain):
    with pytest.raises(RunError, match="no task can be judged here: the tools are missing: install them"):
        self_test(grouped(plain, absent=("north", "south")), ALL)


def test_a_benchmark_that_looks_for_itself_needs_no_references(plain, heard):
    test = self_test(grouped(plain, absent=("south",), silent=True), ALL)
    assert list(test.broken) == ["plain/1", "plain/3"]
    assert not any("brings no reference" in line for line in heard)
    assert self_tested(test.counts()).startswith("3 tasks found fit by the benchmark's own test")


@pytest.mark.parametrize(
    ("counts", "broken", "words"),
    [
        ({"references": 5, "mistakes": 2}, 0, "5 references passed, 2 known mistakes failed"),
        ({"references": 5, "mistakes": 2}, 1, "4 references passed, 1 did not, 2 known mistakes failed"),
        ({"references": 0, "mistakes": 0, "fit": 7}, 0, "7 tasks found fit by the benchmark's own test"),
    ],
)
def test_a_self_test_is_told_in_a_line(counts, broken, words):
    assert self_tested(counts, broken) == words


def test_a_success_is_remembered_for_a_day_but_for_the_canaries(plain, log, monkeypatch):
    self_test(plain(log=log), ALL)
    assert len(judged(log)) == 6
    assert self_test(plain(log=log), ALL).references == 5
    canaries = ["plain/0 0 right", "plain/1 0 right", "plain/2 0 right", "plain/0 0 wrong"]
    assert judged(log) == canaries
    now = time.time()
    monkeypatch.setattr(selftest.time, "time", lambda: now + selftest.DAY + 60)
    self_test(plain(log=log), ALL)
    assert len(judged(log)) == 6
    monkeypatch.setattr(selftest.time, "time", lambda: now - 60)
    self_test(plain(log=log), ALL)
    assert len(judged(log)) == 6, "a clock that went back proves nothing"


def test_a_success_on_a_few_problems_is_none_on_all(plain, log):
    self_test(plain(log=log), ALL[:3])
    judged(log)
    self_test(plain(log=log), ALL)
    assert [line for line in judged(log) if "right" in line] == [f"plain/{number} 0 right" for number in range(5)]


def test_another_option_or_version_is_another_success(plain, log):
    self_test(plain(log=log), ALL)
    judged(log)
    self_test(plain(log=log, pause=0.001), ALL)
    assert len(judged(log)) == 6
    self_test(dataclasses.replace(plain(log=log), version="2.0"), ALL)
    assert len(judged(log)) == 6
    self_test(plain(log=log, limit=3, samples=7, ks=(2,)), ALL)
    assert len(judged(log)) == 4, "how many programs there are changes no verdict"


def test_a_canary_that_fails_undoes_what_was_remembered(plain, log, heard, monkeypatch):
    self_test(plain(log=log), ALL)
    judged(log)
    verdict = Plain._verdict

    def spoilt(self, item):
        found = verdict(self, item)
        return dataclasses.replace(found, status="crash") if item.problem_id in {"plain/1", "plain/4"} else found

    monkeypatch.setattr(Plain, "_verdict", spoilt)
    test = self_test(plain(log=log), ALL)
    assert list(test.broken) == ["plain/1", "plain/4"]
    assert "plain: a reference that passed before does not any more; all are judged again" in heard


def test_two_references_of_one_problem_do_not_go_round_in_circles(plain, monkeypatch):
    monkeypatch.setattr(
        Plain, "references", lambda self: [Submission(problem_id="plain/0", code=word) for word in ("right", "wrong")]
    )
    monkeypatch.setattr(Plain, "mistakes", lambda self: ())
    for _ in range(2):
        assert list(self_test(plain(), ALL).broken) == ["plain/0"]


def test_verdicts_on_something_else_are_refused(plain, monkeypatch):
    monkeypatch.setattr(Plain, "judge", lambda self, submissions: [self._verdict(item) for item in submissions][1:])
    with pytest.raises(RunError, match="are not those that were due"):
        self_test(plain(), ALL)


def test_a_damaged_or_unwritable_cache_costs_time_and_no_more(plain, cache, log):
    self_test(plain(log=log), ALL)
    (kept,) = cache.rglob("*.json")
    for text in ("{", "[]", json.dumps({"passed": ["plain/0"]}), json.dumps({"passed": {"plain/0": "x"}})):
        kept.write_text(text)
        judged(log)
        assert self_test(plain(log=log), ALL).references == 5
        assert len(judged(log)) == 6
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("no folder")
    assert self_test(plain(log=log), ALL).references == 5
