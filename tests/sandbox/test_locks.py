"""What a process gives up: nothing outside the given places can be opened, changed, reached or signalled."""

import errno
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from magicoder_core.sandbox.inside import locks

pytestmark = pytest.mark.skipif(locks.abi() == 0, reason="no Landlock here")

INSIDE = str(Path(locks.__file__).parent)
ROOT = os.geteuid() == 0
users = pytest.mark.parametrize("user", [0, 65534] if ROOT else [0])


def since(abi):
    return pytest.mark.skipif(locks.abi() < abi, reason=f"Landlock {locks.abi()} does not know this yet")


HEAD = """
import ctypes, fcntl, json, os, signal, socket, stat, subprocess, sys, tempfile
sys.path.insert(0, sys.argv[1])
import locks
readable, writable, outside = sys.argv[2:5]
results = {}
def failing(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except OSError as error:
        return error.errno
    return 0
def locked(number):
    if os.geteuid() == 0 and number:
        os.setgroups([]), os.setgid(number), os.setuid(number)
    locks.lock([readable], [writable])
"""


WITH_SYSTEM = "(lambda user: locks.lock(['/usr', '/bin', '/lib', '/etc', '/proc', readable], [writable, '/dev/null']))"


class Places:
    """Three folders: to read, to write, and outside; the last two belong to the user."""

    def __init__(self, folder, user):
        self.all = [folder / name for name in ("readable", "writable", "outside")]
        for place in self.all:
            (place / "inner" / "empty").mkdir(parents=True)
            (place / "inner" / "file").write_text("content")
            (place / "script").write_text("#!/bin/sh\n")
            (place / "script").chmod(0o755)
            (place / "link").symlink_to(folder / "outside" / "script")
        for path in [folder, *folder.rglob("*")] if user else ():
            os.chown(path, user, user, follow_symlinks=False)
        # What lies above is root's alone, and the lock is looked up by its path.
        self.folder = folder

    def confined(self, code, user=0, lock="locked"):
        script = f"{HEAD}\n{lock}({user})\n{code}\nprint(json.dumps(results))"
        relative = [place.name for place in self.all]
        done = subprocess.run(
            [sys.executable, "-s", "-B", "-c", script, INSIDE, *relative],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def content(self):
        return {
            str(path): (path.lstat().st_mode, path.read_text() if path.is_file() and not path.is_symlink() else None)
            for path in self.folder.rglob("*")
        }


@pytest.fixture
def places(tmp_path):
    def make(user=0):
        folder = tmp_path / "places"
        folder.mkdir()
        return Places(folder, user)

    return make


# Each with a file or folder below the place that it is tried on.
READING = {
    "read": "open(f'{place}/inner/file').read()",
    "list": "os.listdir(f'{place}/inner')",
    "open a folder": "os.close(os.open(place, os.O_RDONLY | os.O_DIRECTORY))",
}
EMPTYING = {
    "empty": "os.truncate(f'{place}/inner/file', 0)",
    "empty while reading": "os.close(os.open(f'{place}/inner/file', os.O_RDONLY | os.O_TRUNC))",
}
WRITING = {
    **(EMPTYING if locks.abi() >= 3 else {}),
    "write": "os.close(os.open(f'{place}/inner/file', os.O_WRONLY))",
    "add": "os.close(os.open(f'{place}/inner/file', os.O_RDWR | os.O_APPEND))",
    "create": "os.close(os.open(f'{place}/new', os.O_CREAT | os.O_WRONLY))",
    "create without a name": "os.close(os.open(place, os.O_TMPFILE | os.O_WRONLY))",
    "make a folder": "os.mkdir(f'{place}/folder')",
    "make a symbolic link": "os.symlink('x', f'{place}/symbolic')",
    "make a pipe": "os.mkfifo(f'{place}/pipe')",
    "make another name": "os.link(f'{place}/script', f'{place}/name')",
    "rename": "os.rename(f'{place}/script', f'{place}/renamed')",
    "remove a file": "os.unlink(f'{place}/inner/file')",
    "remove a folder": "os.rmdir(f'{place}/inner/empty')",
}
if locks.abi() >= 2:
    WRITING["move"] = "os.rename(f'{place}/link', f'{place}/inner/moved')"
DEVICES = {
    "make a device": "os.mknod(f'{place}/device', 0o600 | stat.S_IFCHR, os.makedev(1, 3))",
    "make a disk": "os.mknod(f'{place}/disk', 0o600 | stat.S_IFBLK, os.makedev(7, 0))",
}


def attempts(which, place):
    lines = [f"place = {place}"]
    for name, code in which.items():
        lines += [f"def attempt():\n    {code}", f"results[{name!r}] = failing(attempt)"]
    return "\n".join(lines)


@users
def test_nothing_outside_is_opened_or_changed(places, user):
    given = places(user)
    before = given.content()
    tried = READING | (WRITING if not ROOT else WRITING | DEVICES)
    refused = set(given.confined(attempts(tried, "outside"), user).values())
    assert refused <= ({errno.EACCES} if user == 0 or not ROOT else {errno.EACCES, errno.EPERM})
    assert given.content() == before


@users
def test_what_is_readable_is_not_changed(places, user):
    given = places(user)
    before = given.content()
    assert set(given.confined(attempts(READING, "readable"), user).values()) == {0}
    assert set(given.confined(attempts(WRITING, "readable"), user).values()) == {errno.EACCES}
    assert given.content() == before


@users
def test_everything_can_be_done_in_a_writable_place(places, user):
    given = places(user)
    found = given.confined(attempts(READING | WRITING, "writable"), user)
    # A name for no other file of the user's: some file systems know no nameless files.
    assert {name: number for name, number in found.items() if number} in ({}, {"create without a name": 95})
    assert (given.all[1] / "new").exists()


@pytest.mark.skipif(not ROOT, reason="only root makes devices")
def test_no_devices_are_made_even_there(places):
    found = places().confined(attempts(DEVICES, "writable"))
    assert set(found.values()) == {errno.EACCES}


@users
def test_links_and_other_ways_lead_nowhere(places, user):
    given = places(user)
    before = given.content()
    code = """
handle = os.open(outside, os.O_PATH)
os.symlink(os.path.abspath(outside), f"{writable}/way")
results = [
    failing(open, f"{readable}/link"),
    failing(open, f"{writable}/way/inner/file"),
    failing(open, f"{readable}/../outside/script"),
    failing(open, f"/proc/self/cwd/{outside}/script"),
    failing(os.open, "inner/file", os.O_RDONLY, dir_fd=handle),
    failing(os.open, f"/proc/self/fd/{handle}/inner/file", os.O_RDONLY),
    failing(os.rename, f"{writable}/script", f"{outside}/script"),
    failing(os.rename, f"{outside}/script", f"{writable}/stolen"),
    failing(os.link, f"{outside}/script", f"{writable}/stolen"),
    failing(os.execv, f"{outside}/script", ["script"]),
    failing(os.chdir, outside) or failing(open, "script"),
]
"""
    assert set(given.confined(code, user)) <= {errno.EACCES, errno.EXDEV}
    after = given.content()
    after.pop(str(given.all[1] / "way"))
    assert after == before


def test_any_path_is_judged_by_where_it_lies(places):
    """Paths at random: what opens is below one of the two places, and what is there opens."""
    given = places()
    chance = random.Random(3407)
    parts = ["readable", "writable", "outside", "inner", "file", "script", "..", ".", "link", "empty", "/"]
    paths = ["/".join(chance.choices(parts, k=chance.randint(1, 6))) for _ in range(3000)]
    found = given.confined(f"results = [failing(lambda: os.close(os.open(p, os.O_RDONLY))) for p in {paths!r}]")
    opened = dict(zip(paths, found, strict=True))
    root = given.folder.resolve()
    for path, number in opened.items():
        # Not by pathlib alone: to it a slash behind a file's name means nothing.
        place = os.path.join(given.folder, path)  # noqa: PTH118
        if os.path.exists(place):  # noqa: PTH110
            real = Path(place).resolve()
            within = real.is_relative_to(root / "readable") or real.is_relative_to(root / "writable")
            assert number == (0 if within else errno.EACCES), path
    assert sum(number == 0 for number in found) > 50


def test_children_and_programs_are_locked_too(places):
    code = """
import threading
def listed():
    results["thread"] = failing(os.listdir, outside)
thread = threading.Thread(target=listed)
thread.start(), thread.join()
child = os.fork()
if not child:
    os._exit(failing(os.listdir, outside))
results["child"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
locks.lock([outside, readable], [writable])
results["a lock that asks for more"] = failing(os.listdir, outside)
results["inside"] = failing(os.listdir, readable)
"""
    refused = dict.fromkeys(("thread", "child", "a lock that asks for more"), errno.EACCES)
    assert places().confined(code) == {**refused, "inside": 0}


def test_a_single_file_can_be_given(places):
    given = places()
    code = """
locks.lock([f"{readable}/script"], [f"{writable}/inner/file", "/dev/null"])
results = [
    failing(open, f"{readable}/script"),
    failing(open, f"{writable}/inner/file", "w"),
    failing(open, "/dev/null", "w"),
    failing(os.listdir, readable),
    failing(open, f"{writable}/new", "w"),
]
"""
    assert given.confined(code, lock="int") == [0, 0, 0, errno.EACCES, errno.EACCES]


def test_names_can_be_seen_where_nothing_can_be_read(places):
    given = places()
    before = given.content()
    code = """
locks.lock([readable], [writable], [outside])
results = [failing(os.listdir, outside), failing(os.listdir, f"{outside}/inner"), failing(open, f"{outside}/script")]
""" + attempts(WRITING, "outside").replace("results[", "changed[").replace("place =", "changed = {}; place =")
    code += "\nresults += sorted(set(changed.values()))"
    assert given.confined(code, lock="int") == [0, 0, errno.EACCES, errno.EACCES]
    assert given.content() == before


@since(5)
def test_devices_take_no_orders(places):
    code = """
locks.lock([readable, "/dev"], ["/dev/null"])
results = [failing(fcntl.ioctl, open(f"/dev/{name}"), 0x5413, bytes(8)) for name in ("null", "zero")]
"""
    assert places().confined(code, lock="int") == [errno.EACCES, errno.EACCES]


@since(4)
def test_no_port_is_bound_or_reached(places):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
results = [
    failing(socket.socket().bind, ("127.0.0.1", 0)),
    failing(socket.socket().connect, ("127.0.0.1", {port})),
    failing(socket.socket(socket.AF_INET6).connect, ("::ffff:127.0.0.1", {port})),
    failing(socket.create_server, ("127.0.0.1", 0)),
]
"""
        assert set(places().confined(code)) == {errno.EACCES}


@since(6)
def test_no_abstract_socket_is_reached(places):
    name = f"\0magicoder-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        code = f"""
results["outside"] = failing(socket.socket(socket.AF_UNIX).connect, {name!r})
own = socket.socket(socket.AF_UNIX)
own.bind({name + "-own"!r})
own.listen()
results["own"] = failing(socket.socket(socket.AF_UNIX).connect, {name + "-own"!r})
"""
        assert places().confined(code) == {"outside": errno.EPERM, "own": 0}


@since(6)
def test_nobody_outside_is_signalled(places):
    with subprocess.Popen(["sleep", "60"]) as victim:
        try:
            code = f"""
victim = {victim.pid}
handle = os.pidfd_open(victim)
results["kill"] = failing(os.kill, victim, signal.SIGKILL)
results["ask"] = failing(os.kill, victim, 0)
results["parent"] = failing(os.kill, os.getppid(), 0)
results["handle"] = failing(signal.pidfd_send_signal, handle, signal.SIGKILL)
with subprocess.Popen(["sleep", "60"]) as child:
    child.terminate()
results["child"] = child.returncode
results["itself"] = failing(os.kill, os.getpid(), 0)
"""
            found = places().confined(code.replace('["sleep", "60"]', '["/bin/sleep", "60"]'), lock=WITH_SYSTEM)
            assert victim.poll() is None
        finally:
            victim.kill()
    refused = dict.fromkeys(("kill", "ask", "parent", "handle"), errno.EPERM)
    assert found == {**refused, "child": -signal.SIGTERM, "itself": 0}


@pytest.mark.parametrize("version", range(1, min(locks.abi(), 10) + 1))
def test_every_version_holds(places, version):
    given = places()
    before = given.content()
    code = f"locks.abi = lambda: {version}\nlocked(0)\n" + attempts(READING | DEVICES, "outside")
    assert set(given.confined(code, lock="int").values()) <= {errno.EACCES, errno.EPERM}
    assert given.content() == before


def test_a_place_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        locks.ruleset([str(tmp_path / "missing")], [])
    assert caught.value.filename == str(tmp_path / "missing")


def test_a_set_of_rules_serves_many_times(places):
    """What the fork server does: made once, put on by each program."""
    code = """
rules = locks.ruleset([readable], [writable])
def program():
    locks.enforce(rules)
    assert failing(os.fstat, rules) == 9, "closed, so that no program adds to it"
    return failing(os.listdir, outside)
for number in range(3):
    child = os.fork()
    if not child:
        os._exit(program())
    results[number] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
results["server"] = failing(os.listdir, outside)
"""
    assert places().confined(code, lock="int") == {**dict.fromkeys("012", errno.EACCES), "server": 0}


def test_too_many_locks(places):
    code = """
numbers = [failing(locks.lock, [readable], []) for _ in range(20)]
results = [numbers[0], numbers[-1]]
"""
    assert places().confined(code, lock="int") == [0, errno.E2BIG]


# The other things that a process gives up.


def test_memory_is_hidden(places):
    code = """
results = [ctypes.CDLL(None).prctl(3), locks.dumpable(False), ctypes.CDLL(None).prctl(3)]
locks.dumpable(True)
results[1] = ctypes.CDLL(None).prctl(3)
"""
    assert places().confined(code, lock="int") == [1, 1, 0]


def test_orphans_come_to_the_subreaper(places):
    code = """
locks.subreaper()
read, write = os.pipe()
if not os.fork():
    if not os.fork():
        os.read(read, 1)
        os._exit(7)
    os._exit(0)
os.wait()
os.write(write, b"x")
results = os.waitstatus_to_exitcode(os.wait()[1])
"""
    assert places().confined(code, lock="int") == 7


def test_a_child_ends_with_its_parent(places):
    code = """
read, write = os.pipe()
parent = os.fork()
if not parent:
    results = os.fork()
    if not results:
        locks.parent_death()
        os.write(write, str(os.getpid()).encode())
        signal.pause()
    signal.pause()
results = int(os.read(read, 9))
os.kill(parent, signal.SIGKILL)
os.waitpid(parent, 0)
"""
    child = places().confined(code, lock="int")
    for _ in range(100):
        stat = Path(f"/proc/{child}/stat")
        if not stat.exists() or ") Z" in stat.read_text():
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child lives on")


@pytest.mark.skipif(not ROOT, reason="only root has capabilities")
def test_root_is_nobody_without_capabilities(places):
    given = places()
    (given.all[0] / "script").chmod(0)
    os.chown(given.all[0] / "script", 65534, 65534)
    code = """
locks.drop_capabilities()
held = [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")]
results = [
    set(held) == {"0" * 16},
    failing(open, f"{readable}/script"),
    failing(os.chown, f"{writable}/script", 65534, 65534),
    failing(os.setpriority, os.PRIO_PROCESS, 0, -1),
    failing(os.setuid, 65534),
    failing(locks.drop_capabilities),  # as for a user who has none
]
"""
    found = given.confined(code, lock="int")
    assert found == [True, errno.EACCES, errno.EPERM, errno.EACCES, errno.EPERM, 0]
