"""EvalPlus' own data: each reference solution passes, and others pass where EvalPlus lets them.

The dearest tasks are left out: they take nine tenths of the time. HumanEval+'s stand in its Mini variant, too.
"""

import pytest
from magicoder_evalplus import HumanEvalPlus, Mbpp, MbppPlus

from magicoder_core import Submission, sandbox

pytestmark = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")

DEAR = {f"HumanEval/{number}" for number in (15, 36, 59, 83, 94, 130, 139)} | {
    f"Mbpp/{number}" for number in (84, 123, 162, 255, 271, 300, 389, 392, 453, 583, 589, 592, 599, 603, 630)
}
FULL, MINI, MBPP = (
    f"evalplus/{name}.jsonl.gz" for name in ("HumanEvalPlus-v0.1.10", "HumanEvalPlus-Mini-v0.1.10", "MbppPlus-v0.2.0")
)


def judged(benchmark, programs):
    return list(benchmark.judge(one for one in programs if one.problem_id not in DEAR))


@pytest.mark.parametrize(("kind", "name", "count"), [(HumanEvalPlus, FULL, 157), (MbppPlus, MBPP, 363)])
def test_reference_solutions_pass(real, kind, name, count):
    benchmark = kind(data=real(name))
    verdicts = judged(benchmark, benchmark.references())
    assert [verdict for verdict in verdicts if verdict.status != "pass"] == []
    assert len(verdicts) == count
    mistakes = judged(benchmark, benchmark.mistakes())
    assert {verdict.status for verdict in mistakes} == {"fail"}


def test_dear_tasks_have_a_mini_variant(real):
    benchmark = HumanEvalPlus(data=real(MINI))
    dear = [one for one in benchmark.references() if one.problem_id in DEAR - {"HumanEval/15"}]
    assert {verdict.status for verdict in benchmark.judge(dear)} == {"pass"}


OTHERS = [
    (HumanEvalPlus, FULL, "HumanEval/2", "def truncate_number(number): return number % 1 + 1e-8", "pass"),
    (HumanEvalPlus, FULL, "HumanEval/2", "def truncate_number(number): return number % 1 + 1e-5", "fail"),
    (HumanEvalPlus, FULL, "HumanEval/53", "def add(x, y): return x - -y", "pass"),
    (HumanEvalPlus, FULL, "HumanEval/53", "def add(x, y): return x + y if x < 1000 else 0", "fail"),
    (MbppPlus, MBPP, "Mbpp/2", "def similar_elements(a, b): return set(a) & set(b)", "pass"),
    (MbppPlus, MBPP, "Mbpp/2", "def similar_elements(a, b): return a", "fail"),
    (MbppPlus, MBPP, "Mbpp/737", "def check_str(s): return bool(s) and s[0] in 'aeiouAEIOU' or None", "pass"),
    (
        MbppPlus,
        MBPP,
        "Mbpp/793",
        "def last(arr, x): return len(arr) - 1 - arr[::-1].index(x) if x in arr else -1",
        "pass",
    ),
    (Mbpp, MBPP, "Mbpp/3", "def is_not_prime(n): return n in (10, 35)", "fail"),
    (Mbpp, MBPP, "Mbpp/3", "def is_not_prime(n): return n in (10, 35, 1)", "pass"),
    (MbppPlus, MBPP, "Mbpp/3", "def is_not_prime(n): return n in (10, 35, 1)", "fail"),
]


def test_other_programs(real):
    for kind in (HumanEvalPlus, MbppPlus, Mbpp):
        cases = [case[1:] for case in OTHERS if case[0] is kind]
        benchmark = kind(data=real(cases[0][0]))
        verdicts = benchmark.judge(Submission(problem_id=task, code=code) for _, task, code, _ in cases)
        for verdict, (_, task, code, status) in zip(verdicts, cases, strict=True):
            assert verdict.status == status, (task, code, verdict)


def test_needles_of_real_data(real):
    for kind, name in ((HumanEvalPlus, FULL), (MbppPlus, MBPP)):
        benchmark = kind(data=real(name))
        needles = list(benchmark.needles())
        prompts = {problem.id: "".join(problem.prompt.split()) for problem in benchmark.problems()}
        found = {
            n.problem_id for n in needles if n.kind == "words" and "".join(n.text.split()) in prompts[n.problem_id]
        }
        assert found == set(prompts)
        for part in ("solution", "program"):
            assert {needle.problem_id for needle in needles if needle.kind == part} == set(prompts)
