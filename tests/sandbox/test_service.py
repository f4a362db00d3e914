"""A resident program in a box: what it answers, and what becomes of one that does not."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from sandbox.corpus import traces

from magicoder_core import sandbox
from magicoder_core.sandbox import Image, Service, ServiceEnded

PYTHON = "/usr/bin/python3"
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="measured on Linux only"),
    pytest.mark.skipif(not Path(PYTHON).exists(), reason=f"no {PYTHON} here"),
]

EVERY = pytest.mark.parametrize("level", ["usual", "namespaces", "landlock", "rlimits"], indirect=True)
ANSWERS = """
import os, struct, sys, time
given, taken = sys.stdin.buffer, sys.stdout.buffer
def reply(text): taken.write(struct.pack(">I", len(text)) + text); taken.flush()
kept, asked = [], 0
while head := given.read(4):
    text, asked = given.read(*struct.unpack(">I", head)), asked + 1
    if text.startswith(b"do "): exec(text[3:])
    else: reply(b"%d " % asked + text)
"""
ENDINGS = {
    "while True: pass": ("timeout", "used up its 0.5 s of CPU time"),
    "os.fork()\nwhile True: pass": ("timeout", "used up its 0.5 s of CPU time"),
    "while True: kept.append(b'x' * (1 << 24))": ("out_of_memory", "more memory or more files than it may have"),
    "os.abort()": ("crash", "killed by SIGABRT"),
    "sys.exit('last words')": ("crash", "last words"),
    "sys.exit(0)": ("crash", "it ended before it replied"),
    "os.close(1); time.sleep(0.2); sys.exit(5)": ("crash", "exit status 5"),
    "taken.write(b'\\xff\\xff\\xff\\xff'); taken.flush(); time.sleep(60)": (
        "crash",
        "it sent what is no reply: 0 of 4294967295 bytes",
    ),
    "taken.write(b'\\0\\0\\0\\1ab'); taken.flush(); time.sleep(60)": (
        "crash",
        "it sent what is no reply: 2 of 1 bytes",
    ),
}


@pytest.fixture
def service():
    with Service((PYTHON, "-S", "main.py"), files={"main.py": ANSWERS}, memory_bytes=256 << 20) as made:
        yield made


def ask(service, text, seconds=0.5):
    return service.ask(text if isinstance(text, bytes) else text.encode(), cpu_seconds=seconds)


@EVERY
@pytest.mark.usefixtures("level")
def test_one_resident_answers_many_requests(service):
    assert [ask(service, str(number)) for number in range(50)] == [b"%d %d" % (n + 1, n) for n in range(50)]
    long = os.urandom(20 << 20)
    assert service.ask(long, cpu_seconds=5) == b"51 " + long
    assert ask(service, b"") == b"52 "


@EVERY
@pytest.mark.usefixtures("level")
def test_one_that_does_not_answer_ends_and_the_next_does(service):
    assert ask(service, "x") == b"1 x"
    for text, ending in ENDINGS.items():
        with pytest.raises(ServiceEnded) as found:
            ask(service, f"do {text}", 0.5 if ending[0] == "timeout" else 5)
        assert (found.value.status, found.value.detail) == ending
        # A new one, which has been asked nothing before.
        assert ask(service, "x") == b"1 x"


def test_one_that_does_nothing_is_not_waited_for(service):
    assert ask(service, "x") == b"1 x"  # which pays for its start
    with pytest.raises(ServiceEnded) as found:
        ask(service, "do time.sleep(600)", 0.1)
    assert (found.value.status, found.value.detail) == (
        "timeout",
        "still no reply after 5.3 s in which it did nothing",
    )


def test_what_a_request_takes_is_its_own(service):
    work = "do end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nreply(b'%d' % asked)"
    assert [ask(service, work, 0.8) for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]


def test_one_that_dies_in_between_is_not_missed(service):
    assert ask(service, "do reply(b'pid'); os._exit(3)") == b"pid"
    time.sleep(0.3)
    assert ask(service, "x") == b"1 x"
    with_memory = "do reply(b'soon')\nwhile True: kept.append(b'x' * (1 << 24))"
    assert ask(service, with_memory) == b"soon"
    time.sleep(1.0)
    assert ask(service, "x") == b"1 x"


def test_nobody_pays_for_what_was_asked_before(service):
    more = "do kept.append(b'x' * (150 << 20)); time.sleep(0.4); reply(b'%d' % asked)"
    assert [ask(service, more, 5) for _ in range(3)] == [b"1", b"1", b"1"]
    # It ends as soon as the next request comes.
    assert ask(service, "do reply(b'one'); given.peek(1); os.abort()") == b"one"
    assert ask(service, "x", 5) == b"1 x"
    with pytest.raises(ServiceEnded, match="out_of_memory"):
        ask(service, more.replace("150", "300"), 5)


def test_tables_of_pages_count(service):
    tables = (
        "do import mmap\nm = mmap.mmap(-1, 1 << 40, flags=0x4022)\nfor place in range(0, 1 << 40, 1 << 21): m[place]"
    )
    with pytest.raises(ServiceEnded, match="out_of_memory"):
        ask(service, tables, 20)


@pytest.mark.parametrize(
    ("argv", "image", "detail"),
    [
        (("no-such-program",), Image(), "no-such-program: there is no such program in the box"),
        (("false",), Image(), "exit status 1"),
        (("true",), Image(folders=("/no/such",)), "the image names /no/such: No such file or directory"),
        ((PYTHON, "none.py"), Image(), "can't open file"),
    ],
)
def test_what_never_answered_is_the_harness_error(argv, image, detail):
    with Service(argv, image=image) as service:
        for _ in range(2):
            with pytest.raises(ServiceEnded, match="harness_error") as found:
                ask(service, "x", 5)
            assert detail in found.value.detail


def test_a_longer_request_is_refused(service):
    with pytest.raises(ValueError, match="at most"):
        service.ask(bytes((64 << 20) + 1), cpu_seconds=1)


@pytest.mark.parametrize("level", ["usual", "landlock"], indirect=True)
@pytest.mark.usefixtures("level")
def test_it_is_locked_in_as_programs_are(service, tmp_path):
    (tmp_path / "secret").write_text("hunter2")
    for text in (f"open({str(tmp_path / 'secret')!r})", f"os.kill({os.getpid()}, 0)", "open('/etc/passwd')"):
        tried = f"do \ntry: {text}; reply(b'done')\nexcept OSError: reply(b'no')"
        assert ask(service, tried) == b"no", text
    assert (
        ask(service, "do open('x', 'w').write('x'); reply(os.fsencode(str(sorted(os.listdir()))))")
        == b"['main.py', 'x']"
    )


def test_each_thread_has_one_of_its_own():
    found = {}

    def work(name):
        with Service((PYTHON, "-S", "main.py"), files={"main.py": ANSWERS}) as service:
            found[name] = [ask(service, f"{name}{number}") for number in range(20)]

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: [f"{n + 1} {name}{n}".encode() for n in range(20)] for name in "abc"}


@EVERY
@pytest.mark.usefixtures("level")
def test_nothing_is_left_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own, held = traces.tree(os.getpid()), traces.held()
    with Service((PYTHON, "-S", "main.py"), files={"main.py": ANSWERS}) as service:
        daemon = "do \nif not os.fork(): os.setsid(); time.sleep(600)\nreply(b'done')"
        assert ask(service, daemon) == b"done"
        met = traces.tree(os.getpid()) - own
        assert len(met) >= 3
    assert not traces.gone(met, 5.0)
    assert list(tmp_path.iterdir()) == []
    assert not traces.held() - held


CHILD = f"""
import time
from magicoder_core.sandbox import Service
service = Service(({PYTHON!r}, "-S", "main.py"), files={{"main.py": {ANSWERS!r}}})
service.ask(b"do reply(b'') if os.fork() else time.sleep(600)", cpu_seconds=5)
print("ready", flush=True)
time.sleep(600)
"""


def test_nothing_outlives_a_caller_that_is_killed():
    if sandbox.probe().level != "bubblewrap":
        pytest.skip("no bubblewrap here")
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        met = traces.tree(child.pid)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(met) >= 4
    assert not traces.gone(met, 5.0)
