"""The filters of each level: what they refuse, by real attempts, and that ordinary programs run behind them."""

import errno
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from magicoder_core.sandbox import bubblewrap, filters
from magicoder_core.sandbox.inside import locks, seccomp

INSIDE = str(Path(seccomp.__file__).parent)
NOBODY = 65534

linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in seccomp.MACHINES, reason="no filters on this platform"
)

HEAD = """
import ctypes, errno, fcntl, json, os, resource, shutil, signal, socket, sys, tempfile, threading
sys.path.insert(0, sys.argv[1])
import seccomp
libc = ctypes.CDLL(None, use_errno=True)
numbers = seccomp.NUMBERS[os.uname().machine]
results = {}
def attempt(name, *arguments):
    if libc.syscall(numbers[name], *[ctypes.c_long(word) for word in arguments]) < 0:
        return ctypes.get_errno()
    return 0
def failing(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except OSError as error:
        return error.errno
    return 0
def locked(number):
    if os.geteuid() == 0 and number:
        os.setgroups([]), os.setgid(number), os.setuid(number)
    seccomp.install(seccomp.own(bytes.fromhex(sys.argv[2])))
"""


def confined(code, filter_, user=0, folder=None):
    """What a script (it fills ``results``) finds out in a process of its own, alone in its session."""
    command = [sys.executable, "-s", "-B", "-c", f"{HEAD}\nlocked({user})\n{code}\nprint(json.dumps(results))"]
    done = subprocess.run(
        [*command, INSIDE, filter_.hex()],
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


FORBIDDEN = f"{filters._LASTING} {filters._VIEW} {filters._PROCESSES} {filters._FAULTY} {filters._MACHINE}".split()
EACH = """
names = [name for name in sys.argv[3:] if numbers[name] is not None]
results = {name: attempt(name, -1, -1, -1, -1, -1, -1) for name in names}
"""
users = pytest.mark.parametrize("user", [0, NOBODY] if sys.platform == "linux" and os.geteuid() == 0 else [0])


@linux
@users
@pytest.mark.parametrize("level", ["strong", "weak"])
def test_every_named_call_is_refused(level, user):
    made = filters.strong() if level == "strong" else filters.weak(abi=locks.abi())
    code = EACH.replace("sys.argv[3:]", repr([*FORBIDDEN, *filters._MISSING.split()]))
    found = confined(code, made, user)
    missing = {name for name, number in found.items() if number == errno.ENOSYS}
    assert missing == set(filters._MISSING.split())
    assert {number for name, number in found.items() if name not in missing} == {errno.EPERM}


# Each of these succeeds, or fails otherwise, without a filter.
STRONG = {
    "a lasting segment": ("attempt('shmget', 0, 4096, 0o600)", errno.EPERM),
    "a lasting semaphore": ("attempt('semget', 0, 1, 0o600)", errno.EPERM),
    "a lasting queue": ("attempt('msgget', 0, 0o600)", errno.EPERM),
    "a key": ("attempt('keyctl', 0, -3, 0)", errno.EPERM),
    "to trace": ("attempt('ptrace', 0, 0, 0, 0)", errno.EPERM),
    "a namespace": ("attempt('unshare', 0x10000000)", errno.EPERM),
    "a process in a namespace": ("attempt('clone', 0x10000011, 0, 0, 0, 0)", errno.EPERM),
    "a sibling": ("attempt('clone', 0x8011, 0, 0, 0, 0)", errno.EPERM),
    "another personality": ("attempt('personality', 0x0040000)", errno.EPERM),
    "to ask for the personality": ("attempt('personality', 0xFFFFFFFF)", 0),
    "a socket of the host": ("failing(socket.socket, 40, socket.SOCK_STREAM)", errno.EAFNOSUPPORT),
    "a socket of the kernel": ("failing(socket.socket, 16, socket.SOCK_RAW)", errno.EAFNOSUPPORT),
    "a raw socket": ("failing(socket.socket, 17, socket.SOCK_RAW)", errno.EAFNOSUPPORT),
    "a socket": ("failing(socket.socket, socket.AF_INET)", 0),
    "a local socket": ("failing(socket.socket, socket.AF_UNIX)", 0),
    "a pair of another family": ("failing(socket.socketpair, socket.AF_INET)", errno.EAFNOSUPPORT),
    "to type for others": ("failing(fcntl.ioctl, 0, 0x5412, b'x')", errno.EPERM),
    "to own a file's signals": ("failing(fcntl.fcntl, 0, 8, os.getpid())", errno.EPERM),
    "limits of others": ("failing(resource.prlimit, os.getppid(), resource.RLIMIT_NOFILE)", errno.EPERM),
    "own limits": ("failing(resource.prlimit, 0, resource.RLIMIT_NOFILE)", 0),
    "to slow others": ("failing(os.setpriority, os.PRIO_PROCESS, os.getppid(), 19)", errno.EPERM),
    "to slow all": ("failing(os.setpriority, os.PRIO_USER, 0, 19)", errno.EPERM),
    "to slow itself": ("failing(os.nice, 1)", 0),
    "to move others": ("failing(os.sched_setaffinity, os.getppid(), {0})", errno.EPERM),
    "to move itself": ("failing(os.sched_setaffinity, 0, os.sched_getaffinity(0))", 0),
    "to change others' policy": (
        "failing(os.sched_setscheduler, os.getppid(), os.SCHED_IDLE, os.sched_param(0))",
        errno.EPERM,
    ),
    "to change own policy": ("failing(os.sched_setscheduler, 0, os.SCHED_BATCH, os.sched_param(0))", 0),
    "others' turn at the disk": ("attempt('ioprio_set', 1, os.getppid(), 0x6000)", errno.EPERM),
    "own turn at the disk": ("attempt('ioprio_set', 1, 0, 0x6000)", 0),
    "a signal to process 1": ("failing(os.kill, 1, 0)", errno.EPERM),
    "a signal by a handle": ("failing(signal.pidfd_send_signal, os.open('/proc/1', os.O_RDONLY), 0)", errno.ENOSYS),
    "a file in memory": ("failing(os.memfd_create, 'x')", errno.ENOSYS),
    "to write back everything": ("attempt('sync')", 0),
    "a call of the other kind": (
        "libc.syscall(ctypes.c_long(0x40000000 | 39)) + ctypes.get_errno() + 1",
        errno.ENOSYS,
    ),
    "a call of tomorrow": ("libc.syscall(ctypes.c_long(seccomp.NEWEST + 1)) + ctypes.get_errno() + 1", errno.ENOSYS),
}


@linux
@users
def test_attempts_behind_namespaces(user):
    code = "\n".join(f"results[{name!r}] = {expression}" for name, (expression, _) in STRONG.items())
    assert confined(code, filters.strong(), user) == {name: expected for name, (_, expected) in STRONG.items()}


@linux
@pytest.mark.skipif(sys.platform == "linux" and os.geteuid() != 0, reason="only root may do all of it")
def test_it_is_the_filter_that_refuses():
    harmless = ["another personality", "a socket of the kernel", "a raw socket", "limits of others", "a key"]
    harmless += ["a signal to process 1", "a signal by a handle", "a file in memory", "a namespace"]
    code = "\n".join(f"results[{name!r}] = {STRONG[name][0]}" for name in harmless)
    assert confined(code, seccomp.program([])) == dict.fromkeys(harmless, 0)


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="an instruction of x86")
def test_calls_of_32_bits_kill():
    # mov eax, 20 (getpid); int 0x80; ret
    code = """
import mmap
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(bytes.fromhex("b814000000cd80c3"))
child = os.fork()
if not child:
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
    os._exit(0)
results = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    assert confined(code, filters.strong()) == -signal.SIGSYS


WEAK = {
    "a socket": ("failing(socket.socket, socket.AF_INET)", errno.EPERM),
    "a local socket": ("failing(socket.socket, socket.AF_UNIX)", errno.EPERM),
    "a pair": ("failing(socket.socketpair)", 0),
    "a pair of packets": ("failing(socket.socketpair, socket.AF_UNIX, socket.SOCK_SEQPACKET)", 0),
    "a pair that can go astray": ("failing(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)", errno.EPERM),
    "to connect": ("failing(socket.socketpair()[0].connect, '/nowhere')", errno.EPERM),
    "to be found": ("failing(socket.socketpair()[0].bind, '/tmp/x')", errno.EPERM),
    "to send elsewhere": ("failing(socket.socketpair()[0].sendto, b'x', '/nowhere')", errno.EPERM),
    "to send": ("failing((pair := socket.socketpair())[0].send, b'x')", 0),
    "to hand over": ("failing(socket.send_fds, (pair := socket.socketpair())[0], [b'x'], [0])", 0),
    "other modes": ("failing(os.chmod, 'given', 0)", 0),
    "other modes of an open file": ("failing(os.fchmod, os.open('given', os.O_RDONLY), 0)", 0),
    "another owner": ("failing(os.chown, 'given', os.getuid(), os.getgid())", errno.EPERM),
    "an old time": ("failing(os.utime, 'given', (1, 1))", 0),
    "the time of now": ("failing(os.utime, 'given')", errno.EPERM),
    "an attribute": ("failing(os.setxattr, 'given', 'user.x', b'x')", errno.EOPNOTSUPP),
    "flags of a file": ("failing(fcntl.ioctl, os.open('given', os.O_RDONLY), 0x40086602, bytes(8))", errno.ENOTTY),
    "to own a file's signals": ("failing(fcntl.fcntl, 0, 8, os.getppid())", errno.EPERM),
    "to watch a folder": ("attempt('inotify_add_watch', -1, 0, 0)", errno.EPERM),
    "to outlive": ("libc.prctl(1, 0) + ctypes.get_errno() + 1", errno.EPERM),
    "whether a file is a terminal": ("int(os.isatty(1))", 0),
    "a signal to itself": ("failing(os.kill, os.getpid(), 0)", 0),
    "a signal to its group": ("failing(os.killpg, os.getpid(), 0) or failing(os.kill, 0, 0)", 0),
    "a signal to a thread": ("failing(signal.pthread_kill, threading.get_ident(), 0)", 0),
}
# Before the sixth version of Landlock, and before the third.
OLD = {
    "a signal to others": ("failing(os.kill, os.getppid(), 0)", errno.EPERM),
    "a signal to all": ("failing(os.kill, -1, 0)", errno.EPERM),
    "a signal with a value": ("attempt('rt_sigqueueinfo', os.getppid(), 0, 0)", errno.EPERM),
    "a signal to others' threads": ("attempt('tgkill', os.getppid(), os.getppid(), 0)", errno.EPERM),
}
OLDEST = {
    "to empty": ("failing(os.truncate, 'given', 0)", errno.EACCES),
    "to empty while reading": ("failing(os.open, 'given', os.O_RDONLY | os.O_TRUNC)", errno.EACCES),
    "to empty while writing": ("failing(os.open, 'other', os.O_WRONLY | os.O_TRUNC | os.O_CREAT)", 0),
}


@linux
@users
@pytest.mark.parametrize("abi", [1, 3, 6])
def test_attempts_behind_landlock_alone(abi, user, tmp_path):
    given = tmp_path / "given"
    given.write_text("content")
    for path in (given, tmp_path):
        os.chown(path, user, user) if os.geteuid() == 0 else None
    before = given.stat()
    wanted = WEAK | (OLD if abi < 6 else {}) | (OLDEST if abi < 3 else {})
    code = "\n".join(f"results[{name!r}] = {expression}" for name, (expression, _) in wanted.items())
    # The folder is entered as root: what lies above it belongs to root alone.
    found = confined(code, filters.weak(abi=abi), user, folder=tmp_path)
    assert found == {name: expected for name, (_, expected) in wanted.items()}
    after = given.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_uid) == (before.st_mode, before.st_mtime_ns, before.st_uid)
    assert given.read_text() == "content"


# Ordinary programs.

BENIGN = {
    "threads": """
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    results = sum(pool.map(abs, range(-9, 0)))
""",
    "a file that is copied": """
import pathlib
with tempfile.TemporaryDirectory() as folder:
    first = pathlib.Path(folder, "first")
    first.touch()
    first.write_text("x" * 45)
    shutil.copytree(folder, folder + "/inner/second")
    results = len(pathlib.Path(shutil.copy2(first, folder + "/third")).read_text())
""",
    "processes": """
import multiprocessing, subprocess
multiprocessing.set_start_method("fork")
def work(pool):
    return sum(pool.map(abs, range(-9, 0)))
with multiprocessing.Pool(2) as pool:
    results = work(pool)
    pool.close(), pool.join()
assert subprocess.run(["true"]).returncode == 0
assert subprocess.run("echo 1 | cat", shell=True, capture_output=True).stdout == b"1\\n"
""",
    "an event loop": """
import asyncio
async def work():
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    said, _ = await process.communicate(b"45")
    return int(said) + await asyncio.to_thread(int)
results = asyncio.run(work())
""",
    "numpy": """
import numpy
results = int((numpy.eye(3) @ numpy.array([5, 15, 25])).sum())
""",
    "an abort": """
child = os.fork()
if not child:
    os.abort()
assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    results = 45
""",
}
# Not where the kernel cannot tell a program's children from others.
CHILDREN = """
import multiprocessing, subprocess
multiprocessing.set_start_method("fork")
with subprocess.Popen(["sleep", "60"]) as process:
    process.terminate()
assert process.returncode == -signal.SIGTERM
with multiprocessing.Pool(2) as pool:
    results = sum(pool.map(abs, range(-9, 0)))
"""
SERVER = """
def serve():
    with server.accept()[0] as line:
        line.sendall(b"45")
with socket.create_server(("127.0.0.1", 0)) as server:
    threading.Thread(target=serve).start()
    with socket.create_connection(server.getsockname()) as line:
        results = int(line.recv(9))
"""


@linux
@pytest.mark.parametrize("name", BENIGN)
@pytest.mark.parametrize("level", ["strong", "weak"])
def test_ordinary_programs_run(level, name, tmp_path):
    if name == "numpy":
        pytest.importorskip("numpy")
    made = filters.strong() if level == "strong" else filters.weak(abi=1)
    assert confined(BENIGN[name], made, folder=tmp_path) == 45


@linux
@pytest.mark.parametrize("made", ["strong", "scoped"])
def test_a_program_ends_its_own_children(made):
    assert confined(CHILDREN, filters.strong() if made == "strong" else filters.weak(abi=6)) == 45


@linux
def test_threads_alone_where_no_limit_counts_processes():
    made = filters.weak(abi=locks.abi(), forks=False)
    assert confined(BENIGN["threads"], made) == 45
    code = "import subprocess\nresults = [failing(os.fork), failing(subprocess.run, ['true']), attempt('clone', 17, 0)]"
    assert confined(code, made) == [errno.EPERM] * 3


@linux
def test_a_program_serves_itself():
    assert confined(SERVER, filters.strong()) == 45


COMPILERS = {
    "g++": (
        "program.cpp",
        "#include <thread>\nint main() { std::thread([] {}).join(); }",
        "g++ program.cpp && ./a.out",
    ),
    "node": ("program.js", "setTimeout(() => require('fs').writeFileSync('x', ''), 1)", "node program.js"),
    "javac": (
        "Program.java",
        "class Program { public static void main(String[] a) { new Thread(() -> {}).start(); } }",
        "javac -J-XX:TieredStopAtLevel=1 Program.java && java Program",
    ),
}


@linux
@pytest.mark.parametrize("tool", COMPILERS)
def test_other_languages_run(tool, tmp_path):
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here")
    name, text, command = COMPILERS[tool]
    (tmp_path / name).write_text(text)
    code = f"import subprocess\nresults = subprocess.run({command!r}, shell=True, capture_output=True).stderr.decode()"
    assert confined(code, filters.strong(), folder=tmp_path) == ""


# The same bytes through bubblewrap.


@pytest.fixture
def boxed():
    """Runs a script in a box, with or without a filter."""
    for bwrap, _ in bubblewrap.candidates():
        command = [bwrap, "--unshare-all", "--as-pid-1", "--uid", "65534", "--cap-drop", "ALL", "--ro-bind", "/", "/"]
        command += [
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--tmpfs",
            "/mnt",
            "--setenv",
            "TMPDIR",
            "/mnt",
            "--chdir",
            "/mnt",
        ]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            break
    else:
        pytest.skip("no bubblewrap here")

    def run(code, filter_):
        given, giver = os.pipe()
        os.write(giver, filter_)
        os.close(giver)
        walls = [*command, "--seccomp", str(given)] if filter_ else command
        script = [sys.executable, "-s", "-B", "-c", f"{HEAD}\n{code}\nprint(json.dumps(results))", INSIDE]
        try:
            done = subprocess.run(
                [*walls, *script], capture_output=True, text=True, pass_fds=[given], timeout=60, check=False
            )
        finally:
            os.close(given)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@linux
def test_a_box_has_the_filter_on(boxed):
    code = """
child = os.fork()
if not child:
    names = "a lasting segment", "a socket of the host", "a signal to process 1", "limits of others"
    attempts = attempt("shmget", 0, 4096, 0o600), failing(socket.socket, 40, 1), failing(os.kill, 1, 2)
    print(json.dumps([*attempts, failing(resource.prlimit, 1, resource.RLIMIT_NOFILE, (9, 9))]))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
os._exit(0)
"""
    assert boxed(code, filters.strong()) == [errno.EPERM, errno.EAFNOSUPPORT, errno.EPERM, errno.EPERM]
    assert boxed("results = attempt('shmget', 0, 4096, 0o600)", b"") == 0


@linux
def test_ordinary_programs_run_in_a_box(boxed):
    for code in (BENIGN["threads"], BENIGN["processes"], BENIGN["an event loop"], CHILDREN, SERVER):
        assert boxed(code, filters.strong()) == 45
