"""The contract of a benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any

import pytest

from magicoder_core import sandbox
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import SandboxError
from magicoder_core.judging.judge import closed
from magicoder_core.records import Example, Needle, Problem, Reply, Request, Submission, Verdict
from magicoder_core.testing.providers import ProviderContract

CHEATS = ("", "raise SystemExit(0)\n", "import os\nos._exit(0)\n", "def (:\n")
"""Python programs that solve nothing, though some of them end with exit status 0."""

AHEAD = 2000
"""Submissions that may be pulled before their first verdict: a lazy judge takes a few ahead of its boxes."""


class BenchmarkContract(ProviderContract):
    r"""What a benchmark promises.

        from magicoder_core.testing import BenchmarkContract
        from magicoder_sums import Sums

        class TestSums(BenchmarkContract):
            provider = Sums()
            right = {"sums/0": "def add(a, b):\n    return a + b\n"}
            wrong = {"sums/0": "def add(a, b):\n    return a\n"}

    Programs run in the sandbox; where this machine has none those tests are skipped with the reason.

    Attributes:
        provider: the benchmark to test; it must find its data without network.
        right: for at least one problem's id, a whole program that solves it.
        wrong: for a problem's id, a program that does not. Programs that solve nothing are tried in any case.
        first: how many problems the tests look at closely.
    """

    provider: Benchmark
    right: Mapping[str, str] = {}
    wrong: Mapping[str, str] = {}
    first: int = 5

    def reply(self, problem: Problem, program: str) -> Reply:
        """How a model would answer with ``program``; override it where an answer looks otherwise."""
        return Reply(text=f"Here is a solution:\n\n```{problem.language}\n{program.rstrip()}\n```\n\nIt is short.")

    def test_problems_have_unique_ids(self, subject: Any) -> None:
        """There are problems, each with an id of its own and the benchmark's name, in a fixed order."""
        problems = list(subject.problems())
        ids = [item.id for item in problems]
        assert ids, "there are no problems"
        assert len(set(ids)) == len(ids)
        assert [item.id for item in subject.problems()] == ids
        assert len({item.benchmark for item in problems}) == 1
        assert all(isinstance(item, Problem) and item.prompt.strip() for item in problems)

    def test_requests_are_repeatable(self, subject: Any) -> None:
        """A problem is always asked in the same words: the journal knows a request by them."""
        for problem in islice(subject.problems(), self.first):
            request = subject.request(problem)
            assert isinstance(request, Request)
            assert request.messages[-1].content.strip()
            assert request.id == subject.request(problem).id

    def test_extracts_a_program_of_any_answer(self, subject: Any) -> None:
        """Whatever a model writes, what comes out is a text that can be judged."""
        problem = next(subject.problems())
        for text in ("", "I cannot do that.", "```", "```python\n", "\x00\N{PILE OF POO}"):
            assert isinstance(subject.extract(problem, Reply(text=text)), str)

    def test_judges_right_and_wrong(self, subject: Any) -> None:
        """One verdict for each submission, in order; right programs pass and wrong ones never."""
        assert self.right, "say `right = {problem id: program}` for at least one problem"
        cases = list(self._cases())
        verdicts = _judged(subject, [submission for submission, _ in cases])
        assert [(item.problem_id, item.sample) for item in verdicts] == [
            (item.problem_id, item.sample) for item, _ in cases
        ]
        for verdict, (submission, passes) in zip(verdicts, cases, strict=True):
            assert isinstance(verdict, Verdict)
            assert (verdict.status == "pass") is passes, f"{verdict!r} for the program:\n{submission.code}"

    def test_judges_what_it_extracts(self, subject: Any) -> None:
        """A right program within an ordinary answer passes."""
        problems = {item.id: item for item in subject.problems()}
        assert set(self.right) <= set(problems), "`right` names problems that there are not"
        submissions = [
            Submission(problem_id=name, code=subject.extract(problems[name], self.reply(problems[name], program)))
            for name, program in self.right.items()
        ]
        assert [item.status for item in _judged(subject, submissions)] == ["pass"] * len(submissions)

    def test_judges_nothing(self, subject: Any) -> None:
        """No submissions, no verdicts."""
        assert _judged(subject, []) == []

    def test_judges_lazily(self, subject: Any) -> None:
        """Any number of programs may come: none waits for the last."""
        name, program = next(iter(self.right.items()))

        def endless() -> Iterator[Submission]:
            for number in count():
                assert number < AHEAD, f"{number} programs were taken and none was judged"
                yield Submission(problem_id=name, code=program, sample=number)

        try:
            with closed(subject.judge(endless())) as verdicts:
                assert [verdict.sample for verdict in islice(verdicts, 3)] == [0, 1, 2]
        except SandboxError as error:
            pytest.skip(f"no sandbox here: {error}")

    def test_references_pass(self, subject: Any) -> None:
        """Programs that are said to be right are; each belongs to a problem, in the problems' order."""
        known = [item.problem_id for item in subject.references()]
        ids = [item.id for item in subject.problems()]
        assert known == [name for name in ids if name in set(known)], "one for each problem, in the problems' order"
        verdicts = _judged(subject, list(islice(subject.references(), self.first)))
        assert [item for item in verdicts if item.status != "pass"] == []

    def test_mistakes_fail(self, subject: Any) -> None:
        """Programs that are said to be wrong are, and can be judged; each belongs to a problem."""
        mistakes = list(subject.mistakes())
        assert {item.problem_id for item in mistakes} <= {item.id for item in subject.problems()}
        verdicts = _judged(subject, mistakes)
        assert [item for item in verdicts if item.status in {"pass", "harness_error"}] == []

    def test_writes_the_official_results(self, subject: Any) -> None:
        """Where there is a results file, it is JSON, also of nothing; its name ends in a suffix of its own."""
        if type(subject).results_file is Benchmark.results_file:
            pytest.skip("no results_file")
        assert subject.results_suffix.strip("._")
        submissions = [Submission(problem_id=name, code=program) for name, program in self.right.items()]
        judged = list(zip(submissions, _judged(subject, submissions), strict=True))
        for pairs in (judged, []):
            text = "".join(subject.results_file(iter(pairs)))
            lines = text.splitlines() if subject.results_suffix.endswith(".jsonl") else [text]
            assert all(isinstance(json.loads(line), dict) for line in lines)

    def test_needles_belong_to_problems(self, subject: Any) -> None:
        """Decontamination has something to look for, and knows whose it is."""
        ids = {item.id for item in subject.problems()}
        needles = list(subject.needles())
        assert needles, "there are no needles"
        for needle in needles:
            assert isinstance(needle, Needle)
            assert needle.text.strip()
            assert needle.problem_id in ids

    def test_examples_belong_to_problems(self, subject: Any) -> None:
        """What the references are said to give is right by its own rule; a program can be asked it."""
        try:
            examples = list(subject.examples())
        except SandboxError as error:
            pytest.skip(f"no sandbox here: {error}")
        ids = {item.id for item in subject.problems()}
        for example in examples:
            assert isinstance(example, Example)
            assert example.problem_id in ids
            assert example.accepts is None or example.accepts(example.expected)
            assert len(sandbox.Inputs.of("function", [example.arguments])) == 1

    def test_provenance_is_text(self, subject: Any) -> None:
        """What stands beside the score in a report."""
        assert all(isinstance(text, str) for pair in subject.provenance().items() for text in pair)

    def _cases(self) -> Iterator[tuple[Submission, bool]]:
        """Submissions with whether they pass: right and wrong ones in turn, samples counted from 0."""
        python = {item.id for item in self.provider.problems() if item.language == "python"}
        for name, program in self.right.items():
            yield Submission(problem_id=name, code=program, sample=0), True
            wrong = [*([self.wrong[name]] if name in self.wrong else []), *(CHEATS if name in python else [""])]
            for sample, cheat in enumerate(wrong, 1):
                yield Submission(problem_id=name, code=cheat, sample=sample), False
        for name in set(self.wrong) - set(self.right):
            yield Submission(problem_id=name, code=self.wrong[name]), False


def _judged(benchmark: Benchmark, submissions: list[Submission]) -> list[Verdict]:
    try:
        return list(benchmark.judge(iter(submissions)))
    except SandboxError as error:
        pytest.skip(f"no sandbox here: {error}")
