"""Which rows the published pipeline used, in its order, drawn from as it drew (`ise-uiuc/magicoder` at 3ef43f0)."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import TemporaryFile

from magicoder_core.seeding import PUBLISHED_SEED, PublishedDraw
from magicoder_starcoderdata.documents import Document

FIRST = 150_000
"""Rows of each language that were considered: the split ``train[:150000]``."""

Drawn = tuple[str, int, int]
"""A snippet's code, its first and its last line from 1."""


def drawn(documents: Iterable[Document], start: int) -> Iterator[tuple[Document, Drawn | None]]:
    """The documents from position ``start`` of the published shuffle on, without their text, with their snippets.

    All of the split is read before the first is given, as each place in the shuffle depends on how many rows there
    are. What is drawn waits in a temporary file, so that memory does not grow with them (bytes on disk: some hundred
    for each row).
    """
    with TemporaryFile("w+b") as waiting:
        places, draws = array("q"), PublishedDraw()
        for document in islice(documents, FIRST):
            places.append(waiting.tell())
            found = draws.draw(document.text, document.row)
            # ASCII, in which lone surrogates are escaped.
            waiting.write(json.dumps([document._replace(text=""), found]).encode("ascii") + b"\n")
        for row in shuffled(len(places))[start:]:
            waiting.seek(places[row])
            named, found = json.loads(waiting.readline())
            yield Document(*named), tuple(found) if found else None


def shuffled(rows: int) -> list[int]:
    """The rows in the order of ``datasets.Dataset.shuffle(seed=976)``."""
    import numpy as np

    order: list[int] = np.random.default_rng(PUBLISHED_SEED).permutation(rows).tolist()
    return order
