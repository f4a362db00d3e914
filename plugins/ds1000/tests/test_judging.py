"""Verdicts under the other Python: of all seven libraries, in both formats, and of answers that mean ill."""

import pickle
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import ds1000_problems
import pytest
from ds1000_problems import OWN, PYTHON
from magicoder_ds1000 import Ds1000, composing, data, judging, readiness
from magicoder_ds1000.interpreter import look
from magicoder_ds1000.readiness import Ready

from magicoder_core import RunError, Submission, sandbox

IDS = list(ds1000_problems.BY_ID)


@pytest.fixture(scope="module", autouse=True)
def kept():
    """Boxes stand by from one test to the next, as they do in a scoring."""
    with sandbox.standby():
        yield


def benchmark(place=OWN, **options):
    return Ds1000(data=place, interpreter=PYTHON, **{"seconds": 5, **options})


@pytest.mark.parametrize("form", ["jsonl", "tree"])
@pytest.mark.parametrize("name", IDS)
def test_right_answers_pass_and_wrong_ones_do_not(name, form, has, judged, grown):
    own = ds1000_problems.BY_ID[name]
    has(own.library)
    subject = benchmark(OWN if form == "jsonl" else grown(own.library), libraries=(own.library,))
    right, *wrong = judged(subject, name, own.right, *own.wrong)
    assert (right.status, right.detail) == ("pass", "")
    assert {verdict.status for verdict in wrong} <= {"fail", "compile_error"}
    assert all(verdict.detail and verdict.isolation for verdict in wrong)


@pytest.mark.parametrize("name", [name for name in IDS if name.startswith(("Numpy", "Pandas", "Pytorch"))])
def test_insertion_problems_are_judged_alike(name, has, judged, grown):
    own = ds1000_problems.BY_ID[name]
    has(own.library)
    verdicts = judged(
        benchmark(grown(own.library), mode="insertion", libraries=(own.library,)), name, own.right, own.wrong[0]
    )
    assert [verdict.status for verdict in verdicts] == ["pass", "fail"]


HOSTILE = {
    "leaves early": ("import os\nos._exit(0)", "fail"),
    "leaves politely": ("raise SystemExit(0)", "fail"),
    "leaves by a signal": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "crash"),
    "becomes another program": ("import os\nos.execv('/bin/true', ['true'])", "fail"),
    "computes for ever": ("while True: pass", "timeout"),
    "takes all memory": ("kept = []\nwhile True: kept.append(b'x' * (1 << 28))", "out_of_memory"),
    "prints without end and is wrong": ("for _ in range(2000): print('x' * 10000)\nresult = 0", "fail"),
    "prints a verdict": ("print('passed')\nresult = 0", "fail"),
    "asks the user": ("result = input()", "fail"),
    "reads the host": ("result = open('/etc/shadow').read()", "fail"),
    "opens a connection": ("import socket\nsocket.create_connection(('127.0.0.1', 9), 1)", "fail"),
    "forks without end": ("import os\nwhile True: os.fork()", None),
}


@pytest.mark.parametrize("form", ["jsonl", "tree"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_that_mean_ill_do_not_pass_and_the_next_is_judged_right(kind, form, has, judged, grown):
    has("Numpy")
    if (kind, form) == ("takes all memory", "tree"):
        pytest.skip("as long as in the other format, and the limit is the same")
    answer, status = HOSTILE[kind]
    subject = benchmark(
        OWN if form == "jsonl" else grown("Numpy"),
        libraries=("Numpy",),
        seconds=30 if kind == "takes all memory" else 2,
    )
    right = ds1000_problems.BY_ID["Numpy/0"].right
    first, second = judged(subject, "Numpy/0", answer, right)
    assert first.status not in {"pass", "harness_error"}
    if form == "jsonl" and status:  # in the tree the tests see only what a program left: nothing
        assert first.status == status, first.detail
    assert second.status == "pass", second.detail


def test_what_a_program_of_the_older_tree_leaves_running_does_not_see_the_answers(has, judged, grown, tmp_path):
    """The answers come when all programs have ended: here one stays that waits for them and puts them in its result's place."""
    has("Numpy")
    waits = """\
import os, shutil, time
if not os.fork():
    os.setsid()
    if os.fork(): os._exit(0)
    case = 1
    while True:
        case = 3 - case
        try: shutil.copy(f"ans/ans{case}.pkl", f"result/result_{case}.pkl")
        except OSError: pass
result = 0"""
    root = Path(shutil.copytree(grown("Numpy"), tmp_path / "tree"))
    test = root / "Numpy" / "Completion" / "q0" / "test_code.py"
    test.write_text(f"import time\ntime.sleep(1)\n{test.read_text('utf-8')}", "utf-8")
    (verdict,) = judged(benchmark(root, libraries=("Numpy",)), "Numpy/0", waits)
    assert (verdict.status, verdict.detail) == ("fail", "AssertionError: the result of case 1 is wrong")


WORKING = {
    "a class of its own": "class Kept:\n    rows = slice(None, None, 2)\nresult = a[Kept.rows, ::-1]",
    "a recursive function": "def down(n): return down(n - 1) if n else a[::2, ::-1]\nresult = down(900)",
    "threads": "import concurrent.futures as c\nwith c.ThreadPoolExecutor(4) as pool: result = pool.submit(lambda: a[::2, ::-1]).result()",
    "processes": """\
import multiprocessing as m
with m.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, 2]) == [1, 2]
result = a[::2, ::-1]""",
    "processes that start anew": """\
import subprocess, sys
done = subprocess.run([sys.executable, "-c", "import numpy; print(numpy.__name__)"], capture_output=True, text=True)
assert done.stdout.split() == ["numpy"], done.stderr
result = a[::2, ::-1]""",
    "warnings": "import warnings\nwarnings.simplefilter('error')\nresult = a[::2, ::-1]",
    "another folder": "import os\nos.makedirs('sub', exist_ok=True); os.chdir('sub'); open('x', 'w').write('x'); os.chdir('..')\nresult = a[::2, ::-1]",
    "its home": "import pathlib\n(pathlib.Path.home() / 'kept').write_text('x')\nresult = a[::2, ::-1]",
    "a coroutine": "import asyncio\nasync def rows(): return a[::2, ::-1]\nresult = asyncio.run(rows())",
    "a garbage collection": "import gc\ngc.collect()\nresult = a[::2, ::-1]",
    "the name exec": "exec('result = a[::2, ::-1]')",
    "a named tuple": "import collections\nP = collections.namedtuple('P', 'x y')\nresult = P(a[::2, ::-1], 1).x",
}


@pytest.mark.parametrize("form", ["jsonl", "tree"])
def test_right_answers_pass_whatever_they_use(form, has, judged, grown):
    has("Numpy")
    place = OWN if form == "jsonl" else grown("Numpy")
    verdicts = judged(benchmark(place, libraries=("Numpy",)), "Numpy/0", *WORKING.values())
    assert {what: (one.status, one.detail) for what, one in zip(WORKING, verdicts, strict=True)} == dict.fromkeys(
        WORKING, ("pass", "")
    )


def test_an_answer_may_print_much(has, judged):
    has("Numpy")
    right = ds1000_problems.BY_ID["Numpy/0"].right
    flood = "n = 500\nwhile n: n -= 1; print('x' * 10000)\n" + right
    (verdict,) = judged(benchmark(libraries=("Numpy",)), "Numpy/0", flood)
    assert verdict.status == "pass", verdict.detail


@pytest.mark.parametrize(("semantics", "form"), [("strict", "jsonl"), ("ds1000", "jsonl"), ("ds1000", "tree")])
def test_a_sleeping_answer_times_out_by_elapsed_time(semantics, form, has, judged, grown):
    has("Numpy")
    place = OWN if form == "jsonl" else grown("Numpy")
    subject = benchmark(place, libraries=("Numpy",), semantics=semantics, seconds=1)
    begin = time.monotonic()
    (verdict,) = judged(subject, "Numpy/0", "import time\ntime.sleep(600)")
    assert verdict.status == "timeout", verdict.detail
    assert time.monotonic() - begin < 60


def test_a_syntax_error_in_a_module_of_the_answers_is_no_compile_error(has, judged):
    has("Numpy")
    writes = "open('broken.py', 'w').write('def (:')\nimport sys; sys.path.insert(0, '.')\nimport broken"
    bad, worse = judged(benchmark(libraries=("Numpy",)), "Numpy/0", "def (:", writes)
    assert (bad.status, worse.status) == ("compile_error", "fail")


def test_random_numbers_are_the_same_each_time(has, judged):
    has("Numpy")
    answer = "import numpy as np, random\nraise ValueError(f'{np.random.rand()} {random.random()}')"
    first = judged(benchmark(libraries=("Numpy",)), "Numpy/0", answer, answer, answer)
    assert len({verdict.detail for verdict in first}) == 1


def test_what_an_answer_changes_is_not_there_for_the_next(has, judged):
    has("Numpy")
    changes = (
        """\
    import os, random, locale, sys, warnings, numpy as np
    assert not os.path.exists("left") and "own_mark" not in sys.modules and np.geterr()["divide"] == "warn"
    assert np.get_printoptions()["precision"] == 8 and not getattr(np, "own_mark", 0) and "OWN_MARK" not in os.environ
    np.own_mark, sys.modules["own_mark"], os.environ["OWN_MARK"] = 1, sys, "1"
    np.set_printoptions(precision=2); np.seterr(all="raise"); warnings.simplefilter("error")
    np.random.seed(7); random.seed(7); sys.setrecursionlimit(100)
    open("left", "w").write("x")
"""
        + ds1000_problems.BY_ID["Numpy/1"].right
    )
    verdicts = judged(benchmark(libraries=("Numpy",)), "Numpy/1", *[changes] * 4)
    assert [(one.status, one.detail) for one in verdicts] == [("pass", "")] * 4


def test_programs_start_as_forks_with_the_library_loaded(has, judged):
    """What makes it fast: the answer finds the library among the modules before it has imported it."""
    has("Pandas")
    subject = benchmark(libraries=("Pandas",))
    program = judging.Court(5, "strict", subject._ready).program(subject._data.tasks["Pandas/0"], "x = 1")
    first = next(sandbox.run([replace(program, code="import sys\nprint(sorted(sys.modules))\n")]))
    assert "'pandas.testing'" in first.stdout
    assert subject._ready("Pandas").loaded


def test_verdicts_come_in_the_order_of_their_programs_whatever_their_library(has):
    has("Numpy")
    has("Pandas")
    subject = benchmark()
    names = [("Numpy/0", "Pandas/0")[number % 2] for number in range(20)]
    given = [
        Submission(problem_id=name, code=ds1000_problems.BY_ID[name].right if number % 3 else "x = 0", sample=number)
        for number, name in enumerate(names)
    ]
    found = list(subject.judge(iter(given)))
    assert [(one.problem_id, one.sample) for one in found] == [(one.problem_id, one.sample) for one in given]
    assert [one.status == "pass" for one in found] == [bool(number % 3) for number in range(20)]


def test_a_missing_library_is_a_harness_error_with_its_reason(has, judged, monkeypatch):
    has("Numpy")
    subject = benchmark()
    without = subject._interpreter.modules - {"tensorflow"}
    monkeypatch.setattr(type(subject), "_interpreter", property(lambda _: found))
    found = replace(look(PYTHON), modules=without)
    given = [
        Submission(problem_id="Tensorflow/0", code="x = 1"),
        Submission(problem_id="Numpy/0", code=ds1000_problems.BY_ID["Numpy/0"].right),
    ]
    first, second = subject.judge(iter(given))
    assert (first.status, second.status) == ("harness_error", "pass")
    assert first.detail.startswith("tensorflow is not installed for ")
    broken = subject.broken({"Tensorflow/0", "Tensorflow/1", "Numpy/0"})
    assert broken == dict.fromkeys(("Tensorflow/0", "Tensorflow/1"), first.detail)
    assert any(line.startswith("Tensorflow cannot be judged: tensorflow is not") for line in subject.doubts())


def library(name, *, needed=("json",), loaded=("json",), canary="assert 1"):
    return readiness.Library(name=name, tasks=1, needed=needed, loaded=loaded, canary=canary)


@pytest.mark.parametrize(
    ("canary", "loaded", "reason"),
    [
        ("import json, sys", True, ""),
        # As a library would hang or break that does not bear a fork of a process that has it loaded.
        ("import sys\nassert 'pickletools' not in sys.modules", False, ""),
        ("import time\ntime.sleep(1 if 'pickletools' not in __import__('sys').modules else 600)", False, ""),
        ("raise ImportError('libgone.so')", False, "Own does not work under .*: fail: ImportError: libgone.so"),
    ],
)
def test_a_library_whose_forks_do_not_work_is_not_loaded(  # noqa: PLR0917 - fixtures
    canary, loaded, reason, interpreter, boxed, monkeypatch, said
):
    monkeypatch.setattr(readiness, "_STALL", 3.0)
    monkeypatch.setitem(readiness.LIBRARIES, "Own", library("Own", loaded=("json", "pickletools"), canary=canary))
    known = replace(interpreter, modules=interpreter.modules | {"json", "pickletools"})
    ready = readiness.readiness(known, ["Own"])["Own"]
    assert ready.loaded is loaded
    if reason:
        assert ready.image is None
        assert re.search(reason, ready.reason)
    else:
        assert ready.image is not None
        assert bool(ready.image.preload) is loaded
        assert loaded or any("programs start without it loaded" in line for line in said)


def test_pickles_are_never_read_outside_of_the_box(tmp_path, has, judged, grown):
    """A pickle that would write a file when it is read writes none here; nor does one that a program leaves."""
    has("Numpy")
    mark = tmp_path / "read"
    evil = f"class E:\n    def __reduce__(self): return (open, ({str(mark)!r}, 'w'))\nresult = E()"

    class Evil:
        def __reduce__(self):
            return open, (str(mark), "w")

    root = Path(shutil.copytree(grown("Numpy"), tmp_path / "tree"))
    own = root / "Numpy" / "Completion" / "q0" / "ans" / "ans1.pkl"
    own.write_bytes(pickle.dumps(Evil()))
    right = ds1000_problems.BY_ID["Numpy/0"].right
    first = judged(benchmark(root, libraries=("Numpy",)), "Numpy/0", right, evil)
    assert [verdict.status for verdict in first] == ["fail", "fail"]
    assert not mark.exists()


def test_the_official_way_of_the_tree_has_its_own_seconds():
    tree = data.Task(
        library="Numpy",
        number=0,
        prompt="",
        reference="",
        context="[insert]",
        cases=3,
        files=data.Files(folder=Path(), kind=1, test=""),
    )
    plain = data.Task(library="Numpy", number=0, prompt="", reference="", context="[insert]", cases=3)
    court = judging.Court(120.0, "strict", lambda _: Ready(sandbox.Image()))
    assert (court.seconds_of(tree), court.seconds_of(plain)) == (60.0, 120.0)
    limits = court.program(plain, "x").limits
    assert (limits.cpu_seconds, limits.wall, limits.clock, limits.address_bytes) == (120.0, 120.0, "cpu", 0)
    assert judging.Court(120.0, "ds1000", lambda _: Ready(sandbox.Image())).program(plain, "x").limits.clock == "wall"


@pytest.mark.parametrize("line", ["plt.show()", "    plt.clf()", "plt.close()", "plt.savefig('x.png')"])
def test_lines_that_clear_a_figure_are_left_out(line):
    assert composing.without_clearing(f"a = 1\n{line}\nb = 2") == "a = 1\nb = 2"


def test_no_interpreter_is_an_error_that_says_how_to_make_one():
    subject = Ds1000(data=OWN)
    for ask in (lambda: subject.judge(iter(())), lambda: subject.broken({"Numpy/0"})):
        with pytest.raises(RunError, match=r"ds1000.interpreter: names no Python .*magicoder ds1000 env PATH"):
            ask()
