from dataclasses import replace

import pytest
from magicoder_quality import Execution
from magicoder_quality.splitting import split
from magicoder_quality.testforms import candidate

from magicoder_core.testing import instruction

pytestmark = pytest.mark.usefixtures("boxed")

ADD = "def add(a, b):\n    return a + b"
QUICK = Execution(cpu_seconds=1.5, stall_seconds=2)
UNITTEST = """\
import unittest

class TestAdd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.three = 3

    def test_small(self):
        self.assertEqual(add(1, 2), self.three)

    def test_large(self):
        self.assertEqual(add(10**9, 1), 10**9 + 1)

if __name__ == "__main__":
    unittest.main()
"""


@pytest.mark.parametrize(
    ("tests", "rate", "count"),
    [
        ("assert add(1, 2) == 3\nassert add(2, 2) == 5\nassert add(0, 0) == 0\n", 2 / 3, 3),
        ("for a in range(3):\n    assert add(a, a) == 2 * a\n", 1, 1),
        ("x = add(1, 1)\nassert x == 2\nx = add(x, 1)\nassert x == 3\n", 1, 2),
        ("x = add()\nassert x == 2\nassert add(1, 1) == 2\n", 1 / 2, 2),
        ("try:\n    add(1)\n    assert False\nexcept TypeError:\n    pass\n", 1, 1),
        (
            "def test_one():\n    assert add(1, 2) == 3\n\ndef test_two():\n    assert add(1, 2) == 4\n\ntest_one()\ntest_two()\n",
            1 / 2,
            2,
        ),
        ("async def test_later():\n    assert add(1, 2) == 3\n", 1, 1),
        (
            "class TestAdd:\n    def setup_method(self):\n        self.x = 1\n\n    def test_it(self):\n        assert add(self.x, 2) == 3\n",
            1,
            1,
        ),
        (UNITTEST, 1, 2),
        (UNITTEST.replace("self.three)", "4)"), 1 / 2, 2),
        ("def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)\n", 1, 1),
        ("def check(candidate):\n    assert candidate(1, 2) == 4\n\ncheck(add)\n", 0, 1),
        ("assert add(1, 2) == 3\nprint('done')\n", 1, 1),
        ("assert add(1, 2) == 3\nadd()\n", 1 / 2, 2),
        ("from solution import add as plus\nassert plus(1, 2) == 3\n", 1, 1),
        ("Run these:\n```python\nassert add(1, 2) == 3\n```\n", 1, 1),
        ("import numpy as np\nassert np.array_equal(add(np.ones(2), 1), np.full(2, 2.0))\n", 1, 1),
    ],
)
def test_each_test_is_counted(row, judged, tests, rate, count):
    judgement = judged(QUICK, row(ADD, tests))
    assert judgement.keep
    assert judgement.scores == {
        "execution.ran": 1,
        "execution.pass_rate": pytest.approx(rate),
        "execution.tests": count,
        "execution.not_run": 0,
        "execution.status": 0 if rate == 1 else 1,
    }
    assert (judgement.reason is None) == (rate == 1), "a row with a failed test is flagged"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import os\nos._exit(0)\n" + ADD, "fail"),
        ("import os\ndef add(a, b):\n    os._exit(0)", "fail"),
        ("import sys\ndef add(a, b):\n    sys.exit(0)", "fail"),
        ("def add(a, b):\n    raise SystemExit", "fail"),
        ("def add(a, b):\n    raise __import__('unittest').SkipTest", "fail"),
        (
            "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\nunittest.TestCase.run = lambda *a: None\ndef add(a, b):\n    return 0",
            "fail",
        ),
        (
            "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {})\ndef add(a, b):\n    return 0",
            "fail",
        ),
        ("import os\ndef add(a, b):\n    return 0 if os.fork() else os.getpid()", "fail"),
        ("def add(a, b):\n    while True:\n        pass", "timeout"),
        ("import time\ndef add(a, b):\n    time.sleep(60)", "timeout"),
        ("import os\ndef add(a, b):\n    while True:\n        os.fork()", "fail"),
        ("def add(a, b):\n    return open('/etc/passwd').read()", "fail"),
        ("def add(a, b):\n    return __import__('socket').create_connection(('127.0.0.1', 80))", "fail"),
        ("def add(a, b):\n    return len(bytearray(1 << 40))", "fail"),
        ("def add(a, b):\n    return add(a, b)", "fail"),
        ("def add(a, b:\n    return a + b", "compile_error"),
    ],
)
def test_nothing_is_passed_by_what_is_no_solution(row, judged, code, status):
    judgement = judged(QUICK, row(code, UNITTEST))
    assert judgement.scores["execution.pass_rate"] == 0
    assert judgement.evidence["status"] == status
    assert judgement.evidence["passed"] == 0


def test_a_patched_len_judges_nothing(row, judged):
    code = "import builtins\nbuiltins.len = lambda x: 3\nbuiltins.all = lambda x: True\ndef f():\n    return []"
    assert judged(QUICK, row(code, "assert len(f()) == 3")).scores["execution.pass_rate"] == 0
    assert judged(QUICK, row(code, "assert all([f()])")).scores["execution.pass_rate"] == 0


def test_the_evidence_says_which_test_failed_where_and_why(row, judged):
    judgement = judged(QUICK, row(ADD, "assert add(1, 2) == 3\n\nassert add('a', 1)\n"))
    assert judgement.reason == "tests failed"
    (failure,) = judgement.evidence["failures"]
    assert failure["test"] == "assert add('a', 1)"
    assert failure["line"] == 3
    assert failure["detail"].startswith("TypeError: can only concatenate str")


def test_an_endless_test_takes_those_behind_it_along(row, judged):
    code = "def f(x):\n    while x > 1:\n        pass\n    return x"
    judgement = judged(QUICK, row(code, "assert f(1) == 1\nassert f(2) == 2\nassert f(0) == 0\n"))
    assert judgement.scores["execution.pass_rate"] == pytest.approx(1 / 3)
    assert [one["detail"] for one in judgement.evidence["failures"]] == ["not reached", "not reached"]


@pytest.mark.parametrize(("least", "keep"), [(None, True), (0.5, True), (0.6, False), (1.0, False)])
def test_dropping_is_the_recipes_choice(row, judged, least, keep):
    judgement = judged(replace(QUICK, min_pass_rate=least), row(ADD, "assert add(1, 1) == 2\nassert add(1, 1) == 3"))
    assert judgement.keep == keep
    assert judgement.reason == "tests failed"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (("fn f() {}", "assert!(true);", "rust"), ("no way to run", "rust")),
        (("import pandas\ndef f():\n    return 1", "import pandas\nassert f()"), ("a module is missing", "pandas")),
        (("import pandas\ndef f():\n    return 1", "assert f()"), ("a module is missing", "pandas")),
        ((ADD, "import pytest\ndef test_add():\n    assert add(1, 2) == 3"), ("a module is missing", "pytest")),
        ((ADD, "assert add( =="), ("the tests do not compile", "SyntaxError: invalid syntax (<unknown>, line 1)")),
    ],
)
def test_what_cannot_be_run_says_so(row, judged, subject, said):
    judgement = judged(QUICK, row(*subject))
    assert judgement.keep
    assert judgement.scores == {"execution.ran": 0}
    assert (judgement.reason, judgement.evidence) == (f"not run: {said[0]}", {"detail": said[1]})
    assert not judged(replace(QUICK, require_tests=True), row(*subject)).keep


def test_tests_in_the_solution_count(row, judged):
    found = row(f"{ADD}\n\nassert add(1, 2) == 3\nassert add(1, 2) == 4\n")
    assert judged(QUICK, found).scores["execution.pass_rate"] == 1 / 2
    assert judged(replace(QUICK, found_tests=False), found).scores == {"execution.ran": 0}


def test_tests_in_a_block_of_their_own_count(judged):
    text = (
        f"The function:\n```python\n{ADD}\n```\nIts output is\n```\n3\n```\nand its tests:\n```python\n{UNITTEST}```\n"
    )
    assert judged(QUICK, instruction(solution=text)).scores == {
        "execution.ran": 1,
        "execution.pass_rate": 1,
        "execution.tests": 2,
        "execution.not_run": 0,
        "execution.status": 0,
    }


@pytest.mark.parametrize(
    "code",
    [
        "n = int(input())\nif n < 0:\n    raise ValueError",
        "def root(x):\n    assert x >= 0\n    return x ** 0.5\n\nprint(root(4))",
        "import sys\ndef main():\n    if not sys.argv[1:]:\n        raise SystemExit(2)\n\nif __name__ == '__main__':\n    main()",
        "def read(path):\n    raise OSError(path)\n\ntry:\n    read('x')\nexcept OSError:\n    sys.exit(1)",
        "def check(candidate):\n    assert candidate(1) == 1",
        "def test_model(model, data):\n    assert model(data)",
    ],
)
def test_what_a_solution_makes_sure_of_is_no_test(row, judged, code):
    judgement = judged(QUICK, row(code))
    assert (judgement.reason, judgement.scores) == (None, {"execution.ran": 0})


@pytest.mark.parametrize(
    "solution", [f"```python\n{ADD}\nprint(add(1, 2))\n```", "It is 3, for one and two are three.", ""]
)
def test_a_row_without_tests_is_kept_and_not_flagged(judged, solution):
    subject = instruction(solution=solution)
    judgement = judged(QUICK, subject)
    assert (judgement.keep, judgement.reason, judgement.scores) == (True, None, {"execution.ran": 0})
    dropped = judged(replace(QUICK, require_tests=True), subject)
    assert not dropped.keep
    assert (dropped.reason or "").startswith("not run: no ")


def test_an_example_that_breaks_off_spoils_no_function(judged):
    text = f"```python\n{ADD}\n```\nUse it so:\n```python\nprint(add(int(input()), 2))\n```"
    subject = replace(instruction(solution=text), tests="assert add(1, 2) == 3")
    assert judged(QUICK, subject).scores["execution.pass_rate"] == 1


def test_bare_code_is_a_solution(judged):
    subject = replace(instruction(solution=ADD), tests="assert add(1, 2) == 3")
    assert judged(QUICK, subject).scores["execution.pass_rate"] == 1


def test_data_classes_and_pickles_find_their_module(row, judged):
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int"
    tests = "import pickle\nassert pickle.loads(pickle.dumps(P(1))) == P(1)"
    assert judged(QUICK, row(code, tests)).scores["execution.pass_rate"] == 1


def test_a_warning_of_the_compiler_is_none_of_ours(row, judged):
    assert (
        judged(
            QUICK, row("import re\ndef f(x):\n    return re.match('\\d', x) is 1", "assert f('a') == '\\d'")
        ).evidence["tests"]
        == 1
    )


def test_batches_keep_their_order(row):
    rows = [
        row(f"def f():\n    return {number}", f"assert f() == {number if number % 3 else -1}") for number in range(20)
    ]
    rows[7] = row("fn f() {}", "x", "rust")
    scores = [one.scores.get("execution.pass_rate") for one in QUICK.judge(rows)]
    assert scores == [None if number == 7 else float(number % 3 > 0) for number in range(20)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", []),
        ("x = 1\nprint(x)", []),
        ("def test_it(x):\n    assert x", []),
        ("class TestIt:\n    def helper(self):\n        pass", []),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('no')\n    def test_a(self):\n        pass",
            [],
        ),
        ("assert 1; assert 2", ["assert 1", "assert 2"]),
        ("if __name__ == '__main__':\n    assert 1\n    unittest.main()", ["assert 1"]),
    ],
)
def test_which_statements_are_tests(source, found):
    assert [step.name for step in split(source).steps] == found
    assert [step.name for step in split(source, program=True).steps] == found


WRONG = "def add(a, b):\n    return a - b"


@pytest.mark.parametrize(
    "tests",
    [
        '["\\nassert add(1, 2) == 3\\n", "assert add(2, 2) == 4"]',
        "['assert add(1, 2) == 3', 'assert add(2, 2) == 4']",
        "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1, 2) == 3",
        "def test(candidate):\n    assert candidate(1, 2) == 3",
        "def run_tests():\n    assert add(1, 2) == 3",
        "def run_tests():\n    assert add(1, 2) == 3\n\nif __name__ == '__main__':\n    run_tests()",
        "def testAdd():\n    assert add(1, 2) == 3",
        "def add_test():\n    assert add(1, 2) == 3",
        "def test_add():\n    return add(1, 2) == 3",
        "class TestAdd:\n    def testSmall(self):\n        assert add(1, 2) == 3",
        "if add(1, 2) != 3:\n    raise ValueError('wrong')",
        "import sys\nif add(1, 2) != 3:\n    sys.exit(1)",
        "import numpy as np\nnp.testing.assert_equal(add(1, 2), 3)",
        "def equal(a, b):\n    if a != b:\n        raise AssertionError\n\nequal(add(1, 2), 3)",
        "class Tester:\n    def run(self):\n        assert add(1, 2) == 3\n\nTester().run()",
        "def test_a():\n    assert add(1, 2) == 3\n\ndef run_all():\n    test_a()\n\nrun_all()",
    ],
)
def test_no_form_of_tests_lets_wrong_code_pass_or_right_code_fail(row, judged, tests):
    assert judged(QUICK, row(WRONG, tests)).scores["execution.pass_rate"] == 0
    assert judged(QUICK, row(ADD, tests)).scores["execution.pass_rate"] == 1


@pytest.mark.parametrize(
    "tests",
    [
        '"""The tests of add."""',
        "add(1, 2) == 3",
        "print(add(1, 2))",
        "print('passed' if add(1, 2) == 3 else 'failed')",
        "def test_add():\n    add(1, 2)",
        "def check(f):\n    print(f(1, 2))\n\ncheck(add)",
        "import unittest\nclass TestAdd(unittest.TestCase):\n    def helper(self):\n        assert add(1, 2) == 3",
    ],
)
def test_tests_that_test_nothing_are_not_run(row, judged, tests):
    judgement = judged(QUICK, row(WRONG, tests))
    assert (judgement.reason, judgement.scores) == ("not run: the tests test nothing", {"execution.ran": 0})
    assert not judged(replace(QUICK, require_tests=True), row(WRONG, tests)).keep


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ('{"inputs": ["1 2\\n"], "outputs": ["3\\n"]}', "the tests are inputs and outputs, no Python"),
        ("{'inputs': ['1 2'], 'outputs': ['3']}", "the tests are inputs and outputs, no Python"),
        ('[{"input": "1 2", "output": "3"}]', "the tests are a list or a table, no Python program"),
        ("[]", "the tests are a list or a table, no Python program"),
        (
            "def test_add(capsys):\n    assert add(1, 2) == 3",
            "the tests ask for what is not there (fixtures, a function)",
        ),
    ],
)
def test_tests_of_a_form_that_is_not_run_say_so(row, judged, tests, reason):
    judgement = judged(QUICK, row(WRONG, tests))
    assert (judgement.reason, judgement.scores) == (f"not run: {reason}", {"execution.ran": 0})


def test_check_is_given_the_function_that_is_meant(row, judged):
    code = "def add(a, b):\n    return a + b\n\ndef main():\n    print(add(1, 2))"
    tests = "def check(candidate):\n    assert candidate(1, 2) == 3"
    assert judged(QUICK, row(code, tests)).scores["execution.pass_rate"] == 1
    parts = ["def one():\n    pass\n\ndef two():\n    pass", "def three():\n    pass"]
    assert candidate(parts, "# the tests of two", "three") == "two"
    assert candidate(parts, "one(three(1))", "Write one and three.") == "two", (
        "what tests call is not what they ask for"
    )
    assert candidate(parts[1:], "three(1)", "") == "three"
    assert candidate(parts, "", "Write one.") == "one"
    assert candidate(parts, "", "") == "three"
    assert candidate([], "x", "y") is None
    judgement = judged(QUICK, row("add = lambda a, b: a + b", tests))
    assert judgement.reason == "not run: the tests ask for what is not there (fixtures, a function)"


def test_tests_that_are_left_out_are_told(row, judged):
    tests = "def test_a(capsys):\n    assert add(1, 2) == 4\n\ndef test_b():\n    assert add(1, 0) == 1"
    judgement = judged(QUICK, row(ADD, tests))
    assert (judgement.keep, judgement.reason) == (True, "some tests were not run")
    assert judgement.evidence == {"not_run": ["test_a"]}
    assert (judgement.scores["execution.tests"], judgement.scores["execution.not_run"]) == (1, 1)


def test_of_very_many_tests_the_rest_is_left_out_and_told():
    found = split("assert 1\n" * 1003)
    assert (len(found.steps), len(found.left_out)) == (1000, 3)


PREPARED = """\
made = []

def setup_module(module):
    made.append("module")

def setup_function():
    made.append("function")

def teardown_function(function):
    assert made.pop() == "function"

class TestAdd:
    @classmethod
    def setup_class(cls):
        made.append("class")

    def setup_method(self, method):
        self.one = 1

    def teardown_method(self):
        assert made == ["module", "class"]

    def test_a(self):
        assert made == ["module", "class"] and add(self.one, 2) == 3

    def test_b(self):
        assert made == ["module", "class"]

    @classmethod
    def teardown_class(cls):
        made.remove("class")

def test_c():
    assert made == ["module", "function"]
"""


def test_what_sets_tests_up_and_tears_them_down_is_called(row, judged):
    judgement = judged(QUICK, row(ADD, PREPARED))
    assert judgement.scores["execution.pass_rate"] == 1, judgement.evidence
    broken = PREPARED.replace('made.remove("class")', "assert False")
    assert judged(QUICK, row(ADD, broken)).scores["execution.pass_rate"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "code",
    [
        "class TC(unittest.TestCase):\n    def assertEqual(self, a, b):\n        pass\nunittest.TestCase = TC",
        "class TC(unittest.TestCase):\n    def assertEqual(self, a, b):\n        pass\nunittest.case.TestCase = TC",
        "unittest.TestCase.__call__ = lambda self, result: setattr(result, 'testsRun', 1)",
        "unittest.TestCase.assertEqual.__code__ = (lambda self, first, second, msg=None: None).__code__",
        "unittest.TestCase.__getattribute__ = lambda self, name: (lambda *a: None)",
        "unittest.TestResult.addFailure = lambda *a: None\nunittest.result.TestResult.wasSuccessful = lambda *a: True",
        "unittest.case._Outcome.testPartExecutor = None",
    ],
)
def test_unittest_is_put_back(row, judged, code):
    judgement = judged(QUICK, row(f"import unittest\n{code}\n{WRONG}", UNITTEST))
    assert judgement.scores["execution.pass_rate"] == 0
    assert judged(QUICK, row(f"import unittest\n{code}\n{ADD}", UNITTEST)).scores["execution.pass_rate"] == 1


def test_a_test_in_which_unittest_is_changed_has_failed(row, judged):
    code = "import unittest\ndef add(a, b):\n    unittest.TestCase.assertEqual = lambda *a: None\n    return 3"
    judgement = judged(QUICK, row(code, UNITTEST))
    assert judgement.scores["execution.pass_rate"] == 0
    assert "unittest was changed" in judgement.evidence["failures"][0]["detail"]


def test_mocks_and_settings_of_tests_are_no_change(row, judged):
    tests = (
        "import unittest\nimport unittest.mock\n\nclass TestAdd(unittest.TestCase):\n    maxDiff = None\n\n"
        + "".join(
            f"    @unittest.mock.patch('builtins.print')\n    def test_{name}(self, printed):\n"
            "        unittest.TestCase.maxDiff = None\n        with unittest.mock.patch('builtins.len'):\n"
            "            self.assertEqual(add(1, 2), 3)\n\n"
            for name in "ab"
        )
    )
    judgement = judged(QUICK, row(ADD, tests))
    assert judgement.scores.get("execution.pass_rate") == 1, judgement
    assert judgement.scores["execution.tests"] == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [(ADD, 0), (WRONG, 1), ("def add(a, b):\n    while True:\n        pass", 2), ("def add(a, b:\n    return", 5)],
)
def test_the_status_is_a_score(row, judged, code, status):
    assert judged(QUICK, row(code, "assert add(1, 2) == 3")).scores["execution.status"] == status


def test_addresses_do_not_tell_runs_apart(row, judged):
    judgement = judged(QUICK, row("def add(a, b):\n    raise ValueError(object())", "assert add(1, 2) == 3"))
    assert judgement.evidence["failures"][0]["detail"].startswith("ValueError: <object object at 0x...>")


@pytest.mark.parametrize(("language", "ran"), [("", 1), ("python", 1), ("javascript", 0)])
def test_the_language_of_rows_that_name_none_can_be_said(judged, language, ran):
    subject = replace(instruction(solution=ADD, language=""), tests="assert add(1, 2) == 3")
    assert judged(replace(QUICK, language=language), subject).scores["execution.ran"] == ran


def test_code_in_a_list_item_is_run(judged):
    text = f"The steps:\n\n1. ```python\n   {ADD.replace(chr(10), chr(10) + '   ')}\n   ```\n2. Done."
    subject = replace(instruction(solution=text), tests="assert add(1, 2) == 3")
    assert judged(QUICK, subject).scores["execution.pass_rate"] == 1


@pytest.mark.parametrize(
    "options", [{"min_pass_rate": 1.5}, {"cpu_seconds": 0}, {"memory_mb": -1}, {"stall_seconds": 0}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Execution(**options)
