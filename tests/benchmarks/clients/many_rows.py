"""A million rows through a filter that remembers them: how its memory grows, and what it finds.

    python clients/many_rows.py near|exact ROWS TOLD.json

Rows are made of lines of the functions that are installed here, in two templates' words, and one in twenty is a copy of an
earlier one: with three words changed for ``near``, as it is for ``exact``. ``TOLD.json`` gets a line for each tenth of the
rows: ``cpu``, the seconds that the filter took so far, ``grown``, by how many MB of memory (of 1e6 bytes) the process has
grown since before the first row, ``peak``, by how many at most after any batch, how many copies there were and how many of
them it has dropped, and how many others.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import library_rows

from magicoder_core import Instruction

BATCH = 256
OPENING = "Write a function in Python.\n\n"
BEFORE, AFTER = (
    "Here is one way to do it:\n\n```python\n",
    "\n```\n\nThe function follows the description step by step.",
)


class Rows:
    """Rows without end, and for each whether it is a copy."""

    def __init__(self, kind: str) -> None:
        self._random = random.Random(3)
        found = list(library_rows.rows(4000))
        self._words = [line for row in found for line in row["problem"].split("\n") if len(line) > 30]
        self._code = [line for row in found for line in row["solution"].split("\n") if len(line) > 20]
        self._kept: list[tuple[str, str]] = []
        self._changes = 3 if kind == "near" else 0

    def batch(self) -> tuple[list[Instruction], list[bool]]:
        made = [self._row() for _ in range(BATCH)]
        rows = [
            Instruction(problem=problem, solution=solution, language="python", method="", parent="")
            for problem, solution, _ in made
        ]
        return rows, [copied for _, _, copied in made]

    def _row(self) -> tuple[str, str, bool]:
        chosen = self._random
        if self._kept and chosen.random() < 0.05:
            problem, solution = chosen.choice(self._kept)
            words = solution.split(" ")
            for _ in range(self._changes):
                words[chosen.randrange(len(words))] = "changed"
            return problem, " ".join(words), True
        problem = OPENING + "\n".join(chosen.choices(self._words, k=5))
        solution = BEFORE + "\n".join(chosen.choices(self._code, k=18)) + AFTER
        if chosen.random() < 0.02 and len(self._kept) < 5000:
            self._kept.append((problem, solution))
        return problem, solution, False


def memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(kind: str, count: int, told: Path) -> None:
    if kind == "near":
        from magicoder_decontamination.near_duplicates import NearDuplicates

        tried = NearDuplicates()
        # A copy, so that what it imports is there before memory is looked at.
        NearDuplicates().judge([Instruction(problem="", solution="", language="", method="", parent="")])
    else:
        from magicoder_core.builtin.exact_duplicates import ExactDuplicates

        tried = ExactDuplicates()
    rows = Rows(kind)
    before, peak, spent, seen, lines = memory(), 0.0, 0.0, 0, []
    copies = found = others = 0
    while seen < count:
        batch, copied = rows.batch()
        begun = time.process_time()
        said = tried.judge(batch)
        spent += time.process_time() - begun
        seen += len(batch)
        copies += sum(copied)
        found += sum(mark and not each.keep for mark, each in zip(copied, said, strict=True))
        others += sum(not mark and not each.keep for mark, each in zip(copied, said, strict=True))
        grown = memory() - before
        peak = max(peak, grown)
        if seen * 10 // count > len(lines):
            figures = {"rows": seen, "cpu": spent, "grown": grown, "peak": peak}
            lines.append(figures | {"copies": copies, "found": found, "others": others})
    told.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
