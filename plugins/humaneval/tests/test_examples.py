"""Examples: calls with what the reference gives, read off the tests where they spell it out."""

import json
import math

import pytest
from magicoder_humaneval import HumanEval

from magicoder_core import sandbox

pytestmark = pytest.mark.skipif(sandbox.probe().level == "rlimits", reason=f"no sandbox: {sandbox.probe()}")

BENCHMARK = HumanEval()


def same(one, other):
    return one == other or (isinstance(one, float) and math.isclose(one, other, rel_tol=1e-6))


def test_each_problem_has_examples_that_its_reference_agrees_with():
    programs = {one.problem_id: one.code for one in BENCHMARK.references()}
    points = {one.id: one.entry_point for one in BENCHMARK.problems()}
    examples = list(BENCHMARK.examples())
    assert list(dict.fromkeys(one.problem_id for one in examples)) == list(programs)
    grouped = {name: [one for one in examples if one.problem_id == name] for name in programs}
    calls = (
        sandbox.Calls.of(programs[name], sandbox.Inputs.of(points[name], [one.arguments for one in own]))
        for name, own in grouped.items()
    )
    for (name, own), answers in zip(grouped.items(), sandbox.call(calls), strict=True):
        given = [sandbox.answer(record).value for record in answers.records]
        assert len(given) == len(own)
        assert all(map(same, given, [one.expected for one in own])), name


@pytest.mark.parametrize("name", ["HumanEval/4", "HumanEval/32", "HumanEval/33", "HumanEval/38", "HumanEval/50"])
def test_tests_that_draw_or_compare_are_run_for_them(name):
    own = [one for one in BENCHMARK.examples() if one.problem_id == name]
    assert len(own) >= 3
    assert own == [one for one in BENCHMARK.examples() if one.problem_id == name]


def test_own_data(tmp_path):
    record = {
        "task_id": "Own/0",
        "prompt": "def double(x):\n",
        "entry_point": "double",
        "canonical_solution": "    return 2 * x\n",
        "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert not candidate(0)\n"
        "    assert candidate(x=3) == 6\n    assert candidate(len('ab')) == 4\n    assert candidate(1) < 3\n",
    }
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(record) + "\n")
    assert [(one.arguments, one.expected) for one in HumanEval(data=path).examples()] == [((2,), 4), ((0,), False)]
    assert list(HumanEval(limit=2).examples())[-1].problem_id == "HumanEval/1"
