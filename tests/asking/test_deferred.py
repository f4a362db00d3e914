"""Batches: gathered, noted before they are submitted, submitted once, read in any order, over any number of crashes."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from magicoder_core import RecipeError, Reply, Request, RunError, TeacherError, progress
from magicoder_core.asking import Journal, patience
from magicoder_core.asking.deferred import FOLDER, Deferred
from magicoder_core.asking.gathering import NOTE
from magicoder_core.asking.journal import Entry
from magicoder_core.asking.request import journal_key
from magicoder_core.deferring import BatchState, DeferredTeacher


@dataclass
class Office:
    """A provider: what it was given outlives those who ask."""

    batches: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)
    keys: Counter = field(default_factory=Counter)
    log: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    outcomes: dict = field(default_factory=dict)
    polls: Counter = field(default_factory=Counter)
    status: str = "ended"
    looks: int = 1
    backwards: bool = False

    def fault(self, step):
        for fault in self.faults:
            if fault[0] == step:
                self.faults.remove(fault)
                raise fault[1]


@dataclass(frozen=True, kw_only=True)
class Posted(DeferredTeacher):
    """Answers with the text in capitals."""

    office: Office = field(default_factory=Office)
    model: str = "posted"
    linger_seconds: float = 0.02
    poll_seconds: float = 0.001
    settle_seconds: float = 0.0

    def line(self, custom_id, request):
        return json.dumps({"id": custom_id, "text": request.messages[-1].content}).encode()

    async def mark(self):
        self.office.fault("mark")
        return str(len(self.office.batches))

    async def submit(self, batch):
        office = self.office
        office.log.append("submit")
        office.fault("submit")
        made = f"id{len(office.batches)}"
        office.batches[made] = [json.loads(line) for line in batch.input.read_text().splitlines()]
        office.names[batch.name] = made
        office.keys.update(item["id"].rpartition("-")[2] for item in office.batches[made])
        office.fault("submitted")
        return made

    async def find(self, batch):
        self.office.log.append(("find", batch.mark))
        self.office.fault("find")
        return self.office.names.get(batch.name)

    async def poll(self, batch):
        self.office.fault("poll")
        self.office.polls[batch.id] += 1
        if batch.id not in self.office.batches:
            raise TeacherError("bad_request", "no such batch")
        if self.office.polls[batch.id] <= self.office.looks:
            return BatchState(status="running")
        return BatchState(status=self.office.status, done=batch.size, message="because")

    async def results(self, batch):
        self.office.log.append("results")
        items = self.office.batches[batch.id]
        for item in reversed(items) if self.office.backwards else items:
            self.office.fault(item["text"])
            outcome = self.office.outcomes.get((batch.id, item["text"]), item["text"].encode())
            if outcome is not None:
                yield item["id"], outcome

    def read(self, request, body):
        return Reply(text=body.decode().upper())


def entry(text):
    request = Request.of(text)
    return Entry(key=journal_key("posted", request), teacher="posted", parent=f"of {text}", request=request)


class Said(progress.Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def ask(folder, teacher, *texts, retried=False, meanwhile=None):
    """What each comes to, its answer or its error, in a run with this journal."""

    async def main():
        with Journal(folder / "journal.jsonl") as journal:

            def keep(entry, end):
                failed = isinstance(end, TeacherError)
                more = {"error": end.kind, "message": str(end), "charged": False} if failed else {"body": end}
                journal.append(replace(entry, **more))

            deferred = Deferred(teacher, journal, keep)
            work = asyncio.gather(*(ask_one(deferred, text, journal, retried=retried) for text in texts))
            if meanwhile:
                await meanwhile(deferred)
            ends = await work
            await deferred.close()
            return ends

    return asyncio.run(main())


async def ask_one(deferred, text, journal, *, retried):
    """As the asker does: the journal first, failures in passing again."""
    while journal.find(entry(text).key) is None:
        try:
            await deferred.complete(entry(text))
        except TeacherError as error:
            if not retried or error.kind != "transient":
                return error
            await asyncio.sleep(0.001)
        except RunError as error:
            return error
    return answer(journal, text)


def answer(journal, text):
    found = journal.find(entry(text).key)
    assert found.parent == f"of {text}"
    return found.body.decode()


def states(folder):
    """What the journal notes of each batch, in order."""
    with Journal(folder / "journal.jsonl") as journal:
        return [note["state"] for note in journal.notes(NOTE)]


def files(folder):
    return sorted(path.name for path in (folder / FOLDER).iterdir())


def test_requests_are_gathered_and_answered(tmp_path):
    office = Office(backwards=True)
    assert ask(tmp_path, Posted(office=office), "a", "b", "c") == ["a", "b", "c"]
    assert len(office.batches) == 1
    assert states(tmp_path) == ["intended", "submitted", "ended"]
    assert files(tmp_path) == []


def test_a_full_batch_goes_at_once_and_the_rest_after_a_moment(tmp_path):
    office = Office()
    texts = [f"t{number}" for number in range(7)]
    assert ask(tmp_path, Posted(office=office, batch_requests=3), *texts) == texts
    assert sorted(len(items) for items in office.batches.values()) == [1, 3, 3]


def test_a_batch_keeps_to_its_bytes(tmp_path):
    office, texts = Office(), ["x" * 500, "y" * 500, "z" * 500]
    assert ask(tmp_path, Posted(office=office, batch_bytes=1300), *texts) == texts
    assert sorted(len(items) for items in office.batches.values()) == [1, 2]


def test_the_intent_is_in_the_journal_before_anything_is_sent(tmp_path):
    teacher = Posted(office=Office(faults=[("submit", KeyboardInterrupt())]))
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, teacher, "a", "b")
    with Journal(tmp_path / "journal.jsonl") as journal:
        (note,) = journal.notes(NOTE)
    assert (note["state"], note["mark"]) == ("intended", "0")
    assert set(note["keys"]) == {entry("a").key, entry("b").key}


@pytest.mark.parametrize("step", ["submit", "submitted", "poll", "b"])
def test_an_interrupted_run_goes_on_and_submits_nothing_twice(tmp_path, step):
    office = Office(faults=[(step, KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a", "b", "c")
    assert ask(tmp_path, Posted(office=office), "a", "b", "c", "d") == ["a", "b", "c", "d"]
    assert set(office.keys.values()) == {1}
    assert len(office.keys) == 4
    with Journal(tmp_path / "journal.jsonl") as journal:
        ends = Counter(item.key for item in journal.entries())
    assert set(ends.values()) == {1}
    assert files(tmp_path) == []


def test_a_batch_that_was_never_made_goes_out_anew(tmp_path):
    office = Office(faults=[("submit", KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a", "b")
    assert ask(tmp_path, Posted(office=office), "a", "b") == ["a", "b"]
    # Looked for twice, since a list may lag, and with the mark of the first run.
    assert office.log == ["submit", ("find", "0"), ("find", "0"), "submit", "results"]
    assert states(tmp_path) == ["intended", "void", "intended", "submitted", "ended"]


@pytest.mark.parametrize("kind", ["transient", "timeout", "overloaded", "malformed"])
def test_a_cut_connection_while_submitting_is_looked_into(tmp_path, kind):
    office = Office(faults=[("submitted", TeacherError(kind, "cut"))])
    assert ask(tmp_path, Posted(office=office), "a", "b") == ["a", "b"]
    assert len(office.batches) == 1
    assert office.log == ["submit", ("find", "0"), "results"]


def test_a_refusal_in_passing_is_tried_again(tmp_path):
    faults = [
        ("submit", TeacherError("rate_limited", "slow down", retry_after=0.001)),
        ("submit", cut()),
        ("poll", cut()),
    ]
    office = Office(faults=[*faults, ("b", cut()), ("mark", cut())])
    assert ask(tmp_path, Posted(office=office), "a", "b") == ["a", "b"]
    assert len(office.batches) == 1
    with Journal(tmp_path / "journal.jsonl") as journal:
        assert len(list(journal.entries())) == 2  # "a" was read twice and kept once


def cut():
    return TeacherError("transient", "cut")


def test_who_asks_for_what_is_in_a_batch_waits_for_that(tmp_path):
    office = Office(faults=[("poll", KeyboardInterrupt())], looks=30)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a", "b")

    async def later(deferred):
        await asyncio.sleep(0.01)
        await deferred.complete(entry("b"))

    assert ask(tmp_path, Posted(office=office), "a", meanwhile=later) == ["a"]
    assert len(office.batches) == 1


def test_answers_that_nobody_waits_for_any_more_are_kept(tmp_path):
    office = Office(faults=[("poll", KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a", "b", "c")

    async def after(deferred):
        await asyncio.sleep(0.05)
        await deferred.complete(entry("c"))  # its answer came before it was asked for in this run

    assert ask(tmp_path, Posted(office=office), "a", meanwhile=after) == ["a"]
    with Journal(tmp_path / "journal.jsonl") as journal:
        assert [answer(journal, text) for text in "abc"] == ["a", "b", "c"]
    assert set(office.keys.values()) == {1}


def test_requests_that_failed_or_have_no_result_go_into_another_batch(tmp_path):
    office = Office(outcomes={("id0", "a"): TeacherError("transient", "expired"), ("id0", "b"): None})
    assert ask(tmp_path, Posted(office=office), "a", "b", "c", retried=True) == ["a", "b", "c"]
    assert [len(items) for items in office.batches.values()] == [3, 2]
    with Journal(tmp_path / "journal.jsonl") as journal:
        assert Counter(item.error for item in journal.entries()) == {"transient": 2, None: 3}


def test_a_failure_of_one_request_is_its_own(tmp_path):
    office = Office(outcomes={("id0", "a"): TeacherError("bad_request", "too long")})
    failed, fine = ask(tmp_path, Posted(office=office), "a", "b")
    assert (failed.kind, str(failed), fine) == ("bad_request", "too long", "b")


def test_a_failure_that_ends_the_run_is_read_once(tmp_path):
    office = Office(outcomes={("id0", "a"): TeacherError("quota", "spent")})
    ends = ask(tmp_path, Posted(office=office), "a", "b", "c")
    assert ends[0].kind == "quota"
    assert ends[1:] == ["b", "c"]
    assert states(tmp_path)[-1] == "ended"
    assert ask(tmp_path, Posted(office=office), "a") == ["a"]


def test_a_request_in_two_unended_batches_waits_for_the_later(tmp_path):
    """It failed in the first, which was not read to its end when the second was under way and all was killed."""
    office = Office(outcomes={("id0", "a"): TeacherError("transient", "expired")}, looks=0)

    async def main():
        hold = asyncio.Event()
        teacher = Posted(office=office)

        async def results(batch):
            async for item in Posted.results(teacher, batch):
                yield item
            await hold.wait()

        object.__setattr__(teacher, "results", results)
        with Journal(tmp_path / "journal.jsonl") as journal:
            deferred = Deferred(teacher, journal, lambda entry, end: None)
            other = asyncio.ensure_future(deferred.complete(entry("b")))
            with pytest.raises(TeacherError):
                await deferred.complete(entry("a"))
            work = asyncio.ensure_future(deferred.complete(entry("a")))
            while len(office.batches) < 2:  # noqa: ASYNC110 - the office tells nobody
                await asyncio.sleep(0.001)
            await deferred.close()
            await asyncio.gather(work, other, return_exceptions=True)

    asyncio.run(main())
    assert ask(tmp_path, Posted(office=office), "a") == ["a"]
    assert len(office.batches) == 2


def test_a_batch_that_failed_as_a_whole_is_one_line_and_can_be_mended(tmp_path):
    office = Office(status="failed")
    for end in ask(tmp_path, Posted(office=office), "a", "b"):
        assert str(end).startswith("batch id0 failed as a whole: because; nothing of it is billed")
    office.status = "ended"
    assert ask(tmp_path, Posted(office=office), "a", "b") == ["a", "b"]
    assert states(tmp_path) == ["intended", "submitted", "failed", "intended", "submitted", "ended"]


def test_a_batch_that_is_refused_is_void(tmp_path):
    office = Office(faults=[("submit", TeacherError("bad_request", "HTTP 400: no such model"))])
    (end,) = ask(tmp_path, Posted(office=office), "a")
    assert str(end) == "a batch of 1 requests was refused: HTTP 400: no such model"
    assert states(tmp_path) == ["intended", "void"]
    assert ask(tmp_path, Posted(office=office), "a") == ["a"]


def test_a_key_that_is_refused_ends_the_run_with_its_kind(tmp_path):
    office = Office(faults=[("mark", TeacherError("auth", "HTTP 401: who are you"))])
    (end,) = ask(tmp_path, Posted(office=office), "a")
    assert end.kind == "auth"
    assert files(tmp_path) == []
    assert ask(tmp_path, Posted(office=office), "a") == ["a"]


def test_a_cancelled_batch_stops_the_run_with_its_answers_kept(tmp_path):
    office = Office(status="cancelled", outcomes={("id0", "b"): None})
    one, other = ask(tmp_path, Posted(office=office), "a", "b", retried=True)
    assert one == "a"
    assert str(other).startswith("batch id0 was cancelled at the provider; its answers until then are kept")
    office.status = "ended"
    assert ask(tmp_path, Posted(office=office), "b") == ["b"]


def test_a_lost_batch_is_given_up_only_by_the_user(tmp_path):
    office = Office(faults=[("poll", KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a")
    del office.batches["id0"]
    (end,) = ask(tmp_path, Posted(office=office), "a")
    assert "batch id0: no such batch; if it is lost for good" in str(end)
    assert str(end).endswith(f"anew with --dir {tmp_path} -o 'teacher.forget=[\"id0\"]'")
    assert ask(tmp_path, Posted(office=office, forget=("id0",)), "a") == ["a"]


def test_an_outage_is_waited_for_but_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "_PATIENCE", 0.0)
    office = Office(faults=[("poll", cut())])
    (end,) = ask(tmp_path, Posted(office=office), "a")
    assert str(end).startswith("the provider fails to tell of batch id0: cut; batches under way go on there")
    assert states(tmp_path) == ["intended", "submitted"]
    assert ask(tmp_path, Posted(office=office), "a") == ["a"]


def test_another_teachers_batches_are_left_alone(tmp_path):
    office = Office(faults=[("poll", KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a")
    kept = files(tmp_path)

    async def other():
        with Journal(tmp_path / "journal.jsonl") as journal:
            deferred = Deferred(Posted(office=office), journal, lambda entry, end: None)
            await deferred.complete(replace(entry("z"), teacher="another"))
            await deferred.close()

    asyncio.run(other())
    assert files(tmp_path) == kept
    assert ask(tmp_path, Posted(office=office), "a") == ["a"]
    assert office.keys[entry("a").key] == 1


def test_files_that_a_crash_left_are_tidied_up(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "magicoder-0123.jsonl").write_text("left")
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    assert ask(tmp_path, Posted(), "a") == ["a"]
    assert files(tmp_path) == ["notes.txt"]


def test_answers_whose_question_is_gone_are_told(tmp_path):
    office = Office(faults=[("poll", KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Posted(office=office), "a", "b")
    for path in (tmp_path / FOLDER).iterdir():
        path.unlink()
    said = Said()
    with progress.reporting(said):
        assert ask(tmp_path, Posted(office=office), "a") == ["a"]
    assert "an answer came of which nobody knows the question: batches/ was changed by hand" in said.lines


def test_a_bug_of_the_teacher_is_attributed(tmp_path):
    office = Office(faults=[("poll", ZeroDivisionError("oh"))])
    (end,) = ask(tmp_path, Posted(office=office), "a")
    assert str(end).startswith("teacher 'posted' failed: ZeroDivisionError: oh")


def test_a_request_that_cannot_be_written_fails_alone(tmp_path):
    class Picky(Posted):
        def line(self, custom_id, request):
            if request.messages[0].content == "bad":
                raise ValueError("no line")
            return super().line(custom_id, request)

    office = Office()
    with pytest.raises(ValueError, match="no line"):
        ask(tmp_path, Picky(office=office), "bad")

    async def meanwhile(deferred):
        with pytest.raises(ValueError, match="no line"):
            await deferred.complete(entry("bad"))
        await asyncio.sleep(0.05)

    assert ask(tmp_path, Picky(office=office), meanwhile=meanwhile) == []
    assert office.batches == {}
    assert ask(tmp_path, Picky(office=office), "a", meanwhile=meanwhile) == ["a"]
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("batch_requests", 0),
        ("batch_bytes", 0),
        ("batches_at_once", 0),
        ("poll_seconds", -1.0),
        ("linger_seconds", float("nan")),
    ],
)
def test_figures_that_make_no_sense_are_refused(option, value):
    with pytest.raises(RecipeError, match=f"^teacher.{option}: must"):
        Posted(**{option: value}).check()


def test_as_many_may_wait_as_fit_into_the_batches():
    assert Posted(batch_requests=7, batches_at_once=3).width == 21


def test_a_request_alone_is_a_batch_of_one():
    assert asyncio.run(Posted().complete(Request.of("a"))).text == "A"
    with pytest.raises(TeacherError, match="batch id0 failed: because"):
        asyncio.run(Posted(office=Office(status="failed")).complete(Request.of("a")))
    with pytest.raises(TeacherError, match="has no result"):
        asyncio.run(Posted(office=Office(outcomes={("id0", "a"): None})).complete(Request.of("a")))
