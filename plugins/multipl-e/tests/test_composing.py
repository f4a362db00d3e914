"""The token's lines stand where the tests have all succeeded, and nowhere else."""

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest
from magicoder_multipl_e.composing import FILES, GO_SECOND_FILE, OFFICIAL_FILES, compose, official, plain
from magicoder_multipl_e.data import everything
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.naming import NAMES

from magicoder_core import RunError

REAL = Path(__file__).parents[4] / "shared" / "data" / "multipl-e"
INTERPRETERS = {"js": "node", "lua": "lua5.4", "php": "php", "pl": "perl", "py": "python3", "rb": "ruby", "sh": "bash"}


@pytest.mark.parametrize("language", NAMES)
def test_the_token_is_taken_and_given_once_in_each_language(language):
    sample = gold(language)
    files = compose(language, sample.right, sample.tests)
    text = files[FILES[language]]
    assert sample.right in text
    take, give = ("magicoder_taken(", "magicoder_given(") if language == "go" else ("198", "199")
    assert text.count(give) == 1
    assert len([line for line in text.splitlines() if take in line and "close" not in line.lower()]) == 1


@pytest.mark.parametrize("language", sorted(set(NAMES) - {"clj", "rkt", "sh"}))
def test_it_is_taken_in_front_of_the_first_call_and_given_behind_the_last_test(language):
    sample = gold(language)
    text = compose(language, sample.right, sample.tests)[FILES[language]]
    take, give = ("magicoder_taken(", "magicoder_given(") if language == "go" else ("198", "199")
    tests = text[text.index(sample.right) + len(sample.right) :]
    patterns = (re.escape(take), r"(?<!\w)4[lL]?\b", r"-6[lL]?\b", re.escape(give))
    places = [re.search(pattern, tests).start() for pattern in patterns]
    assert places == sorted(places)


@pytest.mark.parametrize("language", sorted(set(NAMES) - {"clj", "rkt"}))
def test_nothing_of_the_official_program_is_lost(language):
    sample = gold(language)
    text = compose(language, sample.right, sample.tests)[FILES[language]]
    lines = iter(text.splitlines())
    assert all(line in lines for line in official(sample.right, sample.tests).splitlines() if line.strip())


@pytest.mark.parametrize("language", NAMES)
def test_without_a_token_it_is_the_official_program(language):
    assert plain(language, "code", "tests\n") == {OFFICIAL_FILES[language]: "code\ntests\n"}


def test_a_public_class_compiles_only_with_a_token():
    assert [name for name in FILES if OFFICIAL_FILES[name] != FILES[name]] == ["java"]
    assert FILES["java"] == "Problem.java"


@pytest.mark.parametrize("language", NAMES)
def test_tests_of_another_form_are_an_error_and_not_a_program_that_cannot_pass(language):
    with pytest.raises(RunError, match=rf"the tests in {language} end with 'something\(else\);?'"):
        compose(language, "code", "}\nsomething(else);")


def test_the_second_file_of_go_is_of_the_same_package():
    files = compose("go", "// package not\n/*\npackage neither\n*/ package twice_test\n", gold("go").tests)
    assert files[GO_SECOND_FILE].startswith("package twice_test\n")


@pytest.mark.parametrize("top", ["library twice;\n", "// Of two.\nlibrary twice;\n", "#!/usr/bin/env dart\n", ""])
def test_the_import_of_dart_stands_behind_what_must_be_first(top):
    text = compose("dart", f"{top}\n{gold('dart').right}", gold("dart").tests)[FILES["dart"]]
    assert text.startswith(f"{top}import 'dart:io' as magicoder_io;\n")


def given_back(language: str, code: str, tests: str, folder: Path) -> tuple[int, bool, str]:
    """The exit status of a program, whether it gives back the token, and what it says."""
    for name, text in compose(language, code, tests).items():
        (folder / name).write_text(text)
    token = secrets.token_hex(16).encode()
    source, mine = os.pipe()
    back, target = os.pipe()
    os.write(mine, token)
    os.close(mine)
    words = f'exec "$@" 198<&{source} 199>&{target} {source}<&- {target}>&-'
    command = ["bash", "-c", words, "sh", INTERPRETERS[language], FILES[language]]
    done = subprocess.run(command, cwd=folder, pass_fds=(source, target), capture_output=True, check=False, timeout=60)
    os.close(source)
    os.close(target)
    with os.fdopen(back, "rb") as found:
        return done.returncode, found.read() == token, (done.stdout + done.stderr).decode()


def needs(language: str) -> None:
    if shutil.which(INTERPRETERS[language]) is None or shutil.which("bash") is None:
        pytest.skip(f"no {INTERPRETERS[language]} here")


@pytest.mark.parametrize("language", INTERPRETERS)
def test_right_programs_give_the_token_back_and_wrong_and_leaving_ones_do_not(language, tmp_path):
    needs(language)
    sample = gold(language)
    status, token, said = given_back(language, sample.right, sample.tests, tmp_path)
    if "luaunit" in said or "test/unit" in said or "Test/Deep" in said:
        pytest.skip(f"its test library is not here: {said[:200]}")
    assert (status, token) == (0, True), said
    assert given_back(language, sample.wrong, sample.tests, tmp_path)[1] is False
    assert given_back(language, sample.leaving, sample.tests, tmp_path)[1] is False


FORGING = {
    "js": """
    const fs = require('fs'), token = Buffer.alloc(64);
    try { fs.writeSync(199, token, 0, fs.readSync(198, token)); } catch {}
    process.reallyExit(0);""",
    "php": "fwrite(fopen('php://fd/199', 'wb'), fread(fopen('php://fd/198', 'rb'), 64)); exit(0);",
    "pl": """
    open(my $source, '<', '/dev/fd/198') and sysread($source, my $token, 64);
    open(my $target, '>', '/dev/fd/199') and syswrite($target, $token // '');
    exit 0;""",
    "py": """
    import os
    try:
        os.write(199, os.read(198, 64))
    except OSError:
        pass
    os._exit(0)""",
    "rb": "File.write('/dev/fd/199', File.read('/dev/fd/198')); exit!(0)",
}


@pytest.mark.parametrize("language", FORGING)
def test_a_function_that_copies_what_it_finds_where_the_token_was_gives_none(language, tmp_path):
    needs(language)
    sample = gold(language)
    code = "\n".join(FORGING[language] if "2 *" in line else line for line in sample.right.splitlines())
    assert given_back(language, code, sample.tests, tmp_path)[:2] == (0, False)


SHADOWS = {
    "js": "console.log = null; process.exit = null; class Buffer {}; const fs = 1;",
    "php": "function my_exit() {} $in = 1; $out = 2; ob_start();",
    "pl": "use subs qw(open sysread syswrite print exit); sub open { die } sub sysread { die } sub syswrite { die } $/ = ''; $, = 'x';",
    "py": "print = open = exit = os = None",
    "sh": "read() { false; }; printf() { echo no; }; builtin() { echo no; }; IFS=xyz; set -u",
}


@pytest.mark.parametrize("language", SHADOWS)
def test_names_that_a_program_makes_its_own_do_not_hinder_the_token(language, tmp_path):
    needs(language)
    sample = gold(language)
    head, line, rest = sample.right.partition("\n" if language in {"php", "sh"} else "\0")
    right = f"{head}\n{SHADOWS[language]}\n{rest}" if line else f"{SHADOWS[language]}\n{head}"
    assert given_back(language, right, sample.tests, tmp_path)[:2] == (0, True)


def test_a_failed_test_that_ends_no_script_gives_no_token(tmp_path):
    needs("sh")
    sample = gold("sh")
    wrong = sample.wrong.rstrip("\n") + "\n}\nset() { :; }\nlast() {\n:"
    tests = sample.tests.rstrip() + "\n"
    assert given_back("sh", wrong, tests, tmp_path)[1] is False


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data in {REAL}")
def test_the_published_tests_are_all_of_a_known_form():
    count = 0
    for task in everything(REAL):
        assert task.prompt in "".join(compose(task.language, task.prompt, task.tests).values())
        count += 1
    assert count > 5000
