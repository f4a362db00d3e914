"""Duplicates: `near-duplicates` beside bigcode's script, datasketch and datatrove; and memory over a million rows.

The texts are 4,000 functions of the libraries that are installed here and 1,800 edited copies of them. What is near is
counted exactly: the Jaccard index of sets of word 5-grams, over an inverted index, at least 0.7. Two truths are told:
``earlier`` are the rows with an earlier near one, which is what a stream can know; ``cluster`` are all but the first of each
cluster of rows that are joined by near ones.

Each program is a process of its own (clients/near.py) and tells the CPU seconds from the texts to the list of rows,
without imports, in rounds that turn. bigcode's own script is not packaged: `MAGICODER_PEER_BIGCODE` names a checkout of
bigcode-project/bigcode-dataset (bebec92). datatrove makes its signatures only, the first of four steps.

Goals: eight times bigcode's rows in a CPU second, four times datasketch's, 25 times datatrove's; precision .98 and recall
.97; at most 150 MB more memory after a million rows, 100 MB for exact duplicates.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from array import array
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import driving
import numpy as np
import pytest
from benchmarks import library_rows
from magicoder_decontamination.words import grams, words

from magicoder_core import Instruction
from magicoder_core.builtin.exact_duplicates import ExactDuplicates

CLIENTS = Path(__file__).parent / "clients"
CHECKOUT = os.environ.get("MAGICODER_PEER_BIGCODE", "")
THRESHOLD, WIDTH = 0.7, 5
WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
SHARES = (0, 0.01, 0.02, 0.04, 0.08, None)
"""Of the words that are changed in a copy; None: none of them, but the indentation."""


@dataclass(frozen=True)
class Program:
    """A program that finds near duplicates; ``least`` is how many times its rows ours should do in a second."""

    name: str
    client: str
    python: Path
    extra: str = ""
    share: float = 1.0
    least: float | None = None

    def run(self, texts, folder):
        """What it took and which rows it dropped."""
        told, output = folder / "told.json", folder / "output"
        source = folder / "texts.jsonl"
        source.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        arguments = [
            str(CLIENTS / "near.py"),
            self.client,
            str(source),
            str(told),
            *([self.extra] if self.extra else []),
        ]
        with output.open("wb") as written:
            ended = subprocess.run(
                [str(self.python), *arguments], stdout=written, stderr=subprocess.STDOUT, check=False
            )
        assert ended.returncode == 0, output.read_text(errors="replace")[-3000:]
        return json.loads(told.read_text())


OURS = Program("near-duplicates", "ours", Path(sys.executable))
_IN = {name: driving.PEERS / name / "bin" / "python" for name in ("bigcode-dataset", "datasketch", "datatrove")}
PROGRAMS = (
    OURS,
    Program("bigcode script, 256 permutations", "bigcode", _IN["bigcode-dataset"], CHECKOUT, least=8),
    Program("datasketch 2.0.0, sha1", "datasketch", _IN["datasketch"], "sha1", least=4),
    Program("datasketch 2.0.0, xxh32", "datasketch", _IN["datasketch"], "xxh32", least=4),
    Program("datatrove 0.10.1, signatures", "datatrove", _IN["datatrove"], share=0.1, least=25),
)


def edited(text, share, rnd):
    """A copy with so many of its words changed, dropped or added to; or indented anew."""
    if share is None:
        return re.sub(r"(?m)^( +)", lambda found: found[1][: len(found[1]) // 2], text)
    parts = re.split(r"(\w+)", text)
    for place in range(1, len(parts), 2):
        if rnd.random() < share:
            parts[place] = rnd.choice(["value", "other", "", f"{parts[place]} more"])
    return "".join(parts)


@pytest.fixture(scope="module")
def texts(request):
    scale, rnd = request.config.getoption("--scale"), random.Random(1)
    found = list(library_rows.rows(round(4000 * scale)))
    made = [f"{row['problem']}\n\n{row['solution']}" for row in found]
    made += [edited(rnd.choice(made), SHARES[number % len(SHARES)], rnd) for number in range(round(1800 * scale))]
    rnd.shuffle(made)
    return made


@pytest.fixture(scope="module")
def near(texts):
    """For each row the earlier rows that are near to it, counted exactly."""
    holders, counts, found = defaultdict(lambda: array("I")), [], []
    for number, text in enumerate(texts):
        words = WORD.findall(text.lower().encode())
        own = {tuple(words[place : place + WIDTH]) for place in range(max(1, len(words) - WIDTH + 1))}
        met = [np.frombuffer(holders[shingle], dtype=np.uint32) for shingle in own if shingle in holders]
        shared = np.bincount(np.concatenate(met) if met else np.empty(0, np.uint32), minlength=number)
        del met
        index = shared / (np.array(counts, dtype=np.int64) + len(own) - shared)
        found.append(np.flatnonzero(index >= THRESHOLD).tolist())
        counts.append(len(own))
        for shingle in own:
            holders[shingle].append(number)
    return found


def clusters(near):
    """All but the first row of each cluster."""
    heads = list(range(len(near)))

    def head(number):
        while heads[number] != number:
            number = heads[number] = heads[heads[number]]
        return number

    for number, others in enumerate(near):
        for other in others:
            first, second = sorted((head(number), head(other)))
            heads[second] = first
    return {number for number in range(len(near)) if head(number) != number}


def quality(removed, truth):
    """Precision and recall."""
    right = len(removed & truth)
    return (right / len(removed), right / len(truth)) if removed else (None, None)


def test_beside_peers(bench, texts, near):
    present = []
    for program in PROGRAMS:
        if not program.python.exists():
            bench.say(f"  {program.name} is not installed: `nox -s bench` installs it")
        elif program.client == "bigcode" and not CHECKOUT:
            bench.say(f"  {program.name} is left out: MAGICODER_PEER_BIGCODE names no checkout of bigcode-dataset")
        else:
            present.append(program)
    seen = {program.name: [] for program in present}
    for turn in range(bench.rounds):
        for program in present if turn % 2 else present[::-1]:
            seen[program.name].append(program.run(texts[: round(len(texts) * program.share)], bench.folder))
        speeds = (f"{name} {told[-1]['rows'] / told[-1]['cpu']:.0f}" for name, told in seen.items())
        bench.say(f"  round {turn + 1} of {bench.rounds}, rows in a CPU second: {', '.join(speeds)}")
    truths = {"earlier": {number for number, others in enumerate(near) if others}, "cluster": clusters(near)}
    rows = [_row(program, seen[program.name], seen[OURS.name], truths) for program in present]
    title = f"{len(texts)} texts of {sum(map(len, texts)) / len(texts):.0f} characters, {len(truths['cluster'])} of them near ones"
    bench.table(title, rows)
    for program, row in zip(present, rows, strict=True):
        if program.least:
            bench.goal(f"ours >= {program.least:g} x {program.name}", row["ours is x"] >= program.least)
    for name in truths:
        reached = rows[0][f"{name} precision"] >= 0.98 and rows[0][f"{name} recall"] >= 0.97
        bench.goal(f"precision >= .98 and recall >= .97, {name}", reached)
    assert all(told["removed"] == seen[OURS.name][0]["removed"] for told in seen[OURS.name])


def _row(program, told, ours, truths):
    each = [took["rows"] / took["cpu"] for took in told]
    row = {
        "program": program.name,
        "rows": told[0]["rows"],
        "rows/CPU s": statistics.median(each),
        "ours is x": statistics.median(mine["rows"] / mine["cpu"] / it for mine, it in zip(ours, each, strict=True)),
        "removed": len(told[-1]["removed"]),
    }
    for name, truth in truths.items():
        row[f"{name} precision"], row[f"{name} recall"] = quality(set(told[-1]["removed"]), truth)
    return row | {"grown MB": statistics.median(took["grown"] for took in told)}


@pytest.mark.parametrize(("kind", "most"), [("near", 150), ("exact", 100)])
def test_memory_over_a_million_rows(kind, most, bench):
    told = bench.folder / "told.jsonl"
    command = [sys.executable, str(CLIENTS / "many_rows.py"), kind, str(bench.scaled(1_000_000)), str(told)]
    subprocess.run(command, check=True)
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    rows, spent = 0, 0.0
    for line in lines:
        line["rows/CPU s lately"] = (line["rows"] - rows) / (line["cpu"] - spent)
        rows, spent = line["rows"], line["cpu"]
    bench.table(f"{kind}-duplicates over {rows} rows, MB of 1e6 bytes", lines)
    bench.goal(f"{kind}: at most {most} MB more", lines[-1]["peak"] <= most)
    bench.goal(f"{kind}: recall of copies >= .97", lines[-1]["found"] >= 0.97 * lines[-1]["copies"])


def test_words_and_grams(bench, texts):
    """In batches of several sizes: arrays of more than 128 KiB may cost a page fault for each 4 KiB, by malloc's mood."""
    rows = []
    for size in (64, 128, 256):
        batches = [texts[begin : begin + size] for begin in range(0, len(texts), size)]
        times = [_words_and_grams(batches) for _ in range(bench.rounds)]
        each = [statistics.median(column) / len(texts) * 1e6 for column in zip(*times, strict=True)]
        rows.append({"batch": size, "words": each[0], "5-grams": each[1]})
    length = sum(map(len, texts)) / len(texts)
    bench.table(f"microseconds for a text of {length:.0f} characters", rows)
    bench.goal("words <= 10 us in some batch", min(row["words"] for row in rows) <= 10)


def _words_and_grams(batches):
    spent = [0.0, 0.0]
    for batch in batches:
        begun = time.process_time()
        found = words(batch)
        between = time.process_time()
        grams(found, WIDTH)
        spent[0] += between - begun
        spent[1] += time.process_time() - between
    return spent


def test_exact_duplicates_beside_sets_of_strings(bench, texts):
    """The published loop keeps whole texts; ours keeps digests, and says which row is duplicated."""
    number = bench.scaled(20_000, 100)
    different = number * 9 // 10
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in texts]
    parts = [
        (f"{index} {problem}", f"{index} {solution}")
        for index in (place % different for place in range(number))
        for problem, solution in [halves[index % len(halves)]]
    ]
    seen = {"sets of strings": [], "exact-duplicates": []}
    for _ in range(bench.rounds):
        rows = [Instruction(problem=each[0], solution=each[1], language="", method="", parent="") for each in parts]
        for name, work in (("sets of strings", plainly), ("exact-duplicates", ours)):
            begun = time.process_time()
            kept = work(rows)
            seen[name].append(number / (time.process_time() - begun))
            assert kept == different
    bench.table(
        f"exact duplicates, {number} rows, rows in a CPU second",
        [{"program": name, "rows/CPU s": statistics.median(each)} for name, each in seen.items()],
    )
    bench.goal("exact duplicates >= 40,000 rows in a CPU second", statistics.median(seen["exact-duplicates"]) >= 40_000)


def plainly(rows):
    problems, solutions, kept = set(), set(), 0
    for row in rows:
        problem, solution = "".join(row.problem.split()), "".join(row.solution.split())
        if problem not in problems and solution not in solutions:
            problems.add(problem)
            solutions.add(solution)
            kept += 1
    return kept


def ours(rows):
    tried = ExactDuplicates()
    return sum(each.keep for begin in range(0, len(rows), 256) for each in tried.judge(rows[begin : begin + 256]))
