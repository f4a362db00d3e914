"""Data of one's own: tests of any kind, which never meet the programs that they judge."""

import gzip
import json
import pickle

import pytest
from magicoder_humaneval import HumanEval

from magicoder_core import Submission

OWN_PROGRAMS = {
    "right": ("def one(): return 1", "pass", ""),
    "right, with names of builtins": ("dict = compile = exec = globals = None\ndef one(): return 1", "pass", ""),
    "right, as a script has it": ("def one(): return 1\nif __name__ == '__main__': 1 / 0", "pass", ""),
    "right, from the future": ("from __future__ import annotations\ndef one() -> x: return 1", "pass", ""),
    "right, of another type": ("class Int(int): pass\ndef one(): return Int(1)", "pass", ""),
    "wrong": ("def one(): return 2", "fail", "AssertionError: line 2 of the tests: assert candidate() == 1; the last"),
    "raises": ("def one():\n    return 1 / 0", "fail", "ZeroDivisionError: division by zero (line 2 of the program)"),
    "missing": ("x = 1", "fail", "'one'"),
    "no Python": ("def (:", "compile_error", "(line 1 of the program)"),
    "cut off": ('def one():\n    """ The number', "compile_error", ""),
    "leaves": ("raise SystemExit(0)", "fail", "SystemExit"),
    "leaves late": ("import os\ndef one(): os._exit(0)", "fail", "ended before it had answered"),
    "leaves quietly": ("def one(): raise SystemExit(0)", "fail", "SystemExit"),
    "replaces check": ("def check(candidate): pass\ndef one(): return 2", "fail", "line 2 of the tests"),
    "spoils builtins": ("import builtins\nbuiltins.compile = builtins.exec = None\ndef one(): return 2", "fail", ""),
    "always equal": (
        "class Yes(int):\n def __eq__(self, other): return True\ndef one(): return Yes(2)",
        "fail",
        "gave 2",
    ),
    "an object": ("class Yes:\n def __eq__(self, other): return True\ndef one(): return Yes()", "fail", "gave <Yes>"),
    "an object within": ("def one(): return [{1: (object(), 1)}]", "fail", "gave [{1: (<object>, 1)}]"),
    "huge keys": ("def one(): return {10 ** 5000: 1}.keys()", "fail", "a huge number"),
    "huge fraction": ("import fractions\ndef one(): return [fractions.Fraction(10 ** 5000)]", "fail", "a huge number"),
    "huge range": ("def one(): return [range(10 ** 5000)]", "fail", "a huge number"),
    "many decimals": ("import decimal\ndef one(): return {decimal.Decimal(1)}", "fail", "gave {Decimal('1')}"),
    "deep": ("def one():\n v = 1.5\n for _ in range(90): v = [v, {2, v}] if _ < 1 else [v]\n return v", "fail", ""),
    "too deep": ("def one():\n v = []\n for _ in range(3000): v = [v]\n return v", "fail", ""),
    "in itself": ("def one():\n v = []\n v.append(v)\n return v", "fail", ""),
    "a hidden text": ("def one(): return '\\ud800'", "fail", "gave '\\ud800'"),
}


def test_programs_are_judged_by_own_data(own, judged):
    verdicts = judged(own(), *(code for code, _, _ in OWN_PROGRAMS.values()))
    for verdict, (name, (_, status, detail)) in zip(verdicts, OWN_PROGRAMS.items(), strict=True):
        assert verdict.status == status, (name, verdict)
        assert detail in verdict.detail, (name, verdict)
        assert "\n" not in verdict.detail
    assert {verdict.isolation for verdict in verdicts} == {"bubblewrap"}


@pytest.mark.parametrize("name", ["own.jsonl", "own.jsonl.gz"])
def test_local_data(tmp_path, name, boxed, record, judged):
    path = tmp_path / name
    raw = (json.dumps(record) + "\n\n").encode()
    path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    benchmark = HumanEval(data=path)
    assert [p.id for p in benchmark.problems()] == ["Own/0"]
    assert benchmark.provenance()["data"] == name
    assert [v.status for v in judged(benchmark, "def one(): return 1")] == ["pass"]


BROKEN = {
    "no check": ({"test": "x = 1"}, "reference does not pass: NameError: no 'check' is defined"),
    "no Python": ({"test": "def check("}, "reference does not pass: SyntaxError"),
    "a broken prompt": ({"prompt": "1 / 0\n", "canonical_solution": ""}, "does not pass: ZeroDivisionError"),
    "wrong": ({"canonical_solution": "    return 2\n"}, "AssertionError: line 2 of the tests: assert candidate() == 1"),
    "kills": ({"canonical_solution": "    import os\n    os.abort()\n"}, "crash: killed by SIGABRT"),
    "never ends": ({"canonical_solution": "    while True: pass\n"}, "timeout: used up"),
    "an object for an argument": ({"test": "def check(candidate): candidate(object())"}, "'object' is no plain data"),
    "an object for a value": (
        {"canonical_solution": "    return lambda: 1\n", "test": "def check(candidate): assert candidate()() == 1"},
        "'function' is no plain data",
    ),
    "other arguments each time": (
        {"prompt": "def one(x):\n", "test": "import time\ndef check(candidate): assert candidate(time.time_ns())"},
        "they do not ask the same each time",
    ),
    "the very object": (
        {
            "prompt": "def one(x):\n",
            "canonical_solution": "    return x\n",
            "test": "def check(f): assert f(x := []) is x",
        },
        "which object it is",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_task_that_cannot_be_judged_is_no_failure_of_the_model(own, judged, name):
    changes, detail = BROKEN[name]
    right, wrong = judged(own(**changes), "def one(*_): return 1", "def one(*_): return 2")
    assert (right.status, wrong.status) == ("harness_error", "harness_error")
    assert "Own/0: its " in right.detail
    assert detail in right.detail
    assert "\n" not in right.detail


def test_a_broken_task_takes_no_other_with_it(tmp_path, boxed, record):
    records = [{**record, "task_id": f"Own/{number}"} for number in range(5)]
    records[2]["canonical_solution"] = "    import os\n    os._exit(0)\n"
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    submissions = [Submission(problem_id=f"Own/{number}", code="def one(): return 1") for number in range(5)]
    verdicts = list(HumanEval(data=path).judge(submissions))
    assert [verdict.status for verdict in verdicts] == ["pass", "pass", "harness_error", "pass", "pass"]


ATTRIBUTES = {"prompt": "prompt", "canonical_solution": "solution", "test": "test"}


@pytest.mark.parametrize("field", ATTRIBUTES)
def test_the_code_of_own_data_touches_nothing_here(tmp_path, monkeypatch, own, judged, field):
    record = {name: getattr(own()._tasks["Own/0"], attribute) for name, attribute in ATTRIBUTES.items()}
    mark = tmp_path / "mark"
    monkeypatch.setenv("MAGICODER_TEST_MARK", "here")
    code = (
        "import os, sys\n"
        f"os.makedirs({str(tmp_path)!r}, exist_ok=True)\n"
        f"open({str(mark)!r}, 'w').write('x')\n"
        "assert 'MAGICODER_TEST_MARK' not in os.environ and 'pytest' not in sys.modules\n"
    )
    whole = record[field] + code if field == "canonical_solution" else code + record[field]
    benchmark = own(**{field: whole})
    # That it passes shows that the code ran to its end, and where.
    right, wrong = judged(benchmark, "def one(): return 1", "def one(): return 2")
    assert (right.status, wrong.status) == ("pass", "fail")
    list(benchmark.needles())
    assert not mark.exists()


def test_tests_use_what_their_prompt_defines(own, record, judged):
    helper = "def helper():\n    return 1\n\n\n" + record["prompt"]
    benchmark = own(prompt=helper, test="def check(candidate):\n    assert one() == helper() == candidate()\n")
    right, wrong = judged(benchmark, "def one(): return 1", "def helper(): return 5\ndef one(): return helper()")
    assert (right.status, wrong.status) == ("pass", "fail")


def test_a_prompt_may_end_before_its_function_does(own, judged):
    benchmark = own(prompt="def one():\n")
    assert [v.status for v in judged(benchmark, "def one(): return 1", "def one(): return 2")] == ["pass", "fail"]


SORTS = "for x in ([3, 1, 2], [2, 1], [5]):\n    assert candidate(candidate(x)) == candidate(x)\n    assert candidate(x) == sorted(x)"


def test_tests_may_ask_for_what_they_were_told(function, judged):
    programs = {
        "def f(x): return sorted(x)": "pass",
        "def f(x): return sorted(x) + [1]": "fail",
        "def f(x): return x": "fail",
        "def f(x): return tuple(sorted(x))": "fail",
        "def f(x): return object()": "fail",
    }
    verdicts = judged(function("return sorted(x)", SORTS), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())
    assert "line 3 of the tests" in verdicts[1].detail
    assert "line 4 of the tests" in verdicts[2].detail
    assert "no plain data" in verdicts[4].detail


def test_what_the_tests_ask_may_depend_on_each_answer(function, judged):
    test = "y = 0\nfor i in range(10):\n    z = candidate(y + i)\n    assert z >= y\n    y = z"
    programs = {
        "def f(x): return 5 * x": "pass",
        "def f(x): return x + 1": "pass",
        "def f(x): return x - 1": "fail",
        "def f(x):\n    if x > 30: 1 / 0\n    return x + 1": "fail",
        "def f(x):\n    while x == 14: pass\n    return x + 1": "timeout",
        "import time\ndef f(x): return time.time_ns()": "fail",
    }
    verdicts = judged(function("return 5 * x", test), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())
    assert verdicts[3].detail == "ZeroDivisionError: division by zero (line 2 of the program)"
    assert "differently each time" in verdicts[5].detail


def test_tests_that_ask_without_end_are_no_failure(function, judged):
    test = "y = candidate(0)\nwhile y < 10 ** 9:\n    y = candidate(y)\n"
    verdicts = judged(function("return 10 ** 9", test), "def f(x): return x + 1")
    assert (verdicts[0].status, verdicts[0].detail) == ("harness_error", "the tests asked for more 100 times")


def test_tests_may_expect_exceptions(function, judged):
    solution = "if x < 0:\n    raise ValueError('negative')\nreturn x"
    test = (
        "try:\n    candidate(-1)\nexcept ValueError as error:\n    assert 'neg' in str(error)\n"
        "else:\n    assert False\nassert candidate(2) == 2"
    )
    programs = {
        "def f(x):\n    if x < 0: raise ValueError('is neg')\n    return x": "pass",
        "def f(x): return x": "fail",
        "def f(x): raise ValueError('x')": "fail",
        "def f(x): raise ValueError('neg')": "fail",
        "def f(x):\n    assert x >= 0\n    return x": "fail",
        "def f(x): raise ExceptionGroup('neg', [ValueError('neg')])": "fail",
    }
    verdicts = judged(function(solution, test), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())
    assert verdicts[4].detail == "AssertionError (line 2 of the program)"


def test_an_exception_of_the_prompts_own_is_known_to_the_tests(function, judged):
    head = "class Odd(Exception): pass\n\ndef f(x):"
    test = "try:\n    candidate(1)\nexcept Odd:\n    return\nassert False"
    right, wrong = judged(
        function("raise Odd()", test, head),
        "class Odd(Exception): pass\ndef f(x): raise Odd",
        "def f(x): raise KeyError",
    )
    assert (right.status, wrong.status) == ("pass", "fail")


def test_no_exception_ends_a_loop_of_the_tests(function, judged):
    test = "assert all(map(lambda x: candidate(x) == x, range(5)))"
    right, wrong = judged(function("return x", test), "def f(x): return x", "def f(x): raise StopIteration")
    assert (right.status, wrong.status) == ("pass", "fail")


def test_tests_may_look_at_what_became_of_their_arguments(function, judged):
    test = "numbers = [3, 1, [2]]\nassert candidate(numbers) is None\nassert numbers == [[2], 3, 1]"
    programs = {
        "def f(x): x.insert(0, x.pop())": "pass",
        "def f(x): x[:] = [x[2], x[0], x[1]]": "pass",
        "def f(x): return None": "fail",
        "def f(x): return x.insert(0, x.pop()) or x": "fail",
        "def f(x):\n    x.insert(0, x.pop())\n    x.append(object())": "fail",
        # What stands behind a program is its own, too: it may be wrong in any way.
        "def f(x): pass\nimport sys\nclass M(type(sys)):\n  magicoder_call = property(lambda m: lambda a, k: 5)\n"
        "sys.modules['solution'].__class__ = M": "fail",
    }
    verdicts = judged(function("x.insert(0, x.pop())", test), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())


def test_tests_may_name_arguments(function, judged):
    test = "assert candidate(1, y=2) == 3\nassert candidate(x=1) == 2"
    programs = {
        "def f(x, y=1): return x + y": "pass",
        "def f(x, y=1): return x": "fail",
        "def f(a, b=1): return a + b": "fail",
        "def f(x, y=1): return x + y\n@staticmethod": "compile_error",
    }
    verdicts = judged(function("return x + y", test, "def f(x, y=1):"), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())
    # No line of what was put behind the program.
    assert verdicts[2].detail == "TypeError: f() got an unexpected keyword argument 'y'"


def test_arguments_and_values_may_be_used_up(function, judged):
    test = "assert list(candidate(iter([1, 2]))) == [2, 3]\nassert sum(candidate(range(3))) == 6"
    programs = {
        "def f(x): yield from (n + 1 for n in x)": "pass",
        "def f(x): return [n + 1 for n in x]": "pass",
        "def f(x): return (n for n in x)": "fail",
    }
    verdicts = judged(function("return (n + 1 for n in x)", test), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())
    assert "gave an iterator" in verdicts[2].detail


def test_large_values_are_judged_by_what_they_are(function, judged):
    test = "assert candidate(30000) == list(range(30000))\nassert candidate(3) == [0, 1, 2]"
    programs = {
        "def f(x): return list(range(x))": "pass",
        "def f(x): return [float(n) for n in range(x)]": "pass",
        "def f(x): return [0] * x": "fail",
        "def f(x): return list(range(x)) if x > 3 else 5": "fail",
        "def f(x): return [0] * 10 ** 6": "fail",
    }
    verdicts = judged(function("return list(range(x))", test), *programs)
    assert [verdict.status for verdict in verdicts] == list(programs.values())
    assert "take 10000" in verdicts[4].detail


EARLY = {
    "import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return x": ("fail", "ended before it had answered"),
    "import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return 7": ("fail", "line 2 of the tests"),
    "def f(x):\n    while x == 2: pass\n    return x": ("timeout", "CPU time"),
    "def f(x):\n    while x == 3: pass\n    return 5": ("fail", "line 2 of the tests"),
    "import os\ndef f(x):\n    if x == 2: os.abort()\n    return x": ("crash", "SIGABRT"),
    "def f(x): return [0] * 10 ** 10 if x == 2 else x": ("out_of_memory", "MemoryError"),
}


def test_the_first_that_goes_wrong_counts(function, judged):
    test = "assert candidate(1) == 1\nassert candidate(2) == 2\nassert candidate(3) == 3"
    verdicts = judged(function("return x", test), *EARLY)
    for verdict, (status, detail) in zip(verdicts, EARLY.values(), strict=True):
        assert verdict.status == status, verdict
        assert detail in verdict.detail, verdict


def test_a_call_that_the_tests_do_not_make_for_this_program_does_not_count(function, judged):
    # The reference is asked about 0 to 9, the program only about 0 to 2.
    test = "for x in range(10):\n    if candidate(x) > 10: break"
    [verdict] = judged(
        function("return x", test), "import os\ndef f(x): return 11 if x == 2 else os._exit(0) if x > 2 else x"
    )
    assert verdict.status == "pass"


def test_what_was_learnt_lives_as_long_as_the_benchmark(own, judged, monkeypatch):
    benchmark = own()
    assert judged(benchmark, "def one(): return 1")[0].status == "pass"
    [recording] = benchmark._recordings.values()
    assert [v.status for v in judged(benchmark, "def one(): return 1", "def one(): return 2")] == ["pass", "fail"]
    assert benchmark._recordings["Own/0"] is recording
    again = pickle.loads(pickle.dumps(benchmark))
    assert [v.status for v in judged(again, "def one(): return 1", "def one(): return 2")] == ["pass", "fail"]


def test_a_mistake_is_known_without_knowing_the_tests(own):
    benchmark = own()
    assert [v.status for v in benchmark.judge(benchmark.references())] == ["pass"]
    assert {v.status for v in benchmark.judge(benchmark.mistakes())} == {"fail"}
