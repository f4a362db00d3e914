"""`magicoder filter` as a process: killed in the middle, interrupted, and gone on with."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent.parent / "filtering_plugin.py"
USE = ("--use", "without", "--use", "exact-duplicates", "--use", "turns", "--use", "measure")
FILES = ("K.jsonl", "R.jsonl")


@pytest.fixture
def rows(tmp_path):
    """Rows that take a while, with duplicates among them, in three files."""
    folder = tmp_path / "rows"
    folder.mkdir()
    for part in range(3):
        with (folder / f"{part}.jsonl").open("w") as out:
            for number in range(part * 700, (part + 1) * 700):
                same = number - 400 if number % 13 == 3 else number
                word = "bad" if number % 17 == 5 else "good"
                problem = f"{word} problem {same} of seven hundred " * 20
                row = {"seed": f"s{same}", "problem": problem, "solution": "x" * (number % 97) + str(same)}
                out.write(json.dumps(row) + "\n")
    return folder


class Filter:
    """``magicoder filter`` in a folder of its own."""

    def __init__(self, rows: Path, folder: Path, *more: str, use: tuple[str, ...] = USE) -> None:
        self.rows, self.folder, self.more, self.use = rows, folder, more, use
        folder.mkdir()

    def start(self):
        command = [sys.executable, "-m", "magicoder_core", "filter", str(self.rows), "--plugin", str(PLUGIN)]
        return subprocess.Popen(
            [*command, *self.use, "--kept", "K.jsonl", "--rejected", "R.jsonl", *self.more],
            cwd=self.folder,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self):
        process = self.start()
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        return out

    def state(self):
        try:
            return json.loads((self.folder / "K.jsonl.filter.json").read_text())
        except FileNotFoundError:
            return {}

    def grown(self):
        """Bytes of decisions on the disk, or handed to it."""
        part = self.folder / "K.jsonl.decisions.part"
        return part.stat().st_size if part.exists() else 0

    def stop(self, number, *, after):
        """Start it, and send it a signal when it has decided on something new, and a moment has passed."""
        before = self.state().get("sizes", [0, 0, 0])[-1]
        process = self.start()
        deadline = time.monotonic() + 60
        while self.grown() <= before and process.poll() is None:
            assert time.monotonic() < deadline, "nothing was decided"
            time.sleep(0.005)
        time.sleep(after)
        assert process.poll() is None, process.communicate()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def files(self):
        return [(self.folder / name).read_bytes() for name in FILES]


@pytest.fixture
def expected(rows, tmp_path):
    whole = Filter(rows, tmp_path / "whole")
    out = whole.finish()
    assert "rows      2,100  of 3 files" in out
    return whole.files()


# Each third row that reaches it is dropped by `turns`, which has to know how many there were.
SLOW = ("-o", "turns.pause=0.0015")


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_writes_the_same_files(rows, tmp_path, expected, workers):
    draw = random.Random(workers)
    work = Filter(rows, tmp_path / "killed", *SLOW, "--workers", str(workers))
    reached = []
    for _ in range(4):
        status, _, _ = work.stop(signal.SIGKILL, after=draw.uniform(0.0, 0.9))
        assert status == -signal.SIGKILL
        assert not any((work.folder / name).exists() for name in FILES)
        reached.append(tuple(work.state().get("position", (0, 0))))
    assert reached == sorted(reached)
    work.finish()
    assert work.files() == expected
    assert {path.name for path in work.folder.iterdir()} == {*FILES, "K.jsonl.filter.json"}


def test_interrupted_it_says_so_and_loses_nothing(rows, tmp_path, expected):
    work = Filter(rows, tmp_path / "interrupted", *SLOW)
    status, out, err = work.stop(signal.SIGINT, after=0.3)
    assert status == 130
    assert out == ""
    assert err.endswith("magicoder: interrupted; the same command goes on from here\n")
    assert work.state()["sizes"][-1] == work.grown() > 0
    work.finish()
    assert work.files() == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_while_it_asks_it_pays_for_nothing_twice(rows, tmp_path, number):
    teacher = ("-o", "opinion.teacher.use=oracle", "-o", "generate.concurrency=8", "-o", "generate.adaptive=false")
    work = Filter(rows, tmp_path / "asks", *teacher, use=("--use", "opinion", "--use", "turns"))
    log, paid = work.folder / "asked.log", []
    for enough in (20, 90, 300):
        process = work.start()
        while (answered := _answered(log)) < enough and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (130 if number == signal.SIGINT else -number), err
        paid.append(answered)
    work.finish()
    lines = [line for line in log.read_text().splitlines() if line.startswith("answered ")]
    twice = len(lines) - len(set(lines))
    # What was answered and not yet written down; an interrupt waits for it.
    assert twice <= (0 if number == signal.SIGINT else 8 * len(paid))
    whole = Filter(rows, tmp_path / "whole", *teacher, use=("--use", "opinion", "--use", "turns"))
    whole.finish()
    assert work.files() == whole.files()


def _answered(log):
    return log.read_text().count("answered ") if log.exists() else 0


def test_killed_workers_and_killed_parents_leave_nobody(rows, tmp_path):
    work = Filter(rows, tmp_path / "left", *SLOW, "--workers", "3")
    process = work.start()
    deadline = time.monotonic() + 60
    while len(children := _children(process.pid)) < 3:
        assert time.monotonic() < deadline, "no workers"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.02)


def _children(pid):
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return path.read_text().split() if path.exists() else []
