"""A right program that looks around: what it sees in a fresh box it must see after every other program."""

from __future__ import annotations

from sandbox.corpus import ARGUMENTS, FILE_BYTES

from magicoder_core.sandbox import Calls, Inputs, Limits, Program

LOOK = "look around"
LIMITS = Limits(cpu_seconds=2, wall_seconds=10, memory_bytes=256 << 20, file_bytes=FILE_BYTES)

CODE = r"""
# a witness's own mark
import gc, hashlib, json, math, os, random, re, resource, signal, stat, sys, threading, time

def text(path):
    try:
        with open(path) as file: return file.read()
    except OSError as error: return type(error).__name__

def tried(look, *arguments):
    try: return look(*arguments)
    except (OSError, ValueError, AttributeError) as error: return type(error).__name__

def place(folder):
    known, room = os.stat(folder), os.statvfs(folder)
    return (folder, os.listdir(folder), tried(os.listxattr, folder), stat.filemode(known.st_mode),
            (room.f_blocks - room.f_bfree) * room.f_bsize >> 16, room.f_files - room.f_ffree)

def processes():
    own = {str(os.getpid()), "1", str(os.getppid())}
    return [name for name in tried(os.listdir, "/proc") if name.isdigit() and name not in own]

def descriptors():
    found = [tried(os.readlink, f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return sorted(re.sub(r"[0-9]+", "N", link) for link in found if not link.startswith("/proc"))

def handlers():
    return sorted(str(signal.getsignal(number)).partition(" at ")[0] for number in signal.valid_signals()), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

def limits(process):
    return [(name, tried(resource.prlimit, process, getattr(resource, name))) for name in dir(resource) if name.startswith("RLIMIT_")]

def priorities(process):
    return [tried(look, *arguments) for look, *arguments in (
        (os.getpriority, os.PRIO_PROCESS, process), (os.sched_getaffinity, process), (os.sched_getscheduler, process),
        (text, f"/proc/{process or 'self'}/oom_score_adj"))]

def works():
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"child")
        os._exit(3)
    done = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start()
    thread.join()
    with open("file", "wb") as file: file.write(bytes(1 << 20))
    os.remove("file")
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), os.read(reader, 9)
    os.close(reader)
    os.close(writer)
    return ended, done

def look_around():
    mask = os.umask(0o22)
    os.umask(mask)
    return [
        os.getcwd(), tried(place, "."), tried(place, "/tmp"), tried(place, "/dev/shm"), processes(), descriptors(), handlers(), mask,
        limits(0), limits(1), priorities(0), priorities(1), sorted(os.environ.items()), sys.path, sys.flags.optimize,
        [text(f"/proc/sysvipc/{name}").count("\n") for name in ("shm", "sem", "msg")],
        [text(f"/proc/net/{name}").count(state) for name, state in (("tcp", " 0A "), ("tcp6", " 0A "), ("udp", "\n"), ("netlink", "\n"))], "hostile" in text("/proc/net/unix"),
        "hostile" in text("/proc/keys"), math.sqrt(16.0), json.dumps([1]), json.__file__, hashlib.sha256(b"").hexdigest(),
        random.random(), hash("hash"), len(sys.modules), sys.getrecursionlimit(), gc.isenabled(), gc.get_threshold(),
        threading.active_count(), sys.getswitchinterval(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > 0.2,
        time.process_time() > 1.0, works(),
    ]

def double(x):
    return look_around() if x == "look around" else x + x
"""

INPUTS = Inputs.of("double", [*ARGUMENTS, (LOOK,)])
CALLS = Calls(program=Program(code=CODE, name="solution", limits=LIMITS), inputs=INPUTS)
SCRIPT = Program(code=CODE + 'print(*look_around(), sep="\\n")\n', limits=LIMITS)
