"""What EvalPlus does to a program's process, under its semantics and no others."""

import sys

import pytest
from magicoder_evalplus import HumanEvalPlus, guard

from magicoder_core import Submission, sandbox

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

EVALPLUS = ("evalplus-0.3.1", "evalplus-main")
NONE = "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace "
NONE += "unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"


def total(*lines, head=""):
    """A right program that does more in each call."""
    return "\n".join([head, "def total(n):", *(f"    {line}" for line in lines), "    return sum(n)\n"])


# Whether it passes by EvalPlus' semantics, and by strict. The former was measured with evalplus 0.3.1 itself, where the
# same lines stood in a program for HumanEval/53.
PROGRAMS = {
    "opens a file": (total("open('f', 'w').close()"), False, True),
    "opens a file at its definitions": (total(head="open('f', 'w').close()"), False, True),
    "opens a file by io": (total("import io", "io.open('f', 'w').close()"), True, True),
    "writes by pathlib": (total("pathlib.Path('f').write_text('1')", head="import pathlib"), True, True),
    "asks where it is": (total("os.getcwd()", head="import os"), False, True),
    "makes a folder": (total("os.makedirs('d', exist_ok=True)", head="import os"), True, True),
    "starts a program": (total("subprocess.Popen", "os.popen('true')", head="import os, subprocess"), False, True),
    "sets a variable": (total("os.environ['A'] = '1'", head="import os"), False, True),
    "all that is None": (
        total(
            f"assert all(getattr(os, name) is None for name in '{NONE}'.split())",
            "assert shutil.rmtree is shutil.move is shutil.chown is subprocess.Popen is None",
            "assert open is exit is quit is help is None and os.environ['OMP_NUM_THREADS'] == '1'",
            head="import os, shutil, subprocess",
        ),
        True,
        False,
    ),
    "reads its input": (total("input()"), False, False),
    "catches EOFError": (total("try: input()", "except EOFError: pass"), False, True),
    "catches OSError": (total("try: input()", "except OSError: pass"), True, False),
    "reads all, at its definitions": (total(head="import sys\nsys.stdin.read()"), False, True),
    "reads line by line": (total("for line in sys.stdin: pass", head="import sys"), False, True),
    "brings its input": (total("input()", head="import io, sys\nsys.stdin = io.StringIO('1\\n' * 99)"), False, True),
    "prints": (total("print(n)", "print(n, file=sys.stderr)", head="import sys"), True, True),
    "prints bytes": (total("sys.stdout.buffer.write(b'x')", head="import sys"), False, True),
    "leaves": (total("exit()"), False, False),
    "imports resource": (total(head="import resource"), False, True),
    "can do without": (total(head="try: import psutil\nexcept ImportError: pass"), True, True),
    "threads": (
        total("t = Thread(target=print)", "t.start()", "t.join()", head="from threading import Thread"),
        True,
        True,
    ),
    "imports multiprocessing": (total(head="from multiprocessing import Pool"), True, True),
    "forks": (total("with Pool(1) as pool: pool.map(abs, [1])", head="from multiprocessing import Pool"), False, True),
    "a temporary file": (
        total("with NamedTemporaryFile(): pass", head="from tempfile import NamedTemporaryFile"),
        True,
        True,
    ),
    "its name": (total(head="assert __name__ == 'builtins' and '__file__' not in globals()"), True, False),
    "from the future": (f"from __future__ import annotations\n{total(head='def more(n: Unknown): pass')}", True, True),
    "rebinds itself": (total("global total", "total = None"), True, True),
    "defines nothing": ("x = 1", False, False),
}


@pytest.fixture(scope="module")
def judged(own):
    """The statuses by semantics and name of the program."""

    def verdicts(semantics):
        subject = HumanEvalPlus(data=own, semantics=semantics)
        found = subject.judge(Submission(problem_id="Own/0", code=code) for code, *_ in PROGRAMS.values())
        return dict(zip(PROGRAMS, found, strict=True))

    return {semantics: verdicts(semantics) for semantics in ("strict", *EVALPLUS)}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_judged_as_evalplus_does(judged, name):
    _, theirs, strict = PROGRAMS[name]
    for semantics in EVALPLUS:
        verdict = judged[semantics][name]
        assert (verdict.extra["base_status"] == "pass", verdict.extra["plus_status"] == "pass") == (theirs,) * 2, (
            verdict
        )
    assert (judged["strict"][name].status == "pass") is strict, judged["strict"][name]


def verdict_on(own, code, task="Own/0"):
    subject = HumanEvalPlus(data=own, semantics="evalplus-main")
    [verdict] = subject.judge([Submission(problem_id=task, code=code)])
    return verdict


@pytest.mark.parametrize(
    ("code", "status", "detail"),
    [
        ("'''doc'''\n\nx = 1 / 0", "fail", "ZeroDivisionError: division by zero (line 3 of the program)"),
        ("from __future__ import annotations\ndef total(n):\n    return open('f')", "fail", "(line 3 of the program)"),
        ("def total(n):\n    return (", "compile_error", "SyntaxError: '(' was never closed (line 2 of the program)"),
        ("def total(n): return 1\0", "compile_error", "source code string cannot contain null bytes"),
        ("x = '\ud800'", "compile_error", "UnicodeEncodeError"),
        ("total = lambda: 0", "fail", "takes 0 positional arguments but 1 was given"),
    ],
)
def test_details_name_lines_of_the_program_alone(own, code, status, detail):
    verdict = verdict_on(own, code)
    assert verdict.status == status
    assert detail in verdict.detail
    assert "NoCode" not in verdict.detail
    assert verdict.detail.count("of the program)") == detail.count("of the program)")


def test_only_what_no_guarded_program_is_becomes_a_compile_error():
    passed = sandbox.Answers(status="pass", detail="NoCode: x")
    assert guard.told(passed) is passed
    failed = sandbox.Answers(status="fail", detail="ValueError: NoCode: x")
    assert guard.told(failed) is failed


def test_large_values_are_looked_into_all_the_same(own):
    assert verdict_on(own, "def ramp(n): return list(range(n + 1))", "Own/2").status == "pass"


def test_numpy_can_be_imported(own):
    pytest.importorskip("numpy")
    code = "import numpy as np\ndef total(n): return sum(np.array(n, dtype=object).tolist())"
    assert verdict_on(own, code).status == "pass"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="measured with Python 3.11")
def test_recursion_goes_as_deep_as_in_evalplus(own):
    deep = "def deep(n): return 0 if n <= 1 else 1 + deep(n - 1)\n"
    for call, statuses in ((970, "pass"), (971, "fail")):
        assert verdict_on(own, deep + total(f"deep({call})")).status == statuses
    for definition, statuses in ((969, "pass"), (970, "fail")):
        assert verdict_on(own, deep + f"deep({definition})\n" + total()).status == statuses


def test_the_stack_may_be_as_large_as_in_evalplus(own):
    deep = "import sys\nsys.setrecursionlimit(10**6)\n"
    deep += "def deep(n): return 0 if n <= 1 else max([n], key=lambda _: deep(n - 1))\n"
    assert verdict_on(own, deep + total("deep(30000)")).status == "pass"
