"""CPU time of finding the program in an answer: EvalPlus 0.3.1's ``sanitize`` beside ours, on the same answers.

`nox -s bench` runs it; the figures go to docs/measured.md. Goal: at most a fiftieth of its time at 400 lines. That both
keep the same definitions is asserted, the times are only told. Answers alternate between the two, in processes of
their own; ``--scale`` makes the answers shorter, since EvalPlus' time grows with the third power of their lines.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import time
from pathlib import Path

import driving
import pytest

from magicoder_core.completing import program

PEER = driving.PEERS / "evalplus" / "bin" / "python"
CLIENT = Path(__file__).parent / "clients" / "sanitized.py"
SIZES = (50, 100, 200, 400)
GOAL = 50
"""Times faster, at the largest size."""

HELPER = '''
def step_{number}(values, limit):
    """Add what is below the limit, as step {number} of many."""
    total = 0
    for value in values:
        if value < limit + {number}:
            total += value
        else:
            total -= {number}
    return {inner}
'''
BEFORE = """Certainly! Here's a solution to the problem, with a helper for each step (they call each other):

```python
from typing import List
import math
"""
AFTER = """

def solve(values: List[int], limit: int) -> int:
    return step_0(values, limit)


# Example usage
print(solve([1, 2, 3], 2))
```

### Explanation

1. The function `solve` begins with the first step; it's simple.
2. Each step (there are many) adds what is below the limit.
"""


def answer(lines):
    """A chat model's answer of about so many lines."""
    steps = max(1, (lines - BEFORE.count("\n") - AFTER.count("\n")) // HELPER.count("\n"))
    inner = [f"total + step_{number + 1}(values, limit)" for number in range(steps - 1)]
    helpers = [HELPER.format(number=number, inner=each) for number, each in enumerate([*inner, "total"])]
    return BEFORE + "\n".join(helpers) + AFTER


class Official:
    """EvalPlus' sanitising, asked line by line."""

    def __enter__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([str(PEER), str(CLIENT)], text=True, **pipes)
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def __call__(self, text):
        self.process.stdin.write(json.dumps({"text": text, "entry_point": "solve"}) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        return told["program"], told["cpu"]


def ours(text):
    begun = time.process_time()
    found = program(prompt='"""\nSolve it.\nassert solve([1], 2) == 1\n"""\n', entry_point="solve", text=text)
    return found, time.process_time() - begun


def definitions(code):
    return [ast.dump(node) for node in ast.parse(code).body]


@pytest.mark.skipif(not PEER.exists(), reason="evalplus is not installed as a peer: nox -s bench")
def test_cpu_of_finding_the_program_in_an_answer(capsys, pytestconfig):
    rounds, scale = pytestconfig.getoption("rounds"), pytestconfig.getoption("scale")
    rows = []
    ours(answer(SIZES[0]))  # its imports
    with Official() as official:
        for size in SIZES:
            text = answer(round(size * scale))
            taken = []
            for _ in range(rounds):
                (mine, own), (theirs, peer) = ours(text), official(text)
                assert definitions(mine) == definitions(theirs)
                taken.append((own, peer))
            own, peer = map(statistics.median, zip(*taken, strict=True))
            ratio = statistics.median(peer / own for own, peer in taken)
            rows.append(
                {"lines": text.count("\n") + 1, "ours_ms": 1000 * own, "evalplus_ms": 1000 * peer, "times": ratio}
            )
    with capsys.disabled():
        print(f"\nCPU of finding the program in an answer, median of {rounds} rounds")
        for row in rows:
            print(
                "  {lines:4} lines: {ours_ms:8.2f} ms, evalplus 0.3.1 {evalplus_ms:9.1f} ms: {times:7.0f} times".format(
                    **row
                )
            )
        print(json.dumps({"benchmark": "extraction", "rows": rows}))
        reached = rows[-1]["times"] >= GOAL
        print(f"goal: at least {GOAL} times faster at {rows[-1]['lines']} lines: {'reached' if reached else 'MISSED'}")
