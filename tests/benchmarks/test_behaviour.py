"""Decontamination by behaviour: what it catches, what it finds beside the levels that look at text, and what it takes.

Renamed: HumanEval's own solutions with every name of theirs changed and no docstring. Code Alpaca: rows that nobody has
contaminated on purpose; `CODE_ALPACA` names the file (a JSON list of `instruction`, `input`, `output`), else the one in
`../shared`. `MBPP` names Google's `mbpp.jsonl`. CPU is of this process and of all boxes.

No other program is known that does this; the row beside ours is the plain way, each function judged for each task.

Goals: 95% of the renamed solutions are caught; 300 clean functions a CPU second against HumanEval and MBPP together.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks import library_rows
from renaming import renamed

from magicoder_core import Benchmark, Instruction, sandbox
from magicoder_core.testing import instruction

SHARED = Path(__file__).parents[3] / "shared" / "data"
LEVELS = ("exact", "whitespace", "tokens", "ngram-coverage", "ast")


def data(variable, default):
    """A data file that the environment names, or the one that is shared."""
    path = Path(os.environ.get(variable) or SHARED / default)
    if not path.exists():
        pytest.skip(f"no {path}: {variable} can name the file")
    return path


@pytest.fixture(scope="module")
def behaviour():
    """Of HumanEval and MBPP, with what it finds out of them on first use found out."""
    made = pytest.importorskip("magicoder_decontamination.behaviour").Behaviour
    humaneval = pytest.importorskip("magicoder_humaneval").HumanEval()
    mbpp = pytest.importorskip("magicoder_evalplus").Mbpp(data=data("MBPP", "mbpp/mbpp.jsonl"))
    found = made([humaneval, mbpp])
    found.examine([instruction(solution="def add(x, y):\n    return x + y\n")])
    return found


@pytest.fixture(scope="module")
def alpaca():
    """Rows of Code Alpaca; which of them are Python it does not say."""
    listed = json.loads(data("CODE_ALPACA", "codealpaca/code_alpaca_2k.json").read_text("utf-8"))
    return [
        instruction(problem=f"{one['instruction']}\n{one['input']}".strip(), solution=one["output"]) for one in listed
    ]


@contextmanager
def account():
    """What the block takes: CPU seconds of this process, of its children, and elapsed ones."""
    begin, took = _spent(), {}
    yield took
    took.update((name, after - before) for (name, before), after in zip(begin.items(), _spent().values(), strict=True))


def _spent():
    own, boxes = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "own": own.ru_utime + own.ru_stime,
        "boxes": boxes.ru_utime + boxes.ru_stime,
        "wall": time.monotonic(),
    }


def examined(behaviour, rows):
    """The hits of rows, and a line on what it took."""
    before = behaviour.report()
    with account() as took:
        hits = behaviour.examine(rows)
    done = {name: count - before[name] for name, count in behaviour.report().items()}
    cpu = took["own"] + took["boxes"]
    line = {**done, "CPU s": cpu, "wall s": took["wall"]}
    return hits, line | {"rows per CPU s": len(rows) / cpu, "functions per CPU s": done["functions"] / cpu}


def test_renamed_solutions_are_caught(bench, behaviour):
    humaneval = behaviour.benchmarks[0]
    references = list(humaneval.references())
    rows = [instruction(solution=f"```python\n{renamed(one.code)[0]}```") for one in references]
    hits, line = examined(behaviour, rows)
    own = [
        any(hit.problem_id == one.problem_id and hit.benchmark == "humaneval" for hit in found)
        for one, found in zip(references, hits, strict=True)
    ]
    bench.table("HumanEval's solutions renamed", [{"caught": sum(own), "of": len(own), **line}])
    bench.say(f"missed: {[one.problem_id for one, caught in zip(references, own, strict=True) if not caught]}")
    bench.goal("95% of the renamed solutions are caught", sum(own) >= 0.95 * len(own))


def test_code_alpaca(bench, behaviour, alpaca):
    """What behaviour finds there that text levels miss, and how much of it means little."""
    hits, line = examined(behaviour, alpaca)
    bench.table("Code Alpaca", [line])
    texts = text_levels(alpaca)
    found = [(row, hit) for row, solved in enumerate(hits) for hit in solved]
    missed = [(row, hit) for row, hit in found if (hit.benchmark, hit.problem_id) not in texts[row]]
    bench.table("what behaviour finds", [summary("all", found), summary("missed by text levels", missed)])
    shown = sorted({(hit.benchmark, hit.problem_id) for _, hit in missed if hit.strong and not hit.trivial})
    bench.say(f"tasks that are not trivial, missed by text levels: {', '.join(name for _, name in shown)}")
    assert found, "Code Alpaca has Fibonacci's numbers and primes in it"


def summary(name, found):
    """Counts of pairs of a row and a task."""
    accidental = Counter(hit.accidental for _, hit in found)
    return {
        "": name,
        "hits": len(found),
        "rows": len({row for row, _ in found}),
        "tasks": len({(hit.benchmark, hit.problem_id) for _, hit in found}),
        "trivial": sum(hit.trivial for _, hit in found),
        "accidental": accidental[True],
        "accidental?": accidental[None],
        "strong": sum(hit.strong for _, hit in found),
        "rows with a strong one": len({row for row, hit in found if hit.strong}),
    }


def text_levels(rows: list[Instruction]) -> list[set[tuple[str, str]]]:
    """For each row the tasks whose text the levels that look at text find in it."""
    filters = pytest.importorskip("magicoder_decontamination.decontaminate")
    against = ("humaneval", f"mbpp={data('MBPP', 'mbpp/mbpp.jsonl')}")
    looked = filters.Decontaminate(against=against, levels=LEVELS).hits(rows)
    return [{(hit.needle.benchmark, hit.needle.problem_id) for hit in hits} for hits in looked]


def test_clean_functions(bench, behaviour):
    """Functions of Python's libraries: hardly any solves a task, most need what is not there."""
    rows = [
        instruction(problem=one["problem"], solution=one["solution"]) for one in library_rows.rows(bench.scaled(4000))
    ]
    _, line = examined(behaviour, rows)
    bench.table("clean functions", [line])
    bench.goal("300 clean functions a CPU second", line["functions per CPU s"] >= 300)


def test_examples_beside_judges_alone(bench, behaviour, alpaca, monkeypatch):
    """The same rows without examples: each function judged for each task of as many arguments, as others would do it."""
    rows = alpaca[: bench.scaled(30)]
    by_examples, line = examined(behaviour, rows)
    for benchmark in behaviour.benchmarks:
        monkeypatch.setattr(type(benchmark), "examples", Benchmark.examples)
    alone, slow = examined(type(behaviour)(behaviour.benchmarks), rows)
    bench.table("examples first", [{"": "examples first", **line}, {"": "judges alone", **slow}])
    bench.say(f"ratio of CPU: {slow['CPU s'] / line['CPU s']:.0f}")
    assert [pairs(hits) for hits in alone] == [pairs(hits) for hits in by_examples]


def pairs(hits):
    """Which function of a row solves which task."""
    return [(hit.benchmark, hit.problem_id, hit.function) for hit in hits]


def test_workers_make_no_difference(bench, behaviour, alpaca):
    """The same rows, by 1, 2 and 7 boxes in other batches."""
    rows = alpaca[: bench.scaled(600)]
    found = {}
    for workers in (1, 2, 7):
        with sandbox.workers(workers):
            found[workers] = [
                hits
                for first in range(0, len(rows), 100 * workers)
                for hits in behaviour.examine(rows[first : first + 100 * workers])
            ]
    assert found[1] == found[2] == found[7]
