"""Verdicts are the same on an idle machine and with four busy loops for each core beside."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from sandbox.corpus import INPUTS, judging

from magicoder_core import sandbox
from magicoder_core.sandbox import Calls, Limits, Program

pytestmark = [
    pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}"),
    pytest.mark.timeout(600),  # the machine is made slow on purpose
]

SECONDS = 0.3
"""Of processor time that each program has, on the nominal machine."""
LIMITS = Limits(cpu_seconds=SECONDS, wall_seconds=3, memory_bytes=256 << 20)

# Programs that use up so many seconds of processor time, by whatever clock of their own.
BURNERS = {
    "in the main thread": "def double(x):\n    if x == 0: burn(SECONDS)\n    return x + x\n",
    "while it is defined": "burn(SECONDS)\ndef double(x): return x + x\n",
    "a part in each call": "def double(x):\n    burn(SECONDS / 6)\n    return x + x\n",
    "in two threads": (
        "import threading\n"
        "def double(x):\n"
        "    if x == 0:\n"
        "        threads = [threading.Thread(target=burn, args=(SECONDS / 2, time.thread_time)) for _ in 'ab']\n"
        "        for thread in threads: thread.start()\n"
        "        for thread in threads: thread.join()\n"
        "    return x + x\n"
    ),
    "in children, one after another": (
        "import os\n"
        "def double(x):\n"
        "    for _ in range(4 if x == 0 else 0):\n"
        "        child = os.fork()\n"
        "        if not child:\n"
        "            burn(SECONDS / 4)\n"
        "            os._exit(0)\n"
        "        os.waitpid(child, 0)\n"
        "    return x + x\n"
    ),
    "in children, side by side": (
        "import os\n"
        "def double(x):\n"
        "    children = [os.fork() or (burn(SECONDS / 3), os._exit(0)) for _ in range(3 if x == 0 else 0)]\n"
        "    for child in children: os.waitpid(child, 0)\n"
        "    return x + x\n"
    ),
    "with naps between": ("def double(x):\n    burn(SECONDS / 6)\n    time.sleep(0.1)\n    return x + x\n"),
}
BURN = (
    "import time\n"
    "def burn(seconds, clock=time.process_time):\n"
    "    end = clock() + seconds\n"
    "    while clock() < end: sum(range(500))\n"
)
POOL = (
    "from concurrent.futures import ThreadPoolExecutor\n"
    "def double(x):\n"
    "    with ThreadPoolExecutor(4) as pool: return list(pool.map(lambda y: y + y, [x] * 8))[0]\n"
)
OTHERS = {
    "right": ("right", "def double(x): return x + x\n"),
    "wrong": ("wrong", "def double(x): return x\n"),
    "raises": ("wrong", "def double(x): return 1 / 0\n"),
    "a short sleep": ("right", "import time\ndef double(x):\n    time.sleep(0.15)\n    return x + x\n"),
    "a long sleep": ("timeout", "import time\ndef double(x): time.sleep(3600)\n"),
    "a sleep while a child computes": (
        "timeout",
        "import os, time\ndef double(x):\n    if not os.fork():\n        while True: pass\n    time.sleep(3600)\n",
    ),
    "crash": ("crash", "import os\ndef double(x): os.kill(os.getpid(), 11)\n"),
    "leaves": ("fail", "import os\ndef double(x): os._exit(0)\n"),
    "no program": ("compile_error", "def double(x:\n"),
    "memory": ("out_of_memory", "def double(x):\n    found = []\n    while True: found.append(bytes(1 << 20))\n"),
    "much output": ("right", "def double(x):\n    print('x' * 300_000)\n    return x + x\n"),
    "threads": ("right", POOL),
}


def programs():
    """Name, code and expected verdict of each."""
    for name, code in BURNERS.items():
        for share, verdict in ((0.4, "right"), (0.6, "right"), (3, "timeout")):
            # Limits are stretched on a slow machine, so these are too.
            seconds = share * SECONDS * sandbox.speed()
            yield f"{share} of the limit, {name}", f"{BURN}SECONDS = {seconds}\n{code}", verdict
    for name, (verdict, code) in OTHERS.items():
        yield name, code, verdict
        yield f"{name}, again", code, verdict


def verdicts():
    found, details = {}, {}
    names, codes, _ = zip(*programs(), strict=True)
    jobs = [Calls(program=Program(code=code, name="solution", limits=LIMITS), inputs=INPUTS) for code in codes]
    for name, one in zip(names, sandbox.call(jobs), strict=True):
        told, _ = judging.read(one)
        found[name] = "right" if judging.right(one, told) else "wrong" if one.status == "pass" else one.status
        details[name] = one.detail
    return found, details


@contextmanager
def busy(loops):
    started = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def test_verdicts_are_the_same_on_a_busy_machine():
    expected = {name: verdict for name, _, verdict in programs()}
    idle, why = verdicts()
    assert {name: (idle[name], why[name]) for name in expected if idle[name] != expected[name]} == {}
    with busy(4 * len(os.sched_getaffinity(0))):
        loaded, why = verdicts()
    assert {name: (loaded[name], why[name]) for name in expected if loaded[name] != expected[name]} == {}
    assert len(expected) >= 40
