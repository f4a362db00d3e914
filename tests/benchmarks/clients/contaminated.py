"""A peer that looks for benchmarks in rows; tells the CPU seconds of its loop, without imports and reading.

contaminated.py published ROWS NEEDLES TOLD find_substrings.py     the paper's own function, cut out of its file
contaminated.py datatrove ROWS NEEDLES TOLD                        datatrove's NGramsDecontFilter, 12-grams
"""

import ast
import json
import sys
import tempfile
import time
from pathlib import Path


def published(rows, needles, source):
    """What `find_substrings` says of each row: reason and needle, or None."""
    tree = ast.parse(Path(source).read_text("utf-8"))
    wanted = {"find_substrings", "benchmark_name_to_filter_reason"}
    # The file itself loads all benchmarks from the Hub when it is imported.
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    module = {}
    exec(compile(tree, source, "exec"), module)
    find = module["find_substrings"]
    begin = time.process_time()
    found = [find(row, ["problem", "solution"], needles, return_matched=True) for row in rows]
    return time.process_time() - begin, [None if keep else [reason, text] for keep, reason, text in found]


def datatrove(rows, needles, _):
    """Whether each row has a 12-gram of a needle; the index is made by datatrove's own functions, without lighteval."""
    import numpy as np
    from datatrove.data import Document
    from datatrove.pipeline.decont import NGramsDecontFilter
    from datatrove.pipeline.decont.n_grams import NGramsDecontIndexer

    with tempfile.TemporaryDirectory() as folder:
        indexer = object.__new__(
            NGramsDecontIndexer
        )  # made the usual way it wants lighteval, also for texts of one's own
        step = NGramsDecontFilter(folder)
        indexer.config, indexer.tokenizer, indexer.hash_func = step.config, step.tokenizer, step.hash_func
        hashes = {value for texts in needles.values() for text in texts for value in indexer.compute_hashes(text)}
        np.array(sorted(hashes), step.config.hash_config.np_descr).tofile(f"{folder}/own.index.hashes")
        step.filter(Document(text="warm", id="warm"))
        begin = time.process_time()
        found = [step.filter(Document(text=f"{row['problem']}\n\n{row['solution']}", id="x")) for row in rows]
        return time.process_time() - begin, [None if keep else ["ngram", ""] for keep in found]


def main():
    """Run one, and write what it took."""
    which, rows, needles, told, *more = sys.argv[1:]
    with Path(rows).open(encoding="utf-8") as lines:
        given = [json.loads(line) for line in lines]
    texts = json.loads(Path(needles).read_text("utf-8"))
    seconds, found = {"published": published, "datatrove": datatrove}[which](given, texts, *(more or [""]))
    Path(told).write_text(json.dumps({"seconds": seconds, "rows": len(given), "found": found}), "utf-8")


if __name__ == "__main__":
    main()
