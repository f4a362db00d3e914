"""`ask`: the journal first, one attempt at a time, each failure by its kind."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from magicoder_core import (
    BatchTeacher,
    BudgetError,
    Price,
    Reply,
    Request,
    RunError,
    Sampling,
    Teacher,
    TeacherError,
    Usage,
    Wire,
    WireTeacher,
)
from magicoder_core.asking import Asker, Budget, Cache, Gate, Journal, ParentAsk, ask, pausing
from magicoder_core.asking.errand import NotAskedError
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
    monkeypatch.setattr(pausing, "_FIRST_PAUSE", 0.001)


def asked(tmp_path, teacher, *texts, budget=None, concurrency=4, sampling=None, **options):
    """The answers to ``texts``, or the first error."""

    async def main():
        with Journal(tmp_path / "j") as journal:
            asker = Asker(teacher, "scripted", journal, Gate(concurrency), budget or Budget(), **options)
            async with asker.running():
                replies = await asyncio.gather(
                    *(ParentAsk(asker, text)(Request.of(text, sampling=sampling)) for text in texts)
                )
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


@dataclass(frozen=True, kw_only=True)
class Writer(Scripted):
    """Goes on with raw text, too."""

    capabilities = frozenset({"text"})


def test_raw_text_goes_only_to_a_teacher_that_can_go_on_with_it(tmp_path):
    async def main(teacher):
        with Journal(tmp_path / "j") as journal:
            asker = Asker(teacher, "scripted", journal, Gate(4))
            async with asker.running():
                asks = [ParentAsk(asker, text)(Request.continuing(text)) for text in ("def f", "def g")]
                return await asyncio.gather(*asks, return_exceptions=True)

    chatty = Scripted()
    for error in asyncio.run(main(chatty)):
        assert isinstance(error, RunError)
        assert str(error).startswith("teacher 'scripted': it answers conversations and cannot go on with raw text")
    assert chatty.log == {}, "nothing was opened, nothing was sent"
    assert list(entries(tmp_path / "j")) == []
    assert [reply.text for reply in asyncio.run(main(Writer()))] == ["DEF F", "DEF G"]
    assert [reply.text for reply in asyncio.run(main(chatty))] == ["DEF F", "DEF G"], "what is paid for is read by all"


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
    # A request may take 7 + 17 tokens and takes 10: while some are out the worst case counts, afterwards what they took.
    with pytest.raises(
        BudgetError, match=r"generate.max_tokens = 60 is reached \((40|50) spent, the next request could take 24\)"
    ):
        asked(tmp_path, teacher, *"abcdefgh", budget=Budget(max_tokens=60), concurrency=8)
    assert teacher.log["complete"] in (4, 5)


def test_a_limit_in_money_needs_a_price_before_anything_is_asked(tmp_path):
    teacher = Scripted()
    with pytest.raises(BudgetError, match="gives no price"):
        asked(tmp_path, teacher, "a", budget=Budget(max_usd=1.0))
    assert teacher.log["complete"] == 0


def test_max_usd_is_never_passed(tmp_path):
    price = Price(usd_per_prompt_token=1.0, usd_per_completion_token=10.0)
    # An answer takes 5 + 50 dollars and may take 17 + 70.
    budget = Budget(max_usd=300.0, price=price)
    with pytest.raises(BudgetError, match=r"max_usd = 300.0 is reached \(220 spent, the next request could take 87\)"):
        asked(tmp_path, Scripted(), *"abcdefgh", budget=budget, concurrency=8)
    assert budget.usd == 220


def test_a_limit_in_tokens_needs_a_bound_on_answers(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Endless(Scripted):
        def sampling(self):
            return Sampling()

    with pytest.raises(BudgetError, match="set the teacher's option max_tokens"):
        asked(tmp_path, Endless(), "a", budget=Budget(max_tokens=1000))


@dataclass(frozen=True, kw_only=True)
class Wired(WireTeacher):
    """Answers in bytes; what begins with "bad" has no answer in it the first time."""

    log: Counter = field(default_factory=Counter)
    model: str = "wired"

    async def send(self, request):
        text = request.messages[-1].content
        self.log[text] += 1
        await asyncio.sleep(0)
        if text.startswith("bad") and self.log[text] == 1:
            return Wire(b"<html>")
        if text.startswith("crash"):
            return Wire(b"crash")
        return Wire(text.upper().encode())

    def read(self, request, body):
        if body.startswith(b"<"):
            raise TeacherError("malformed", "no answer", charged=True)
        if body == b"crash":
            raise KeyError("choices")
        return Reply(text=body.decode(), usage=Usage(prompt_tokens=5, completion_tokens=5))


def test_a_body_is_in_the_journal_before_anybody_reads_it(tmp_path):
    with pytest.raises(RunError, match="teacher 'scripted' failed: KeyError"):
        asked(tmp_path, Wired(), "crash")
    (entry,) = entries(tmp_path / "j")
    assert entry.body == b"crash"


def test_a_body_with_no_answer_is_kept_counted_and_asked_again(tmp_path):
    teacher = Wired()
    asker, answers = asked(tmp_path, teacher, "bad", sampling=Sampling(max_tokens=7))
    assert answers == ["BAD"]
    assert [entry.body for entry in entries(tmp_path / "j")] == [b"<html>", b"BAD"]
    assert asker.budget.requests == 2
    assert asked(tmp_path, teacher, "bad", sampling=Sampling(max_tokens=7))[0].replayed == 1
    assert teacher.log["bad"] == 2


def test_what_an_earlier_run_spent_counts(tmp_path):
    asker, _ = asked(tmp_path, Wired(), "bad", "good")
    with Journal(tmp_path / "j") as journal:
        again = Asker(Wired(), "scripted", journal, Gate(1))
        for entry in entries(tmp_path / "j"):
            again.count(entry)
    assert (again.budget.requests, again.budget.tokens) == (asker.budget.requests, asker.budget.tokens)
    assert again.budget.requests == 3


def test_an_answer_of_another_run_comes_from_the_cache_and_is_not_billed(tmp_path):
    teacher = Wired()
    with Cache(tmp_path / "cache") as cache:
        asked(tmp_path, teacher, "one", cache=cache)
    (tmp_path / "other").mkdir()
    with Cache(tmp_path / "cache") as cache:
        asker, answers = asked(tmp_path / "other", teacher, "one", "two", cache=cache)
    assert answers == ["ONE", "TWO"]
    assert (asker.asked, asker.cached) == (1, 1)
    assert asker.budget.requests == 1
    assert [entry.charged for entry in entries(tmp_path / "other" / "j")] == [False, True]


def test_runs_that_open_a_new_cache_at_the_same_moment_wait_for_each_other(tmp_path):
    def opened(folder):
        together.wait()
        with Cache(folder):
            return True

    together = threading.Barrier(8)
    with ThreadPoolExecutor(8) as threads:
        for turn in range(100):
            assert all(threads.map(opened, [tmp_path / str(turn)] * 8))


def test_only_the_journal_answers_a_replay(tmp_path):
    teacher = Wired()
    asked(tmp_path, teacher, "one")
    assert asked(tmp_path, teacher, "one", replay=True)[1] == ["ONE"]
    with pytest.raises(NotAskedError):
        asked(tmp_path, teacher, "two", replay=True)
    assert teacher.log == {"one": 1}


def test_a_cut_answer_is_asked_for_once_more_only_where_the_recipe_says_so(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Cut(Scripted):
        async def complete(self, request):
            self.log[request.sampling.max_tokens] += 1
            return Reply(text="cut", finish_reason="length")

    teacher = Cut()
    assert asked(tmp_path, teacher, "a")[1] == ["cut"]
    assert teacher.log == {"open": 1, "close": 1, 7: 1}
    asked(tmp_path, teacher, "a", longer=20)
    asked(tmp_path, teacher, "a", longer=20)
    assert (teacher.log[7], teacher.log[20]) == (1, 1), "what is in the journal is not asked again"


def test_a_filtered_answer_is_a_result(tmp_path):
    teacher = Scripted(failures=(TeacherError("content_filter", "not that"),))
    for _ in range(2):
        with pytest.raises(TeacherError, match="not that"):
            asked(tmp_path, teacher, "a")
    assert teacher.log["complete"] == 1


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


def test_a_billed_failure_counts_its_worst_case(tmp_path):
    teacher = Scripted(failures=(TeacherError("transient", "cut", charged=True),))
    asker, _ = asked(tmp_path, teacher, "a")
    assert asker.budget.requests == 2
    assert asker.budget.tokens == 10 + 24


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


def test_what_is_out_is_kept_when_the_work_is_given_up(tmp_path):
    """Ctrl-C and a fatal error end the work; the provider bills answers that are out all the same."""
    teacher = Scripted()
    done = []

    async def main():
        with Journal(tmp_path / "j") as journal:
            asker = Asker(teacher, "scripted", journal, Gate(3, adaptive=False))

            async def make(text):
                ask = ParentAsk(asker, text)
                # As a method may do that asks in several steps, some of them together.
                await asyncio.gather(ask(Request.of(text)))
                done.append(text)
                await ask(Request.of(text + " again"))

            async with asker.running():
                tasks = [asyncio.create_task(make(text)) for text in "abcdefgh"]
                await asyncio.sleep(0.003)
                await asker.finish(tasks)

    asyncio.run(main())
    assert teacher.log["complete"] == 3, "nobody takes the place of one who gave up"
    assert done == ["a", "b", "c"]
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
                asks = (ParentAsk(asker, text)(Request.of(text)) for text in "abcdefgh")
                return await asyncio.gather(*asks, return_exceptions=True)

    assert {str(error) for error in asyncio.run(main())} == {"wrong key"}
    assert teacher.log["complete"] == 2
