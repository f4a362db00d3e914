"""Examples: calls with what the reference gives, and the task's own rule where that is not all that is right."""

import pytest
from magicoder_evalplus import HumanEvalPlus, Mbpp, MbppPlus

from magicoder_core import sandbox

pytestmark = pytest.mark.skipif(sandbox.probe().level == "rlimits", reason=f"no sandbox: {sandbox.probe()}")


def test_of_base_inputs(own, records):
    for kind in (HumanEvalPlus, MbppPlus, Mbpp):
        examples = list(kind(data=own).examples())
        assert {one.problem_id for one in examples} <= set(records)
        first = [one for one in examples if one.problem_id == "Own/0"]
        assert [list(one.arguments) for one in first] == records["Own/0"]["base_input"][: len(first)]
        assert [one.expected for one in first] == [sum(*one.arguments) for one in first]


def test_a_limit_limits_them(own, records):
    names = {one.problem_id for one in MbppPlus(data=own, limit=1).examples()}
    assert names == {next(iter(records))}


def test_a_task_with_a_rule_of_its_own_brings_it(real):
    examples = {
        one.problem_id: one for one in MbppPlus(data=real("evalplus/MbppPlus-v0.2.0.jsonl.gz"), limit=2).examples()
    }
    any_order = examples["Mbpp/2"]
    assert any_order.accepts(any_order.expected[::-1])
    assert not any_order.accepts(any_order.expected[1:])
    assert examples["Mbpp/3"].accepts is None


def test_of_assertions(real):
    benchmark = Mbpp(data=real("mbpp/mbpp.jsonl"))
    found = {}
    for one in benchmark.examples():
        found.setdefault(one.problem_id, []).append(one)
    assert [(one.arguments, one.expected) for one in found["Mbpp/11"]] == [
        (("hello", "l"), "heo"),
        (("abcda", "a"), "bcd"),
        (("PHP", "P"), "H"),
    ]
    # 486 has 1.0/3 in it; 367 asks about objects of a class of its own.
    assert found["Mbpp/486"][0].arguments == (10, 5, 1.0 / 3)
    assert {one.id for one in benchmark.problems()} - set(found) == {"Mbpp/367"}
