"""From submissions to verdicts: each language with its real tools, and what is missing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import pytest
from magicoder_multipl_e import judging, toolchains
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.model import Kit
from magicoder_multipl_e.languages.table import LANGUAGES

from magicoder_core import Submission, Verdict, sandbox

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


LONG = 400_000


def test_officially_a_public_class_does_not_compile_and_a_flood_of_output_is_late():
    needed("java", "lua")
    public = gold("java").right.replace("class Problem", "public class Problem")
    flood = gold("lua").right.replace("    return", f"    io.write(('x'):rep({LONG}))\n    return")
    given = [Submission(problem_id=key, code=code) for key, code in (("java", public), ("lua", flood))]
    tasks = {key: Task(key, gold(key).tests) for key in ("java", "lua")}
    usual, official = (
        [
            verdict.status
            for verdict in judging.verdicts(given, tasks, judging.Options(cache=False, semantics=semantics))
        ]
        for semantics in ("strict", "multipl-e")
    )
    assert (usual, official) == (["pass", "pass"], ["compile_error", "timeout"])


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
