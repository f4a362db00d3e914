"""Verdicts on programs for small tasks of our own, in EvalPlus' format."""

import itertools
import json

import pytest
from magicoder_evalplus import HumanEvalPlus, Mbpp, MbppPlus, references, suites

from magicoder_core import MagicoderError, Problem, Reply, Submission, sandbox
from magicoder_core.completing import STYLES

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")


@pytest.fixture(scope="module")
def plus(own):
    return HumanEvalPlus(data=own)


@pytest.fixture(scope="module")
def solve(plus):
    """The verdicts on programs, each given with its task."""

    def verdicts(*programs, subject=plus):
        return list(subject.judge(Submission(problem_id=task, code=code) for task, code in programs))

    return verdicts


def statuses(verdict):
    return verdict.status, verdict.extra["base_status"], verdict.extra["plus_status"]


def test_references_pass_and_mistakes_do_not(plus):
    references = list(plus.references())
    verdicts = list(plus.judge(references))
    assert [verdict.problem_id for verdict in verdicts] == [problem.id for problem in plus.problems()]
    assert [verdict for verdict in verdicts if statuses(verdict) != ("pass",) * 3] == []
    assert {verdict.isolation for verdict in verdicts} == {"bubblewrap"}
    wrong = list(plus.judge(plus.mistakes()))
    assert [verdict.status for verdict in wrong] == ["fail"] * 3


PROGRAMS = {
    "right": ("def total(n): return sum(n)", ("pass",) * 3, ""),
    "wrong in both": (
        "def total(n): return 0",
        ("fail", "fail", "fail"),
        "base test 1 of 2: total([1, 2]) gave 0, not 3",
    ),
    "wrong in the plus tests": (
        "def total(n): return max(0, sum(n)) if n != [5] else 6",
        ("fail", "pass", "fail"),
        "plus test 1 of 3: total([5]) gave 6, not 5",
    ),
    "floats that are the same numbers": ("def total(n): return float(sum(n))", ("fail", "pass", "fail"), "plus test 3"),
    "raises": (
        "def total(n):\n    return n[0] + sum(n[1:])",
        ("fail", "fail", "pass"),
        "base test 2 of 2: total([]) raised IndexError: list index out of range (line 2 of the program)",
    ),
    "no Python": ("def total(n:", ("compile_error",) * 3, "SyntaxError"),
    "defines nothing": ("x = 1", ("fail",) * 3, "total"),
    "leaves": ("import os\nos._exit(0)", ("fail",) * 3, ""),
    "leaves late": (
        "import os\ndef total(n):\n    if n == [5]: os._exit(0)\n    return sum(n)",
        ("fail", "pass", "fail"),
        "",
    ),
    "leaves after the first": (
        "import os\ndef total(n):\n    if not n: os._exit(0)\n    return sum(n)",
        ("fail", "fail", "pass"),
        "base test 2 of 2: total([]): the program ended",
    ),
    "crashes": ("import os\ndef total(n): os.abort()", ("crash",) * 3, "SIGABRT"),
    "a main guard does not run": (
        "def total(n): return sum(n)\nif __name__ == '__main__': total = None",
        ("pass",) * 3,
        "",
    ),
    "changes what it is given": ("def total(n):\n    s = sum(n)\n    n.clear()\n    return s", ("pass",) * 3, ""),
    "equal to everything": (
        "class Yes(int):\n    def __eq__(self, other): return True\ndef total(n): return Yes(7)",
        ("fail",) * 3,
        "",
    ),
    "no plain value": ("def total(n): return object()", ("fail",) * 3, "gave <object>, not 3"),
    "odd text": ("def total(n): raise ValueError('\\ud800\\n' * 9000)", ("fail",) * 3, "raised ValueError"),
    "large": ("def total(n): return [0] * 100000", ("fail",) * 3, ""),
    "a large int": ("def total(n): return 1 << 20000", ("fail",) * 3, "<an integer of 20001 bits>, not 3"),
}


@pytest.fixture(scope="module")
def judged(solve):
    """The verdict on each of the programs, by its name."""
    return dict(zip(PROGRAMS, solve(*(("Own/0", code) for code, *_ in PROGRAMS.values())), strict=True))


@pytest.mark.parametrize("name", PROGRAMS)
def test_verdicts(judged, name):
    _, expected, detail = PROGRAMS[name]
    verdict = judged[name]
    assert statuses(verdict) == expected, verdict
    assert detail in verdict.detail
    assert "\n" not in verdict.detail
    assert len(verdict.detail) <= 500
    json.dumps(verdict.to_dict()).encode()


def test_what_base_tests_leave_behind_neither_helps_nor_harms(solve):
    few = "calls = []\ndef total(n):\n    calls.append(n)\n    return sum(n) if len(calls) <= 3 else 0"
    ready = "ready = []\ndef total(n):\n    ready.append(n)\n    return sum(n) if [1, 2] in ready else 0"
    right, helped = solve(("Own/0", few), ("Own/0", ready))
    assert statuses(right) == ("pass",) * 3
    assert statuses(helped) == ("fail", "pass", "fail")


def test_failed_tests_are_named(solve, monkeypatch):
    one, other = solve(("Own/0", "def total(n): return None"), ("Mbpp/252", "def convert(n): return 1"))
    assert one.extra["base_fail_tests"] == [[[1, 2]], [[]]]
    assert one.extra["plus_fail_tests"] == [[[5]], [[-1, 1]], [[10**30, 1]]]
    assert other.extra["base_fail_tests"] == [["(1+0j)"]]
    monkeypatch.setattr(suites, "FAILED_TESTS", 1)
    assert solve(("Own/0", "def total(n): return None"))[0].extra["base_fail_tests"] == [[[1, 2]]]


FLOATS = [
    ("def halves(n): return [x * 0.5 + 1e-8 for x in n]", "pass"),
    ("def halves(n): return [x * 0.5 + 1e-4 for x in n]", "fail"),
    ("def halves(n): return tuple(x * 0.5 for x in n)", "fail"),
    ("import numpy\ndef halves(n): return [numpy.float64(x / 2) for x in n]", "pass"),
    ("import numpy\ndef halves(n): return list(numpy.array(n) / 2)", "pass"),
    ("import numpy\ndef halves(n): return numpy.array(n) / 2", "fail"),
]


def test_floats_may_differ_a_little(solve):
    verdicts = solve(*(("Own/1", code) for code, _ in FLOATS))
    assert [verdict.status for verdict in verdicts] == [status for _, status in FLOATS]


# Of a value this large only a digest crosses, and equal numbers can have other bytes.
LARGE = [
    ("def ramp(n): return list(range(n + 1))", "pass", ""),
    ("def ramp(n): return [i == 1 or float(i) for i in range(n + 1)]", "pass", ""),
    ("def ramp(n): return list(range(n + 1)) if n < 100 else list(range(n))", "fail", "plus test 2 of 3: ramp(20000)"),
    ("def ramp(n): return list(range(n + 1)) if n < 100 else []", "fail", "gave [], not [0.0, 1, 2.0"),
    ("def ramp(n): return list(range(n + 1)) if n < 100 else 1 / 0", "fail", "ZeroDivisionError"),
    ("def ramp(n): return tuple(range(n + 1))", "fail", "base test 1 of 2"),
    # The form in which numbers are compared is made in the program's own process.
    ("def ramp(n): return list(range(n + 1))\ndef magicoder_normal(*_): return 7", "pass", ""),
    ("from fractions import Fraction\ndef ramp(n): return [Fraction(i) for i in range(n + 1)]", "pass", ""),
    (
        "import random\ndef ramp(n): return list(range(n + 1)) if n < 100 else [random.random()] * (n + 1)",
        "fail",
        "plus test 2 of 3: ramp(20000) gave [0.",
    ),
]


def test_large_values_are_looked_into_where_their_digests_differ(solve):
    verdicts = solve(*(("Own/2", code) for code, *_ in LARGE))
    for verdict, (_, status, detail) in zip(verdicts, LARGE, strict=True):
        assert verdict.status == status, verdict
        assert detail in verdict.detail


def test_what_is_too_large_to_look_into_is_wrong(solve, monkeypatch):
    monkeypatch.setattr("magicoder_evalplus.digests.LARGEST_BYTES", 1000)
    code = "from decimal import Decimal\ndef ramp(n): return [Decimal(i) for i in range(n + 1)]"
    [verdict] = solve(("Own/2", code))
    assert verdict.status == "fail"
    assert "too large to look into" in verdict.detail


def test_the_order_of_a_dict_does_not_count(solve):
    code = "def pairs(text): return {letter: text.count(letter) for letter in reversed(text)}"
    assert solve(("Own/3", code))[0].status == "pass"


SPECIAL = [
    ("HumanEval/32", "def find_zero(xs): return -xs[0] / xs[1] + 1e-6", "pass"),
    ("HumanEval/32", "def find_zero(xs): return -xs[0] / xs[1] + 1e-3", "fail"),
    ("Mbpp/2", "def similar_elements(a, b): return [x for x in b if x in a] * 2", "pass"),
    ("Mbpp/2", "def similar_elements(a, b): return iter(set(a) & set(b))", "pass"),
    ("Mbpp/2", "def similar_elements(a, b): return a", "fail"),
    (
        "Mbpp/2",
        "def similar_elements(a, b):\n    assert type(a) is type(b) is tuple\n    return set(a) & set(b)",
        "pass",
    ),
    ("Mbpp/737", "def check_str(text): return text[0] in 'aeiou'", "pass"),
    ("Mbpp/737", "def check_str(text): return 'Valid' if text[0] in 'aeiou' else None", "pass"),
    ("Mbpp/737", "def check_str(text): return 'Valid'", "fail"),
    ("Mbpp/252", "import cmath\ndef convert(z):\n    assert type(z) is complex\n    return cmath.polar(z)", "pass"),
]


def test_special_rules_and_types(solve):
    verdicts = solve(*((task, code) for task, code, _ in SPECIAL))
    assert [verdict.status for verdict in verdicts] == [status for *_, status in SPECIAL]


def test_a_call_has_a_limit_of_its_own(own, solve, monkeypatch):
    from magicoder_evalplus import rules

    quick = rules.Rules(name="strict", least=0.2)
    monkeypatch.setitem(rules.RULES, "strict", quick)
    subject = HumanEvalPlus(data=own)
    late, wrong = solve(
        ("Own/0", "def total(n):\n    while n == [5]: pass\n    return sum(n)"),
        ("Own/0", "def total(n):\n    while not n: pass\n    return 1"),
        subject=subject,
    )
    assert statuses(late) == ("timeout", "pass", "timeout")
    assert statuses(wrong)[:2] == ("fail", "fail"), "it was wrong before it took too long"


def test_limits_follow_the_reference_and_the_semantics():
    from magicoder_evalplus.rules import RULES

    strict = RULES["strict"].limits((0.5, 2.0), 2)
    assert (strict.call_seconds, strict.cpu_seconds, strict.clock) == ((4.0, 8.0), 60.0, "cpu")
    assert RULES["strict"].limits((), 9).call_seconds == 4.0
    assert RULES["strict"].limits((), 0).call_seconds is None
    old, new = (RULES[name].limits((), 3) for name in ("evalplus-0.3.1", "evalplus-main"))
    assert (old.call_seconds, old.cpu_seconds, old.clock) == (1.0, 5.0, "wall")
    assert (new.call_seconds, new.cpu_seconds, new.clock) == (4.0, 14.0, "wall")
    assert RULES["evalplus-main"].limits((), 1000).cpu_seconds == 62.0


def test_a_bug_of_evalplus_is_kept_where_it_is_asked_for(own, solve):
    code = "def find_zero(xs): return -xs[0] / xs[1]"
    for semantics, status in (("evalplus-0.3.1", "fail"), ("evalplus-main", "pass"), ("strict", "pass")):
        subject = HumanEvalPlus(data=own, semantics=semantics)
        assert solve(("HumanEval/32", code), subject=subject)[0].status == status
        listed = {reference.problem_id for reference in subject.references()}
        assert ("HumanEval/32" in listed) is (status == "pass")
        assert ("find_zero" in subject.provenance()["quirks"]) is (status == "fail")


def test_only_base_tests_count_for_mbpp(own, solve):
    [verdict] = solve(("Own/0", "def total(n): return 3 if n else 0"), subject=Mbpp(data=own))
    assert verdict.status == "pass"
    assert verdict.extra == {"base_status": "pass", "base_fail_tests": []}


def test_submissions_are_taken_lazily(plus):
    endless = (Submission(problem_id="Own/0", code="def total(n): return sum(n)") for _ in itertools.count())
    assert [verdict.status for verdict in itertools.islice(plus.judge(endless), 3)] == ["pass"] * 3


def test_a_submission_for_another_benchmark_is_refused(plus):
    with pytest.raises(MagicoderError, match="humaneval\\+: no problem named 'Other/1' in the data"):
        list(plus.judge([Submission(problem_id="Other/1", code="")]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("    return 1 / 0\n", "call 1 raised ZeroDivisionError"),
        ("    return object()\n", "an object that cannot be compared"),
        ("    return [(object,)]\n", "an object that cannot be compared"),
        ("    import os; os._exit(0)\n", "at call 1"),
        ("    return (\n", "compile_error"),
    ],
)
def test_a_task_whose_own_reference_does_not_run_counts_against_nobody(data_of, records, change, reason):
    path = data_of({**records["Own/0"], "canonical_solution": change}, records["Own/1"])
    programs = [
        Submission(problem_id="Own/0", code="def total(n): return 1", sample=0),
        Submission(problem_id="Own/1", code="def halves(n): return [x / 2 for x in n]", sample=1),
        Submission(problem_id="Own/0", code="def total(n): return 1", sample=2),
    ]
    verdicts = list(HumanEvalPlus(data=path).judge(programs))
    assert [(verdict.sample, verdict.status) for verdict in verdicts] == [
        (0, "harness_error"),
        (1, "pass"),
        (2, "harness_error"),
    ]
    assert reason in verdicts[0].detail


def test_expected_answers_are_kept_and_made_anew_when_damaged(data_of, records, monkeypatch):
    path = data_of({**records["Own/0"], "task_id": "Kept/0"})

    def judge():
        benchmark = HumanEvalPlus(data=path)
        return [verdict.status for verdict in benchmark.judge(benchmark.references())], benchmark

    done, benchmark = judge()
    [task] = benchmark._shelf.tasks.values()
    kept = references.place(task, "plus")
    content = kept.read_bytes()
    assert json.loads(content.partition(b"\n")[0])["task"] == "Kept/0"
    with monkeypatch.context() as patch:
        patch.setattr(references, "learn", lambda *_: pytest.fail("they are known"))
        assert judge()[0] == done == ["pass"]
    for damaged in (content[:-1], content[:-1] + b"x", b"", b"[]\n", b"\xff"):
        kept.write_bytes(damaged)
        assert references.known(task, ["base", "plus"]) is None
    assert judge()[0] == ["pass"]
    assert kept.read_bytes() == content


def test_a_cache_that_cannot_be_written_does_no_harm(data_of, records, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "file"))
    benchmark = HumanEvalPlus(data=data_of({**records["Own/0"], "task_id": "Unkept/0"}))
    assert [verdict.status for verdict in benchmark.judge(benchmark.references())] == ["pass"]


def test_times_of_slow_references_are_kept(data_of, records):
    slow = "    import time\n    end = time.process_time() + 0.3 * len(numbers)\n"
    slow += "    while time.process_time() < end: pass\n    return sum(numbers)\n"
    path = data_of({**records["Own/0"], "canonical_solution": slow, "base_input": [[[1]], [[]]], "plus_input": {}})
    benchmark = HumanEvalPlus(data=path)
    assert [verdict.status for verdict in benchmark.judge(benchmark.references())] == ["pass"]
    [task] = benchmark._shelf.tasks.values()
    first, second = references.known(task, ["base"])["base"].seconds
    assert first * sandbox.speed() > 0.25
    assert second < first / 2
    assert references.known(task, ["plus"])["plus"].seconds == ()


def test_the_results_file_is_evalplus_own(plus, own):
    codes = ["def total(n): return sum(n)", "def total(n): return 0", "def (", "import os\nos.abort()"]
    submissions = [Submission(problem_id="Own/0", code=code, sample=n) for n, code in enumerate(codes)]
    submissions.append(Submission(problem_id="Own/1", code="x = 1"))
    verdicts = list(plus.judge(submissions))
    text = "".join(plus.results_file(zip(submissions, verdicts, strict=True)))
    results = json.loads(text)
    assert list(results) == ["date", "hash", "eval"]
    assert results["hash"] == plus.provenance()["md5"]
    assert list(results["eval"]) == ["Own/0", "Own/1"]
    rows = results["eval"]["Own/0"]
    assert [row["solution"] for row in rows] == codes
    assert [(row["base_status"], row["plus_status"]) for row in rows] == [
        ("pass", "pass"),
        ("fail", "fail"),
        ("fail", "fail"),
        ("timeout", "timeout"),
    ]
    assert rows[1]["base_fail_tests"] == [[[1, 2]]]
    assert list(rows[0]) == [
        *("task_id", "solution", "base_status", "plus_status", "base_fail_tests", "plus_fail_tests")
    ]
    only_base = Mbpp(data=own)
    pairs = zip(submissions[:1], only_base.judge(submissions[:1]), strict=True)
    [row] = json.loads("".join(only_base.results_file(pairs)))["eval"]["Own/0"]
    assert (row["base_status"], row["plus_status"]) == ("pass", None)


def test_what_is_no_failure_of_the_model_is_not_in_the_results_file(plus):
    from magicoder_core import Verdict

    pairs = [
        (Submission(problem_id="Own/0", code="x"), Verdict(problem_id="Own/0", sample=0, status="harness_error")),
        (Submission(problem_id="Own/1", code=""), Verdict(problem_id="Own/1", sample=0, status="fail")),
    ]
    results = json.loads("".join(plus.results_file(pairs)))["eval"]
    assert list(results) == ["Own/1"]
    assert (results["Own/1"][0]["base_status"], results["Own/1"][0]["plus_status"]) == ("fail", "fail")


def test_needles(plus):
    needles = list(plus.needles())
    texts = {(needle.problem_id, needle.kind): needle.text for needle in needles}
    assert texts["Own/0", "words"] == "The sum of all the numbers that are in a list, which may be empty."
    assert texts["Mbpp/2", "words"] == "Write a function that finds the elements which two tuples share."
    assert texts["Mbpp/2", "solution"].startswith("def similar_elements(one, other):")
    assert texts["Own/0", "program"].endswith(texts["Own/0", "solution"])
    assert {needle.benchmark for needle in needles} == {"humaneval+"}


def test_requests_and_answers(own):
    for subject, problem_id, word in (
        (HumanEvalPlus, "Own/0", "Complete the Python function"),
        (MbppPlus, "Mbpp/2", "Write a Python function"),
    ):
        benchmark = subject(data=own, max_tokens=99)
        problem = next(problem for problem in benchmark.problems() if problem.id == problem_id)
        request = benchmark.request(problem)
        assert word in request.messages[0].content
        assert (request.sampling.temperature, request.sampling.max_tokens) == (0.0, 99)
        for style in STYLES.__args__:
            styled = subject(data=own, style=style)
            assert styled.request(problem).messages
            assert isinstance(styled.extract(problem, Reply(text="def f(): pass")), str)


def test_a_whole_program_is_made_of_an_answer(own):
    benchmark = HumanEvalPlus(data=own)
    problem = Problem(id="x", benchmark="humaneval+", prompt="def total(numbers):\n", entry_point="total")
    code = benchmark.extract(problem, Reply(text="Here:\n```python\ndef total(numbers):\n    return 0\n```"))
    assert code == "def total(numbers):\n    return 0\n"
