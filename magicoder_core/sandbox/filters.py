"""Which system calls a program may not use, for each level of isolation.

What is not named is allowed: ordinary programs, with threads, processes, compilers and other languages' runtimes,
must run as they do elsewhere. Calls that libraries then take to be missing in an older kernel fail with ENOSYS, and
they do without; the others fail with EPERM. What does nothing for the program itself but harms others is said to be
done (error 0). Numbers are those of the kernel's headers.
"""

from __future__ import annotations

from errno import EACCES, EAFNOSUPPORT, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM

from magicoder_core.sandbox.inside.seccomp import ALLOW, OWN, OWN_GROUP, WHOLE, Is, Rule, program, refuse

# They outlive the program.
_LASTING = (
    "shmget shmat shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend "
    "mq_timedreceive mq_notify mq_getsetattr add_key request_key keyctl"
)
# They change what is seen of the machine, or look past it.
_VIEW = (
    "mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr "
    "statmount listmount unshare setns name_to_handle_at open_by_handle_at fanotify_init fanotify_mark"
)
_PROCESSES = (
    "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd migrate_pages "
    "move_pages"
)
# Parts of the kernel in which faults were found again and again, and that programs do without.
_FAULTY = "bpf perf_event_open userfaultfd vmsplice lookup_dcookie modify_ldt uselib nfsservctl"
_MACHINE = (
    "kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff acct quotactl quotactl_fd "
    "syslog settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname vhangup iopl ioperm"
)
# clone3 has its flags behind a pointer, and pidfd_send_signal its receiver behind a file (any /proc/N will do); what
# memfd_create makes lies in no file system, so that no limit counts it.
_MISSING = "clone3 pidfd_send_signal io_uring_setup io_uring_enter io_uring_register memfd_create memfd_secret"
# They write back the whole machine's files, and hold up everybody.
_DONE = "sync syncfs"
# Their first argument is the process that they change; 0 is the caller.
_CHANGERS = "prlimit64 sched_setparam sched_setscheduler sched_setaffinity sched_setattr"
# Their first argument is the process that is sent a signal.
_SENDERS = "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo"

_NEW = 0x7E020000
"""CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID and -NET."""

_THREAD = 0x00010000
"""CLONE_THREAD: no process of its own."""

_SIBLING = 0x00008000
"""CLONE_PARENT: the new process would be a child of the server."""

_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _PACKETS, _KIND = 1, 5, 0xF

_OWNERS = (8, 15)
"""F_SETOWN and F_SETOWN_EX: a file that is ready would send a signal of one's choice to another process."""

_CONTROLS = (0x5412, 0x541C, 0x5423, 0x8901, 0x8902)
"""TIOCSTI, TIOCLINUX and TIOCSETD; FIOSETOWN and SIOCSPGRP do what F_SETOWN does."""

_HARMLESS = (
    *(0x5401, 0x802C542A, 0x5413, 0x540F, 0x5429),  # TCGETS, TCGETS2, TIOCGWINSZ, TIOCGPGRP, TIOCGSID
    *(0x541B, 0x5421, 0x5450, 0x5451, 0x5452, 0x5460),  # FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC, FIOQSIZE
    *(0x40049409, 0x4020940D),  # FICLONE, FICLONERANGE
)

_SERVER = 1
"""The number of the fork server in a namespace of its own."""

_SCOPES = 6
_TRUNCATION = 3


def strong() -> bytes:
    """The filter of a box with namespaces of its own, in which it is the second wall.

    Raises:
        ValueError: this machine's architecture is not known.
    """
    # The interpreter's own handler for SIGINT is enough to make even process 1 be hit.
    guarded = [Rule(name, refuse(EPERM), (Is(0, _SERVER),)) for name in _SENDERS.split()]
    return program([*guarded, *_common()])


def weak(process: int = OWN, *, abi: int, forks: bool = True) -> bytes:
    """The filter for Landlock of version ``abi`` with no namespace around the program; it refuses what Landlock misses.

    These are all sockets but pairs; signals to other processes (Landlock does it from version 6 on); changes of files'
    modes, owners, times and attributes. ``process`` is the program's, the leader of its session; `OWN` until
    `seccomp.own` knows it. Its own children can be sent signals from version 6 on only. Without ``forks`` it can start
    threads and no processes: the kernel's limit on processes does not hold for root.

    Raises:
        ValueError: this machine's architecture is not known.
    """
    rules = [*_network(), *_attributes(), *_handles(), *_common(forks=forks)]
    if abi < _SCOPES:
        rules += _signals(process)
    if abi < _TRUNCATION:
        rules += _truncation()
    return program(rules)


def _common(*, forks: bool = True) -> list[Rule]:
    process = Is(0, 0, _NEW | _SIBLING) if forks else Is(0, _THREAD, _NEW | _SIBLING | _THREAD)
    return [
        *(() if forks else _all("fork vfork", EPERM)),
        *_all(f"{_LASTING} {_VIEW} {_PROCESSES} {_FAULTY} {_MACHINE}", EPERM),
        *_all(_MISSING, ENOSYS),
        # Those of the places to write would stay there for the next program.
        *_all(
            "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat", EOPNOTSUPP
        ),
        *_all(_DONE, 0),
        *_only("clone", EPERM, (process,)),
        # PER_LINUX, and the question what it is.
        *_only("personality", EPERM, (Is(0, 0),), (Is(0, 0xFFFFFFFF),)),
        *_only("socket", EAFNOSUPPORT, *((Is(0, family),) for family in (_UNIX, _INET, _INET6))),
        *_only("socketpair", EAFNOSUPPORT, (Is(0, _UNIX),)),
        *(rule for name in _CHANGERS.split() for rule in _only(name, EPERM, (Is(0, 0),))),
        # Of the caller (0) or its group (1): all of the user's processes would be the server too.
        *_only("setpriority", EPERM, *((Is(0, kind), Is(1, 0)) for kind in (0, 1))),
        *_only("ioprio_set", EPERM, (Is(0, 1), Is(1, 0))),
        *(Rule("fcntl", refuse(EPERM), (Is(1, command),)) for command in _OWNERS),
        *(Rule("ioctl", refuse(EPERM), (Is(1, command),)) for command in _CONTROLS),
    ]


def _all(names: str, error: int) -> list[Rule]:
    return [Rule(name, refuse(error)) for name in names.split()]


def _only(name: str, error: int, *cases: tuple[Is, ...]) -> list[Rule]:
    """The call is allowed in these cases and fails with ``error`` in all others."""
    return [*(Rule(name, ALLOW, case) for case in cases), Rule(name, refuse(error))]


def _network() -> list[Rule]:
    """No way out but pairs of sockets of the kinds that cannot be connected anew."""
    pairs = ((Is(0, _UNIX), Is(1, kind, _KIND)) for kind in (_STREAM, _PACKETS))
    return [
        *_all("socket connect bind", EPERM),
        *_only("sendto", EPERM, (Is(4, 0, WHOLE),)),
        *_only("socketpair", EPERM, *pairs),
    ]


def _attributes() -> list[Rule]:
    """What belongs to a file beside its content stays as it is: no filter can tell whose file it is."""
    rules = _all("chmod fchmod fchmodat fchmodat2", 0) + _all("chown lchown fchown fchownat", EPERM)
    for name, times in (("utime", 1), ("utimes", 1), ("futimesat", 2), ("utimensat", 2)):
        # A copy may believe that it is as old as the original. But whoever asks for the time of now wants the file to
        # exist (`touch`), and makes it if this fails.
        rules += [Rule(name, refuse(EPERM), (Is(times, 0, WHOLE),)), Rule(name, refuse(0))]
    return [*rules, *_all("file_setattr", EOPNOTSUPP)]


def _handles() -> list[Rule]:
    """What an open file or a mere path allows beyond reading and writing; and outliving the server."""
    death_signal = 1  # PR_SET_PDEATHSIG
    return [
        *_only("ioctl", ENOTTY, *((Is(1, command),) for command in _HARMLESS)),
        *_all("inotify_add_watch", EPERM),
        Rule("prctl", refuse(EPERM), (Is(0, death_signal),)),
    ]


def _signals(process: int) -> list[Rule]:
    """Only the program's own process and its group (0: the caller's) can be sent a signal."""
    group = OWN_GROUP if process == OWN else -process & 0xFFFFFFFF
    rules = [Rule("kill", ALLOW, (Is(0, receiver),)) for receiver in (0, group)]
    for name in _SENDERS.split():
        rules += _only(name, EPERM, (Is(0, process),))
    return rules


def _truncation() -> list[Rule]:
    """Only whoever may open a file to write can empty it; the kernel empties one that is opened to read, too."""
    emptying, flags = 0x200, 0x203  # O_TRUNC, of O_TRUNC and O_ACCMODE
    return [
        *_all("truncate", EACCES),
        Rule("open", refuse(EACCES), (Is(1, emptying, flags),)),
        Rule("openat", refuse(EACCES), (Is(2, emptying, flags),)),
        *_all("openat2", ENOSYS),
    ]
