"""Programs that wait long, and answers that are long."""

import pytest
from magicoder_evalplus import HumanEvalPlus, rules

from magicoder_core import Submission, sandbox

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

RECORD = {
    "task_id": "Own/7",
    "prompt": "def colours(n):\n",
    "entry_point": "colours",
    "canonical_solution": "    return ['red', 'green'] * n\n",
    "base_input": [[1]],
    "plus_input": [[20_000], [2]],
    "atol": 0,
    "contract": "",
}


@pytest.fixture
def judged(data_of):
    """The only verdict on a program for the record."""

    def judged(code):
        [verdict] = HumanEvalPlus(data=data_of(RECORD)).judge([Submission(problem_id="Own/7", code=code)])
        return verdict

    return judged


def test_who_sleeps_is_not_waited_for_long(judged, monkeypatch):
    monkeypatch.setattr(rules, "STALL_SECONDS", 0.5)
    verdict = judged("import time\ndef colours(n): time.sleep(1000)")
    assert (verdict.status, verdict.extra["plus_status"]) == ("timeout", "timeout")
    assert "in which it did nothing" in verdict.detail
    assert verdict.cpu_seconds < 1


RIGHT = {
    "imports numpy": "import numpy\ndef colours(n): return ['red', 'green'] * n",
    "texts of a class of its own": "class Text(str): pass\ndef colours(n): return [Text('red'), 'green'] * n",
    "one by one": "def colours(n): return [c for _ in range(n) for c in (''.join('red'), 'gre' + 'en')]",
}


@pytest.mark.parametrize("name", RIGHT)
def test_long_lists_of_equal_texts_are_equal(judged, name):
    verdict = judged(RIGHT[name])
    assert (verdict.status, verdict.detail) == ("pass", "")


def test_a_long_list_with_one_other_text_is_wrong(judged):
    verdict = judged("def colours(n): return ['red', 'green'] * (n - 1) + ['red', 'blue' if n > 9 else 'green']")
    assert (verdict.status, verdict.extra["base_status"]) == ("fail", "pass")
    assert "plus test 1 of 2" in verdict.detail
