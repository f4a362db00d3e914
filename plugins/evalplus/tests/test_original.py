"""The original MBPP, from a file of Google's form."""

import json
from pathlib import Path

import pytest
from magicoder_evalplus import Mbpp, MbppPlus

from magicoder_core import MagicoderError, Submission, sandbox

FILE = Path(__file__).parent / "own-mbpp.jsonl"
boxed = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")
NODE = "class Node:\n    def __init__(self, value): self.value = value\n"

PROGRAMS = {
    "right": ("Mbpp/11", "def add(a, b): return a + b", "pass", ""),
    "right, as a script": ("Mbpp/11", "def add(a, b): return a + b\nif __name__ == '__main__': 1 / 0", "pass", ""),
    "equal but of another type": ("Mbpp/11", "def add(a, b): return a + b if a != 1 else 3.0", "pass", ""),
    "wrong": (
        "Mbpp/11",
        "def add(a, b): return a + b if a != 0.5 else 2",
        "fail",
        "assert add(0.5, 1) == 1.5: the left side is 2",
    ),
    "raises": ("Mbpp/11", "def add(a, b): return 1 / 0", "fail", "raised ZeroDivisionError: division by zero"),
    "nearly": ("Mbpp/11", "def add(a, b): return a + b if a != 0.5 else 1.5000001", "fail", "1.5000001"),
    "no Python": ("Mbpp/11", "def add(a, b:", "compile_error", "line 1 of the program"),
    "cut off at a decorator": ("Mbpp/11", "def add(a, b): return a + b\n@staticmethod", "compile_error", ""),
    "leaves": ("Mbpp/11", "raise SystemExit(0)", "fail", "SystemExit"),
    "leaves in a call": ("Mbpp/11", "import os\ndef add(a, b): os._exit(0)", "fail", "ended before"),
    "equal to everything": (
        "Mbpp/11",
        "class Yes(int):\n    __eq__ = lambda *_: True\ndef add(a, b): return Yes(8)",
        "fail",
        "the left side is 8",
    ),
    "large": ("Mbpp/11", "def add(a, b): return [0] * 100000", "fail", "far larger"),
    "set-up code uses the program's classes": ("Mbpp/12", f"{NODE}def value_of(n): return n.value", "pass", ""),
    "no class for the set-up code": ("Mbpp/12", "def value_of(n): return n.value", "fail", "NameError"),
    "wrong for an object": ("Mbpp/12", f"{NODE}def value_of(n): return 1", "fail", "assert value_of(two) != 1"),
}


def test_the_test_split_and_its_prompts():
    problems = list(Mbpp(data=FILE).problems())
    assert [(problem.id, problem.entry_point) for problem in problems] == [("Mbpp/11", "add"), ("Mbpp/12", "value_of")]
    assert problems[0].prompt == (
        '"""\nWrite a function that adds two numbers and gives the sum of both.\nassert add(1, 2) == 3\n"""\n'
    )
    assert problems[0].benchmark == "mbpp"


def test_needles_are_what_the_file_has_to_the_letter():
    """The published filter looks for its texts as they are, carriage returns and all."""
    needles = {(needle.problem_id, needle.kind): needle.text for needle in Mbpp(data=FILE).needles()}
    record = next(row for row in map(json.loads, FILE.read_text("utf-8").splitlines()) if row["task_id"] == 11)
    assert (needles["Mbpp/11", "words"], needles["Mbpp/11", "solution"]) == (record["text"], record["code"])
    assert needles["Mbpp/11", "program"] == record["code"].replace("\r\n", "\n")


@boxed
def test_programs_are_judged_by_the_assertions():
    benchmark = Mbpp(data=FILE)
    submissions = [Submission(problem_id=task, code=code) for task, code, *_ in PROGRAMS.values()]
    for verdict, (name, (_, _, status, detail)) in zip(benchmark.judge(submissions), PROGRAMS.items(), strict=True):
        assert verdict.status == status, (name, verdict)
        assert detail in verdict.detail, (name, verdict)
        assert verdict.extra["base_status"] == status
    references = list(benchmark.judge(benchmark.references()))
    assert [verdict.status for verdict in references] == ["pass", "pass"]
    with pytest.raises(MagicoderError, match="mbpp: no problem named 'Mbpp/3' in the data"):
        list(benchmark.judge([Submission(problem_id="Mbpp/3", code="")]))


@boxed
def test_all_reference_solutions_of_the_real_file_pass(real):
    benchmark = Mbpp(data=real("mbpp/mbpp.jsonl"))
    verdicts = list(benchmark.judge(benchmark.references()))
    assert [verdict for verdict in verdicts if verdict.status != "pass"] == []
    assert len(verdicts) == 500


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_list": ["assert f(1)"]}, "'assert ... == value' was expected, not 'assert f\\(1\\)'"),
        ({"test_list": ["assert f(1) == g(1)"]}, "cannot be judged"),
        ({"test_list": ["assert ("]}, "cannot be judged"),
        ({"test_list": ["x = 1"]}, "'assert ... == value' was expected"),
        ({"test_list": []}, "the field 'test_list'"),
        ({"code": None}, "the field 'code'"),
        ({"task_id": 3}, "no task of MBPP's test split"),
    ],
)
def test_broken_data_is_one_line_that_names_the_place(data_of, change, message):
    record = {**json.loads(FILE.read_text("utf-8").splitlines()[0]), **change}
    with pytest.raises(MagicoderError, match=message) as caught:
        Mbpp(data=data_of(record)).check()
    assert "\n" not in str(caught.value)


def test_evalplus_semantics_and_other_benchmarks_need_evalplus_data():
    with pytest.raises(MagicoderError, match="'evalplus-main' is about EvalPlus' data"):
        list(Mbpp(data=FILE, semantics="evalplus-main").problems())
    with pytest.raises(MagicoderError, match="holds Google's MBPP; the benchmark for it is 'mbpp'"):
        list(MbppPlus(data=FILE).problems())
