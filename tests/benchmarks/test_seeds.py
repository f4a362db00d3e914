"""Documents per CPU second of the seed sources against plain iteration by ``datasets``, and memory on the way.

Both read the same files. ``datasets`` only hands over each row; ours takes it apart, draws a snippet and names it by
its hash. `nox -s bench` runs it; the figures go to docs/measured.md. Times are not asserted; that memory stays flat
and that each document is read once is.

``MAGICODER_BENCH_DOCUMENTS`` is how many documents the memory is watched over (a million take some 2.5 GB of disk in
the temporary folder, and minutes).
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

DOCUMENTS = int(os.environ.get("MAGICODER_BENCH_DOCUMENTS", "1_000_000"))
FEW = 50_000
ROUNDS = 5
FILES = 10
AVERAGE_LINES = 43  # of the standard library's: some 1.5 KB

ENDINGS = {"parquet": "parquet", "jsonl": "json", "arrow": "arrow"}
"""File formats, and the builder of ``datasets`` that reads them."""

OURS = """
from magicoder_core import Shard
from magicoder_starcoderdata import StarCoderData
rows = StarCoderData(paths=(sys.argv[1],), limit=10**12).snippets(Shard(seed=7))
"""

THEIRS = """
import datasets
ending = sys.argv[3]
files = sorted(map(str, pathlib.Path(sys.argv[1]).iterdir()))
rows = iter(datasets.load_dataset(ending, data_files=files, split="train", streaming=True))
"""

COUNT = """
import json, pathlib, sys, time
{source}
def mib(line):
    # Not ru_maxrss: a process inherits that of the one it was forked from.
    return round(int(pathlib.Path("/proc/self/status").read_text().split(line)[1].split()[0]) / 1024)
next(rows)  # imports and the first block are no rows
total, seen, memory = int(sys.argv[2]), 1, []
cpu = time.process_time()
for _ in rows:
    seen += 1
    if seen % (total // 10) == 0:
        memory.append(mib("VmRSS:"))
cpu = time.process_time() - cpu
print(json.dumps({{"rows": seen, "cpu": cpu, "memory": memory, "peak": mib("VmHWM:")}}))
"""

LISTING = """
import json, pathlib
from magicoder_core.builtin.corpora import Corpus, Document
from magicoder_core.builtin.listing import Listing
def mib():
    return int(pathlib.Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024
before, corpus, listing = mib(), Corpus("name", pathlib.Path("/")), Listing(7)
for number in range(1_000_000):
    listing.add(Document(corpus, f"src/package_{number % 997}/sub_{number % 91}/module_{number}.py"))
next(iter(listing))
print(json.dumps(mib() - before))
"""

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def lines():
    """The standard library's lines: real code, the same on every machine with this Python."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return [line for file in files for line in file.read_text("utf-8").splitlines(keepends=True)]


@pytest.fixture(scope="module")
def corpus(lines):
    """Makes a folder of files with so many documents, and removes it in the end: pytest would keep three of them."""
    with tempfile.TemporaryDirectory(prefix="magicoder-bench-") as folder:
        made = {}

        def make(ending, count):
            if (ending, count) not in made:
                made[ending, count] = write(Path(folder) / f"{ending}-{count}" / "python", ending, count, lines)
            return made[ending, count]

        yield make


def documents(start, count, lines):
    draw = random.Random(start)
    for number in range(start, start + count):
        first = draw.randrange(len(lines))
        tags = f"<reponame>owner/name-{number}<gh_stars>10-100\n" if number % 5 == 0 else ""
        yield {
            "max_stars_repo_path": f"src/module_{number}.py",
            "max_stars_repo_name": f"owner-{number % 9973}/name-{number}",
            "max_stars_count": number % 1000,
            "id": str(number),
            "content": tags + "".join(lines[first : first + draw.randrange(1, 2 * AVERAGE_LINES)]),
        }


def write(folder, ending, count, lines):
    """``count`` documents in `FILES` files, in blocks of 1,000 rows as ``datasets`` writes them."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True)
    each = count // FILES
    for number in range(FILES):
        file = folder / f"train-{number:05}.{ending}"
        blocks = (
            list(documents(number * each + start, min(1000, each - start), lines)) for start in range(0, each, 1000)
        )
        if ending == "jsonl":
            with file.open("w", encoding="utf-8") as out:
                out.writelines(json.dumps(row) + "\n" for block in blocks for row in block)
            continue
        tables = map(pa.Table.from_pylist, blocks)
        first = next(tables)
        if ending == "parquet":
            opened = parquet.ParquetWriter(file, first.schema)
        else:
            opened = pa.ipc.new_stream(file, first.schema)
        with opened as out:
            out.write_table(first)
            for table in tables:
                out.write_table(table)
    return folder


def read(source, folder, ending, count):
    """One reading in a process of its own: rows, CPU seconds, RSS in MiB at each tenth, and its peak."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(source=source), str(folder), str(count), ENDINGS[ending]],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder.parent.parent / "hub")},
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert found["rows"] == count or source is OURS  # a draw of blank lines only is no snippet
    assert found["rows"] > 0.99 * count
    return found


def per_second(found):
    return found["rows"] / found["cpu"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_documents_per_cpu_second(corpus, capsys, ending):
    folder = corpus(ending, FEW)
    # Each in every round, so that whatever else the machine does meets both alike.
    rounds = [[per_second(read(source, folder, ending, FEW)) for source in (OURS, THEIRS)] for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    with capsys.disabled():
        print(f"\n{ending}, {FEW:,} documents, medians of {ROUNDS}: ours {ours:,.0f} documents/CPU s, ", end="")
        print(f"datasets {theirs:,.0f}; ratio {ratio:.2f}")


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_memory_stays_flat(corpus, capsys, ending):
    folder = corpus(ending, DOCUMENTS)
    ours, theirs = (read(source, folder, ending, DOCUMENTS) for source in (OURS, THEIRS))
    with capsys.disabled():
        for name, found in (("ours", ours), ("datasets", theirs)):
            first, last = found["memory"][0], found["memory"][-1]
            print(
                f"\n{ending}, {DOCUMENTS:,} documents, {name}: RSS {first} MiB at a tenth, {last} at the end, ", end=""
            )
            print(f"peak {found['peak']}; {per_second(found):,.0f} documents/CPU s", end="")
        print(f"\n  ratio {per_second(ours) / per_second(theirs):.2f}")
    assert ours["memory"][-1] <= 1.1 * ours["memory"][0] + 5


def test_memory_of_a_million_paths_of_the_source_files(capsys):
    done = subprocess.run([sys.executable, "-c", LISTING], check=True, capture_output=True, text=True)
    with capsys.disabled():
        print(f"\nfiles: {json.loads(done.stdout):.0f} MiB for 1,000,000 paths of some 40 letters")
