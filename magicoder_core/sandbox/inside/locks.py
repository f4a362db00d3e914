"""What a process gives up for good: files, the network and signals by Landlock, capabilities, and more (Linux).

Landlock needs no rights and no namespaces. It refuses what a process and all that it starts may do with files by
where they lie (`ruleset`), and does not touch what is open already. Of what lies outside the given places it leaves
these: to find out that a file exists, with its size, mode and times; to go there (chdir); to watch it (inotify); to
change its mode, owner, times and attributes where the user may; to lock a file that can be read; before ABI 9 to reach
a socket by its path; before ABI 10 all of the network but TCP. A filter on system calls must refuse these.

Constants are those of <linux/landlock.h>, <linux/prctl.h> and <linux/capability.h>.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import struct
import sys
from collections.abc import Sequence

_libc = ctypes.CDLL(None, use_errno=True)

# The same numbers on every architecture that Python knows.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_BENEATH = 1
_SILENT = 0b101
"""No word in the machine's log about what is refused (LOG_SAME_EXEC_OFF, LOG_SUBDOMAINS_OFF), since ABI 7."""
_SILENCE = 7

_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_DEVICES = 1 << 6 | 1 << 11
_TRUNCATE, _CONTROL_DEVICE, _REACH_SOCKET = 1 << 14, 1 << 15, 1 << 16

# The ABI that a right came with: REFER with the second, TCP with the fourth, UDP with the tenth.
_FILES = ((1, (1 << 13) - 1), (2, 1 << 13), (3, _TRUNCATE), (5, _CONTROL_DEVICE), (9, _REACH_SOCKET))
_NETWORK = ((4, 0b0011), (10, 0b1100))
_SCOPES = ((6, 0b11),)

_REMOVE_FOLDER = 1 << 4
_READABLE = _EXECUTE | _READ | _LIST
_WRITABLE = ~(_DEVICES | _CONTROL_DEVICE | _REACH_SOCKET)
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE

_PARENT_DEATH, _DUMPABLE, _BOUNDING_SET, _SUBREAPER, _NO_NEW_PRIVILEGES, _AMBIENT = 1, 4, 24, 36, 38, 47
_CLEAR_ALL = 4
_CAPABILITIES = 0x20080522


def abi() -> int:
    """The version of Landlock that the kernel offers; 0 if there is none."""
    if sys.platform != "linux":
        return 0
    return max(int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))), 0)


def lock(
    readable: Sequence[str], writable: Sequence[str], listed: Sequence[str] = (), cleared: Sequence[str] = ()
) -> None:
    """Put this thread, and all that it starts, behind Landlock. See `ruleset` for what is left, and for errors."""
    enforce(ruleset(readable, writable, listed, cleared))


def ruleset(
    readable: Sequence[str], writable: Sequence[str], listed: Sequence[str] = (), cleared: Sequence[str] = ()
) -> int:
    """A set of rules, as the number of a descriptor, that `enforce` puts on; every right of this ABI is in it.

    Files below ``readable`` can be read and executed. Below ``writable`` everything can be done but making and
    controlling devices. Below ``listed`` the names in folders can be seen, and nothing be read. Below ``cleared`` empty
    folders can be removed. Nothing else can be opened, created, moved, removed or emptied (since ABI 3). No TCP (ABI 4).
    No local socket without a path can be reached, and no process signalled, but those behind the same lock (ABI 6).

    Raises:
        OSError: there is no Landlock, or one of the places.
    """
    version = abi()
    files = _known(_FILES, version)
    wanted = struct.pack("=QQQ", files, _known(_NETWORK, version), _known(_SCOPES, version))
    rules = _done(_libc.syscall(_CREATE, wanted, ctypes.c_size_t(len(wanted)), ctypes.c_uint(0)), "no Landlock")
    try:
        given = ((readable, _READABLE), (writable, _WRITABLE), (listed, _LIST), (cleared, _REMOVE_FOLDER))
        for places, rights in given:
            for place in places:
                _allow(rules, place, files & rights)
    except OSError:
        os.close(rules)
        raise
    return rules


def enforce(rules: int) -> None:
    """Put on a set of rules, for this thread and all that it starts, on top of those that hold already; and close it.

    What it can reach and signal afterwards is itself, and what it starts from now on (ABI 6). A server makes the set
    once, and each fork puts it on. It is closed because whoever has it could add to it, and so to what comes after.

    Raises:
        OSError: the kernel refuses (E2BIG: 16 sets hold already).
    """
    try:
        _prctl(_NO_NEW_PRIVILEGES, 1)
        flags = _SILENT if abi() >= _SILENCE else 0
        _done(_libc.syscall(_RESTRICT, rules, ctypes.c_uint(flags)), "Landlock refused")
    finally:
        os.close(rules)


def _known(rights: tuple[tuple[int, int], ...], version: int) -> int:
    return sum(bits for since, bits in rights if since <= version)


def _allow(rules: int, place: str, rights: int) -> None:
    root = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(root).st_mode):
            rights &= _OF_A_FILE
        rule = struct.pack("=Qi", rights, root)
        _done(_libc.syscall(_ADD, rules, _BENEATH, rule, ctypes.c_uint(0)), f"no rule for {place}")
    finally:
        os.close(root)


def dumpable(flag: bool) -> None:  # noqa: FBT001 - reads as dumpable(False)
    """Whether other processes of the user may look into this one's memory and files (/proc, ptrace).

    A fork inherits it, a new program begins with True. While it is off, root owns what /proc shows of the process.

    Raises:
        OSError: the kernel refuses.
    """
    _prctl(_DUMPABLE, int(flag))


def subreaper() -> None:
    """Make descendants whose parents end children of this process, so that it can find and end them.

    Raises:
        OSError: the kernel refuses.
    """
    _prctl(_SUBREAPER, 1)


def parent_death(number: int = signal.SIGKILL) -> None:
    """Have this process sent the signal ``number`` when the thread that forked it ends; its own children are not.

    Raises:
        OSError: no such signal.
    """
    _prctl(_PARENT_DEATH, number)


def drop_capabilities() -> None:
    """Give up all that root may do beyond others; without effect for others.

    Raises:
        OSError: the kernel refuses.
    """
    with contextlib.suppress(OSError):
        # Up to the first that does not exist; only who may do so at all has any.
        for number in range(64):
            _prctl(_BOUNDING_SET, number)
    with contextlib.suppress(OSError):
        _prctl(_AMBIENT, _CLEAR_ALL)
    none = struct.pack("=IIIIII", *[0] * 6)
    _done(_libc.capset(struct.pack("=Ii", _CAPABILITIES, 0), none), "capabilities are kept")


def _prctl(option: int, value: int) -> None:
    _done(_libc.prctl(option, *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))), f"prctl {option}")


def _done(result: int, problem: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{problem}: {os.strerror(number)}")
    return result
