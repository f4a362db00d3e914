"""The packaged data, judged: right programs pass, wrong ones never."""

import itertools
import os
import tracemalloc

import pytest
from magicoder_humaneval import HumanEval

from magicoder_core import MagicoderError, Reply, Submission

TASKS = HumanEval()._tasks


def submission(number: int, body: str | None = None, code: str | None = None) -> Submission:
    task = TASKS[f"HumanEval/{number}"]
    return Submission(
        problem_id=task.id, code=code or task.prompt + (body if body is not None else task.solution), sample=number % 3
    )


def judge(*submissions: Submission, **options) -> list:
    return list(HumanEval(**options).judge(submissions))


def test_all_reference_solutions_pass_in_order(boxed):
    submissions = [submission(number) for number in range(164)]
    verdicts = judge(*submissions)
    assert [(v.problem_id, v.sample) for v in verdicts] == [(s.problem_id, s.sample) for s in submissions]
    assert [v for v in verdicts if v.status != "pass"] == []
    assert {v.isolation for v in verdicts} == {"bubblewrap"}


def test_references_pass_and_mistakes_fail(boxed):
    benchmark = HumanEval()
    references, mistakes = list(benchmark.references()), list(benchmark.mistakes())
    assert [one.problem_id for one in references] == list(TASKS)
    assert [one.problem_id for one in mistakes] == ["HumanEval/0", "HumanEval/1", "HumanEval/2"]
    assert [v.status for v in benchmark.judge([references[0], *mistakes])] == ["pass", *["fail"] * 3]


def test_an_answer_is_judged_from_end_to_end(boxed):
    benchmark = HumanEval()
    problem = next(benchmark.problems())
    answer = f"Here:\n```python\n{TASKS[problem.id].prompt}{TASKS[problem.id].solution}```"
    code = benchmark.extract(problem, Reply(text=answer))
    assert judge(Submission(problem_id=problem.id, code=code))[0].status == "pass"


def test_wrong_programs_fail_with_the_test_that_they_fail(boxed):
    [verdict] = judge(submission(53, "    return x - y\n"))
    assert verdict.status == "fail"
    assert "line 9 of the tests: assert candidate(0, 1) == 1; the last call gave -1" in verdict.detail


def test_an_assertions_message_may_call_the_program(boxed):
    # HumanEval/148 does; those calls are not in the recording.
    [verdict] = judge(submission(148, "    return [planet1, planet2]\n"))
    assert verdict.status == "fail"
    assert 'assert candidate("Jupiter", "Neptune") == ("Saturn", "Uranus")' in verdict.detail


def test_values_that_are_close_or_of_another_kind_pass_where_the_tests_let_them(boxed):
    close = submission(
        4, "    return sum(abs(n - sum(numbers) / len(numbers)) for n in numbers) / len(numbers) + 1e-9\n"
    )
    tuples = submission(
        33, code="def sort_third(l):\n    l = list(l)\n    l[::3] = sorted(l[::3])\n    return tuple(l)\n"
    )
    far = submission(4, "    return 1.0\n")
    assert [v.status for v in judge(close, tuples, far)] == ["pass", "pass", "fail"]


def test_details_are_the_same_in_each_run(boxed):
    # These tests draw random numbers; the errors of these programs show them.
    wrong = [
        submission(38, "    raise ValueError(s)\n"),
        submission(50, "    raise KeyError(s)\n"),
        submission(53, "    1 / 0\n"),
    ]
    first, second = judge(*wrong), judge(*wrong)
    assert [v.detail for v in first] == [v.detail for v in second]
    assert {v.status for v in first} == {"fail"}


CHEATS = {
    "exit": "import sys; sys.exit(0)",
    "hard exit": "import os; os._exit(0)",
    "looks for the tests": (
        "import gc, sys\n"
        "def add(x, y):\n"
        "    found = [o for o in gc.get_objects() if callable(o) and getattr(o, '__name__', '') == 'check']\n"
        "    assert found\n    return x + y\n"
    ),
    "looks through the frames": (
        "import sys\n"
        "def add(x, y):\n"
        "    frame, seen = sys._getframe(), []\n"
        "    while frame: seen += [repr(frame.f_locals), repr(frame.f_globals)]; frame = frame.f_back\n"
        "    assert any('assert candid' + chr(97) in text or '== ' + str(12) in text for text in seen)\n    return x + y\n"
    ),
    "reads the answers": (
        "import gzip, json, os, sys\n"
        "for root, _, files in os.walk('/'):\n"
        "    for name in files:\n"
        "        if 'HumanEval' in name: exec(json.loads(gzip.open(root + '/' + name).readline())['prompt'])\n"
    ),
    "asserts nothing": "import builtins\nbuiltins.AssertionError = None\ndef add(x, y): return None",
    "patches the comparison": "import builtins\nbuiltins.int = type('int', (int,), {'__eq__': lambda *_: True})\ndef add(x, y): return 3",
    "replaces check": "def check(candidate): pass\ndef add(x, y): return None",
    "always equal": "class Yes(int):\n    def __eq__(self, other): return True\ndef add(x, y): return Yes()",
    "never different": "class Yes:\n    __eq__ = lambda *_: True\n    __ne__ = lambda *_: False\ndef add(x, y): return Yes()",
    "ends their loops": "def add(x, y): raise StopIteration",
    "claims": "print('passed')\nimport os; os.write(1, b'pass'); os._exit(0)",
    "claims after the first": "import os\ndef add(x, y): return 1 if x < 2 else os._exit(0)",
    "knows the examples only": "def add(x, y): return {(2, 3): 5, (5, 7): 12, (0, 1): 1, (1, 0): 1, (7, 5): 12}[x, y]",
}


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_passes(boxed, name):
    cheat, right = judge(submission(53, code=CHEATS[name]), submission(53))
    assert cheat.status == "fail", cheat
    assert right.status == "pass"


def test_helpers_of_the_prompt_cannot_be_replaced(boxed):
    body = "    return 0.0\n\ndef poly(xs, x):\n    return 0.0\n"
    assert judge(submission(32, body))[0].status == "fail"


def test_submissions_are_taken_lazily(boxed):
    endless = (submission(53) for _ in itertools.count())
    verdicts = HumanEval().judge(endless)
    assert [v.status for v in itertools.islice(verdicts, 3)] == ["pass"] * 3
    verdicts.close()
    # Nothing works on for nobody.
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_memory_does_not_grow_with_the_number_of_programs(boxed):
    def programs():
        for number in itertools.count():
            # Each right in a way of its own, or wrong in one of its own.
            yield submission(53, f"    return x + y + {number % 2} * {number}\n")

    verdicts = HumanEval().judge(programs())
    held = []
    tracemalloc.start()
    try:
        for _ in range(3):
            assert {v.status for v in itertools.islice(verdicts, 120)} == {"pass", "fail"}
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        verdicts.close()
    assert held[2] - held[1] < 200_000, held


def test_a_submission_for_another_benchmark_is_refused():
    with pytest.raises(MagicoderError, match="no problem named 'Other/1'"):
        judge(Submission(problem_id="Other/1", code=""))


def test_nothing_to_judge_needs_no_sandbox():
    assert judge() == []
