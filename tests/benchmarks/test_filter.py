"""`magicoder filter` over 1,000,000 rows of about 2 KB: CPU of a row, memory of the process tree, a kill in the middle.

Rows are functions of the installed Python libraries (library_rows.py), again and again with their letters exchanged, so
that later ones are no duplicates; one in 50 is an earlier row with other white space, one in 40 is very long.

`FILTERS` names the chain (default: exact-duplicates,length, and decontaminate and near-duplicates where they are
installed). Goals: start-up <= 0.35 s of CPU; <= 12 microseconds a row without the filters' own cost; peak <= 400 MB;
killed and gone on with, the same bytes.
"""

from __future__ import annotations

import filecmp
import json
import os
import random
import shutil
import signal
import string
import threading
import time
from pathlib import Path

import driving
import pytest
from benchmarks import library_rows

WANTED = ("exact-duplicates", "length", "decontaminate", "near-duplicates")
DISTINCT = 40_000
PLUGIN = '''
from dataclasses import dataclass
from magicoder_core import Filter, Judgement, hookimpl

KEEP = Judgement(keep=True)

@dataclass(frozen=True, kw_only=True)
class Nothing(Filter):
    """Keeps all."""

    by_row = True

    def judge(self, batch):
        return [KEEP] * len(batch)

@hookimpl(specname="filter")
def filters():
    return {"nothing": Nothing}
'''


def chain():
    """The filters of the chain."""
    if given := os.environ.get("FILTERS"):
        return given.split(",")
    from magicoder_core import plugins

    there = {item.name for item in plugins.catalogue().found.values() if item.kind == "filter"}
    return [name for name in WANTED if name in there]


def write(path, count):
    """So many rows, always the same."""
    distinct = list(library_rows.rows(min(count, DISTINCT)))
    draw = random.Random(5)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            row = dict(distinct[number % len(distinct)])
            if turn := number // len(distinct):
                letters = list(string.ascii_lowercase)
                random.Random(turn).shuffle(letters)
                table = str.maketrans(string.ascii_lowercase, "".join(letters))
                row |= {name: row[name].translate(table) for name in ("seed", "problem", "solution")}
            if number % 50 == 49:
                row = {name: value.replace("\n", "\n ") for name, value in distinct[draw.randrange(1000)].items()}
            if number % 40 == 39:
                row["solution"] += f"\n# {number}" * 1000
            out.write(json.dumps(row) + "\n")
    return path


class Watch(threading.Thread):
    """Looks ten times a second how much memory a process and all that came of it hold."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.curve, self.over = pid, 0.0, [], threading.Event()
        self.begun = time.monotonic()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            held = sum(map(resident, tree(self.pid)))
            self.peak = max(self.peak, held)
            if time.monotonic() - self.begun > len(self.curve) * 2:
                self.curve.append(round(held))


def tree(pid):
    """A process and its children, and theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(below for child in children for below in tree(int(child)))]


def resident(pid):
    """MB of 1e6 bytes; 0 for one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError):
        return 0.0


class Filtering:
    """``magicoder filter`` of a file into a folder of its own."""

    def __init__(self, bench, rows, name, use, *more):
        self.folder = bench.folder / name
        self.folder.mkdir()
        names = [part for item in use for part in ("--use", item)]
        kept = ("--kept", self.folder / "kept.jsonl", "--rejected", self.folder / "rejected.jsonl")
        self.command = driving.command("filter", rows, *names, *kept, "--report", self.folder / "report.json", *more)
        self.peak = 0.0

    def run(self):
        """To its end."""
        begun = time.monotonic()
        process = driving.start(self.folder, self.command, "last")
        watch = Watch(process.pid)
        ended = driving.finish(process, self.folder, "last", begun)
        watch.over.set()
        assert ended.status == 0, ended.err[-3000:]
        self.peak, self.curve = max(self.peak, watch.peak), watch.curve
        return ended

    def kill_after(self, share, rows):
        """Start it, and kill it when so large a share of the rows is decided; CPU seconds until then."""
        process = driving.start(self.folder, self.command, "killed")
        watch = Watch(process.pid)
        state = self.folder / "kept.jsonl.filter.json"
        while process.poll() is None:
            time.sleep(0.05)
            told = json.loads(state.read_text()) if state.exists() else {}
            if told.get("tally", {}).get("rows", 0) >= share * rows:
                break
        assert process.poll() is None, (self.folder / "killed.err").read_text()[-3000:]
        process.send_signal(signal.SIGKILL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = -signal.SIGKILL
        watch.over.set()
        self.peak = watch.peak
        return used.ru_utime + used.ru_stime

    def report(self):
        return json.loads((self.folder / "report.json").read_text())


@pytest.fixture(scope="module")
def data(request, tmp_path_factory):
    """The file of rows, and how many they are."""
    count = max(2000, round(1_000_000 * request.config.getoption("--scale")))
    path = tmp_path_factory.mktemp("filter") / "rows.jsonl"
    yield write(path, count), count
    path.unlink()


def test_what_the_command_itself_costs(bench, data):
    whole, count = data
    plugin = bench.folder / "nothing.py"
    plugin.write_text(PLUGIN)
    few, some, most = bench.folder / "few.jsonl", bench.folder / "some.jsonl", min(count, 100_000)
    with whole.open("rb") as lines:
        head = [next(lines) for _ in range(most)]
    few.write_bytes(b"".join(head[:3]))
    some.write_bytes(b"".join(head))
    size = some.stat().st_size / most
    figures = {"few": [], "some": []}
    for number in range(bench.rounds):
        for name, path in (("few", few), ("some", some)):
            made = Filtering(bench, path, f"{name}-{number}", ["nothing"], "--plugin", plugin)
            figures[name].append(made.run().cpu)
            assert filecmp.cmp(made.folder / "kept.jsonl", path, shallow=False)
            shutil.rmtree(made.folder)
    start, all_of_it = (sorted(figures[name])[bench.rounds // 2] for name in ("few", "some"))
    cost = (all_of_it - start) / most * 1e6
    bench.table(
        f"{most} rows of {size:.0f} bytes through a filter that does nothing, medians of {bench.rounds}",
        [
            {
                "start-up CPU s": start,
                "all CPU s": all_of_it,
                "microseconds a row": cost,
                "a row of 1600 bytes": cost * 1600 / size,
            }
        ],
    )
    bench.goal("start-up <= 0.35 s", start <= 0.35)
    bench.goal("<= 12 microseconds for a row of 1600 bytes", cost * 1600 / size <= 12)


def test_very_many_rows_through_the_chain(bench, data):
    path, count = data
    use = chain()
    whole = Filtering(bench, path, "whole", use)
    ended = whole.run()
    told = whole.report()
    killed = Filtering(bench, path, "killed", use)
    before = killed.kill_after(0.5, count)
    again = killed.run()
    same = all(
        filecmp.cmp(whole.folder / name, killed.folder / name, shallow=False)
        for name in ("kept.jsonl", "rejected.jsonl")
    )
    bench.table(
        f"{count} rows, {path.stat().st_size / 1e6:.0f} MB, through {', '.join(use)}",
        [
            {
                "CPU s": ended.cpu,
                "wall s": ended.wall,
                "microseconds a row": ended.cpu / count * 1e6,
                "kept": told["kept"],
                "rejected": told["rejected"],
                "peak MB": whole.peak,
                "killed after CPU s": before,
                "gone on CPU s": again.cpu,
                "peak MB then": killed.peak,
                "identical": same,
            }
        ],
    )
    bench.say(f"MB every two seconds: {whole.curve}")
    bench.table(
        "each filter",
        [
            {
                "filter": item["use"],
                "CPU s": item["cpu_seconds"],
                "microseconds a row": item["cpu_seconds"] / count * 1e6,
            }
            for item in told["filters"]
        ],
    )
    for made in (whole, killed):
        shutil.rmtree(made.folder)
    assert same
    bench.goal("peak <= 400 MB", max(whole.peak, killed.peak) <= 400)
