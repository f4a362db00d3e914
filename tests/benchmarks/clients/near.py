"""Find near duplicates among texts as one program does, and tell which rows went and what it took.

    python clients/near.py PROGRAM TEXTS.jsonl TOLD.json [CHECKOUT]

``TEXTS.jsonl`` has one JSON string a line. ``TOLD.json`` gets ``cpu``, the seconds of this process from the texts to the
list of rows, without imports and files; ``rows``; ``removed``, the numbers of rows that go; and ``grown`` and ``peak``, by
how many MB of memory the process has grown after the work, and at most. Each program runs in the environment that has it.

bigcode's script asks a hub for its data: here its own functions are called in its order, on texts that are at hand, and
no time is spent on a data set.
"""

from __future__ import annotations

import importlib.util
import json
import re
import resource
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

WORD = re.compile(r"\w+")
PERMUTATIONS, THRESHOLD, WIDTH = 256, 0.7, 5


def ours(texts, _):
    """The filter `near-duplicates`, over rows as the stage gives them."""
    from magicoder_decontamination.near_duplicates import NearDuplicates, index

    from magicoder_core import Instruction

    del index  # what it imports is not counted, as with the others
    rows = [Instruction(problem=text, solution="", language="python", method="", parent="") for text in texts]

    def work():
        tried = NearDuplicates(fields=("problem",))
        said = [each for begin in range(0, len(rows), 256) for each in tried.judge(rows[begin : begin + 256])]
        return [number for number, each in enumerate(said) if not each.keep]

    return work


def bigcode(texts, checkout):
    """The script's own functions, by its defaults: 256 permutations, 5-grams, threshold 0.7."""
    spec = importlib.util.spec_from_file_location(
        "script", Path(checkout, "near_deduplication", "minhash_deduplication.py")
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    import numpy as np

    def work():
        bands, size = script.optimal_param(THRESHOLD, PERMUTATIONS)
        hashranges = [(band * size, (band + 1) * size) for band in range(bands)]
        prime = script.MERSENNE_PRIME
        drawn = [
            (script.RNG.randint(1, prime, dtype=np.uint64), script.RNG.randint(0, prime, dtype=np.uint64))
            for _ in range(PERMUTATIONS)
        ]
        options = {"num_perm": PERMUTATIONS, "ngram_size": WIDTH, "hashranges": hashranges}
        permutations = np.array(drawn, dtype=np.uint64).T
        tables, forest = [defaultdict(set) for _ in range(bands)], script.UnionFind()
        for number, text in enumerate(texts):
            told = script.embed_func(text, number, permutations=permutations, **options)
            for signature, table in zip(told["__signatures__"], tables, strict=True):
                table[signature].add(number)
        for table in tables:
            for cluster in table.values():
                if len(cluster) > 1:
                    first = min(cluster)
                    for number in cluster:
                        forest.union(number, first)
        return [number for number in range(len(texts)) if forest.find(number) != number]

    return work


def datasketch(texts, hashing):
    """Its bulk signatures and its LSH; a row goes if an earlier one is a candidate. Shingles are those of ours."""
    from datasketch import MinHash, MinHashLSH

    options = {}
    if hashing == "xxh32":
        import xxhash

        options["hashfunc"] = xxhash.xxh32_intdigest

    def work():
        index, removed = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS), []
        for begin in range(0, len(texts), 256):
            sets = [shingles(text) for text in texts[begin : begin + 256]]
            for number, made in enumerate(MinHash.bulk(sets, num_perm=PERMUTATIONS, **options), begin):
                if index.query(made):
                    removed.append(number)
                index.insert(number, made)
        return removed

    return work


def shingles(text):
    words = WORD.findall(text.lower())
    return list({" ".join(words[place : place + WIDTH]).encode() for place in range(max(1, len(words) - WIDTH + 1))})


def datatrove(texts, _):
    """The first of its four steps alone: the signatures."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    documents = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]
    step = MinhashDedupSignature(tempfile.mkdtemp(), MinhashConfig(n_grams=WIDTH))
    step.get_shingles("Loads its tokenizer, which is not counted.")

    def work():
        step.run(iter(documents))
        return []

    return work


def memory(name):
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    program, source, told, *more = sys.argv[1:]
    given = [json.loads(line) for line in Path(source).read_text("utf-8").splitlines()]
    task = {"ours": ours, "bigcode": bigcode, "datasketch": datasketch, "datatrove": datatrove}[program](
        given, more[0] if more else ""
    )
    before, begun = memory("VmRSS"), time.process_time()
    gone = task()
    spent = time.process_time() - begun
    grown, peak = memory("VmRSS") - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 - before
    answer = {"cpu": spent, "rows": len(given), "removed": gone, "grown": grown, "peak": peak}
    Path(told).write_text(json.dumps(answer), encoding="utf-8")
