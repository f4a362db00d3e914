"""Programs that mean harm: none passes, hangs or leaves anything, and the next one is judged right."""

import os
import socket
import threading
from pathlib import Path

import pytest

from magicoder_core import sandbox
from magicoder_core.sandbox import Calls, Inputs, Limits, Outcome, Program

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

LIMITS = Limits(cpu_seconds=1, wall_seconds=15, memory_bytes=256 << 20, file_bytes=1 << 20)
RIGHT = "def double(x):\n    return 2 * x\n"
INPUTS = Inputs.of("double", [(number,) for number in range(5)])


def examine(*codes: str, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    """Status and detail of each program, `pass` only if it doubles; one box for all."""
    calls = [Calls(program=Program(code=code, limits=limits, name="solution"), inputs=INPUTS) for code in codes]
    return [
        (
            judged(found),
            found.detail
            or "".join(
                str(said) for said in map(sandbox.answer, found.records[:1]) if isinstance(said, sandbox.Raised)
            ),
        )
        for found in sandbox.call(calls, workers=1)
    ]


def judged(found: sandbox.Answers) -> str:
    values = [sandbox.answer(record) for record in found.records]
    right = values == [sandbox.Value(2 * number) for number in range(5)]
    return found.status if found.status != "pass" else "pass" if right else "fail"


def run(code: str) -> Outcome:
    programs = [Program(code=code, limits=LIMITS), Program(code="print(1)", limits=LIMITS)]
    [outcome, after] = sandbox.run(programs, workers=1)
    assert (after.status, after.stdout) == ("pass", "1\n")
    return outcome


ALWAYS_EQUAL = """
class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = int.__hash__
def double(x): return Yes(7)
"""
ALWAYS_EQUAL_OBJECT = """
class Yes:
    __class__ = int
    def __eq__(self, other): return True
def double(x): return Yes()
"""
FORGED_FRAMES = """
import gc, mmap, os, struct
def double(x):
    for region in [o for o in gc.get_objects() if type(o) is mmap.mmap] or []:
        region[24 << 20 : (24 << 20) + 64] = b"\\xff" * 64
    for place in range(3, 40):
        for message in (b"ready\\n", bytes(64), b"\\x01" * 64):
            try: os.write(place, message)
            except OSError: pass
    os._exit(0)
"""
GARBAGE = """
import os
def double(x):
    for place in range(3, 40):
        try: os.write(place, b"\\xff" * 5000)
        except OSError: pass
"""
PATCHED = """
import builtins, json, marshal, os, sys
builtins.AssertionError = builtins.isinstance = lambda *a: True
marshal.dumps = json.dumps = lambda *a, **k: b"i" + bytes(4)
for frame in sys._current_frames().values():
    while frame:
        for name in list(frame.f_globals):
            if name in ("_answer_all", "values", "spell"): frame.f_globals[name] = lambda *a: {"value": True}
        frame = frame.f_back
def double(x): return None
"""
CHEATS = {
    "exit": "import sys\nsys.exit(0)",
    "exit in a call": "import sys\ndef double(x): sys.exit(0)",
    "hard exit": "import os\nos._exit(0)",
    "hard exit in a call": "import os\ndef double(x): os._exit(0)",
    "system exit with a lie": "def double(x): raise SystemExit('pass')",
    "printed verdict": "print('pass', 'ok', 'All tests passed')\ndef double(x): print('pass')",
    "always equal": ALWAYS_EQUAL,
    "always equal object": ALWAYS_EQUAL_OBJECT,
    "forged frames": FORGED_FRAMES,
    "garbage": GARBAGE,
    "patched": PATCHED,
    "another program in its place": "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'pass'])",
    "no such function": "x = 1",
    "no function": "double = 3",
    "deep value": "def double(x):\n    v = []\n    for _ in range(100000): v = [v]\n    return v",
    "value that holds itself": "def double(x):\n    v = []\n    v.append(v)\n    return v",
    "endless iterator": "import itertools\ndef double(x): return itertools.count()",
    "huge value": "def double(x): return 'x' * (20 << 20)",
    "hostile error": "class E(Exception):\n    def __str__(self): raise E\ndef double(x): raise E",
    "assertion of its own": "def double(x): raise AssertionError",
    "odd text": "def double(x): raise ValueError('\\ud800\\n\\0' * 9999)",
}


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_passes_and_the_next_program_is_judged_right(name):
    (status, detail), (after, _) = examine(CHEATS[name], RIGHT)
    assert status in {"fail", "out_of_memory", "timeout", "crash"}, (status, detail)
    assert len(detail.encode()) <= 2048
    assert "\n" not in detail
    assert after == "pass"


STATUSES = {
    "timeout": ["while True: pass", "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"],
    "out_of_memory": ["x = [0] * 10**9", "x = []\nwhile True: x.append(bytes(1 << 20))"],
    "crash": ["import os\nos.kill(os.getpid(), 11)", "import ctypes\nctypes.string_at(0)", "import os\nos.abort()"],
    "compile_error": ["def double(x:", "x = '\\0'\n\0", "return 1", "\ud800"],
    "fail": ["1 / 0", "import os\nos._exit(3)", "import nosuchmodule", "assert False"],
}


@pytest.mark.parametrize(("status", "code"), [(status, code) for status, codes in STATUSES.items() for code in codes])
def test_statuses(status, code):
    outcome = run(code)
    assert outcome.status == status, outcome
    assert outcome.isolation == "bubblewrap"
    if status != "timeout":
        assert examine(code)[0][0] == status


def test_what_sleeps_is_stopped_at_the_wall():
    limits = Limits(cpu_seconds=1, wall_seconds=2)
    sleepers = ["import time\ntime.sleep(600)", "import signal, time\ndef double(x): time.sleep(600)"]
    assert [status for status, _ in examine(*sleepers, limits=limits)] == ["timeout", "timeout"]


def test_fork_bomb():
    outcome = run("import os\nwhile True: os.fork()")
    assert outcome.status in {"fail", "timeout"}


def test_killing_everybody():
    for code in ("os.kill(os.getppid(), 9)", "os.kill(1, 9)", "os.kill(-1, 9)", "os.killpg(0, 9)"):
        outcome = run(f"import os, time\n{code}\ntime.sleep(0.2)\nos._exit(0)")
        assert outcome.status in {"fail", "crash"}, (code, outcome)


def test_output_flood_is_cut_and_does_no_harm():
    outcome = run("import sys\nfor _ in range(2000): sys.stdout.write('x' * 10000)")
    assert outcome.status == "pass"
    assert len(outcome.stdout) == LIMITS.output_bytes


def test_nothing_of_the_machine_can_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    paths = ["/etc/passwd", "/etc/hostname", str(Path.home()), str(secret), __file__, "/proc/1/environ", "/root/.ssh"]
    outcome = run(
        "import os\n"
        f"for path in {paths!r}:\n"
        "    try: print(path, os.listdir(path) if os.path.isdir(path) else open(path).read())\n"
        "    except OSError: pass\n"
        "print(os.environ, os.listdir('.'), os.getuid())"
    )
    assert outcome.status == "pass"
    assert "hunter2" not in outcome.stdout
    assert "SECRET_KEY" not in outcome.stdout
    assert "root:" not in outcome.stdout
    assert int(outcome.stdout.split()[-1]) >= 65534


def test_installed_packages_are_out_of_reach():
    outcome = run(
        "import os, sysconfig\n"
        "lib = sysconfig.get_path('stdlib')\n"
        "for name in (lib + '/site-packages', lib + '/../python3/dist-packages'):\n"
        "    assert not os.path.isdir(name) or not os.listdir(name), os.listdir(name)\n"
    )
    assert outcome.status == "pass", outcome


def test_no_namespace_of_its_own():
    outcome = run("import ctypes\nprint(ctypes.CDLL(None).unshare(0x10000000))")
    assert outcome.stdout == "-1\n"


def test_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        outcome = run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)")
    assert outcome.status == "fail"
    assert "Error" in outcome.detail


def test_writing_is_bounded_and_nowhere_else(tmp_path):
    outcome = run(
        "import os\n"
        f"for folder in ('/', '/usr/lib', '/dev', '/proc', {str(tmp_path)!r}, os.path.dirname(os.__file__)):\n"
        "    try: open(folder + '/litter', 'w')\n"
        "    except OSError: continue\n"
        "    raise SystemError(folder)\n"
        "for folder in ('.', '/dev/shm'):\n"
        "    size = 0\n"
        "    try:\n"
        "        for number in range(100):\n"
        "            with open(f'{folder}/{number}', 'wb') as file: size += file.write(bytes(1 << 18))\n"
        "    except OSError: pass\n"
        "    assert size <= 1 << 20, size\n"
    )
    assert outcome.status == "pass", outcome
    assert not list(tmp_path.iterdir())


def test_daemons_end_with_the_program():
    marker = f"daemon-{os.getpid()}"
    outcome = run(
        "import os, sys, time\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        f"    if not os.fork(): os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {marker!r}])\n"
        "    os._exit(0)\n"
        "time.sleep(0.3)"
    )
    assert outcome.status == "pass"
    assert marker not in " ".join(_command_lines())


def _command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found


def test_the_token_is_in_no_memory_of_the_program():
    outcome = run(
        "import gc, mmap, sys\n"
        "found = [o for o in gc.get_objects() if type(o) is mmap.mmap]\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    found += [v for v in frame.f_locals.values() if isinstance(v, bytes) and len(set(v)) > 16]\n"
        "    frame = frame.f_back\n"
        "assert not [o for o in found if type(o) is bytes], found\n"
    )
    assert outcome.status == "pass", outcome


def test_nothing_is_left_behind():
    threads = threading.active_count()
    places = len(list(Path("/proc/self/fd").iterdir()))
    examine(RIGHT, CHEATS["hard exit"], CHEATS["forged frames"])
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/fd").iterdir())) == places
