"""What the benchmarks share: how much they do, one fault server for all of a module, and how they tell it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import driving
import pytest


def pytest_addoption(parser):
    parser.addoption("--scale", type=float, default=1.0, help="share of the requests of each benchmark")
    parser.addoption("--rounds", type=int, default=5, help="rounds of each client, of which the median counts")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(0))  # they take what they take


@pytest.fixture(scope="module")
def fault_server():
    with driving.ServerProcess() as server:
        yield server


@dataclass
class Bench:
    """One benchmark's server, size and voice."""

    server: driving.ServerProcess
    folder: Path
    rounds: int
    scale: float
    capsys: pytest.CaptureFixture

    def scaled(self, number, least=1):
        """A number of requests, as the command line wants it."""
        return max(least, round(number * self.scale))

    def say(self, text=""):
        """Print to the terminal, past pytest's capture."""
        with self.capsys.disabled():
            print(text, flush=True)

    def table(self, title, rows):
        """Print rows under heads, and all of it once more as a line of JSON."""
        heads = list(rows[0])
        cells = [[_cell(row.get(head)) for head in heads] for row in rows]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        self.say(f"\n{title}")
        for line in (heads, *cells):
            self.say("  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
        self.say(json.dumps({"benchmark": title, "rows": rows}))

    def goal(self, text, reached):
        """Say whether a goal is reached; a benchmark that failed by the machine's mood would be of no use."""
        self.say(f"goal: {text}: {'reached' if reached else 'MISSED'}")


def _cell(value):
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return "-" if value is None else str(value)


@pytest.fixture
def bench(request, fault_server, tmp_path, capsys):
    option = request.config.getoption
    return Bench(fault_server, tmp_path, option("--rounds"), option("--scale"), capsys)


@dataclass
class LongRun:
    """A run over very many prompts that was killed shortly before its end, and what it took until then."""

    server: driving.ServerProcess
    folder: Path
    rows: int
    concurrency: int = 64
    answers: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    curve: list[tuple[int, float, float]] = field(default_factory=list)

    def __post_init__(self):
        self.server.reset(answer_bytes=1800, bytes_per_token=4)
        recipe = driving.recipe(self.folder, self.server.url, self.rows, concurrency=self.concurrency)
        self.directory = self.folder / "run"
        self.arguments = driving.command("run", recipe, "--dir", self.directory, "--to", "generate")

    def drive(self):
        """Run it, look at its memory twice a second, and kill it when 200 answers (or one in a hundred) are left."""
        last = self.rows - min(200, max(1, self.rows // 100))
        begun = time.monotonic()
        process = driving.start(self.folder, self.arguments, "long")
        while self.answers < last:
            assert process.poll() is None, (self.folder / "long.err").read_text()[-2000:]
            time.sleep(0.5 if last - self.answers > 2000 else 0.005)
            self.answers = self.server.stats()["good"] if last - self.answers > 2000 else self._journaled()
            if not self.curve or time.monotonic() - begun > 0.5 * len(self.curve):
                self.curve.append((self.answers, *_memory(process)))
        self.cpu = _cpu(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.wall, self.answers = time.monotonic() - begun, self._journaled()

    def _journaled(self):
        journal = self.directory / "journal.jsonl"
        return int(subprocess.check_output(["wc", "-l", str(journal)]).split()[0]) if journal.exists() else 0


def _memory(process):
    """Resident and peak memory in MB of 1e6 bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return tuple(int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))


def _cpu(process):
    """Seconds, user plus system, of a process that still runs."""
    spent = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="session")
def long_run(request, tmp_path_factory):
    """80,000 prompts: minutes, so that whoever needs such a run shares it."""
    rows = max(100, round(80_000 * request.config.getoption("--scale")))
    with driving.ServerProcess() as server:
        made = LongRun(server, tmp_path_factory.mktemp("long"), rows)
        made.drive()
        yield made
