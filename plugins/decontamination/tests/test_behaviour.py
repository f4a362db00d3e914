"""Functions that solve a benchmark's tasks are found, whatever they are called; and what that is worth."""

import pickle
from dataclasses import dataclass

import pytest
from magicoder_decontamination.behaviour import Behaviour, Patience, Solved
from magicoder_decontamination.behaviour.weighing import NODES, nodes

from magicoder_core import Benchmark, Example, Problem, SandboxError, Submission, sandbox
from magicoder_core.sandbox import bubblewrap, isolation
from magicoder_core.testing import instruction

boxed = pytest.mark.skipif(sandbox.probe().level == "rlimits", reason=f"no sandbox: {sandbox.probe()}")

# A task: what it is called, its words, its reference, and the calls of its tests.
TASKS = {
    "own/0": (
        "add",
        "Return the sum of two numbers.",
        "def add(a, b):\n    return a + b\n",
        [(1, 2), (-3, 5), (10, 4)],
    ),
    "own/1": (
        "runs",
        "Encode a text by its runs: each letter with how often it stands in a row.",
        (
            "def runs(text):\n"
            "    out = []\n"
            "    for sign in text:\n"
            "        if out and out[-1][0] == sign:\n"
            "            out[-1] = (sign, out[-1][1] + 1)\n"
            "        else:\n"
            "            out.append((sign, 1))\n"
            "    return ''.join(sign + str(count) for sign, count in out)\n"
        ),
        [("aaab",), ("",), ("xyzz",)],
    ),
    "own/2": (
        "total",
        "Add all numbers up to the given one.",
        "def total(n):\n    return sum(range(n + 1))\n",
        [(3,), (0,), (12,)],
    ),
    "own/3": (
        "triangle",
        "Count the dots of a triangle, row by row and one more in each, as far as they go.",
        (
            "def triangle(rows):\n"
            "    dots, row = 0, 0\n"
            "    while row < rows:\n"
            "        row += 1\n"
            "        for column in range(rows):\n"
            "            if column < row:\n"
            "                dots = dots + 1\n"
            "    return dots\n"
        ),
        [(4,), (1,), (9,)],
    ),
}


@dataclass(frozen=True, kw_only=True)
class Own(Benchmark):
    """A small benchmark; one without examples if told so."""

    told: bool = True

    def problems(self):
        for name, (entry_point, words, *_) in TASKS.items():
            yield Problem(id=name, benchmark="own", prompt=words, entry_point=entry_point)

    def references(self):
        for name, (_, _, reference, _) in TASKS.items():
            yield Submission(problem_id=name, code=reference)

    def examples(self):
        for name, (entry_point, _, reference, calls) in TASKS.items() if self.told else ():
            space = {}
            exec(reference, space)
            for call in calls:
                yield Example(problem_id=name, arguments=call, expected=space[entry_point](*call))

    def judge(self, submissions):
        def asked(one):
            entry_point, _, _, calls = TASKS[one.problem_id]
            return sandbox.Calls.of(one.code, sandbox.Inputs.of(entry_point, calls))

        def wrong(one, answers):
            entry_point, _, reference, calls = TASKS[one.problem_id]
            space = {}
            exec(reference, space)
            return sandbox.equal(*(space[entry_point](*call) for call in calls))(one, answers)

        return sandbox.verdicts(submissions, asked, wrong)


OTHER_RUNS = """\
import itertools

SEPARATOR = ""

def count_them(group):
    return len(list(group))

def squeeze(s):
    return SEPARATOR.join(f"{k}{count_them(g)}" for k, g in itertools.groupby(s))
"""


def row(solution, problem="Write it."):
    return instruction(problem=problem, solution=solution)


def found(*rows, **options):
    return Behaviour([Own()], **options).examine(list(rows))


def ids(hits):
    return [(one.problem_id, one.function) for one in hits]


@boxed
@pytest.mark.parametrize("told", [True, False], ids=["with examples", "without examples"])
def test_finds_what_solves_a_task_in_other_words(told):
    behaviour = Behaviour([Own(told=told)])
    rows = [row(OTHER_RUNS), row("def squeeze(s):\n    return s\n"), row("class Person:\n    pass\n"), row("No code.")]
    solved, *others = behaviour.examine(rows)
    assert ids(solved) == [("own/1", "squeeze")]
    assert (solved[0].benchmark, solved[0].field, solved[0].line) == ("own", "solution", 8)
    assert solved[0].tests == (3 if told else 0)
    assert others == [[], [], []]
    report = behaviour.report()
    assert report == {
        "rows": 4,
        "rows_without": 2,
        "functions": 3,
        "probed": 3,
        "cut": 0,
        "survivors": 1 if told else 9,  # three functions of one argument, three tasks of one
        "confirmed": 1,
    }


HANGS = {
    "loops": "while text == 'xyzz' * 9 or text == 3:\n        pass",
    "swallows": "while text == 3:\n        try:\n            while True:\n                pass\n        except Exception:\n            pass",
    "computes": "text == 3 and 10 ** 10 ** 9",
    "sleeps": "import time\n    text == 3 and time.sleep(60)",
    "leaves": "import os\n    text == 3 and os._exit(0)",
    "exits": "text == 3 and exit()",
    "fills": "text == 3 and [0] * 10 ** 11",
    "crashes": "import os\n    text == 3 and os.kill(os.getpid(), 9)",
    "generates": "import itertools\n    if text == 3:\n        return itertools.count()",
}


@boxed
@pytest.mark.parametrize("how", HANGS)
def test_a_call_that_does_not_end_loses_no_other_task(how):
    code = TASKS["own/1"][2].replace("runs(text):\n", f"encoded(text):\n    {HANGS[how]}\n")
    assert ids(found(row(code))[0]) == [("own/1", "encoded")]


@boxed
def test_what_never_ends_is_given_up_and_counted():
    behaviour = Behaviour([Own()], patience=Patience(restarts=1))
    rows = [row("def f(x):\n    while True:\n        pass\n    return 1\n"), row(OTHER_RUNS)]
    assert list(map(ids, behaviour.examine(rows))) == [[], [("own/1", "squeeze")]]
    assert behaviour.report()["cut"] == 1


@boxed
@pytest.mark.parametrize(
    "code",
    [
        "def f(text):\n    runs = OUT\n    return runs\n",
        "def runs(x):\n    return 'helper'\n\ndef f(text):\n    assert runs(1) == 'helper'\n    return OUT\n",
        (
            "class Solution:\n    def __init__(self):\n        self.calls = 0\n"
            "    def f(self, text):\n        self.calls += 1\n        assert self.calls == 1\n        return OUT\n"
        ),
        "def max(a, b):\n    return a\n\ndef f(text):\n    return OUT\n",
        "def f(text: Text) -> Optional[str]:\n    return OUT\n",
        "f = lambda text: OUT\n",
        "def f(text, done=[]):\n    done.append(text)\n    assert 3 not in done\n    return OUT\n",
        "try:\n    import fast\nexcept ImportError:\n    fast = None\n\ndef f(text):\n    return OUT if fast is None else ''\n",
    ],
    ids=["plain", "name taken", "method", "builtin hidden", "annotated", "lambda", "stateful", "import"],
)
def test_whatever_form_it_has(code):
    out = "''.join(k + str(len(list(g))) for k, g in __import__('itertools').groupby(text))"
    hits = found(row(code.replace("OUT", out)))[0]
    assert ("own/1", "Solution.f" if "class" in code else "f") in ids(hits)


@boxed
def test_arguments_are_fresh_for_each_task():
    code = "def f(n):\n    return sum(range(n + 1))\n\ndef g(n, m):\n    return n + m\n"
    assert ids(found(row(code))[0]) == [("own/2", "f"), ("own/3", "f"), ("own/0", "g")]


@boxed
def test_trivial_accidental_and_strong_are_told_apart():
    cases = {
        "meant": row("def f(x, y):\n    return x + y\n", "Write a function for the sum of two numbers."),
        "by accident": row("def join(x, y):\n    return x + y\n", "Concatenate a greeting and a family name politely."),
        "no words": row("def f(x, y):\n    return x + y\n", "?"),
        "demanding": row(OTHER_RUNS, "Compress a log file for an archive, line after line."),
    }
    hits = {name: only for name, (only,) in zip(cases, found(*cases.values()), strict=True)}
    told = {name: (one.trivial, one.similar, one.accidental, one.strong) for name, one in hits.items()}
    assert told == {
        "meant": (True, True, False, True),
        "by accident": (True, False, True, False),
        "no words": (True, False, None, False),
        "demanding": (False, False, False, True),
    }
    assert "4 nodes" in hits["meant"].why_trivial


@boxed
def test_a_task_that_others_solve_in_passing_is_weak():
    # Triangular numbers: own/3's reference is no short one, but own/2, which says something else, solves it as well.
    hits = {one.problem_id: one for one in found(row("def f(n):\n    return n * (n + 1) // 2\n"))[0]}
    assert nodes(TASKS["own/3"][2], "triangle") > NODES
    assert hits["own/3"].why_trivial == "solved by references of other purpose: own/2"


@boxed
def test_batches_workers_and_pickling_make_no_difference():
    rows = [
        row(OTHER_RUNS),
        row("def f(x, y):\n    return x + y\n"),
        row("def g(n):\n    return n * (n + 1) // 2\n"),
    ] * 5
    expected = found(*rows)
    assert sum(map(len, expected)) == 20
    for workers in (1, 2, 7):
        behaviour = pickle.loads(pickle.dumps(Behaviour([Own()])))
        with sandbox.workers(workers):
            hits = [
                one
                for first in range(0, len(rows), workers)
                for one in behaviour.examine(rows[first : first + workers])
            ]
        assert hits == expected


@boxed
def test_looks_among_some_benchmarks_only():
    behaviour = Behaviour([Own()])
    assert behaviour.examine([row(OTHER_RUNS)], among=["other"]) == [[]]
    assert ids(behaviour.examine([row(OTHER_RUNS)], among=["own"])[0]) == [("own/1", "squeeze")]


def test_rows_without_functions_need_no_sandbox(monkeypatch):
    monkeypatch.setattr(isolation, "probe", lambda: pytest.fail("the sandbox was asked for"))
    assert found(row("No code."), row("int f(int x) { return x; }")) == [[], []]


def test_without_a_sandbox_one_line_says_so(monkeypatch):
    monkeypatch.setattr(bubblewrap, "candidates", lambda: iter([("/nonexistent/bwrap", "system")]))
    monkeypatch.setattr(isolation.locks, "abi", lambda: 0)
    monkeypatch.delenv(isolation.ALLOW, raising=False)
    isolation.probe.cache_clear()
    try:
        with pytest.raises(SandboxError) as caught:
            found(row(OTHER_RUNS))
    finally:
        isolation.probe.cache_clear()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("def f(x, y):\n    '''Adds.'''\n    return x + y\n", 4),
        ("def f(s: str) -> int:\n    return len(s)\n", 4),
        ("def f(x):\n    return g(x)\n\ndef g(x):\n    return x + x\n\ndef h(x):\n    return 0\n", 8),
        ("x = 1\n", 0),
        ("def (", 0),
    ],
)
def test_how_much_there_is_to_a_reference(code, count):
    assert nodes(code, "f") == count


def test_a_hit_says_what_it_is_worth():
    hit = Solved(benchmark="b", problem_id="p", function="f", field="solution", line=1, tests=3, similarity=0.1)
    assert (hit.trivial, hit.similar, hit.strong) == (False, False, True)


@boxed
def test_humaneval_is_found_under_other_names():
    humaneval = pytest.importorskip("magicoder_humaneval").HumanEval(limit=30)
    renamed = pytest.importorskip("renaming").renamed
    references = list(humaneval.references())[:30]
    rows = [row(f"```python\n{renamed(one.code)[0]}```") for one in references]
    hits = Behaviour([humaneval]).examine(rows)
    own = [
        one.problem_id
        for one, solved in zip(references, hits, strict=True)
        if one.problem_id in [h.problem_id for h in solved]
    ]
    assert own == [one.problem_id for one in references]
    assert not any(one.entry_point in text.solution for one, text in zip(humaneval.problems(), rows, strict=False))
