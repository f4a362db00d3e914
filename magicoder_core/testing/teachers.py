"""The contract of a teacher."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest

from magicoder_core.errors import TeacherError
from magicoder_core.providers import BatchTeacher, Teacher, WireTeacher
from magicoder_core.records import Reply, Request, Sampling
from magicoder_core.testing.providers import ProviderContract

T = TypeVar("T")
_SHORT = Sampling(max_tokens=16, temperature=0.0)
_ODD = (" ", "\N{PILE OF POO}\u202e\u0000", "word " * 200)


class TeacherContract(ProviderContract):
    """What a teacher promises.

        from magicoder_core.testing import TeacherContract
        from magicoder_parrot import Parrot

        class TestParrot(TeacherContract):
            provider = Parrot()

    Each test opens the teacher, asks, and closes it.

    Attributes:
        provider: the teacher to test. It must answer here: no network but loopback.
        requests: what it is asked: short questions with at most 16 tokens of answer.
        deterministic: True if the same request always has the same answer: then replies are compared, too.
        failing: the same kind of teacher that cannot answer (a closed port, a wrong key): it must raise
            `TeacherError` and nothing else.
    """

    provider: Teacher
    requests: Sequence[Request] = (
        Request.of("Write a Python function that adds two numbers.", sampling=_SHORT),
        Request.of("Name a sorting algorithm.", system="You answer briefly.", sampling=_SHORT),
        Request.of("What does len([1, 2]) return?", sampling=_SHORT),
    )
    deterministic: bool = False
    failing: Teacher | None = None

    def test_describes_itself(self, subject: Any) -> None:
        """Identity, capabilities, sampling and status are known before it is opened."""
        assert isinstance(subject.identity, str)
        assert subject.identity.strip()
        assert isinstance(subject.capabilities, frozenset)
        assert isinstance(subject.sampling(), Sampling)
        assert all(isinstance(value, int | float) for value in subject.status().values())

    def test_answers_each_request(self, subject: Any) -> None:
        """One request after another; each has one whole reply."""

        async def ask_all() -> list[Reply]:
            return [await subject.complete(request) for request in self.requests]

        replies = _session(subject, ask_all)
        assert len(replies) == len(self.requests)
        for reply in replies:
            _check(reply)

    def test_answers_concurrent_requests(self, subject: Any) -> None:
        """Requests come many at a time, and each gets its own answer."""

        async def ask_all() -> tuple[list[Reply], list[Reply]]:
            together = await asyncio.gather(*(subject.complete(request) for request in [*self.requests] * 2))
            alone = [await subject.complete(request) for request in self.requests] if self.deterministic else []
            return together, alone

        together, alone = _session(subject, ask_all)
        for reply in together:
            _check(reply)
        if self.deterministic:
            assert [item.text for item in together] == [item.text for item in alone] * 2

    def test_goes_on_with_raw_text(self, subject: Any) -> None:
        """A teacher with the capability ``text`` takes raw text as it stands; what it says to that may be nothing."""
        if not subject.supports("text"):
            pytest.skip("has not the capability text")
        request = Request.continuing("def add(a, b):\n    return", sampling=_SHORT)

        async def ask_one() -> Reply:
            reply: Reply = await subject.complete(request)
            return reply

        _check(_session(subject, ask_one))

    def test_answers_a_batch(self, subject: Any) -> None:
        """A `BatchTeacher` answers as many as it is asked, in their order; none is none."""
        if not isinstance(subject, BatchTeacher):
            pytest.skip("not a BatchTeacher")
        batch = [*self.requests][: subject.batch_size]

        async def ask_batches() -> tuple[Sequence[Reply], Sequence[Reply], list[Reply]]:
            together = await asyncio.to_thread(subject.complete_batch, batch)
            nothing = await asyncio.to_thread(subject.complete_batch, [])
            alone = [await subject.complete(request) for request in batch] if self.deterministic else []
            return together, nothing, alone

        together, nothing, alone = _session(subject, ask_batches)
        assert len(together) == len(batch)
        assert len(nothing) == 0
        for reply in together:
            _check(reply)
        if self.deterministic:
            assert [item.text for item in together] == [item.text for item in alone]

    def test_reads_what_it_was_sent(self, subject: Any) -> None:
        """A `WireTeacher` reads a body again, in another process and with nothing open; what is no answer is `TeacherError`."""
        if not isinstance(subject, WireTeacher):
            pytest.skip("not a WireTeacher")

        async def send_one() -> bytes:
            return (await subject.send(self.requests[0])).body

        body = _session(subject, send_one)
        again = pickle.loads(pickle.dumps(subject))  # noqa: S301 - of our own making
        assert subject.read(self.requests[0], body) == again.read(self.requests[0], body)
        _check(again.read(self.requests[0], body))
        for odd in (b"", b"{", b"<html>", b"\xff\xfe", b"{}", b"[]", b"null", body[: len(body) // 2]):
            with pytest.raises(TeacherError):
                again.read(self.requests[0], odd)

    def test_odd_requests_are_answered_or_refused(self, subject: Any) -> None:
        """Whatever is asked, there is a reply or a `TeacherError`; another error would stop the run."""

        async def ask_all() -> None:
            for text in _ODD:
                await _answered_or_refused(subject, Request.of(text, sampling=_SHORT))

        _session(subject, ask_all)

    def test_closes_unopened(self, subject: Any) -> None:
        """`close` is called after a failed `open`, too."""
        asyncio.run(subject.close())

    def test_fails_with_teacher_errors_only(self) -> None:
        """The error's kind decides what the core does next; any other error is a bug."""
        if self.failing is None:
            pytest.skip("no `failing` teacher given")
        failing = self.failing

        async def ask_one() -> None:
            with pytest.raises(TeacherError):
                await failing.complete(self.requests[0])

        _session(failing, ask_one)


def _session(teacher: Teacher, work: Callable[[], Awaitable[T]]) -> T:
    """Open the teacher, do the work, close it; all in one event loop."""

    async def session() -> T:
        try:
            await teacher.open()
            return await work()
        finally:
            await teacher.close()

    return asyncio.run(session())


async def _answered_or_refused(teacher: Teacher, request: Request) -> None:
    try:
        reply = await teacher.complete(request)
    except TeacherError:
        return
    _check(reply)


def _check(reply: Reply) -> None:
    assert isinstance(reply, Reply), f"complete() returns a Reply, not {reply!r}"
    assert isinstance(reply.text, str)
    assert isinstance(reply.finish_reason, str)
    assert reply.finish_reason
    assert isinstance(reply.model, str)
    assert reply.usage.prompt_tokens >= 0
    assert reply.usage.completion_tokens >= 0
    assert reply.usage.usd is None or reply.usage.usd >= 0
    assert Reply.from_dict(reply.to_dict()) == reply
