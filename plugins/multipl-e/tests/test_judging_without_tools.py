"""From submissions to verdicts without any tool: their order, what is kept and found again, what is made once."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from magicoder_multipl_e import caches, judging, remembered, toolchains
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.model import Kit

from magicoder_core import Submission, sandbox
from magicoder_core.sandbox import isolation


@dataclass(frozen=True)
class Task:
    language: str
    tests: str


class Box:
    """Stands for the sandbox: what each job comes to is said by its program's text."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def execute(self, jobs) -> Iterator[sandbox.Ran]:
        for index, job in enumerate(jobs):
            text = next(iter(job.files.values()))
            self.ran.append(text.split("#", 1)[1].split()[0])
            status = self.ran[-1]
            yield sandbox.Ran(
                index=index,
                status=status,
                detail="" if status == "pass" else f"it is a {status}",
                exit_code=0 if status == "pass" else None,
                cpu_seconds=0.25,
                isolation="none",
            )


@pytest.fixture
def box(monkeypatch, tmp_path):
    """A box that only pretends, and a toolchain that is always there."""
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path))
    stands = Box()
    monkeypatch.setattr(sandbox, "execute", stands.execute)
    kit = Kit(language="py", version="python 3.11", commands={"python3": "/usr/bin/python3"})
    missing = toolchains.Missing(language="swift", message="Swift: swiftc is missing; install it")
    monkeypatch.setattr(toolchains, "probe", lambda key: kit if key == "py" else missing)
    return stands


CHECK = "def check(candidate):\n    assert candidate(1) == 1\n\ndef test_check():\n    check({})\n\ntest_check()\n"
TASKS = {"py/a": Task("py", CHECK.format("f")), "swift/a": Task("swift", "assert(true)")}


def submitted(*codes: str, problem: str = "py/a") -> list[Submission]:
    return [Submission(problem_id=problem, sample=number, code=f"#{code} \n") for number, code in enumerate(codes)]


def test_verdicts_come_in_order_whatever_needs_no_run(box):
    given = [
        *submitted("pass", problem="swift/a"),
        *submitted("pass", "fail"),
        *submitted("crash", problem="swift/a"),
    ]
    found = list(judging.verdicts(given, TASKS))
    assert [(verdict.problem_id, verdict.status) for verdict in found] == [
        ("swift/a", "harness_error"),
        ("py/a", "pass"),
        ("py/a", "fail"),
        ("swift/a", "harness_error"),
    ]
    assert found[0].detail == "Swift: swiftc is missing; install it"
    assert found[1].cpu_seconds == 0.25


def test_submissions_are_taken_as_they_are_needed(box):
    taken = []

    def endless() -> Iterator[Submission]:
        for number in range(10_000):
            taken.append(number)
            yield Submission(problem_id="py/a", sample=number, code=f"#pass {number}\n")

    verdicts = judging.verdicts(endless(), TASKS)
    assert next(verdicts).sample == 0
    verdicts.close()
    assert len(taken) < 100


def test_a_verdict_is_found_again_without_a_run(box):
    first = list(judging.verdicts(submitted("pass", "fail", "crash", "compile_error", "out_of_memory"), TASKS))
    assert len(box.ran) == 5
    again = list(judging.verdicts(submitted("pass", "fail", "crash", "compile_error", "out_of_memory"), TASKS))
    assert len(box.ran) == 5
    assert again == first


@pytest.mark.parametrize("status", ["timeout", "harness_error"])
def test_what_may_be_the_machines_fault_is_never_kept(box, status):
    for times in (1, 2):
        assert next(judging.verdicts(submitted(status), TASKS)).status == status
        assert len(box.ran) == times


def test_no_verdict_is_kept_or_found_without_a_cache(box):
    for times in (1, 2):
        list(judging.verdicts(submitted("pass"), TASKS, judging.Options(cache=False)))
        assert len(box.ran) == times


@pytest.mark.parametrize("options", [{"semantics": "multipl-e"}, {"cpu_scale": 2.0}])
def test_other_semantics_or_limits_find_no_verdict_of_these(box, options):
    list(judging.verdicts(submitted("pass"), TASKS))
    list(judging.verdicts(submitted("pass"), TASKS, judging.Options(**options)))
    assert len(box.ran) == 2


def test_another_version_of_a_tool_finds_no_verdict_of_this_one(box, monkeypatch):
    list(judging.verdicts(submitted("pass"), TASKS))
    newer = Kit(language="py", version="python 3.12", commands={"python3": "/usr/bin/python3"})
    monkeypatch.setattr(toolchains, "probe", lambda _: newer)
    list(judging.verdicts(submitted("pass"), TASKS))
    assert len(box.ran) == 2


def test_a_tool_that_was_installed_anew_finds_no_verdict_of_the_one_before_it(box, monkeypatch, tmp_path):
    tool = tmp_path / "python3"
    tool.write_text("", encoding="utf-8")
    same = Kit(language="py", version="python 3.11", commands={"python3": str(tool)})
    monkeypatch.setattr(toolchains, "probe", lambda _: same)
    for second in (1, 1, 2):
        os.utime(tool, (second, second))
        list(judging.verdicts(submitted("pass"), TASKS))
    assert len(box.ran) == 2


def test_other_tests_or_another_program_find_no_verdict_of_these(box):
    list(judging.verdicts(submitted("pass"), TASKS))
    list(judging.verdicts(submitted("pass"), {"py/a": Task("py", CHECK.format("g"))}))
    list(judging.verdicts(submitted("pass x"), TASKS))
    assert len(box.ran) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"status": "pass"}', b"\xff\xfe", b"null", b"[" * 99_999])
def test_a_spoilt_verdict_is_no_verdict(box, content):
    list(judging.verdicts(submitted("fail"), TASKS))
    (kept,) = (caches.folder() / "verdicts").rglob("*.json")
    kept.write_bytes(content)
    assert next(judging.verdicts(submitted("fail"), TASKS)).status == "fail"
    assert len(box.ran) == 2
    assert json.loads(kept.read_bytes())["status"] == "fail"


def test_a_verdict_that_somebody_else_wrote_is_no_verdict(box, monkeypatch):
    list(judging.verdicts(submitted("fail"), TASKS))
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert next(judging.verdicts(submitted("fail"), TASKS)).status == "fail"
    assert len(box.ran) == 2


def test_a_verdict_that_finds_no_room_leaves_nothing(box, monkeypatch):
    monkeypatch.setattr(remembered.os, "fdopen", lambda number, mode: _Full(number))
    assert next(judging.verdicts(submitted("pass"), TASKS)).status == "pass"
    assert [path for path in (caches.folder() / "verdicts").rglob("*") if path.is_file()] == []


class _Full:
    """A file on a disk that is full."""

    def __init__(self, number):
        self.number = number

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.number)

    def write(self, content):
        raise OSError(28, "No space left on device")


def test_a_verdict_that_would_pass_and_says_more_is_no_verdict(box):
    list(judging.verdicts(submitted("fail"), TASKS))
    (kept,) = (caches.folder() / "verdicts").rglob("*.json")
    kept.write_text(json.dumps({**json.loads(kept.read_bytes()), "status": "timeout"}), encoding="utf-8")
    assert next(judging.verdicts(submitted("fail"), TASKS)).status == "fail"
    assert len(box.ran) == 2


def test_a_cache_that_cannot_be_written_costs_time_and_no_more(box, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "file"))
    assert next(judging.verdicts(submitted("pass"), TASKS)).status == "pass"


def test_lone_surrogates_of_a_model_are_judged(box):
    code = "#pass \nx = '\ud800'\n"
    assert next(judging.verdicts([Submission(problem_id="py/a", code=code)], TASKS)).status == "pass"


def test_kept_verdicts_are_bounded_and_the_oldest_go_first(box, monkeypatch):
    monkeypatch.setattr(remembered, "_MOST", 16)
    kept = remembered.Remembered()
    verdict = next(judging.verdicts(submitted("pass"), TASKS, judging.Options(cache=False)))
    for number in range(40):
        name = f"aa{number:062d}"
        kept.keep(name, verdict)
        os.utime(remembered._place(name), (number, number))
    left = sorted(path.stem for path in remembered._place("aa").parent.glob("*.json"))
    assert len(left) <= 16
    assert left[-1].endswith("39")


def test_several_threads_keep_the_same_verdict_whole(box):
    kept = remembered.Remembered()
    verdict = next(judging.verdicts(submitted("fail"), TASKS, judging.Options(cache=False)))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: kept.keep("bb" + "0" * 62, verdict), range(64)))
    assert kept.found("bb" + "0" * 62, "py/a", 0) == verdict
    assert [path.suffix for path in remembered._place("bb").parent.iterdir()] == [".json"]


# What is made once.


def test_what_is_kept_is_made_once_and_whole(box):
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "content").write_text("whole", encoding="utf-8")

    with ThreadPoolExecutor(4) as threads:
        places = set(threads.map(lambda _: caches.kept("thing", ["a"], make), range(8)))
    (place,) = places
    assert (place / "content").read_text("utf-8") == "whole"
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert caches.kept("thing", ["a"], make) == place
    assert caches.kept("thing", ["b"], make) != place
    assert len(made) <= 5 + 1


def test_what_fails_to_be_made_leaves_nothing(box):
    def make(folder: Path) -> None:
        (folder / "half").write_text("x", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match=r"thing-\w+: No space left on device; MAGICODER_CACHE"):
        caches.kept("thing", ["a"], make)
    assert list(caches.folder().iterdir()) == []


def test_what_nobody_used_for_long_is_removed(box):
    old = caches.kept("thing", ["old"], lambda folder: None)
    other = caches.kept("other", ["old"], lambda folder: None)
    long_ago = time.time() - 100 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    os.utime(other, (long_ago, long_ago))
    caches.kept("thing", ["new"], lambda folder: None)
    assert not old.exists()
    assert other.exists()


def test_compilers_are_allowed_what_the_caller_is_allowed(monkeypatch):
    """A thread of its own knows nothing of the block that its caller is in."""
    seen = []
    monkeypatch.setattr(judging, "_whole", lambda language: seen.append(isolation._allowed.get()) or "not here")
    task = judging._Golden(language="sh", gold=gold("sh"))
    with sandbox.weak_isolation(True):
        [verdict] = judging.verdicts([Submission(problem_id="sh", code="")], {"sh": task})
    assert (seen, verdict.status) == ([True], "harness_error")
