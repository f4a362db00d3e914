"""CPU and memory of `magicoder analyse --only similarity`: 75,000 rows against HumanEval, beside scikit-learn.

Rows are functions of the Python libraries that are installed here (`library_rows`). The command runs as its users start it;
its CPU is that of its process, imports included. scikit-learn's sparse way, in an environment of its own, is the oracle: the
same cosines to 1e-6. The published dense way is timed on 300 rows and 8 items and **extrapolated** to all rows and items,
and so is a dense way that brings rows to length 1 once and not for each item.

Goals: 75,000 rows in 20 CPU seconds; 300 times quicker than the dense way; memory that does not grow with the rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import driving
import pytest
from benchmarks import library_rows

PEER = driving.PEERS / "scikit-learn" / "bin" / "python"
CLIENTS = Path(__file__).parent / "clients"
ROWS, FEWER, TIMES = 75_000, 10_000, 4
DENSE_ROWS, DENSE_ITEMS = 300, 8
CPU_SECONDS, QUICKER, PRECISION, GROWTH = 20, 300, 1e-6, 1.1


@pytest.fixture(scope="module")
def rows(request):
    """A file of rows: minutes to make, so that it is kept in the cache."""
    number = max(1000, round(ROWS * request.config.getoption("--scale")))
    return library_rows.written(driving.PEERS.parent / "library-rows" / f"{number}.jsonl", number), number


def analysed(path, folder):
    """What the command took, and what it found."""
    told, figures, output = folder / "told.json", folder / "figures.json", folder / "output"
    magicoder = Path(sys.executable).parent / "magicoder"
    command = [magicoder, "analyse", path, "--only", "similarity", "--json", figures]
    with output.open("wb") as written:
        account = [sys.executable, CLIENTS / "accounted.py", told, "3600"]
        subprocess.run([*account, *command], stdout=written, stderr=subprocess.STDOUT, check=True)
    took = json.loads(told.read_text())
    assert took["status"] == 0, output.read_text(errors="replace")[-2000:]
    return took, json.loads(figures.read_text("utf-8"))["similarity"][0]


def first(path, number, target):
    """A file of the first rows."""
    with path.open("rb") as lines, target.open("wb") as out:
        out.writelines(islice(lines, number))
    return target


def test_similarity_costs_seconds_and_the_papers_way_hours(bench, rows, tmp_path):
    path, number = rows
    took, found = analysed(path, tmp_path)
    bench.table(
        "TF-IDF similarity to HumanEval",
        [
            {
                "what": "magicoder analyse --only similarity",
                "rows": number,
                "terms": found["terms_counted"],
                "CPU s": took["cpu"],
                "us/row": 1e6 * took["cpu"] / number,
                "peak MB": took["peak"],
                "mean": found["sets"][0]["mean"],
            }
        ],
    )
    bench.goal(
        f"{number:,} rows in {CPU_SECONDS * number / ROWS:.1f} CPU s", took["cpu"] <= CPU_SECONDS * number / ROWS
    )
    if not PEER.exists():
        pytest.skip("scikit-learn is not installed: `nox -s bench` installs it")
    peer = by_scikit_learn(path, tmp_path)
    assert found["sets"][0]["mean"] == pytest.approx(peer["mean"], abs=PRECISION)
    differ = max(abs(one - other) for one, other in zip(cosines(path), peer["cosines"], strict=False))
    items = found["items"]
    sparse = peer["fit"] + peer["compare"]
    published, once = (extrapolated(peer, way, number, items) for way in ("published", "once"))
    bench.table(
        "the same by scikit-learn 1.9.1",
        [
            {"what": "sparse, all rows", "CPU s": sparse, "times ours": sparse / took["cpu"]},
            *(
                {"what": f"{what}, EXTRAPOLATED", "CPU s": seconds, "times ours": seconds / took["cpu"]}
                for what, seconds in (("dense as published", published), ("dense, rows to length 1 once", once))
            ),
        ],
    )
    bench.say(f"greatest difference of a cosine from the oracle's, first {FEWER:,} rows: {differ:.1e}")
    bench.goal(f"as scikit-learn within {PRECISION:g}", differ <= PRECISION)
    bench.goal(f"{QUICKER} times quicker than the dense way (extrapolated)", published >= QUICKER * took["cpu"])


def extrapolated(peer, way, number, items):
    """CPU seconds of a dense way for all rows and items: what a batch takes once, and what each item takes of it."""
    took = peer[way]
    assert took["differs"] < PRECISION, "the way that is timed is the way that is meant"
    return peer["fit"] + (took["batches"] + took["items"] * items / DENSE_ITEMS) * number / DENSE_ROWS


def by_scikit_learn(path, folder):
    """What scikit-learn took and found."""
    from magicoder_quality.analysis import against

    items, told = folder / "items.json", folder / "peer.json"
    items.write_text(json.dumps(list(against.items("humaneval").texts)), "utf-8")
    numbers = [str(number) for number in (FEWER, DENSE_ROWS, DENSE_ITEMS)]
    # One thread: others would turn in between, and count.
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([PEER, CLIENTS / "scikit_similarity.py", path, items, told, *numbers], check=True, env=alone)
    return json.loads(told.read_text("utf-8"))


def cosines(path):
    """Ours of the first rows, fitted on all of them."""
    from magicoder_quality.analysis import against
    from magicoder_quality.analysis.frequencies import Frequencies
    from magicoder_quality.analysis.rows import data_sets
    from magicoder_quality.analysis.similarity import Index
    from magicoder_quality.analysis.terms import terms

    items = against.items("humaneval")
    (rows,) = data_sets([path])
    frequencies = Frequencies(items.terms)
    for row in rows.rows(lambda _: None):
        frequencies.add(set(terms(f"{row.problem} {row.solution}")))
    index = Index(items, frequencies)
    for row in islice(rows.rows(lambda _: None), FEWER):
        yield index.nearest(Counter(terms(f"{row.problem} {row.solution}"))).cosine


def test_memory_does_not_grow_with_the_rows(bench, rows, tmp_path):
    """Fewer rows, all rows, and all rows several times over, which have no new terms: what grows is the vocabulary's."""
    path, number = rows
    fewer = first(path, min(FEWER, number // 2), tmp_path / "fewer.jsonl")
    more = tmp_path / "more.jsonl"
    with more.open("wb") as out:
        for _ in range(TIMES):
            with path.open("rb") as lines:
                shutil.copyfileobj(lines, out)
    told = []
    for name, file, count in (
        ("some", fewer, min(FEWER, number // 2)),
        ("all", path, number),
        (f"all, {TIMES} times over", more, TIMES * number),
    ):
        took, found = analysed(file, tmp_path)
        told.append(
            {
                "rows": name,
                "number": count,
                "MB of rows": file.stat().st_size / 1e6,
                "terms": found["terms_counted"],
                "peak MB": took["peak"],
                "CPU s": took["cpu"],
            }
        )
    bench.table("peak memory", told)
    bench.goal(
        f"{TIMES} times the rows with the same terms in {GROWTH:g} times the memory",
        told[2]["peak MB"] <= GROWTH * told[1]["peak MB"],
    )
