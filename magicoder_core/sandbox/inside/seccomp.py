"""Filters on system calls: a small assembler for seccomp, and the way to put a filter on (Linux, x86_64 and aarch64).

The kernel asks a filter about every system call of a process and of all that it starts; there is no way back. A
filter is a program for the kernel's packet filter machine: an array of ``struct sock_filter`` (<linux/filter.h>) that
reads a ``struct seccomp_data`` (<linux/seccomp.h>: number, architecture, six arguments of 64 bits) and ends with an
action. bubblewrap takes the same bytes by ``--seccomp``.

Values of arguments can be compared, but never what they point to.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from typing import NamedTuple

ALLOW = 0x7FFF0000
"""The action SECCOMP_RET_ALLOW."""

KILL = 0x80000000
"""The action SECCOMP_RET_KILL_PROCESS: the process ends by SIGSYS."""

WHOLE = (1 << 64) - 1
"""The mask of an argument that is a pointer: all of its 64 bits count."""

NEWEST = 469
"""The last system call that was known when the lists were written (Linux 6.18), on both architectures."""

OWN = 0x7E_50_1D_00
"""Stands for the process' own number until `own` puts it in; larger than any (the kernel's limit is 2**22)."""

_LOW = (1 << 32) - 1
OWN_GROUP = -OWN & _LOW
"""Stands in the same way for minus that number: the process group of a session's leader, as `kill` takes it."""

_ENOSYS = 38
_FARTHEST = 255

# Operations of <linux/bpf_common.h>: class, size, mode, source.
_LOAD = 0x20  # a word of the data at a fixed place
_AND = 0x54
_JUMP = 0x05
_IF_EQUAL = 0x15
_IF_AT_LEAST = 0x35
_RETURN = 0x06

# Places in the data.
_ARCHITECTURE = 4
_ARGUMENTS = 16

# Of <linux/prctl.h> and <linux/seccomp.h>.
_NO_NEW_PRIVILEGES = 38
_SECCOMP = 22
_BY_FILTER = 2

_BYTES = 8
_libc = ctypes.CDLL(None, use_errno=True)

_Instruction = tuple[int, int, int, int]
_Code = tuple[_Instruction, ...]

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The names of `os.uname`, with what the kernel calls them here: AUDIT_ARCH_* of <linux/audit.h>."""

# Name, number on x86_64, number on aarch64 ("-": it has none). From the kernel's arch/x86/entry/syscalls/syscall_64.tbl
# and include/uapi/asm-generic/unistd.h (scripts/syscall.tbl since 6.11).
_TABLE = """
shmget 29 194   shmat 30 196   shmctl 31 195   semget 64 190   semop 65 193   semtimedop 220 192   semctl 66 191
msgget 68 186   msgsnd 69 189   msgrcv 70 188   msgctl 71 187   mq_open 240 180   mq_unlink 241 181
mq_timedsend 242 182   mq_timedreceive 243 183   mq_notify 244 184   mq_getsetattr 245 185   add_key 248 217
request_key 249 218   keyctl 250 219   mount 165 40   umount2 166 39   pivot_root 155 41   chroot 161 51
open_tree 428 428   open_tree_attr 467 467   move_mount 429 429   fsopen 430 430   fsconfig 431 431
fsmount 432 432   fspick 433 433   mount_setattr 442 442   statmount 457 457   listmount 458 458
unshare 272 97   setns 308 268   clone 56 220   clone3 435 435   fork 57 -   vfork 58 -   ptrace 101 117   process_vm_readv 310 270
process_vm_writev 311 271   process_madvise 440 440   process_mrelease 448 448   kcmp 312 272
pidfd_getfd 438 438   migrate_pages 256 238   move_pages 279 239   bpf 321 280
perf_event_open 298 241   userfaultfd 323 282   io_uring_setup 425 425   io_uring_enter 426 426
io_uring_register 427 427   memfd_create 319 279   memfd_secret 447 447   vmsplice 278 75
fanotify_init 300 262   fanotify_mark 301 263   lookup_dcookie 212 18   name_to_handle_at 303 264
open_by_handle_at 304 265   kexec_load 246 104   kexec_file_load 320 294   init_module 175 105
finit_module 313 273   delete_module 176 106   reboot 169 142   swapon 167 224   swapoff 168 225   acct 163 89
quotactl 179 60   quotactl_fd 443 443   syslog 103 116   settimeofday 164 170   clock_settime 227 112
clock_adjtime 305 266   adjtimex 159 171   sethostname 170 161   setdomainname 171 162   vhangup 153 58
nfsservctl 180 42   iopl 172 -   ioperm 173 -   modify_ldt 154 -   uselib 134 -   personality 135 92
sync 162 81   syncfs 306 267   socket 41 198   socketpair 53 199   connect 42 203   bind 49 200   sendto 44 206
ioctl 16 29   fcntl 72 25   prctl 157 167   kill 62 129   tkill 200 130   tgkill 234 131
rt_sigqueueinfo 129 138   rt_tgsigqueueinfo 297 240   pidfd_send_signal 424 424   prlimit64 302 261
setpriority 141 140   ioprio_set 251 30   sched_setparam 142 118   sched_setscheduler 144 119
sched_setaffinity 203 122   sched_setattr 314 274   chmod 90 -   fchmod 91 52   fchmodat 268 53
fchmodat2 452 452   chown 92 -   lchown 94 -   fchown 93 55   fchownat 260 54   utime 132 -   utimes 235 -
futimesat 261 -   utimensat 280 88   setxattr 188 5   lsetxattr 189 6   fsetxattr 190 7   setxattrat 463 463
removexattr 197 14   lremovexattr 198 15   fremovexattr 199 16   removexattrat 466 466   file_setattr 469 469
inotify_add_watch 254 27   truncate 76 45   open 2 -   openat 257 56   openat2 437 437
"""


def _numbers(column: int) -> dict[str, int | None]:
    words = _TABLE.split()
    found = zip(words[::3], words[column::3])  # noqa: B905 - not known before Python 3.10
    return {name: None if number == "-" else int(number) for name, number in found}


NUMBERS = {"x86_64": _numbers(1), "aarch64": _numbers(2)}
"""For each architecture the numbers of the system calls that a rule may name; None where it has no such call."""


def refuse(error: int) -> int:
    """The action that makes a call fail with ``error`` (of `errno`); with 0 it does nothing and says that it did."""
    return 0x00050000 | error


class Is(NamedTuple):
    """A condition: of the call's argument ``place`` (from 0), the bits in ``mask`` equal ``value``.

    Without a mask the lower 32 bits count: all that the kernel itself looks at where the argument is an ``int``.
    """

    place: int
    value: int
    mask: int = _LOW


class Rule(NamedTuple):
    """What becomes of the system call ``name`` if all conditions in ``when`` hold."""

    name: str
    action: int
    when: tuple[Is, ...] = ()


def program(rules: Iterable[Rule], *, default: int = ALLOW, machine: str | None = None) -> bytes:
    """The filter that does what ``rules`` say, of several for one call the first that fits; else ``default``.

    A call of another architecture (32 bits on a 64-bit kernel) kills the process. A call that is newer than `NEWEST`
    fails with ENOSYS, as on an older kernel; so does all of x32, whose numbers are large. ``machine`` is the name of
    the architecture, by default this machine's.

    Raises:
        ValueError: no such architecture, a name that is in no table, a value with bits beyond its mask.
    """
    machine = machine or os.uname().machine
    if machine not in MACHINES:
        raise ValueError(f"no filters for {machine}: known are {', '.join(MACHINES)}")
    spans = _spans(_by_number(rules, NUMBERS[machine]), default)
    code = (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, MACHINES[machine]),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, 0),
        *_tree(spans),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _by_number(rules: Iterable[Rule], numbers: dict[str, int | None]) -> dict[int, list[Rule]]:
    found: dict[int, list[Rule]] = {}
    for rule in rules:
        if rule.name not in numbers:
            raise ValueError(f"no number is known for the system call {rule.name}")
        number = numbers[rule.name]
        if number is not None:
            found.setdefault(number, []).append(rule)
    return found


def _spans(rules: dict[int, list[Rule]], default: int) -> list[tuple[int, _Code]]:
    """The code for each range of numbers, with the number that it begins at."""
    usual: _Code = ((_RETURN, 0, 0, default),)
    codes = {0: usual} | {number + 1: usual for number in rules}
    codes |= {number: _code(several, usual) for number, several in rules.items()}
    codes[NEWEST + 1] = ((_RETURN, 0, 0, refuse(_ENOSYS)),)
    spans = sorted(codes.items())
    return [spans[0], *(after for before, after in zip(spans, spans[1:]) if before[1] != after[1])]  # noqa: B905, RUF007 - as above


def _tree(spans: list[tuple[int, _Code]]) -> _Code:
    """A search by halves: the kernel tries a new filter on every number, a list would take it too long."""
    if len(spans) == 1:
        return spans[0][1]
    half = len(spans) // 2
    lower, upper = _tree(spans[:half]), _tree(spans[half:])
    first = spans[half][0]
    if len(lower) <= _FARTHEST:
        return ((_IF_AT_LEAST, len(lower), 0, first), *lower, *upper)
    return ((_IF_AT_LEAST, 0, 1, first), (_JUMP, 0, 0, len(lower)), *lower, *upper)


def _code(rules: list[Rule], usual: _Code) -> _Code:
    code: _Code = ()
    for rule in rules:
        body: _Code = ((_RETURN, 0, 0, rule.action),)
        for condition in reversed(rule.when):
            body = _compared(condition, body)
        code += body
        if not rule.when:
            return code
    return code + usual


def _compared(condition: Is, body: _Code) -> _Code:
    """``body`` behind the condition; if that fails, the way leads to what comes behind the body."""
    if condition.value & ~condition.mask:
        raise ValueError(f"{condition.value:#x} has bits beyond the mask {condition.mask:#x}")
    for upper in (4, 0):
        mask = condition.mask >> 8 * upper & _LOW
        if mask:
            load = (_LOAD, 0, 0, _ARGUMENTS + 8 * condition.place + upper)
            masked: _Code = () if mask == _LOW else ((_AND, 0, 0, mask),)
            body = (load, *masked, (_IF_EQUAL, 0, len(body), condition.value >> 8 * upper & _LOW), *body)
    return body


def own(template: bytes, process: int | None = None) -> bytes:
    """The filter with a process' number, by default the caller's, in the place of `OWN` and `OWN_GROUP`."""
    number = os.getpid() if process is None else process
    filled = template.replace(struct.pack("=I", OWN), struct.pack("=i", number))
    return filled.replace(struct.pack("=I", OWN_GROUP), struct.pack("=i", -number))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install(program: bytes) -> None:
    """Put a filter on this thread and on all that it starts, for good; nothing it runs gains rights any more.

    Raises:
        OSError: the kernel refuses.
    """
    given = _Program(len(program) // _BYTES, program)
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _prctl(_SECCOMP, _BY_FILTER, ctypes.addressof(given))


def _prctl(option: int, value: int, address: int = 0) -> None:
    if _libc.prctl(option, *(ctypes.c_ulong(word) for word in (value, address, 0, 0))):
        number = ctypes.get_errno()
        raise OSError(number, f"no filter on system calls: {os.strerror(number)}")
