"""Filter `decontaminate`: which copies of a benchmark it catches, and what it says of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from magicoder_core import Benchmark, Instruction, Needle, Problem, RecipeError, Reply, Request, RunError, progress
from magicoder_core.builtin import decontaminate
from magicoder_core.builtin.decontaminate import Decontaminate
from magicoder_core.testing import FilterContract

PROMPT = '''from typing import List


def count_peaks(numbers: List[int]) -> int:
    """ Count the numbers that are greater than
    both of their neighbours.
    >>> count_peaks([1, 3, 2, 4, 1])
    2
    """
'''
SOLUTION = """    peaks = 0
    for left, middle, right in zip(numbers, numbers[1:], numbers[2:]):
        peaks += left < middle > right  # Straße
    return peaks
"""
NEEDLES = (("prompt", PROMPT), ("solution", SOLUTION), ("solution", "return x + y"))


@dataclass(frozen=True, kw_only=True)
class Peaks(Benchmark):
    """A benchmark of one problem."""

    texts = NEEDLES

    def problems(self) -> Iterator[Problem]:
        yield Problem(id="Peaks/0", benchmark="peaks", prompt=PROMPT)

    def request(self, problem: Problem) -> Request:
        return Request.of(problem.prompt)

    def extract(self, problem: Problem, reply: Reply) -> str:
        return reply.text

    def judge(self, submissions):
        return iter(())

    def needles(self) -> Iterator[Needle]:
        for kind, text in self.texts:
            yield Needle(benchmark="peaks", problem_id="Peaks/0", kind=kind, text=text)


@dataclass(frozen=True, kw_only=True)
class Empty(Peaks):
    """A benchmark that gives nothing to look for."""

    texts = ()


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    def find(kind, name):
        if name not in (known := {"humaneval": Peaks, "empty": Empty}):
            raise RecipeError(f"no {kind} named '{name}'; did you mean 'humaneval'?")
        return known[name]

    monkeypatch.setattr(decontaminate, "find", find)


def row(problem: str = "Nothing to see.", solution: str = "pass", tests: str | None = None) -> Instruction:
    return Instruction(problem=problem, solution=solution, language="python", method="m", parent="p", tests=tests)


def judge(**parts: str):
    return Decontaminate().judge([row(**parts)])[0]


class TestDecontaminate(FilterContract):
    provider = Decontaminate()
    kept = (row(), row("Count the numbers that are greater than three."))
    dropped = (row(PROMPT), row(solution=SOLUTION))


COPIES = {
    "as it stands": PROMPT,
    "dedented": textwrap.dedent(PROMPT.replace("\n    ", "\n")),
    "re-indented": PROMPT.replace("    ", "\t"),
    "two spaces": PROMPT.replace("    ", "  "),
    "upper case": PROMPT.upper(),
    "CRLF": PROMPT.replace("\n", "\r\n"),
    "trailing blanks": PROMPT.replace("\n", "   \n"),
    "on one line": " ".join(PROMPT.split()),
    "re-wrapped": "\n".join(textwrap.wrap(PROMPT, 24)),
    "no-break spaces": PROMPT.replace(" ", "\N{NO-BREAK SPACE}"),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_copies_are_caught_wherever_they_stand(copy):
    for text in (copy, f"Solve this:\n```python\n{copy}```\nThanks.", "x" * 777 + copy):
        for field in ("problem", "solution", "tests"):
            judgement = judge(**{field: text})
            assert not judgement.keep
            assert judgement.reason == "overlaps peaks"
            assert judgement.evidence["field"] == field


def test_evidence_points_into_the_text_as_it_stands():
    before = "Straße:  ﬁ\n\n```\n"
    copy = SOLUTION.upper().replace("STRASSE", "STRASSE").replace("    ", "\t")
    problem = f"{before}{copy}```"
    evidence = judge(problem=problem).evidence
    assert {key: evidence[key] for key in ("benchmark", "problem_id", "kind", "field", "hits")} == {
        "benchmark": "peaks",
        "problem_id": "Peaks/0",
        "kind": "solution",
        "field": "problem",
        "hits": 1,
    }
    assert evidence["offset"] == problem.index("PEAKS")
    assert evidence["excerpt"].startswith("PEAKS = 0\n\tFOR LEFT")
    assert len(evidence["excerpt"]) < 170


def test_the_longest_piece_is_shown_and_all_are_counted():
    evidence = judge(problem=PROMPT, solution=PROMPT + SOLUTION).evidence
    assert evidence["hits"] == 3
    assert evidence["kind"] == "prompt"


@pytest.mark.parametrize(
    "text", [PROMPT[:-20], PROMPT[30:], PROMPT.replace("greater", "larger"), "return x + y", "", "x"]
)
def test_other_texts_are_kept(text):
    assert judge(problem=text).keep


def test_a_piece_is_not_found_across_two_fields():
    assert judge(problem=PROMPT[:60], solution=PROMPT[60:]).keep


def test_short_pieces_are_left_out_and_that_is_said_once():
    heard = []

    class Ear(progress.Silent):
        def say(self, line):
            heard.append(line)

    with progress.reporting(Ear()):
        subject = Decontaminate()
        subject.judge([row()])
        subject.judge([row(), row()])
    assert heard == ["decontaminate: looks for 2 pieces of humaneval; 1 shorter than 20 characters are left out"]


def test_comments_stay():
    assert judge(solution=SOLUTION.replace("  # Straße", "")).keep


def test_unknown_benchmark():
    for use in (
        Decontaminate(against=("humanevil",)).check,
        lambda: Decontaminate(against=("humanevil",)).judge([row()]),
    ):
        with pytest.raises(RecipeError, match=r"decontaminate\.against: no benchmark named 'humanevil'; did you mean"):
            use()


def test_a_benchmark_with_nothing_to_look_for_is_no_silent_pass():
    with pytest.raises(RunError, match="'empty' gives nothing to look for"):
        Decontaminate(against=("empty",)).judge([row()])


def test_nothing_to_look_for_by_choice():
    assert Decontaminate(against=()).judge([row(PROMPT)])[0].keep


def test_a_limit_that_would_match_everything():
    with pytest.raises(RecipeError, match="at least 8"):
        Decontaminate(min_characters=3)
