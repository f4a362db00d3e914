"""CPU time of the commands that do no work: what one waits for before anything happens.

`nox -s bench` runs it; the figures go to docs/measured.md. Nothing is asserted of them: what start-up imports is
held by tests/test_startup.py, which counts instead of timing.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
BARE = [sys.executable, "-c", "pass"]
NOX = [str(PROGRAMS / "nox"), "--version"]
ROUNDS = 15


def children_cpu() -> float:
    """Seconds, user plus system, of all processes that were started from here and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(command):
    """Run it to its end and return the CPU seconds that it took."""
    before = children_cpu()
    subprocess.run(command, check=True, capture_output=True)
    return children_cpu() - before


@pytest.mark.benchmark(timer=children_cpu)
@pytest.mark.parametrize("arguments", [["--help"], ["plugins"]], ids=" ".join)
def test_cpu_of_a_command_that_does_no_work(benchmark, capsys, arguments):
    command = [str(PROGRAMS / "magicoder"), *arguments]
    others = {"python -c pass": BARE, "nox --version": NOX}
    seconds = {name: [] for name in others}

    def others_first():
        # One of each in every round, so that whatever else the machine does meets all of them alike.
        for name, other in others.items():
            seconds[name].append(start(other))

    benchmark.pedantic(start, args=[command], setup=others_first, rounds=ROUNDS, warmup_rounds=1)
    ours = benchmark.stats.stats.median
    with capsys.disabled():
        print(f"\nmagicoder {' '.join(arguments)}: {1000 * ours:.1f} ms CPU, median of {ROUNDS}")
        for name, taken in seconds.items():
            median = statistics.median(taken)
            print(f"  {ours / median:.1f} times {name} ({1000 * median:.1f} ms)")
