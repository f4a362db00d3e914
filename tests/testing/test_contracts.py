"""Each contract passes a good provider and catches a broken one by the test that is about the fault."""

from __future__ import annotations

# Imported here, so that pytester does not unload and load them again for every contract.
import aiohttp  # noqa: F401
import pydantic  # noqa: F401
import pytest

from magicoder_core.hookspecs import KINDS

pytest_plugins = ["pytester"]

HEAD = """
import itertools
import pytest
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from magicoder_core import *
from magicoder_core import jsonl
from magicoder_core.errors import *
from magicoder_core.testing import *

COUNT = itertools.count(1)
"""

TEACHER = """
@dataclass(frozen=True, kw_only=True)
class Good(Teacher):
    '''Repeats the question.'''
    times: Annotated[int, "how often"] = 2

    def supports(self, capability):
        return capability == "text"

    async def complete(self, request):
        return Reply(text=request.messages[-1].content * self.times)

@hookimpl
def teacher():
    return {"good": Good}

class TestIt(TeacherContract):
    provider = Good(times=3)
    deterministic = True
"""

BATCH_TEACHER = """
@dataclass(frozen=True, kw_only=True)
class Good(BatchTeacher):
    '''Repeats the questions.'''

    def complete_batch(self, requests):
        return [Reply(text=request.messages[-1].content) for request in requests]

@hookimpl
def teacher():
    return {"good": Good}

class TestIt(TeacherContract):
    provider = Good(batch_size=4)
    deterministic = True
"""

WIRE_TEACHER = """
@dataclass(frozen=True, kw_only=True)
class Good(WireTeacher):
    '''Repeats the question, between two marks.'''

    async def send(self, request):
        return Wire(b"<<" + request.messages[-1].content.encode() + b">>")

    def read(self, request, body):
        if not (body.startswith(b"<<") and body.endswith(b">>")):
            raise TeacherError("malformed", "no marks")
        return Reply(text=body.decode())

@hookimpl
def teacher():
    return {"good": Good}

class TestIt(TeacherContract):
    provider = Good()
    deterministic = True
"""

SEED_SOURCE = """
@dataclass(frozen=True, kw_only=True)
class Good(SeedSource):
    '''Counts.'''
    end: Annotated[int, "how many there are"] = 9

    def snippets(self, shard):
        for number in range(shard.index, self.end, shard.count):
            origin = Origin(corpus="counts", path=f"{number}.py", lines=(1, 1))
            yield Snippet(code=f"x = {number}", language="python", origin=origin)

@hookimpl
def seed_source():
    return {"good": Good}

class TestIt(SeedSourceContract):
    provider = Good()
    empty = Good(end=0)
    patience = 2.0
"""

METHOD = """
@dataclass(frozen=True, kw_only=True)
class Good(Method):
    '''Asks for a problem, then for its solution.'''

    async def instruct(self, snippet, ask):
        problem = await ask(Request.of("A problem like this: " + snippet.code))
        solution = await ask(Request.of("Solve: " + problem.text))
        if not (problem.text.strip() and solution.text.strip()):
            return Rejection(reason="blank answer")
        return Instruction(
            problem=problem.text, solution=solution.text, language=snippet.language, method="good", parent=snippet.id
        )

@hookimpl
def method():
    return {"good": Good}

class TestIt(MethodContract):
    provider = Good()
    replies = ("Double it.", "2 * x")
"""

FILTER = """
@dataclass(frozen=True, kw_only=True)
class Good(RowFilter):
    '''Drops short rows.'''
    shortest: Annotated[int, "characters"] = 3

    def reject(self, row):
        return "too short" if len(row.solution) < self.shortest else None

@hookimpl(specname="filter")
def filters():
    return {"good": Good}

class TestIt(FilterContract):
    provider = Good()
    kept = (instruction(),)
    dropped = (instruction(solution="x"),)
"""

MEMORY = """
@dataclass(frozen=True, kw_only=True)
class Good(Filter):
    '''Drops what it has seen before.'''

    def judge(self, batch):
        return [self._judge(row.problem) for row in batch]

    def _judge(self, text):
        seen = self.__dict__.setdefault("seen", set())
        new = text not in seen
        seen.add(text)
        return Judgement(keep=new, reason=None if new else "again", scores={"size": len(text)})

    def report(self):
        return {"seen": len(self.__dict__.get("seen", ()))}

@hookimpl(specname="filter")
def filters():
    return {"good": Good}

class TestIt(FilterContract):
    provider = Good()
"""

ASKING_FILTER = """
@dataclass(frozen=True, kw_only=True)
class Good(AskingFilter):
    '''Asks whether a row is good.'''
    least: Annotated[int, "marks"] = 3

    async def assess(self, row, ask):
        reply = await ask(Request.of("Marks for: " + row.problem))
        if not reply.text.strip().isdecimal():
            raise TeacherError("malformed", "no number")
        marks = int(reply.text)
        keep = marks >= self.least
        return Judgement(keep=keep, reason=None if keep else "low", scores={"marks": marks})

@hookimpl(specname="filter")
def filters():
    return {"good": Good}

class TestIt(FilterContract):
    provider = Good()
    replies = ("5",)
    no = ("1",)
    kept = (instruction(),)
    dropped = (instruction(),)
"""

TRAINER = """
@dataclass(frozen=True, kw_only=True)
class Good(Trainer):
    '''Counts its rows.'''

    @property
    def base(self):
        return "tiny"

    def train(self, data, output):
        output.mkdir()
        jsonl.write_json(output / "config.json", {"rows": len(list(data))})
        (output / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        return Checkpoint(path=str(output), base_model=self.base, digest=jsonl.digest(output))

@hookimpl
def trainer():
    return {"good": Good}

class TestIt(TrainerContract):
    provider = Good()
"""

# Judges by comparing, so that these tests need no sandbox.
BENCHMARK = """
SOLUTION = "def double(x):\\n    return 2 * x"

@dataclass(frozen=True, kw_only=True)
class Good(Benchmark):
    '''One problem.'''

    def problems(self):
        yield Problem(id="good/0", benchmark="good", prompt="Double x.")

    def request(self, problem):
        return Request.of(problem.prompt)

    def extract(self, problem, reply):
        return reply.text.partition("```python\\n")[2].partition("```")[0]

    def judge(self, submissions):
        for item in submissions:
            status = "pass" if item.code.strip() == SOLUTION else "fail"
            yield Verdict(problem_id=item.problem_id, sample=item.sample, status=status)

    def references(self):
        yield Submission(problem_id="good/0", code=SOLUTION)

    def mistakes(self):
        yield Submission(problem_id="good/0", code="mistake")

    def results_file(self, judged):
        yield jsonl.dumps({submission.code: verdict.status for submission, verdict in judged})

    def needles(self):
        yield Needle(benchmark="good", problem_id="good/0", kind="prompt", text="Double x.")

    def examples(self):
        yield Example(problem_id="good/0", arguments=(2,), expected=4)

@hookimpl
def benchmark():
    return {"good": Good}

class TestIt(BenchmarkContract):
    provider = Good()
    right = {"good/0": SOLUTION}
    wrong = {"good/0": "def double(x):\\n    return x"}
"""

OPTION = "    no_such_option_: Annotated[{}, 'a fault'] = {}\n\n"

METHOD_SWALLOWS = """
        try:
            await ask(Request.of("Are you there?"))
        except TeacherError:
            raise RuntimeError("no teacher") from None
        problem = await"""

GOOD = {
    "teacher": TEACHER,
    "batch_teacher": BATCH_TEACHER,
    "wire_teacher": WIRE_TEACHER,
    "seed_source": SEED_SOURCE,
    "method": METHOD,
    "filter": FILTER,
    "memory": MEMORY,
    "asking_filter": ASKING_FILTER,
    "trainer": TRAINER,
    "benchmark": BENCHMARK,
}

BROKEN = [
    # What holds for every kind.
    ("teacher", "@dataclass", "import aiohttp\n\n@dataclass", "test_module_imports_nothing_heavy"),
    ("teacher", "'''Repeats the question.'''", "", "test_has_a_docstring"),
    ("teacher", 'Annotated[int, "how often"]', "int", "test_options_are_documented"),
    ("teacher", 'Annotated[int, "how often"]', 'Annotated[int, " "]', "test_options_are_documented"),
    ("teacher", "(frozen=True, kw_only=True)", "(frozen=True)", "test_is_a_frozen_dataclass"),
    ("filter", "@dataclass(frozen=True, kw_only=True)\n", "", "test_is_a_frozen_dataclass"),
    ("teacher", '{"good": Good}', "{}", "test_is_registered_under_a_proper_name"),
    ("teacher", '{"good": Good}', '{"Good_One": Good}', "test_is_registered_under_a_proper_name"),
    (
        "teacher",
        "    async def complete",
        "    def __getstate__(self):\n        return {}\n\n    async def complete",
        "test_options_survive_pickling",
    ),
    (
        "teacher",
        "    async def complete",
        "    def check(self):\n        raise KeyError('TOKEN')\n\n    async def complete",
        "test_checks_itself",
    ),
    ("teacher", "    async def", OPTION.format("int", 1) + "    async def", "test_unknown_option_is_refused"),
    ("teacher", "    async def", OPTION.format("pytest.Item | None", None) + "    async def", "test_has_a_schema"),
    (
        "teacher",
        "    async def",
        OPTION.format("Iterator", "iter([1])") + "    async def",
        "test_options_survive_a_recipe",
    ),
    # Teachers.
    ("teacher", "    async def", "    capabilities = ['grammar']\n\n    async def", "test_describes_itself"),
    ("teacher", "return Reply(text=", "return (", "test_answers_each_request"),
    (
        "teacher",
        "        return Reply",
        "        {'system': 0, 'user': 1}[request.messages[-1].role]\n        return Reply",
        "test_goes_on_with_raw_text",
    ),
    (
        "teacher",
        "        return Reply",
        "        if len(request.messages[-1].content) > 500: raise KeyError('choices')\n        return Reply",
        "test_odd_requests_are_answered_or_refused",
    ),
    (
        "teacher",
        "        return Reply",
        """        if "busy" in self.__dict__:
            raise TeacherError("overloaded", "one at a time")
        self.__dict__["busy"] = True
        await __import__("asyncio").sleep(0)
        del self.__dict__["busy"]
        return Reply""",
        "test_answers_concurrent_requests",
    ),
    (
        "teacher",
        "    deterministic = True",
        "    deterministic = True\n    failing = Good(times='x')",
        "test_fails_with_teacher_errors_only",
    ),
    (
        "teacher",
        "    async def complete",
        "    async def close(self):\n        self.__dict__['server'].stop()\n\n    async def complete",
        "test_closes_unopened",
    ),
    ("wire_teacher", 'raise TeacherError("malformed", "no marks")', "pass", "test_reads_what_it_was_sent"),
    ("wire_teacher", "text=body.decode()", "text=body.decode() + str(next(COUNT))", "test_reads_what_it_was_sent"),
    ("batch_teacher", "for request in requests]", "for request in requests][:1]", "test_answers_a_batch"),
    ("batch_teacher", "for request in requests]", "for request in reversed(requests)]", "test_answers_a_batch"),
    ("batch_teacher", "        return [Reply", "        requests[0]\n        return [Reply", "test_answers_a_batch"),
    # Seed sources.
    (
        "seed_source",
        "range(shard.index, self.end, shard.count)",
        "range(self.end)",
        "test_shards_together_are_the_whole",
    ),
    (
        "seed_source",
        "range(shard.index, self.end, shard.count)",
        "list(__import__('time').sleep(3) or range(shard.index, self.end, shard.count))",
        "test_yields_lazily",
    ),
    ("seed_source", 'path=f"{number}.py"', 'path=f"/src/{number}.py"', "test_snippets_are_well_formed"),
    ("seed_source", 'code=f"x = {number}"', 'code="  "', "test_snippets_are_well_formed"),
    ("seed_source", 'code=f"x = {number}"', "code=str(next(COUNT))", "test_draws_the_same_again"),
    ("seed_source", "empty = Good(end=0)", "empty = Good(end=1)", "test_empty_corpus_yields_nothing"),
    (
        "seed_source",
        "    def snippets(self, shard):",
        "    def snippets(self, shard):\n        return list(self.drawn(shard))\n\n    def drawn(self, shard):",
        "test_returns_an_iterator",
    ),
    # Methods.
    (
        "method",
        "        solution = await",
        "        if ask.supports('grammar'): return Rejection(reason='todo')\n        solution = await",
        "test_works_with_a_capable_teacher",
    ),
    ("method", "        problem = await", METHOD_SWALLOWS, "test_a_failed_request_is_no_bug"),
    ("method", "parent=snippet.id", 'parent="0" * 16', "test_makes_an_instruction"),
    ("method", 'return Rejection(reason="blank answer")', 'raise ValueError("blank")', "test_garbage_is_rejected"),
    ("method", 'return Rejection(reason="blank answer")', "return None", "test_garbage_is_rejected"),
    ("method", '"Solve: "', 'str(next(COUNT)) + "Solve: "', "test_is_repeatable"),
    (
        "method",
        "        solution = await",
        "        problem.text.encode('ascii')\n        solution = await",
        "test_odd_answers_do_not_crash",
    ),
    # Filters.
    ("filter", 'return "too short" if', 'return "" if', "test_odd_rows_do_not_crash"),
    ("filter", "        return", "        row.solution.split()[0]\n        return", "test_odd_rows_do_not_crash"),
    (
        "filter",
        "        return",
        "        if next(COUNT) % 3 == 0: return 'third'\n        return",
        "test_judges_the_same_again",
    ),
    (
        "filter",
        "    def reject",
        "    def judge(self, batch):\n        return super().judge(batch)[1:]\n\n    def reject",
        "test_judges_each_row",
    ),
    (
        "filter",
        "    def reject",
        "    def report(self):\n        return {'rows': next(COUNT)}\n\n    def reject",
        "test_reports_in_plain_values",
    ),
    ("memory", '{"seen": len', '{"seen": (1,) * len', "test_reports_in_plain_values"),
    (
        "memory",
        "    def report",
        "    def recall(self, batch):\n        pass\n\n    def report",
        "test_recalls_what_it_has_judged",
    ),
    ("memory", 'reason=None if new else "again"', 'reason="new" if not new else " "', "test_judges_each_row"),
    ("memory", 'scores={"size"', 'evidence={"size": 1} if new else {}, scores={"size"', "test_judges_each_row"),
    ("asking_filter", '"Marks for: "', '"Marks for: " + str(next(COUNT))', "test_asks_the_same_again"),
    ("asking_filter", "if not reply.text.strip().isdecimal()", "if False", "test_answers_of_no_use_do_not_crash"),
    (
        "asking_filter",
        "        reply = await ask(",
        """        try:
            await ask(Request.of("Are you there?"))
        except TeacherError:
            return Judgement(keep=True)
        reply = await ask(""",
        "test_no_answer_is_no_judgement",
    ),
    ("asking_filter", 'no = ("1",)', 'no = ("4",)', "test_keeps_and_drops_what_it_should"),
    ("asking_filter", 'replies = ("5",)', "replies = ()", "test_judges_each_row"),
    ("filter", "kept = (instruction(),)", 'kept = (instruction(solution="x"),)', "test_keeps_and_drops_what_it_should"),
    ("filter", 'solution="x"),', 'solution="xxxx"),', "test_keeps_and_drops_what_it_should"),
    (
        "filter",
        "    def reject",
        "    def judge(self, batch):\n        batch[0]\n        return super().judge(batch)\n\n    def reject",
        "test_judges_an_empty_batch",
    ),
    (
        "filter",
        "    def reject",
        "    def judge(self, batch):\n        keep = len(batch) > 1\n        return [Judgement(keep=keep, reason='few')] * len(batch)\n\n    def reject",
        "test_batches_make_no_difference",
    ),
    (
        "filter",
        "    def reject",
        "    def judge(self, batch):\n        return [Judgement(keep=number > 0, reason='first') for number, _ in enumerate(batch)]\n\n    def reject",
        "test_order_is_the_rows_order",
    ),
    (
        "filter",
        "    def reject",
        "    def judge(self, batch):\n        return [Judgement(keep=False, reason='all') for _ in batch]\n\n    def reject",
        "test_row_filter_says_what_it_judges",
    ),
    # Trainers.
    ("trainer", "digest=jsonl.digest(output)", 'digest="0" * 64', "test_trains_a_whole_model"),
    ("trainer", '"config.json"', '"settings.json"', "test_trains_a_whole_model"),
    ("trainer", '"model.safetensors").', '"model.part").', "test_trains_a_whole_model"),
    ("trainer", "len(list(data))", "next(COUNT)", "test_trains_the_same_again"),
    ("trainer", 'return "tiny"', 'return ""', "test_names_its_base"),
    # Benchmarks.
    (
        "benchmark",
        'if item.code.strip() == SOLUTION else "fail"',
        'if item.code != "" else "fail"',
        "test_judges_right_and_wrong",
    ),
    ("benchmark", "for item in submissions", "for item in reversed(list(submissions))", "test_judges_right_and_wrong"),
    ("benchmark", 'partition("```python\\n")[2]', 'partition("```")[2]', "test_judges_what_it_extracts"),
    (
        "benchmark",
        'prompt="Double x.")',
        'prompt="Double x.")\n        yield Problem(id="good/0", benchmark="good", prompt="Again.")',
        "test_problems_have_unique_ids",
    ),
    ("benchmark", 'text="Double x."', 'text=""', "test_needles_belong_to_problems"),
    ("benchmark", 'id="good/0", arguments', 'id="good/1", arguments', "test_examples_belong_to_problems"),
    ("benchmark", "expected=4)", "expected=4, accepts=lambda answer: answer == 5)", "test_examples_belong_to_problems"),
    ("benchmark", 'problem_id="good/0", kind', 'problem_id="good/1", kind', "test_needles_belong_to_problems"),
    ("benchmark", "Request.of(problem.prompt)", 'Request.of(f"{next(COUNT)}")', "test_requests_are_repeatable"),
    (
        "benchmark",
        "        return reply.text.",
        "        reply.text.index('`')\n        return reply.text.",
        "test_extracts_a_program_of_any_answer",
    ),
    (
        "benchmark",
        "    def needles",
        "    def provenance(self):\n        return {'problems': 1}\n\n    def needles",
        "test_provenance_is_text",
    ),
    (
        "benchmark",
        "        for item in sub",
        "        first = next(submissions)\n        for item in sub",
        "test_judges_nothing",
    ),
    ("benchmark", 'right = {"good/0": SOLUTION}', "right = {}", "test_judges_right_and_wrong"),
    ("benchmark", "for item in submissions", "for item in list(submissions)", "test_judges_lazily"),
    ("benchmark", 'id="good/0", code=SOLUTION', 'id="good/0", code="x"', "test_references_pass"),
    ("benchmark", 'id="good/0", code=SOLUTION', 'id="good/1", code=SOLUTION', "test_references_pass"),
    ("benchmark", 'code="mistake"', "code=SOLUTION", "test_mistakes_fail"),
    ("benchmark", 'id="good/0", code="mistake"', 'id="bad/0", code="mistake"', "test_mistakes_fail"),
    ("benchmark", "yield jsonl.dumps({", "yield str({", "test_writes_the_official_results"),
]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a contract, or one test of it, against a provider; returns outcomes by test."""
    # Other plugins of the environment cost seconds at every start.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "")

    def run(source: str, test: str = "") -> dict[str, str]:
        path = pytester.makepyfile(test_it=HEAD + source)
        only = f"{path}::TestIt::{test}" if test else str(path)
        result = pytester.inline_run(only, "-p", "no:cacheprovider", "-p", "magicoder_core.testing.plugin")
        named = zip(("passed", "skipped", "failed"), result.listoutcomes(), strict=True)
        return {report.nodeid.rpartition("::")[2]: outcome for outcome, reports in named for report in reports}

    return run


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_good_provider_passes(run, kind):
    outcomes = run(GOOD[kind])
    assert "failed" not in outcomes.values()
    assert list(outcomes.values()).count("passed") >= 12


def test_every_hook_has_a_contract():
    assert set(KINDS) <= set(GOOD)


@pytest.mark.parametrize(("kind", "find", "put", "test"), BROKEN)
def test_a_broken_provider_fails(run, kind, find, put, test):
    assert find in GOOD[kind], "the fault does not fit the sample"
    assert run(GOOD[kind].replace(find, put, 1), test) == {test: "failed"}


def test_every_test_of_a_contract_can_fail():
    """A test that no fault trips proves nothing."""
    import magicoder_core.testing as kit

    contracts = [getattr(kit, name) for name in kit.__all__ if name.endswith("Contract")]
    tests = {name for contract in contracts for name in dir(contract) if name.startswith("test_")}
    assert tests == {test for *_, test in BROKEN}
