"""The table of languages, and the rule by which each of them passes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from magicoder_multipl_e import composing, naming, toolchains
from magicoder_multipl_e.languages import headers
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.model import Kit, Packages
from magicoder_multipl_e.languages.rules import flooded, most_bytes, rule
from magicoder_multipl_e.languages.table import LANGUAGES

KEYS = sorted(LANGUAGES)
OFFICIAL_SECONDS = {
    "adb": (15, 15, 15),
    "clj": (15,),
    "cpp": (15, 15),
    "cs": (15, 5),
    "d": (15, 15),
    "dart": (15, 15),
    "elixir": (5,),
    "go": (30, 30),
    "hs": (15,),
    "java": (15, 15),
    "jl": (5,),
    "js": (5,),
    "lua": (15,),
    "ml": (15,),
    "php": (15,),
    "pl": (15,),
    "py": (15,),
    "r": (5,),
    "rb": (5,),
    "rkt": (15,),
    "rs": (15, 5),
    "scala": (45, 15),
    "sh": (15,),
    "swift": (45, 5),
    "ts": (15, 15),
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What the rule looks at."""

    status: str = "fail"
    detail: str = "as the sandbox says"
    exit_code: int | None = 1
    stdout: str = ""
    stderr: str = ""


PASSED = Ended(status="pass", detail="", exit_code=0)
EARLY = Ended(detail="the program ended before the end of its tests", exit_code=0)


def kit(key: str) -> Kit:
    """One with each tool at a made-up place."""
    commands = {tool.names[0]: f"/usr/bin/{tool.names[0]}" for tool in LANGUAGES[key].tools}
    return Kit(
        language=key,
        version="1.0",
        commands=commands,
        places={"cache": "/kept", "javatuples": "/a.jar", "class path": "/clojure.jar"},
    )


def steps(key: str, code: str = "", **places: str):
    given = kit(key)
    given = Kit(language=key, version="1", commands=given.commands, places={**given.places, **places})
    if key == "ts":
        given = Kit(language=key, version="1", commands={**given.commands, "tsc": __file__}, places={})
    return LANGUAGES[key].steps(given, {composing.FILES[key]: code})


def test_each_language_of_the_suite_has_a_toolchain():
    assert set(LANGUAGES) == set(naming.NAMES) == set(OFFICIAL_SECONDS)
    assert all(LANGUAGES[key].spoken == naming.NAMES[key].spoken for key in KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_the_seconds_are_the_official_ones(key):
    assert tuple(step.seconds for step in steps(key)) == OFFICIAL_SECONDS[key]


@pytest.mark.parametrize("key", KEYS)
def test_only_the_last_command_runs_the_program(key):
    *before, last = steps(key)
    assert all(step.compiles for step in before)
    assert not last.compiles


@pytest.mark.parametrize("key", KEYS)
def test_each_tool_and_library_says_how_to_install_it(key):
    language = LANGUAGES[key]
    assert all(tool.packages.told() for tool in (*language.tools, *language.libraries))
    if key not in {"swift", "jl", "dart"}:  # which Debian does not have
        assert all("apt install" in tool.packages.told() for tool in (*language.tools, *language.libraries))


def test_the_ways_to_install_are_told_nearest_first():
    told = Packages(debian="g++", brew="gcc", conda="gxx", npm="x", other="or by hand").told()
    assert (
        told == "apt install g++ | brew install gcc | conda install -c conda-forge gxx | npm install -g x | or by hand"
    )


@pytest.mark.parametrize("key", KEYS)
def test_the_gold_programs_differ_and_can_be_given_a_token(key):
    golden = gold(key)
    assert len({golden.right, golden.wrong, golden.leaving}) == 3
    official = composing.plain(key, golden.right, golden.tests)
    composed = composing.compose(key, golden.right, golden.tests)
    assert (next(iter(official)), next(iter(composed))) == (composing.OFFICIAL_FILES[key], composing.FILES[key])
    assert composed != official


@pytest.mark.parametrize("pattern", [
    pattern
    for language in LANGUAGES.values()
    for pattern in (language.marks.assertion, language.marks.syntax, language.marks.depth, language.marks.memory, language.marks.tells)
    if pattern
])  # fmt: skip
def test_no_pattern_matches_what_says_nothing(pattern):
    assert not re.search(pattern, "\n", re.MULTILINE)


@pytest.mark.parametrize("key", KEYS)
def test_a_clean_end_with_the_token_passes(key):
    assert rule(LANGUAGES[key], PASSED) == ("pass", "")


@pytest.mark.parametrize("key", KEYS)
def test_exit_status_0_alone_never_passes(key):
    assert rule(LANGUAGES[key], EARLY) == ("fail", "the program ended before the end of its tests")


@pytest.mark.parametrize("key", KEYS)
def test_exit_status_0_alone_passes_as_it_does_officially_if_asked_for(key):
    assert rule(LANGUAGES[key], EARLY, by_status=True) == ("pass", "")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("rkt", {"stderr": "FAILURE\nactual: 3\n"}),
        ("scala", {"stderr": "warning: x"}),
        ("clj", {"stderr": "FAIL in (test-humaneval)"}),
        ("pl", {"stdout": "ok!ERROR"}),
        ("pl", {"stderr": "some ERROR here"}),
        ("php", {"stdout": "PHP Parse error"}),
        ("cs", {"stderr": "x" * 3000 + "Unhandled Exception"}),
        ("cs", {"stderr": "  at System.Diagnostics.DefaultTraceListener.Fail (System.String)"}),
        ("cs", {"stderr": "Unhandled Exception:\nSystem.DivideByZeroException"}),
    ],
)
@pytest.mark.parametrize("by_status", [False, True])
def test_what_a_program_says_can_fail_it_whatever_its_exit_status(key, said, by_status):
    status, detail = rule(LANGUAGES[key], Ended(status="pass", exit_code=0, **said), by_status=by_status)
    assert status == "fail"
    assert detail


@pytest.mark.parametrize("key", ["cpp", "js", "rb", "sh", "php", "rs", "java", "lua"])
def test_noise_on_standard_error_fails_nobody_else(key):
    assert rule(LANGUAGES[key], Ended(status="pass", exit_code=0, stderr="ERROR FAIL warning")) == ("pass", "")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("cs", {"stdout": "Unhandled Exception"}),
        ("php", {"stderr": "PHP Parse error"}),
        ("go", {"stdout": "--- FAIL: FAIL"}),  # `go test` shows nothing of what tests print that pass
    ],
)
@pytest.mark.parametrize("by_status", [False, True])
def test_what_the_official_runner_does_not_read_fails_nobody(key, said, by_status):
    assert rule(LANGUAGES[key], Ended(status="pass", exit_code=0, **said), by_status=by_status) == ("pass", "")


def test_a_program_that_writes_more_than_is_read_of_it_is_late_officially():
    most = most_bytes(15)
    assert most == 65_536 + 15 * 10_240
    assert flooded(Ended(stdout="o" * most, stderr="e" * most), 15) == ""
    assert "219,136 bytes" in flooded(Ended(stderr="e" * (most + 1)), 15)


def test_only_what_the_official_runner_keeps_of_the_output_is_looked_at():
    late = Ended(status="pass", exit_code=0, stdout="o" * 2048 + "ERROR")
    assert rule(LANGUAGES["pl"], late) == ("pass", "")


@pytest.mark.parametrize(
    ("key", "ended", "status"),
    [
        ("cpp", Ended(status="crash", exit_code=None, stderr="p: p.cpp:9: int main(): Assertion `x' failed."), "fail"),
        ("cpp", Ended(status="crash", exit_code=None, stderr="terminate called after throwing an instance of 'X'"), "fail"),
        ("cpp", Ended(status="crash", exit_code=None, stderr="terminate called after throwing an instance of 'std::bad_alloc'"), "out_of_memory"),
        ("cpp", Ended(status="crash", exit_code=None), "crash"),
        ("rs", Ended(exit_code=101, stderr="thread 'main' panicked at p.rs:9:5:\nassertion failed"), "fail"),
        ("rs", Ended(status="crash", exit_code=None, stderr="thread 'main' has overflowed its stack"), "crash"),
        ("rs", Ended(status="crash", exit_code=None, stderr="memory allocation of 99 bytes failed"), "out_of_memory"),
        ("java", Ended(stderr='Exception in thread "main" java.lang.AssertionError'), "fail"),
        ("java", Ended(stderr='Exception in thread "main" java.lang.StackOverflowError'), "crash"),
        ("java", Ended(stderr='Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'), "out_of_memory"),
        ("js", Ended(stderr="/tmp/program.js:3\nfoo(\n   ^\n\nSyntaxError: Unexpected token"), "compile_error"),
        ("js", Ended(stderr="RangeError: Maximum call stack size exceeded"), "crash"),
        ("js", Ended(status="crash", exit_code=None, stderr="FATAL ERROR: JavaScript heap out of memory"), "out_of_memory"),
        ("php", Ended(stdout="PHP Parse error:  syntax error, unexpected token"), "compile_error"),
        ("php", Ended(stdout="PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted"), "out_of_memory"),
        ("rb", Ended(stderr="program.rb:3: syntax error, unexpected end-of-input"), "compile_error"),
        ("lua", Ended(stderr="lua5.4: program.lua:3: 'end' expected near <eof>"), "compile_error"),
        ("lua", Ended(stdout="program.lua:10: expected: -6, actual: -1"), "fail"),
        ("pl", Ended(stderr="syntax error at program.pl line 3, near"), "compile_error"),
        ("r", Ended(stderr="Error: unexpected symbol in"), "compile_error"),
        ("sh", Ended(exit_code=2, stderr="program.sh: line 3: syntax error near unexpected token"), "compile_error"),
        ("py", Ended(stderr="RecursionError: maximum recursion depth exceeded"), "crash"),
        ("go", Ended(exit_code=2, stderr="runtime: goroutine stack exceeds 1000000000-byte limit"), "crash"),
        ("cs", Ended(stderr="Unhandled Exception:\nSystem.OutOfMemoryException"), "out_of_memory"),
    ],
)  # fmt: skip
def test_how_a_program_ended_is_told_by_what_it_said(key, ended, status):
    found, detail = rule(LANGUAGES[key], ended)
    assert found == status
    assert detail


@pytest.mark.parametrize("status", ["timeout", "out_of_memory", "compile_error", "harness_error"])
def test_what_the_sandbox_is_sure_of_stays(status):
    ended = Ended(status=status, exit_code=None, stderr="Assertion `x' failed.")
    assert rule(LANGUAGES["cpp"], ended, by_status=True) == (status, "as the sandbox says")


def test_a_detail_has_no_control_character_and_no_end():
    shown = rule(
        LANGUAGES["cs"], Ended(status="pass", exit_code=0, stderr="\x1b[31mUnhandled Exception " + "x" * 5000)
    )[1]
    assert shown.isprintable()
    assert len(shown) < 500


INCLUDES = "#include<assert.h>\n#include<bits/stdc++.h>\n"


@pytest.mark.parametrize(
    ("code", "which"),
    [
        (INCLUDES + "long x;", "lean"),
        ("// a comment\n/* and\nanother */\n" + INCLUDES, "lean"),
        (INCLUDES + "std::regex x;", "full"),
        (INCLUDES + "#include <future>\n", "full"),
        (INCLUDES + "auto x = 5s;", "full"),
        (INCLUDES + "// a regex\n/* in the\nfuture */ int x;", "lean"),
        (INCLUDES + 'auto x = "//"; std::regex y;', "full"),
        (INCLUDES + "auto x = '\"'; std::regex y; // \"", "full"),
        (INCLUDES + "auto x = 1'000; std::regex y; auto z = 1'000;", "full"),
        (INCLUDES + 'auto x = R"(" // )"; std::regex y;', "full"),
        (INCLUDES + "// it's no regex", "lean"),
        (INCLUDES + "auto x = u'\"'; std::regex y; auto z = u'\"';", "full"),
        ("#define private public\n" + INCLUDES, ""),
        ("#include<assert.h>\nint x;\n", ""),
        ("#undef NDEBUG\n" + INCLUDES, ""),
        ("int y;\n" + INCLUDES, ""),
    ],
)
def test_a_program_gets_the_precompiled_headers_only_where_it_makes_no_difference(tmp_path, code, which):
    (tmp_path / "names").write_text("regex\nfuture", encoding="utf-8")
    ready = headers.given(str(tmp_path), code)
    assert ready == (("-include", "bits/stdc++.h", f"-I{tmp_path}/{which}") if which else ())
    assert headers.given(None, code) == ()


def test_the_lean_headers_lack_what_their_names_say_and_nothing_else(tmp_path):
    if (compiler := toolchains.find("g++")) is None:
        pytest.skip("g++ is missing; apt install g++")
    headers.make(compiler, tmp_path)
    names = (tmp_path / "names").read_text("utf-8").split()
    assert {*headers.RARE, "recursive_mutex", "smatch", "absolute", "steady_clock"} <= set(names)
    assert not {"vector", "string", "sort", "unordered_map", "optional", "accumulate", "cout", "assert", "main"} & set(
        names
    )
    for which in ("full", "lean"):
        assert (tmp_path / which / "bits" / "stdc++.h.gch").stat().st_size > 1 << 20


def test_the_fast_linker_is_used_where_there_is_one():
    assert "-fuse-ld=mold" in steps("cpp", linker="mold")[0].argv
    assert not any("fuse" in part for part in steps("cpp")[0].argv)
    assert "-Clink-arg=-fuse-ld=lld" in steps("rs", linker="lld")[0].argv


def test_rust_links_its_library_at_the_start_of_a_program_where_it_can():
    build, run = steps("rs", library="/rust/lib")
    assert "-Cprefer-dynamic" in build.argv
    assert ("LD_LIBRARY_PATH", "/rust/lib") in run.environment
    build, run = steps("rs")
    assert "-Cprefer-dynamic" not in build.argv
    assert run.environment == ()


def test_go_is_built_and_vetted_as_go_test_does_and_run_as_it_would():
    program = {"program_test.go": "", "token_test.go": ""}
    build, run = LANGUAGES["go"].steps(kit("go"), program)
    assert build.argv[1:] == ("test", "-count=1", "-exec", "/bin/true", "-ldflags=-s -w", "-o", "program", *program)
    assert run.argv == ("./program", "-test.paniconexit0", "-test.timeout=10m0s")
    assert ("GOPROXY", "off") in build.environment


def test_java_has_assertions_on_and_the_tuples_on_both_class_paths():
    build, run = steps("java")
    assert build.argv[build.argv.index("-cp") + 1] == "/a.jar"
    assert "-ea" in run.argv
    assert run.argv[-3:] == ("-cp", ".:/a.jar", "Problem")


def test_a_failed_assertion_of_c_sharp_is_written_where_it_is_looked_for():
    build, run = steps("cs")
    assert "/d:DEBUG" in build.argv
    assert ("MONO_TRACE_LISTENER", "Console.Error") in run.environment


@pytest.mark.parametrize(("compiler", "option"), [("ldc2", "-unittest"), ("gdc", "-funittest")])
def test_d_runs_its_unit_tests_whatever_the_compiler(compiler, option):
    found = Kit(language="d", version="1", commands={"ldc2": f"/usr/bin/{compiler}", "cc": "/usr/bin/cc"})
    assert option in LANGUAGES["d"].steps(found, {"program.d": ""})[0].argv
