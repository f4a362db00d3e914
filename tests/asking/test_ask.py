"""`ask`: the journal first, one attempt at a time, each failure by its kind."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from magicoder_core import BatchTeacher, BudgetError, Reply, Request, RunError, Sampling, Teacher, TeacherError, Usage
from magicoder_core.asking import Asker, Budget, Gate, Journal, ask
from magicoder_core.asking.journal import entries


@dataclass(frozen=True, kw_only=True)
class Scripted(Teacher):
    """Answers after the failures it is told to have."""

    failures: tuple[TeacherError, ...] = ()
    log: Counter = field(default_factory=Counter)
    model: str = "scripted"

    def sampling(self):
        return Sampling(temperature=0.5, max_tokens=7)

    async def open(self):
        self.log["open"] += 1

    async def close(self):
        self.log["close"] += 1

    async def complete(self, request):
        number = self.log["complete"]
        self.log["complete"] += 1
        self.log["out"] += 1
        self.log["most"] = max(self.log["most"], self.log["out"])
        await asyncio.sleep(0.005)
        self.log["out"] -= 1
        if number < len(self.failures):
            raise self.failures[number]
        return Reply(text=request.messages[-1].content.upper(), usage=Usage(prompt_tokens=5, completion_tokens=5))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(ask, "_FIRST_PAUSE", 0.001)


def asked(tmp_path, teacher, *texts, budget=None, concurrency=4, attempts=6):
    """The answers to ``texts``, or the first error."""

    async def main():
        with Journal(tmp_path / "j") as journal:
            asker = Asker(teacher, "scripted", journal, Gate(concurrency), budget or Budget(), attempts)
            async with asker.running():
                replies = await asyncio.gather(*(asker.on_behalf_of(text)(Request.of(text)) for text in texts))
            return asker, [reply.text for reply in replies]

    return asyncio.run(main())


def test_the_same_question_is_paid_once_even_across_runs(tmp_path):
    teacher = Scripted()
    assert asked(tmp_path, teacher, "a", "b", "a")[1] == ["A", "B", "A"]
    asker, answers = asked(tmp_path, teacher, "b", "a")
    assert answers == ["B", "A"]
    assert (asker.asked, asker.replayed) == (0, 2)
    assert teacher.log["complete"] == 2


def test_a_teacher_is_opened_only_when_the_journal_lacks_an_answer(tmp_path):
    teacher = Scripted()
    asked(tmp_path, teacher, "a")
    asked(tmp_path, teacher, "a")
    assert (teacher.log["open"], teacher.log["close"]) == (1, 1)


def test_what_a_request_leaves_open_is_the_teachers_and_in_the_journal(tmp_path):
    asked(tmp_path, Scripted(), "a")
    (entry,) = entries(tmp_path / "j")
    assert (entry.request.sampling.temperature, entry.request.sampling.max_tokens) == (0.5, 7)
    assert entry.parent == "a"


@pytest.mark.parametrize("kind", sorted(ask.RETRIED))
def test_passing_failures_are_asked_again_and_journaled(tmp_path, kind):
    teacher = Scripted(failures=(TeacherError(kind, "not now"),) * 2)
    assert asked(tmp_path, teacher, "a")[1] == ["A"]
    assert [entry.error for entry in entries(tmp_path / "j")] == [kind, kind, None]


@pytest.mark.parametrize("kind", ["auth", "quota", "bad_request", "content_filter"])
def test_final_failures_are_asked_once(tmp_path, kind):
    teacher = Scripted(failures=(TeacherError(kind, "never"),) * 9)
    with pytest.raises(TeacherError, match="never"):
        asked(tmp_path, teacher, "a")
    assert teacher.log["complete"] == 1
    assert teacher.log["close"] == 1


def test_attempts_are_bounded(tmp_path):
    teacher = Scripted(failures=(TeacherError("transient", "reset"),) * 9)
    with pytest.raises(TeacherError, match="reset"):
        asked(tmp_path, teacher, "a", attempts=3)
    assert teacher.log["complete"] == 3


def test_no_retry_before_the_provider_allows_it(tmp_path):
    teacher = Scripted(failures=(TeacherError("rate_limited", "slow", retry_after=0.2),))
    loop_times = []
    complete = Scripted.complete

    async def timed(self, request):
        loop_times.append(asyncio.get_running_loop().time())
        return await complete(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scripted, "complete", timed)
        asked(tmp_path, teacher, "a")
    assert loop_times[1] - loop_times[0] >= 0.2


def test_concurrency_is_bounded(tmp_path):
    teacher = Scripted()
    asked(tmp_path, teacher, *"abcdefghij", concurrency=3)
    assert teacher.log["most"] == 3


def test_max_requests_is_never_passed(tmp_path):
    teacher = Scripted()
    with pytest.raises(BudgetError, match=r"generate.max_requests = 3 is reached"):
        asked(tmp_path, teacher, *"abcdef", budget=Budget(max_requests=3))
    assert teacher.log["complete"] == 3
    assert sum(1 for _ in entries(tmp_path / "j")) == 3


def test_max_tokens_is_never_passed_with_many_requests_out(tmp_path):
    teacher = Scripted()
    # A request may take 7 + 16 tokens and takes 10: while some are out the worst case counts, afterwards what they took.
    with pytest.raises(BudgetError, match=r"generate.max_tokens = 60 is reached \((40|50) spent\)"):
        asked(tmp_path, teacher, *"abcdefgh", budget=Budget(max_tokens=60), concurrency=8)
    assert teacher.log["complete"] in (4, 5)


def test_a_limit_in_money_needs_a_price(tmp_path):
    with pytest.raises(BudgetError, match="gives no price"):
        asked(tmp_path, Scripted(), "a", budget=Budget(max_usd=1.0))
    assert asked(tmp_path, Scripted(), "a")[1] == ["A"], "the answer was paid for and is kept"


@dataclass(frozen=True, kw_only=True)
class Batched(BatchTeacher):
    """Notes the sizes of its batches."""

    sizes: list = field(default_factory=list)
    fails: bool = False

    def complete_batch(self, requests):
        self.sizes.append(len(requests))
        if self.fails:
            raise TeacherError("bad_request", "too long")
        return [Reply(text=request.messages[-1].content.upper()) for request in requests]


def test_requests_are_gathered_into_batches(tmp_path):
    teacher = Batched(batch_size=4)
    assert asked(tmp_path, teacher, *"abcdefghij", concurrency=8)[1] == list("ABCDEFGHIJ")
    assert max(teacher.sizes) == 4
    assert sum(teacher.sizes) == 10


def test_a_failed_batch_fails_those_who_wait_for_it(tmp_path):
    with pytest.raises(TeacherError, match="too long"):
        asked(tmp_path, Batched(fails=True), "a", "b")


def test_refusals_one_after_another_close_the_gate_for_all_and_single_ones_do_not():
    async def main():
        gate = Gate(4)
        clock = asyncio.get_running_loop().time
        for _ in range(5):
            gate.refused(9.0)
            gate.answered()
        before = clock()
        async with gate.passage():
            assert clock() - before < 1.0
        for _ in range(3):
            gate.refused(0.2)
        async with gate.passage():
            return clock() - before

    assert asyncio.run(main()) >= 0.2


def test_a_billed_failure_counts_its_worst_case(tmp_path):
    teacher = Scripted(failures=(TeacherError("transient", "cut", charged=True),))
    asker, _ = asked(tmp_path, teacher, "a")
    assert asker.budget.requests == 2
    assert asker.budget.tokens == 10 + 23


def test_a_teacher_that_fails_to_open_is_closed_and_may_be_opened_again(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Late(Scripted):
        async def open(self):
            self.log["open"] += 1
            if self.log["open"] == 1:
                raise TeacherError("transient", "loading")

    teacher = Late()
    assert asked(tmp_path, teacher, "a")[1] == ["A"]
    assert (teacher.log["open"], teacher.log["close"]) == (2, 1)


def test_what_is_out_is_kept_when_the_one_who_asked_gives_up(tmp_path):
    """Ctrl-C and a fatal error cancel those who wait; the provider bills their answers all the same."""
    teacher = Scripted()

    async def main():
        with Journal(tmp_path / "j") as journal:
            asker = Asker(teacher, "scripted", journal, Gate(3))
            async with asker.running():
                tasks = [asyncio.ensure_future(asker.on_behalf_of(text)(Request.of(text))) for text in "abcdefgh"]
                await asyncio.sleep(0.003)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert teacher.log["complete"] == 3, "nobody takes the place of one who gave up"
    assert sum(entry.reply is not None for entry in entries(tmp_path / "j")) == 3


def test_a_batch_with_the_wrong_number_of_replies_is_an_error_and_hangs_nobody(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Short(Batched):
        def complete_batch(self, requests):
            return list(super().complete_batch(requests))[:-1]

    with pytest.raises(RunError, match=r"Short gave \d replies for \d requests"):
        asked(tmp_path, Short(), "a", "b")
    with pytest.raises(RunError):
        asked(tmp_path, Short(), "c")


def test_a_teacher_that_breaks_while_it_opens_is_named(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Broken(Scripted):
        async def open(self):
            raise KeyError("config")

    with pytest.raises(RunError, match="teacher 'scripted' failed: KeyError: 'config'"):
        asked(tmp_path, Broken(), "a")


def test_after_a_fatal_answer_nobody_else_is_sent_and_all_hear_why(tmp_path):
    teacher = Scripted(failures=(TeacherError("auth", "wrong key"),) * 9)

    async def main():
        with Journal(tmp_path / "j") as journal:
            asker = Asker(teacher, "scripted", journal, Gate(2))
            async with asker.running():
                asks = (asker.on_behalf_of(text)(Request.of(text)) for text in "abcdefgh")
                return await asyncio.gather(*asks, return_exceptions=True)

    assert {str(error) for error in asyncio.run(main())} == {"wrong key"}
    assert teacher.log["complete"] == 2
