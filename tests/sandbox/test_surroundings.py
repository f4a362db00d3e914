"""What a program finds in its box, what it may do to its own process, and what it can say of this machine."""

import os
import sys

import pytest

from magicoder_core import sandbox
from magicoder_core.sandbox import Calls, Inputs, Limits, Program

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

NEXT = "def f(x): return x + 1"


def asked(*codes, calls=3, limits=None):
    """What each program answers to `f(0)`, `f(1)` and so on; one box for all."""
    inputs = Inputs.of("f", [(number,) for number in range(calls)])
    programs = (Program(code=code, name="solution", limits=limits or Limits(cpu_seconds=5)) for code in codes)
    return list(sandbox.call((Calls(program=program, inputs=inputs) for program in programs), workers=1))


RIGHT = {
    "leaves in the end": "def f(x):\n    try:\n        exit()\n    except SystemExit:\n        return x + 1",
    "has all names of Python's own": "for name in ('exit', 'quit', 'help', 'copyright', 'credits', 'license'):\n"
    "    repr(eval(name))\ndef f(x): return x + 1",
    "starts a program": "import subprocess\nsubprocess.run(['true'], check=True)\ndef f(x): return x + 1",
    "asks a shell": "import subprocess\n"
    "def f(x): return int(subprocess.run(f'expr {x} + 1', shell=True, capture_output=True).stdout)",
    "spoils modules": "import gc, hashlib, marshal, os, resource, time\n"
    "gc.freeze = marshal.dumps = os.getpid = resource.getrusage = time.monotonic = None\n"
    "os._exit = lambda status: time.sleep(100)\ndef f(x): return x + 1",
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_programs_are_right(name):
    found, after = asked(RIGHT[name], NEXT)
    assert (found.status, found.detail) == ("pass", "")
    assert [sandbox.answer(record).value for record in found.records] == [1, 2, 3]
    assert after.status == "pass"


@pytest.mark.skipif(sys.base_prefix == "/usr", reason="Python lies where it lies on each machine")
@pytest.mark.parametrize("code", ["def f(x): raise ValueError(os.__file__)", "raise ValueError(os.__file__)"])
def test_no_place_of_this_machine_is_told(code):
    [found] = asked(f"import os\n{code}", calls=1)
    told = found.detail or str(sandbox.answer(found.records[0]))
    assert told.startswith("ValueError: <python>/lib/")
    assert os.path.realpath(sys.base_prefix) not in told


@pytest.mark.parametrize("name", ["SIGXCPU", "SIGKILL"])
def test_who_sends_itself_the_kernels_signal_is_no_timeout(name):
    [found] = asked(f"import os, signal\ndef f(x): os.kill(os.getpid(), signal.{name})")
    assert (found.status, found.detail) == ("crash", f"killed by {name}")


# Finds the memory that it shares with the server, and writes there what it likes.
FORGER = """
import struct, sys, threading, time

def find():
    frame = sys._getframe()
    while "shared" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["shared"]

def forge(shared):
    number = 0
    while True:
        number += 1
        struct.pack_into("<I", shared, {answered}, number % 2 * 1000 + number)
        time.sleep(0.01)

def f(x):
    if not x:
        threading.Thread(target=forge, args=(find(),), daemon=True).start()
    begin = time.process_time()
    while time.process_time() < begin + 2:
        pass
    return x + 1
"""


def test_a_forged_account_buys_no_time():
    from magicoder_core.sandbox.inside import region

    limits = Limits(cpu_seconds=30, call_seconds=0.5 / sandbox.speed())
    [found] = asked(FORGER.format(answered=region.MARKED), limits=limits)
    assert (found.status, found.detail) == ("timeout", "a call used up its CPU time")


def test_large_memory_is_no_more_in_the_second_call():
    code = "def f(x):\n    block = b'a' * (930 << 20)\n    return x + 1"
    [found] = asked(code, calls=4, limits=Limits(memory_bytes=1 << 30))
    assert (found.status, found.detail) == ("pass", "")


def test_a_box_that_a_program_spoilt_is_nobody_elses_end():
    litter = "def f(x):\n    for n in range(20_000):\n        open(f'{x}_{n}', 'w').close()\n    return x + 1"
    with sandbox.standby():
        for _ in range(2):
            asked(litter)
            [found] = asked(NEXT)
            assert (found.status, found.detail) == ("pass", "")
