"""From submissions to verdicts: order, what is kept, what is missing, and each language with its real tools."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from magicoder_multipl_e import caches, judging, remembered, toolchains
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.model import Kit
from magicoder_multipl_e.languages.table import LANGUAGES

from magicoder_core import Submission, Verdict, sandbox
from magicoder_core.sandbox import isolation

KEYS = sorted(LANGUAGES)


@dataclass(frozen=True)
class Task:
    language: str
    tests: str


@pytest.fixture(scope="module", autouse=True)
def cache_of_the_tests(tmp_path_factory):
    """One for all of them: a precompiled header takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAGICODER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


BODIES = {
    "cpp": {
        "    return x > 0 ? twice(x + 1) + 1 : x;": "crash",
        '    throw std::runtime_error("no");': "fail",
        "    std::vector<std::vector<char>> all; for (;;) all.emplace_back(1 << 24, 'x');": "out_of_memory",
        "    return y;": "compile_error",
    },
    "java": {
        "        return twice(x) + 1;": "crash",
        "        List<long[]> all = new ArrayList<>(); while (true) all.add(new long[1 << 20]);": "out_of_memory",
        "        return y;": "compile_error",
        '        throw new RuntimeException("no");': "fail",
    },
    "js": {"    return twice(x) + 1;\n}": "crash", "    return y;\n}": "fail"},
    "ts": {"    return 'text';\n}": "compile_error"},
    "rs": {
        "    if x == 0 { 0 } else { twice(x) + 1 }": "crash",
        "    let a: Vec<isize> = vec![]; a[x as usize]": "fail",
        '    "text"': "compile_error",
    },
    "go": {
        "    _ = os.Args\n    return twice(x) + 1\n}": "crash",
        '    _ = os.Args\n    fmt.Printf("%d")\n    return 2 * x\n}': "compile_error",  # what vet says
        "    return 2 * x\n}": "compile_error",  # os is not used
    },
    "py": {"    return twice(x) + 1": "crash"},
    "rb": {"  twice(x) + 1\nend": "crash"},
    "lua": {"  return twice(x) + 1\nend": "crash"},
    "php": {"    while (true) { $all[] = str_repeat('x', 1 << 20); }\n}": "out_of_memory"},
    "pl": {"    print 'ERROR';\n    return 2 * $x;\n}": "fail"},
    "cs": {"        return y;": "compile_error", '        throw new Exception("no");': "fail"},
    "scala": {"        twice(x) + 1": "crash"},
}
"""What a gold program's body may be instead, and what becomes of it."""

ENDLESS = {
    "cpp": "    for (volatile long i = 0;; i++) {}",
    "java": "        while (true) { x++; }",
    "js": "    for (;;) {}\n}",
    "py": "    while True: pass",
    "sh": "    while :; do :; done",
}
NO_PROGRAM = {"php": "<?php ( { ["}


def _with_body(key: str, body: str) -> str:
    golden = gold(key)
    three = (golden.right, golden.wrong, golden.leaving)
    same = itertools.takewhile(
        lambda lines: len(set(lines)) == 1, zip(*(code.split("\n") for code in three), strict=False)
    )
    return "\n".join([*(lines[0] for lines in same), body])


@cache
def judged(key: str, **options) -> dict[str, Verdict]:
    """The verdicts on all programs of these tests in a language, by name; judged at once, which saves starting tools."""
    if not isinstance(found := toolchains.probe(key), Kit):
        pytest.skip(found.message)
    golden = gold(key)
    programs = {"right": golden.right, "wrong": golden.wrong, "leaving": golden.leaving}
    if not options:
        programs["none"] = NO_PROGRAM.get(key, "( { [ this is no program")
        programs |= {body: _with_body(key, body) for body in BODIES.get(key, {})}
    if "cpu_scale" in options:
        programs = {"endless": _with_body(key, ENDLESS[key])}
    given = [Submission(problem_id="p", sample=number, code=code) for number, code in enumerate(programs.values())]
    verdicts = judging.verdicts(given, {"p": Task(key, golden.tests)}, judging.Options(cache=False, **options))
    return dict(zip(programs, verdicts, strict=True))


# Real programs under real tools.


@pytest.mark.parametrize("key", KEYS)
def test_the_gold_test_holds_wherever_there_are_tools(key):
    found = judged(key)
    assert found["right"].status == "pass", found["right"].detail
    assert (found["wrong"].status, bool(found["wrong"].detail)) == ("fail", True)
    assert found["leaving"].status == "fail"


@pytest.mark.parametrize("key", [key for key in KEYS if key != "sh"])  # which reads a script line by line
def test_no_program_at_all_is_a_compile_error(key):
    assert judged(key)["none"].status == "compile_error"


@pytest.mark.parametrize(("key", "body"), [(key, body) for key, bodies in BODIES.items() for body in bodies])
def test_how_a_program_ends_is_its_status(key, body):
    verdict = judged(key)[body]
    assert (verdict.status, bool(verdict.detail)) == (BODIES[key][body], True), verdict.detail


@pytest.mark.parametrize("key", sorted(ENDLESS))
def test_a_program_without_an_end_is_stopped(key):
    assert judged(key, cpu_scale=0.1)["endless"].status == "timeout"


@pytest.mark.parametrize("key", KEYS)
def test_the_official_semantics_let_a_program_pass_that_leaves_early(key):
    found = judged(key, semantics="multipl-e")
    assert (found["right"].status, found["wrong"].status) == ("pass", "fail")
    # The test libraries of these two notice.
    assert found["leaving"].status == ("fail" if key in {"go", "lua"} else "pass")


def needed(*languages: str) -> None:
    """Skip where a language has no toolchain, with the reason."""
    for key in languages:
        if not isinstance(found := toolchains.probe(key), Kit):
            pytest.skip(found.message)


def test_one_program_sees_nothing_of_the_one_before_it():
    needed("java")
    golden = gold("java")
    helper = "class Helper { static long twice(long x) { return 2 * x; } }\n"
    begin = golden.right.replace("class Problem", helper + "class Problem")
    uses = golden.wrong.replace("2L + x", "Helper.twice(x)")
    task = {"p": Task("java", golden.tests)}
    given = [Submission(problem_id="p", sample=number, code=code) for number, code in enumerate([begin, uses])]
    with sandbox.workers(1):
        first, second = judging.verdicts(given, task, judging.Options(cache=False))
    assert (first.status, second.status) == ("pass", "compile_error")


def test_a_compiler_that_is_kept_busy_is_stopped_and_the_next_program_judged():
    needed("ts")
    golden = gold("ts")
    # A type that takes the checker for ever.
    busy = (
        "type Grow<T extends any[], N extends number> = T['length'] extends N ? T : Grow<[...T, 0], N> | Grow<[0, ...T], N>;\n"
        + "\n".join(f"type Many{n} = Grow<[], {700 + n}>; let x{n}: Many{n};" for n in range(60))
    )
    task = {"p": Task("ts", golden.tests)}
    codes = [f"{busy}\n{golden.right}", golden.right]
    given = [Submission(problem_id="p", sample=number, code=code) for number, code in enumerate(codes)]
    first, second = judging.verdicts(given, task, judging.Options(cache=False, cpu_scale=0.2))
    assert first.status in {"timeout", "compile_error"}
    assert second.status == "pass"


def test_broken_names_each_task_of_a_language_without_tools(monkeypatch):
    needed("sh")
    missing = toolchains.Missing(language="swift", message="Swift: swiftc is missing; install it")
    real = toolchains.probe
    monkeypatch.setattr(toolchains, "probe", lambda key: missing if key == "swift" else real(key))
    tasks = {"sh/1": Task("sh", ""), "swift/1": Task("swift", ""), "swift/2": Task("swift", "")}
    assert judging.broken(tasks) == dict.fromkeys(["swift/1", "swift/2"], "Swift: swiftc is missing; install it")


def test_a_toolchain_that_judges_wrongly_is_found_before_anything_is_spent(monkeypatch):
    needed("sh")
    true = Kit(language="sh", version="bash 5", commands={"bash": "/bin/true"})
    monkeypatch.setattr(toolchains, "probe", lambda _: true)
    reason = judging.unfit(["sh"])["sh"]
    assert reason.startswith("Bash: the gold test's right program does not pass: fail, the program ended before")


# What surrounds them, without any tool.


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


def test_other_tests_or_another_program_find_no_verdict_of_these(box):
    list(judging.verdicts(submitted("pass"), TASKS))
    list(judging.verdicts(submitted("pass"), {"py/a": Task("py", CHECK.format("g"))}))
    list(judging.verdicts(submitted("pass x"), TASKS))
    assert len(box.ran) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"status": "pass"}', b"\xff\xfe", b"null"])
def test_a_spoilt_verdict_is_no_verdict(box, content):
    list(judging.verdicts(submitted("fail"), TASKS))
    (kept,) = (caches.folder() / "verdicts").rglob("*.json")
    kept.write_bytes(content)
    assert next(judging.verdicts(submitted("fail"), TASKS)).status == "fail"
    assert len(box.ran) == 2
    assert json.loads(kept.read_bytes())["status"] == "fail"


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
