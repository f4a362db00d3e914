"""The resident compilers: what they make, what they refuse, and that no request sees another."""

from __future__ import annotations

import struct

import pytest
from magicoder_multipl_e import composing, services, toolchains
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.model import Kit
from magicoder_multipl_e.languages.table import LANGUAGES

from magicoder_core import RunError, sandbox

RESIDENT = ("java", "scala", "ts")
SECONDS = 45.0


@pytest.fixture(scope="module", autouse=True)
def cache_of_the_tests(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAGICODER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def compilers():
    """One of each kind, opened when it is asked for."""
    there: dict[str, services.Compiler] = {}

    def compiler(key: str) -> services.Compiler:
        if not isinstance(kit := toolchains.probe(key), Kit):
            pytest.skip(kit.message)
        if key not in there:
            found = services.opened(LANGUAGES[key].compiler, kit)
            if found is None:
                pytest.skip(f"{key}: this toolchain has no compiler that can stay")
            there[key] = found
        return there[key]

    yield compiler
    for one in there.values():
        one.close()


def program(key: str, code: str | None = None) -> dict[str, str]:
    golden = gold(key)
    return dict(composing.plain(key, golden.right if code is None else code, golden.tests))


def refused(compiler: services.Compiler, files: dict[str, str]) -> services.NotCompiled:
    with pytest.raises(services.NotCompiled) as caught:
        compiler.compile(files, SECONDS)
    return caught.value


@pytest.mark.parametrize("key", RESIDENT)
def test_a_program_becomes_files_that_can_be_run(compilers, key):
    made = compilers(key).compile(program(key), SECONDS)
    wanted, begin = ("program.js", b"//Give back") if key == "ts" else ("Problem.class", b"\xca\xfe\xba\xbe")
    assert made[wanted].startswith(begin)


@pytest.mark.parametrize("key", RESIDENT)
def test_a_program_that_is_none_is_refused_with_the_compilers_words(compilers, key):
    ended = refused(compilers(key), program(key, "( { [ this is no program"))
    assert ended.status == "compile_error"
    assert "error" in ended.detail


@pytest.mark.parametrize("key", RESIDENT)
def test_a_compiler_that_has_refused_one_program_compiles_the_next(compilers, key):
    compiler = compilers(key)
    refused(compiler, program(key, "( {"))
    assert compiler.compile(program(key), SECONDS)


def test_a_class_of_one_request_is_unknown_to_the_next(compilers):
    compiler = compilers("java")
    compiler.compile(
        program("java", gold("java").right.replace("class Problem", "class Helper {}\nclass Problem")), SECONDS
    )
    ended = refused(compiler, program("java", gold("java").right.replace("return", "new Helper(); return")))
    assert "cannot find symbol" in ended.detail


def test_a_type_of_one_request_is_unknown_to_the_next(compilers):
    compiler = compilers("ts")
    code = gold("ts").right
    compiler.compile(
        program("ts", f"interface Helper {{ x: number }}\ninterface Array<T> {{ more: T }}\n{code}"), SECONDS
    )
    assert "Cannot find name 'Helper'" in refused(compiler, program("ts", f"let h: Helper;\n{code}")).detail
    assert "'more' does not exist" in refused(compiler, program("ts", f"[1].more;\n{code}")).detail


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("let x: number = 'text';", "not assignable"),
        ("const x = 1; x = 2;", "Cannot assign to 'x'"),
        ("import * as fs from 'fs'; fs;", "Cannot find module 'fs'"),
        ("process.exit(0);", "Cannot find name 'process'"),
        ("interface Element { id: number }", "Subsequent property declarations must have the same type"),
        ("let name = 'a name that the browser has';", "Cannot redeclare block-scoped variable 'name'"),
        ("interface HTMLElement { click: string }", "Property 'click' must be of type"),
        ("/// <reference path='/etc/passwd' />", "Could not resolve the path '/etc/passwd'"),
    ],
)
def test_typescript_is_as_strict_as_its_command(compilers, code, words):
    text = gold("ts").right.replace("declare var process: any;\n", "")
    assert words in refused(compilers("ts"), program("ts", f"{code}\n{text}")).detail


@pytest.mark.parametrize(
    "code",
    [
        "function f(x) { return x; }",  # an implicit any: the command is not strict by itself
        "let x: number = null;",
        "const big = 10n ** 20n; [1, 2].at(-1); 'a'.replaceAll('a', 'b'); Object.groupBy;",
        "interface Array<T> { third(): T }\nArray.prototype.third = function () { return this[2]; };",
        "document.title;",  # the browser's declarations are there by default
    ],
)
def test_typescript_is_no_stricter_than_its_command(compilers, code):
    assert compilers("ts").compile(program("ts", f"{code}\n{gold('ts').right}"), SECONDS)


def test_java_warnings_and_notes_refuse_nothing(compilers):
    code = gold("java").right.replace("return", "List raw = new ArrayList(); raw.add(1); return")
    assert compilers("java").compile(program("java", code), SECONDS)


def test_java_runs_no_annotation_processor_and_reads_no_source_from_elsewhere(compilers):
    ended = refused(
        compilers("java"), program("java", gold("java").right.replace("return", "CompileServer.main(null); return"))
    )
    assert "cannot find symbol" in ended.detail


@pytest.mark.parametrize("name", ["a" * 300, "a\u0001" + "b" * 300])
def test_a_class_whose_name_no_file_can_have_is_a_compile_error(compilers, name):
    code = gold("java").right.replace("class Problem", f"class {name} {{}}\nclass Problem")
    assert refused(compilers("java"), program("java", code)).status == "compile_error"


@pytest.mark.parametrize("key", RESIDENT)
def test_text_of_any_kind_survives(compilers, key):
    code = gold(key).right.replace("Give back", "Zurück 😀 \\ \" ' ")
    assert compilers(key).compile(program(key, code), SECONDS)


@pytest.mark.parametrize("reply", [b"", b"\x01", b"\x01\x00\x00\x00\x09no", b"\x01" + struct.pack(">II", 0, 5)])
def test_a_reply_that_is_none_is_an_error_of_ours(reply):
    with pytest.raises(RunError, match="the resident compiler's reply cannot be read"):
        services.unpacked(reply)


def test_a_reply_is_read_as_it_was_written():
    reply = b"\x01" + struct.pack(">I", 2) + b"ok" + struct.pack(">II", 1, 3) + b"a/b" + struct.pack(">I", 1) + b"x"
    assert services.unpacked(reply) == (True, "ok", {"a/b": b"x"})


def test_the_first_error_is_told_and_not_a_warning():
    told = services.first_error("warning: x\np.java:3: error: y\np.java:4: error: z\n")
    assert told == "p.java:3: error: y"
    assert services.first_error("") == "the compiler refused it without a word"


def test_no_program_pays_for_the_start_of_its_compiler(compilers):
    needed = compilers("ts")
    needed.close()  # it starts anew
    assert needed.compile(program("ts"), 1.0)


class Ends:
    """A service that ends at each request but the first."""

    def __init__(self, status: str) -> None:
        self.status, self.asked = status, []

    def ask(self, request: bytes, *, cpu_seconds: float) -> bytes:
        self.asked.append((request, cpu_seconds))
        if request != b"first":
            raise sandbox.ServiceEnded(self.status, "no more")
        return b""


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ("timeout", "timeout"),
        ("harness_error", "harness_error"),
        ("out_of_memory", "compile_error"),
        ("crash", "compile_error"),
    ],
)
def test_what_a_program_did_to_its_compiler_is_its_verdict(ended, status):
    service = Ends(ended)
    resident = services._Resident(service, b"first")
    for _ in range(2):
        with pytest.raises(services.NotCompiled) as caught:
            resident._ask(b"program", 15.0)
        assert caught.value.status == status
    # A new one is started before the next program.
    assert [request for request, _ in service.asked] == [b"first", b"program"] * 2


def test_a_compiler_that_does_not_start_is_nobodys_mistake():
    resident = services._Resident(Ends("crash"), b"other")
    with pytest.raises(services.NotCompiled, match="the compiler does not start: no more") as caught:
        resident._ask(b"program", 15.0)
    assert caught.value.status == "harness_error"
