"""What the journal holds, read: replies with their price, and what attempts took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from magicoder_core.asking.budget import worst_case
from magicoder_core.asking.journal import Entry
from magicoder_core.deferring import DeferredTeacher
from magicoder_core.errors import MagicoderError, RunError, TeacherError, attributed
from magicoder_core.providers import Teacher, WireTeacher
from magicoder_core.records import Price, Reply, Request, Usage


@dataclass(frozen=True)
class Reader:
    """Reads the answers of one teacher, who is asked nothing for that; ``name`` is its provider's."""

    teacher: Teacher
    name: str
    price: Price | None

    @cached_property
    def _read(self) -> Callable[[Request, bytes], Reply] | None:
        """How the teacher reads a body, if it reads any."""
        return self.teacher.read if isinstance(self.teacher, WireTeacher | DeferredTeacher) else None

    def read(self, entry: Entry) -> Reply:
        """The reply in an entry, priced.

        Raises:
            TeacherError: the entry is a failure, or there is no answer in its body.
            RunError: the teacher has changed, and cannot read what it was sent.
        """
        if entry.error is not None:
            raise TeacherError(entry.error, entry.message or "", charged=entry.charged)
        if entry.reply is not None:
            return self._priced(entry.reply)
        if self._read is None:
            raise RunError(f"journal: teacher '{self.name}' cannot read its own answers of an earlier version")
        try:
            return self._priced(self._read(entry.request, entry.body or b""))
        except MagicoderError:
            raise
        except Exception as error:
            with attributed("teacher", self.name):
                raise error from None

    def usage(self, entry: Entry) -> Usage:
        """What an attempt took; nothing if it was not billed, and the worst case if it was without an answer."""
        if not entry.charged:
            return Usage()
        try:
            return self.read(entry).usage
        except TeacherError as error:
            prompt, completion = worst_case(entry.request) if error.charged else (0, 0)
            usd = self.price.of(prompt, completion) if self.price else None
            return Usage(prompt_tokens=prompt, completion_tokens=completion, usd=usd)

    def _priced(self, reply: Reply) -> Reply:
        usage, price = reply.usage, self.price
        if usage.usd is not None or price is None:
            return reply
        return replace(reply, usage=replace(usage, usd=price.of(usage.prompt_tokens, usage.completion_tokens)))
