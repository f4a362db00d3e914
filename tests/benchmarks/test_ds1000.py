"""CPU of DS-1000, for each library: the benchmark `ds1000` beside the official way, on the same programs.

`MAGICODER_DS1000_PYTHON` names the Python that has the libraries. The CPU is that of all processes that came of a command,
from start to end; what one program more costs is the difference between many and few. Programs are the references of our
own problems, which compute next to nothing: what is compared is what a program costs beside its own work.

"official" is a client of ours that does as the official scorer (clients/official_ds1000.py); "a process each" starts
the interpreter anew for each program, as most re-implementations do.

Where `MAGICODER_DS1000_DATA` names the official `ds1000.jsonl.gz`, the references of its 1,000 problems are judged both
ways, and so is for each problem the reference of the one before it: CPU for a program, and verdicts that differ. Ours is
the whole `magicoder score` there, its self-test of 1,000 references included, of which a scoring on the next day is rid.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import driving
import ds1000_problems
import pytest
from magicoder_ds1000 import library_data
from magicoder_ds1000.interpreter import look
from magicoder_ds1000.libraries import ENVIRONMENT, LIBRARIES

CLIENTS = Path(__file__).parent / "clients"
LIMIT = 3600
FEW, MANY, OFFICIAL = 8, 48, 4
DATA = os.environ.get("MAGICODER_DS1000_DATA", "")
SURROUNDINGS = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def spent(folder, command, environment=()):
    """CPU seconds of a command with all that came of it, and the number that it printed."""
    told, output = folder / "told.json", folder / "output"
    account = [sys.executable, str(CLIENTS / "accounted.py"), str(told), str(LIMIT)]
    with output.open("wb") as written:
        subprocess.run(
            [*account, *map(str, command)],
            stdout=written,
            stderr=subprocess.DEVNULL,
            cwd=folder,  # programs draw into the folder they are started in
            env={**SURROUNDINGS, **dict(environment)},
            check=True,
        )
    return json.loads(told.read_bytes())["cpu"], int(output.read_text("utf-8").split()[-1])


def programs(own, count):
    """The official text of a program, so many times in turn."""
    texts = [
        f"{one.record(0)['code_context']}\ncode = {one.right!r}\ntest_execution(code)\n"
        + ("test_string(code)\n" if one.forbidden else "\n")
        for one in own
    ]
    return [texts[number % len(texts)] for number in range(count)]


class Ways:
    """The ways to judge the problems of one library."""

    def __init__(self, folder, library):
        self.folder = folder
        self.own = [one for one in ds1000_problems.PROBLEMS if one.library == library]

    def ours(self, count):
        rows = self.folder / "rows.json"
        rows.write_text(json.dumps([(one.id, one.right) for one in (self.own * count)[:count]]), "utf-8")
        command = [sys.executable, CLIENTS / "own_ds1000.py", ds1000_problems.OWN, ds1000_problems.PYTHON, rows]
        return self._known(spent(self.folder, command), count)

    def official(self, count):
        texts = self.folder / "programs.json"
        texts.write_text(json.dumps(programs(self.own, count)), "utf-8")
        return self._known(spent(self.folder, [ds1000_problems.PYTHON, CLIENTS / "official_ds1000.py", texts]), count)

    def each(self, count):
        total = 0.0
        for text in programs(self.own, count):
            seconds, _ = spent(
                self.folder,
                [ds1000_problems.PYTHON, "-c", f"{text}\nprint(1)"],
                {**ENVIRONMENT, "HOME": str(self.folder)}.items(),
            )
            total += seconds
        return total

    @staticmethod
    def _known(found, count):
        seconds, passed = found
        assert passed == count
        return seconds


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_program_costs_a_fork_and_not_an_import(library, bench, tmp_path):
    if missing := look(ds1000_problems.PYTHON).missing(LIBRARIES[library]):
        pytest.skip(f"{' and '.join(missing)} is not installed for {ds1000_problems.PYTHON}")
    ways = Ways(tmp_path, library)
    more = bench.scaled(MANY, FEW * 2)
    ours, start, official, each = [], [], [], []
    for _ in range(bench.rounds):
        few, many = ways.ours(FEW), ways.ours(more)
        ours.append((many - few) / (more - FEW))
        start.append(few - FEW * ours[-1])
        first, all_of_them = ways.official(1), ways.official(1 + OFFICIAL)
        official.append((all_of_them - first) / OFFICIAL)
        each.append(ways.each(2) / 2)
    middle = {
        name: statistics.median(values) for name, values in {"ours": ours, "official": official, "each": each}.items()
    }
    bench.table(
        f"DS-1000, {library}: CPU ms for one program more (rounds: {bench.rounds})",
        [
            {
                "ours": 1000 * middle["ours"],
                "start of ours": 1000 * statistics.median(start),
                "official": 1000 * middle["official"],
                "a process each": 1000 * middle["each"],
                "official / ours": middle["official"] / middle["ours"],
                "each / ours": middle["each"] / middle["ours"],
            }
        ],
    )
    assert middle["each"] / middle["ours"] > 2


def answers():
    """Each official problem with its own reference, and with that of the one before it in its library."""
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        problems = [json.loads(line) for line in lines]
    before = {}
    for problem in problems:
        library = problem["metadata"]["library"]
        yield library, problem, problem["reference_code"]
        yield library, problem, before.get(library, "result = None")
        before[library] = problem["reference_code"]


def official_text(problem, answer):
    context = problem["code_context"]
    string = "test_string(code)\n" if "test_string(" in context else "\n"
    return f"{context}\ncode = {answer!r}\ntest_execution(code)\n{string}"


def scored(folder, rows):
    """The verdicts of `magicoder score`, whether each passes by its place, and the CPU seconds of the command."""
    samples, report = folder / "samples.jsonl", folder / "report.json"
    with samples.open("w", encoding="utf-8") as out:
        for _, problem, answer in rows:
            print(json.dumps({"task_id": problem["metadata"]["problem_id"], "completion": answer}), file=out)
    command = driving.command("score", "ds1000", samples, "--incomplete", "--new", "--json", report)
    for name, value in {"data": DATA, "interpreter": str(ds1000_problems.PYTHON)}.items():
        command += ["-o", f"{name}={value!r}"]
    told = folder / "told.json"
    account = [sys.executable, str(CLIENTS / "accounted.py"), str(told), str(LIMIT)]
    surroundings = {**SURROUNDINGS, "MAGICODER_CACHE": str(folder / "cache")}
    subprocess.run([*account, *map(str, command)], cwd=folder, env=surroundings, capture_output=True, check=True)
    passed = {
        one["task_id"] + f"#{one['sample']}": one["status"] for one in json.loads(report.read_bytes())["verdicts"]
    }
    return passed, json.loads(told.read_bytes())["cpu"]


@pytest.mark.skipif(not DATA, reason="MAGICODER_DS1000_DATA names no official ds1000.jsonl.gz")
def test_the_official_problems_are_judged_as_officially_for_less(bench, tmp_path):
    rows = list(answers())
    rows = rows[: bench.scaled(len(rows), 20)]
    texts, which = tmp_path / "programs.json", tmp_path / "passed.json"
    statuses, mine = scored(tmp_path, rows)
    table, theirs = [], 0.0
    # The official scorer may download data sets; it is given those that ours has.
    surroundings = {"HOME": str(tmp_path), **library_data.environment(look(ds1000_problems.PYTHON).prefix)}
    for library in dict.fromkeys(name for name, _, _ in rows):
        chosen = [(problem, answer) for name, problem, answer in rows if name == library]
        texts.write_text(json.dumps([official_text(*one) for one in chosen]), "utf-8")
        client = [ds1000_problems.PYTHON, CLIENTS / "official_ds1000.py", texts, which]
        seconds, _ = spent(tmp_path, client, surroundings.items())
        theirs += seconds
        found = []
        for place, ((problem, _), passed) in enumerate(zip(chosen, json.loads(which.read_bytes()), strict=True)):
            name = f"{library}/{problem['metadata']['library_problem_id']}"
            status = statuses[f"{name}#{place % 2}"]
            if status != "harness_error" and (status == "pass") != passed:
                found.append(name)
                bench.say(f"{name}, answer {place % 2}: {status}, officially {'pass' if passed else 'fail'}")
        table.append(
            {
                "library": library,
                "programs": len(chosen),
                "official ms": 1000 * seconds / len(chosen),
                "differ": len(found),
            }
        )
    bench.table("DS-1000, official data: CPU ms for a program the official way, verdicts that differ", table)
    bench.table(
        "DS-1000, official data: CPU ms for a program of all",
        [
            {
                "official": 1000 * theirs / len(rows),
                "ours, self-test included": 1000 * mine / len(rows),
                "ratio": theirs / mine,
            }
        ],
    )
