"""Whatever ends a run early, no process of it outlives it by more than a few seconds."""

import gc
import os
import signal
import subprocess
import sys
import time
from itertools import cycle

import pytest
from sandbox.corpus import INPUTS, judging, traces

from magicoder_core import sandbox
from magicoder_core.sandbox import Calls, Limits, Program

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

SECONDS = 5.0
"""In which all must be gone."""
LIMITS = Limits(cpu_seconds=60, wall_seconds=60)
FORK = "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork(): time.sleep(3600)\n    os._exit(0)\n"
ENDLESS = {
    "sleeps": "import time\ntime.sleep(3600)\n",
    "computes": "while True: pass\n",
    "has a daemon": f"{FORK}time.sleep(3600)\n",
    "ignores signals": (
        "import signal, time\n"
        "for n in signal.valid_signals() - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
        "while True: time.sleep(1)\n"
    ),
    "forks and forks": "import os\nwhile True:\n    if os.fork(): os.wait()\n    else: os._exit(0)\n",
    "stops itself": "import os\nos.kill(os.getpid(), 19)\n",
}
# Tests that run in the background of a shell inherit that SIGINT is ignored.
CHILD = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from magicoder_core import sandbox
from magicoder_core.sandbox import Limits, Program
limits = Limits(cpu_seconds=60, wall_seconds=60)
codes = ["print(1)", *{list(ENDLESS.values())!r}]
for outcome in sandbox.run((Program(code=code, limits=limits) for code in codes), workers=3):
    print("first", flush=True)
"""


def grown(root, least, seconds=20.0):
    """The descendants of a process, when there are so many; all that were met on the way."""
    deadline, met = time.monotonic() + seconds, set()
    while len(now := traces.tree(root)) < least:
        met |= now
        assert time.monotonic() < deadline, f"{len(now)} processes, not {least}"
        time.sleep(0.02)
    return met | now


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, start_new_session=True)
    yield process
    process.kill()
    process.stdout.close()
    process.wait()


def endless():
    return (Program(code=code, limits=LIMITS) for code in cycle(ENDLESS.values()))


@pytest.mark.parametrize("way", ["closed", "forgotten", "thrown into"])
def test_outcomes_that_nobody_wants_any_more_end_all_boxes(way):
    before, own = traces.held(), traces.tree(os.getpid())
    first = Program(code="print(1)")
    outcomes = sandbox.run((program for some in ([first, first], endless()) for program in some), workers=3)
    assert next(outcomes).status == "pass"
    processes = grown(os.getpid(), len(own) + 3)
    if way == "closed":
        outcomes.close()
    elif way == "thrown into":
        with pytest.raises(KeyboardInterrupt):
            outcomes.throw(KeyboardInterrupt)
    else:
        del outcomes
        gc.collect()
    assert not traces.gone(processes - own, SECONDS)
    assert not traces.tree(os.getpid()) - own
    assert not traces.held() - before


def test_answers_that_nobody_wants_any_more_end_all_boxes():
    own = traces.tree(os.getpid())
    code = f"def double(x):\n{''.join(f'    {line}{os.linesep}' for line in ENDLESS['has a daemon'].splitlines())}"
    calls = Calls(program=Program(code=code, name="solution", limits=LIMITS), inputs=INPUTS)
    right = Calls(program=Program(code="def double(x): return x + x", name="solution"), inputs=INPUTS)
    answers = sandbox.call(cycle([right, calls, calls]), workers=2)
    assert next(answers).status == "pass"
    processes = grown(os.getpid(), len(own) + 3)
    answers.close()
    assert not traces.gone(processes - own, SECONDS)


@pytest.mark.parametrize(
    ("number", "group"), [("SIGINT", True), ("SIGINT", False), ("SIGTERM", False), ("SIGKILL", False)]
)
def test_a_signal_to_the_caller_ends_all_boxes(child, number, group):
    assert child.stdout.readline() == b"first\n"
    processes = grown(child.pid, 6)
    (os.killpg if group else os.kill)(child.pid, getattr(signal, number))
    child.wait(SECONDS)
    assert child.returncode != 0
    assert not traces.gone(processes, SECONDS)


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_kill_while_boxes_start_leaves_nobody(child, after):
    processes = grown(child.pid, 1)
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        processes |= traces.tree(child.pid)
    processes |= traces.tree(child.pid)
    child.kill()
    child.wait(SECONDS)
    assert not traces.gone(processes, SECONDS)


def test_a_box_that_is_killed_from_outside_costs_no_verdict():
    own = traces.tree(os.getpid())
    slow = "import time\ndef double(x):\n    time.sleep(0.1)\n    return x + x\n"
    calls = [Calls(program=Program(code=slow, name="solution"), inputs=INPUTS)] * 4
    answers = sandbox.call(calls, workers=1)
    found = [next(answers)]
    processes = grown(os.getpid(), len(own) + 2) - own
    for process, _ in processes:
        os.kill(process, signal.SIGKILL)
    found += answers
    assert [judging.right(one, judging.read(one)[0]) for one in found] == [True] * 4, [one.detail for one in found]
    assert not traces.gone(processes, SECONDS)


@pytest.mark.parametrize("who", ["who reads the answers", "who makes the programs"])
def test_whoever_is_slow_outside_costs_no_verdict(monkeypatch, who):
    # Shorter than he is slow, as are the limits: by the clock, all boxes are long overdue.
    monkeypatch.setattr("magicoder_core.sandbox.box._GRACE", 0.2)
    limits = Limits(cpu_seconds=0.05, wall_seconds=0.2)
    right = Calls(program=Program(code="def double(x): return x + x", name="solution", limits=limits), inputs=INPUTS)

    def jobs():
        for _ in range(3):
            yield right
            time.sleep(2.0 if who.endswith("programs") else 0)

    found = []
    for one in sandbox.call(jobs(), workers=2):
        time.sleep(2.0 if who.endswith("answers") else 0)
        found.append(one)
    assert [judging.right(one, judging.read(one)[0]) for one in found] == [True] * 3, [one.detail for one in found]


def test_an_error_of_who_makes_the_programs_ends_all_boxes():
    before, own = traces.held(), traces.tree(os.getpid())
    met = set()

    def programs():
        yield Program(code=ENDLESS["has a daemon"], limits=LIMITS)
        met.update(grown(os.getpid(), len(own) + 1))
        raise LookupError("no more")

    with pytest.raises(LookupError):
        list(sandbox.run(programs(), workers=2))
    assert not traces.gone(met - own, SECONDS)
    assert not traces.held() - before
