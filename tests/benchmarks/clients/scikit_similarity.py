"""TF-IDF similarity of rows to items by scikit-learn: sparse, which is the oracle, and dense as in the paper.

    python clients/scikit_similarity.py ROWS.jsonl ITEMS.json TOLD.json SAMPLE DENSE_ROWS DENSE_ITEMS

TF-IDF is fitted on all rows and items; the sparse way compares all rows, and tells the cosines of the first SAMPLE. The
dense way (experiments/data_embedding/cosine_similarity.py of ise-uiuc/magicoder: batches of 100 rows as dense matrices, which for
each item are brought to length 1 and multiplied) would take hours on CPUs: it is timed on some rows and items. CPU seconds of this process, which its threads are part of.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

BATCH = 100


def texts(path: str) -> Iterator[str]:
    """Each row's problem, a blank and its solution."""
    with Path(path).open("rb") as lines:
        for row in map(json.loads, lines):
            yield f"{row['problem']} {row['solution']}"


def dense(rows: object, items: object, *, anew: bool) -> tuple[np.ndarray, float, float]:
    """The greatest cosine of each row by dense matrices, and seconds: of the batch, whatever the items, and of the items.

    As published a batch is brought to length 1 ``anew`` for each item; once would do.
    """
    begun = time.process_time()
    matrix = rows.toarray()  # type: ignore[attr-defined]
    if not anew:
        matrix = of_length_one(matrix)
    ready = time.process_time()
    found = [(of_length_one(matrix) if anew else matrix) @ item for item in items.toarray()]  # type: ignore[attr-defined]
    return np.max(found, axis=0), ready - begun, time.process_time() - ready


def of_length_one(matrix: np.ndarray) -> np.ndarray:
    """The same rows, each with length 1."""
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def timed(rows: object, items: object, *, anew: bool) -> dict[str, object]:
    """The dense way over all of ``rows``, in batches."""
    starts = range(0, rows.shape[0], BATCH)  # type: ignore[attr-defined]
    batches = [dense(rows[start : start + BATCH], items, anew=anew) for start in starts]  # type: ignore[index]
    greatest = np.concatenate([found for found, _, _ in batches])
    sparse = (rows @ items.T).max(axis=1).toarray().ravel()  # type: ignore[operator,attr-defined]
    return {
        "batches": sum(seconds for _, seconds, _ in batches),
        "items": sum(seconds for _, _, seconds in batches),
        "differs": float(np.abs(greatest - sparse).max()),
    }


def main() -> None:
    """Compare, and write what it took."""
    path, items_path, told, *numbers = sys.argv[1:]
    sample, some_rows, some_items = map(int, numbers)
    items = json.loads(Path(items_path).read_text("utf-8"))
    begun = time.process_time()
    # Fitting and transforming read the rows each for itself, so that they need not all stand in memory.
    fitted = TfidfVectorizer().fit(text for part in (texts(path), items) for text in part)
    after_fit = time.process_time()
    rows, wanted = fitted.transform(texts(path)), fitted.transform(items)
    cosines = (rows @ wanted.T).max(axis=1).toarray().ravel()
    after_sparse = time.process_time()
    made = {
        "rows": rows.shape[0],
        "terms": rows.shape[1],
        "fit": after_fit - begun,
        "compare": after_sparse - after_fit,
        "published": timed(rows[:some_rows], wanted[:some_items], anew=True),
        "once": timed(rows[:some_rows], wanted[:some_items], anew=False),
        "mean": float(cosines.mean()),
        "cosines": cosines[:sample].tolist(),
    }
    Path(told).write_text(json.dumps(made), "utf-8")


main()
