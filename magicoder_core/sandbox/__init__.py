"""The one door to untrusted code: programs in, outcomes out.

Nothing else in the project runs code that it did not write.

`run` takes whole programs in Python; `call` has a program's function called and hands out nothing but values, so that
tests and expected values stay in the trusted process (the *split oracle*); `execute` takes files and commands, for all
other languages. The three are lazy, parallel and in order (or as completed), and use one box for each core: a fork
server (`inside.server`) that forks once for each program or command.

An `Image` is what a box shows beside the system's libraries and tools: folders of a toolchain, or another Python with
its packages (`python_image`). A `Service` is a resident program of ours in a box, such as a compiler: it is sent what
nobody trusts, and runs none of it.

What holds at the level ``bubblewrap`` (Linux, unprivileged user namespaces):

- no network, no process, no message queue and no terminal of the machine is visible; no capability is left;
- of the machine's files only the system's libraries and tools, the interpreter, its standard library and numpy (where
  it is installed), and what the image names, all read-only; the environment is empty but for the image's;
- a place to write of ``file_bytes`` in memory; after each program all its processes are ended and the place is empty;
- limits on processor time, memory, processes, files and kept output, kept by the server and not by the program;
- a seccomp filter against the parts of the kernel that no program needs, among them all that outlives a process;
- in `call` no program passes by leaving early, by printing, or by patching anything: only plain data of exact builtin
  types leaves it, read by a reader that trusts nothing.

- in `execute` none passes by its exit status: the last command must give back a token, new for each run, that is
  nowhere but in a pipe (`TOKEN_FROM`, `TOKEN_TO`); all processes are ended between two commands of a job, which share
  their folder, and no job sees anything of another.

What does not: faults of the kernel itself; the kernel's version, processor and load can be read; a program run by
`run` or `execute` that knows this module can claim to have reached its end.

At the level ``landlock`` (Linux without user namespaces, as Ubuntu 24.04 by default) Landlock and seccomp stand for the
walls: the same files can be read, nothing outside a temporary folder written, no socket opened, no process outside
signalled. Other processes can be seen, the folder is on the machine's disk, and only single files are bounded. The
kernel counts no processes of root's: root's programs start none, root's commands are counted by the server alone.

At the level ``rlimits`` (only where the others cannot be had and weaker isolation is allowed) there are only the limits
on time, memory and single files, a session and a temporary folder of its own, and an empty environment: a program can
read files and use the network. ``Outcome.isolation`` says which it was.
"""

from __future__ import annotations

from magicoder_core.sandbox.commands import TOKEN_FROM, TOKEN_TO, Command, Commands, Ran
from magicoder_core.sandbox.conducting import Desk, Errand, conducted
from magicoder_core.sandbox.image import Image, python_image
from magicoder_core.sandbox.inside.values import Foreign
from magicoder_core.sandbox.isolation import ALLOW, Isolation, probe, required, weak_isolation
from magicoder_core.sandbox.limits import Limits
from magicoder_core.sandbox.pool import call, execute, run
from magicoder_core.sandbox.program import (
    Answers,
    Calls,
    Inputs,
    Large,
    Outcome,
    Program,
    Raised,
    Value,
    answer,
    without_places,
)
from magicoder_core.sandbox.service import Service, ServiceEnded
from magicoder_core.sandbox.speed import speed
from magicoder_core.sandbox.standing_by import standby
from magicoder_core.sandbox.verdicts import equal, verdicts
from magicoder_core.sandbox.width import width, workers

__all__ = [
    "ALLOW",
    "TOKEN_FROM",
    "TOKEN_TO",
    "Answers",
    "Calls",
    "Command",
    "Commands",
    "Desk",
    "Errand",
    "Foreign",
    "Image",
    "Inputs",
    "Isolation",
    "Large",
    "Limits",
    "Outcome",
    "Program",
    "Raised",
    "Ran",
    "Service",
    "ServiceEnded",
    "Value",
    "answer",
    "call",
    "conducted",
    "equal",
    "execute",
    "probe",
    "python_image",
    "required",
    "run",
    "speed",
    "standby",
    "verdicts",
    "weak_isolation",
    "width",
    "without_places",
    "workers",
]
