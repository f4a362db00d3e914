"""Judging a stream: verdicts go to their samples, nothing is judged twice, nothing is held."""

from __future__ import annotations

import dataclasses
import tracemalloc

import pytest
from plain_benchmark import Plain

from magicoder_core import RunError
from magicoder_core.judging import Ledger, Sample, judge


def sample(position, code="right", task="plain/0"):
    return Sample(position, task, position, code, "no answer: content_filter" if code is None else "")


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "v.jsonl", {}) as opened:
        yield opened


def run(bound, samples, ledger, broken=None):
    samples = list(samples)
    known = judge(bound, samples, ledger, total=len(samples), broken=broken or {}, label="plain")
    return known, [verdict.status for verdict in ledger.first(len(samples))]


def test_each_sample_gets_its_verdict(plain, ledger):
    codes = ["right", None, "wrong", "hang", None, "lost", "right"]
    known, statuses = run(plain(), [sample(number, code) for number, code in enumerate(codes)], ledger)
    assert known == 0
    assert statuses == ["pass", "fail", "fail", "timeout", "fail", "harness_error", "pass"]
    assert ledger.at(1).detail == "no answer: content_filter"
    assert ledger.at(1).cpu_seconds == 0


def test_only_refusals_is_no_error(plain, ledger):
    assert run(plain(), [sample(0, None), sample(1, None)], ledger)[1] == ["fail", "fail"]


def test_a_broken_task_says_nothing_about_the_model(plain, ledger, tmp_path):
    log = tmp_path / "log"
    samples = [sample(0), sample(1, task="plain/1"), sample(2, None, task="plain/1")]
    _, statuses = run(plain(log=log), samples, ledger, {"plain/1": "timeout"})
    assert statuses == ["pass", "harness_error", "harness_error"]
    assert log.read_text() == "plain/0 0 right\n"
    assert ledger.at(1).detail == "the task cannot be judged here: timeout"


def test_what_is_known_is_not_judged_again(plain, tmp_path):
    log = tmp_path / "log"
    path = tmp_path / "v.jsonl"
    codes = ["right", "wrong", "lost", "right"]
    with Ledger(path, {}) as ledger:
        run(plain(), [sample(number, code) for number, code in enumerate(codes)], ledger)
    codes[1] = "right"
    with Ledger(path, {}) as ledger:
        assert ledger.known == 3
        known, statuses = run(plain(log=log), [sample(number, code) for number, code in enumerate(codes)], ledger)
    assert (known, statuses) == (2, ["pass", "pass", "harness_error", "pass"])
    assert log.read_text() == "plain/0 1 right\nplain/0 2 lost\n", "changed programs, and those that were not judged"


def test_a_benchmark_that_stops_early_or_answers_for_another_is_named(plain, ledger, monkeypatch):
    judged = Plain.judge
    monkeypatch.setattr(Plain, "judge", lambda self, submissions: list(judged(self, submissions))[:1])
    with pytest.raises(RunError, match="benchmark 'plain' failed: ValueError: no verdict on plain/0, sample 1"):
        run(plain(), [sample(0), sample(1)], ledger)
    monkeypatch.setattr(Plain, "judge", lambda self, submissions: list(judged(self, submissions))[::-1])
    with pytest.raises(RunError, match="a verdict on plain/0, sample 3, where none was due"):
        run(plain(), [sample(2), sample(3)], ledger)


def test_a_stop_in_the_middle_keeps_what_was_judged_and_ends_the_benchmark(plain, ledger, monkeypatch):
    ended = []
    judged = Plain.judge

    def stopping(self, submissions):
        try:
            yield from judged(self, submissions)
        finally:
            ended.append(True)

    monkeypatch.setattr(Plain, "judge", stopping)

    def interrupted():
        yield from (sample(number) for number in range(3))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(plain(), interrupted(), ledger, total=9, broken={}, label="plain")
    assert ended == [True]
    assert [verdict.status for verdict in ledger.first(3)] == ["pass"] * 3


def test_memory_is_flat(plain, tmp_path):
    def peak(count):
        tracemalloc.start()
        with Ledger(tmp_path / f"{count}.jsonl", {}) as ledger:
            samples = (sample(number, "wrong" + "#" * 5000) for number in range(count))
            judge(plain(), samples, ledger, total=count, broken={}, label="plain")
            assert sum(verdict.status == "fail" for verdict in ledger.first(count)) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(4000) < peak(400) + 400_000, "programs of 20 MB in all"


def test_samples_are_pulled_as_they_are_judged(plain, ledger):
    pulled = []

    def endless():
        for number in range(10**9):
            pulled.append(number)
            if number > 50:
                raise StopAsyncIteration
            yield sample(number)

    with pytest.raises(RunError):
        judge(dataclasses.replace(plain()), endless(), ledger, total=1, broken={}, label="plain")
    assert ledger.at(49).status == "pass"
