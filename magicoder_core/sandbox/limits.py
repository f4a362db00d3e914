"""What one program may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_BUSY = 20
"""How many times longer than its processor time a program may take, on however busy a machine."""

_RESERVED = 512 << 20
"""Addresses that are taken and not used: of the region, of libraries, of threads' stacks. The server counts memory."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that one program may take. CPU time is the limit, elapsed time only a backstop.

    A wall limit alone makes verdicts depend on how busy the machine is; CPU time does not. Seconds are those of a
    nominal machine: a slower one gives more of them (`sandbox.speed`).

    Args:
        cpu_seconds: processor time of the program with all its processes, in seconds.
        call_seconds: processor time of one call from outside (`sandbox.call`), or of each; none by default.
        wall_seconds: elapsed seconds in which the program neither computes nor waits for a processor; by default
            three times the CPU time and five more.
        memory_bytes: memory of all processes together.
        processes: processes at one time; threads may be a hundred more.
        file_bytes: each file, and all files together (bubblewrap only).
        output_bytes: how much of standard output is kept; the rest is read and thrown away.
        address_bytes: address space of each process; by default half a GiB more than ``memory_bytes``, for what is
            reserved and not used. 0 is no limit, for runtimes that reserve much (Java's, Node's): memory that is really
            used counts all the same.
        clock: ``wall`` makes ``cpu_seconds`` and ``call_seconds`` elapsed time, unscaled, to reproduce scorers that
            limit it.
    """

    cpu_seconds: float = 10.0
    call_seconds: float | tuple[float, ...] | None = None
    wall_seconds: float | None = None
    memory_bytes: int = 1 << 30
    processes: int = 16
    file_bytes: int = 64 << 20
    output_bytes: int = 64 << 10
    address_bytes: int | None = None
    clock: Literal["cpu", "wall"] = "cpu"

    @property
    def addresses(self) -> int:
        """Bytes of address space of each process; 0 is no limit."""
        return self.memory_bytes + _RESERVED if self.address_bytes is None else self.address_bytes

    @property
    def wall(self) -> float:
        """Elapsed seconds after which a program that does not compute is stopped."""
        return self.wall_seconds if self.wall_seconds is not None else 3 * self.cpu_seconds + 5

    @property
    def ceiling(self) -> float:
        """Elapsed seconds after which a program is stopped whatever it does."""
        return self.wall + _BUSY * self.cpu_seconds
