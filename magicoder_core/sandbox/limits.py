"""What one program may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that one program may take. CPU time is the limit, wall time only a backstop.

    A wall limit alone makes verdicts depend on how busy the machine is; CPU time does not.

    Args:
        cpu_seconds: processor time of the program, in seconds (rounded up to whole ones by the kernel).
        wall_seconds: elapsed seconds; by default three times the CPU time and five more.
        memory_bytes: address space of each process.
        processes: processes and threads at one time (bubblewrap only).
        file_bytes: each file, and all files together (bubblewrap only).
        output_bytes: how much of standard output is kept; the rest is read and thrown away.
    """

    cpu_seconds: float = 10.0
    wall_seconds: float | None = None
    memory_bytes: int = 1 << 30
    processes: int = 16
    file_bytes: int = 64 << 20
    output_bytes: int = 64 << 10

    @property
    def wall(self) -> float:
        """Elapsed seconds after which a program is stopped whatever it does."""
        return self.wall_seconds if self.wall_seconds is not None else 3 * self.cpu_seconds + 5
