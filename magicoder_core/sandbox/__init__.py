"""The one door to untrusted code: programs in, outcomes out.

Nothing else in the project runs code that it did not write, but for the tests of one benchmark file that the plugin
`humaneval` knows by its hash.

`run` takes whole programs; `examine` calls a program's functions and keeps the tests outside the box. Both are lazy,
parallel and in order, and start one box for each program. `verdicts` is `examine` for a benchmark's submissions.

What holds at the level ``bubblewrap`` (Linux, unprivileged user namespaces):

- no network, no process, no message queue and no terminal of the machine is visible; no capability is left;
- of the machine's files only the system's libraries, the interpreter and its standard library, all read-only,
  without installed packages; the environment is empty;
- a place to write of ``file_bytes`` in memory, gone afterwards; all processes end with the program;
- limits on CPU and wall time, memory of each process, processes, open files and kept output;
- in `examine` no program passes by leaving early, by printing, or by patching anything: tests and expected values
  never enter its process, and only plain data of exact builtin types leaves it.

What does not: faults of the kernel itself; the kernel's version, processor and load can be read; memory is limited
for each process and not for all of them together (they are the first to go when the machine runs out); a value made
to be slow to compare costs our own process time; a program run by `run` that knows this module can claim to have
reached its end.

At the level ``rlimits`` (only where bubblewrap cannot run and weaker isolation is allowed) there are only the limits
on time, memory and single files, a session and a temporary folder of its own, and an empty environment: the program
can read files, use the network, start any number of processes and leave them behind. ``Outcome.isolation`` says
which it was.
"""

from __future__ import annotations

from magicoder_core.sandbox.isolation import ALLOW, Isolation, probe, required, weak_isolation
from magicoder_core.sandbox.limits import Limits
from magicoder_core.sandbox.oracle import ProgramError
from magicoder_core.sandbox.pool import examine, run
from magicoder_core.sandbox.program import Examination, Functions, Outcome, Program
from magicoder_core.sandbox.verdicts import verdicts

__all__ = [
    "ALLOW",
    "Examination",
    "Functions",
    "Isolation",
    "Limits",
    "Outcome",
    "Program",
    "ProgramError",
    "examine",
    "probe",
    "required",
    "run",
    "verdicts",
    "weak_isolation",
]
