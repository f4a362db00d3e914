"""Teachers that answer whole batches, hours later and for less: a provider's batch API, or an engine that reads files.

A `DeferredTeacher` only translates; the core decides. It gathers requests into a `Batch`, writes down that it is about
to submit it, submits it, looks after it and reads its results, over as many crashes as it takes (`asking.deferred`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from magicoder_core import lazily
from magicoder_core.errors import RecipeError, TeacherError
from magicoder_core.providers import Teacher
from magicoder_core.records import Reply, Request

Result = tuple[str, "bytes | TeacherError"]
"""A custom id with what its request came to: the result as it was sent, or the failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Requests that are submitted as one.

    Attributes:
        name: ours, at most 26 characters of ``a-z0-9-``, drawn at random: no two batches anywhere have the same.
        size: number of requests.
        folder: where its files are, see `input`; a teacher may keep files of its own there, named ``<name>.*``.
        mark: what `DeferredTeacher.mark` gave before the batch was submitted.
        id: the provider's name for it; empty before it is known.
    """

    name: str
    size: int
    folder: Path
    mark: str = ""
    id: str = ""

    @property
    def input(self) -> Path:
        """The file with one `DeferredTeacher.line` for each request."""
        return self.folder / f"{self.name}.jsonl"

    def custom_id(self, key: str) -> str:
        """The name of one of its requests, from the request's key of at most 32 hex digits.

        It begins with the batch's name and is within what OpenAI and Anthropic allow: 64 characters of ``A-Za-z0-9_-``.
        """
        return f"{self.name}-{key}"


def batch_name() -> str:
    """A name that no other batch has, in this run or any other."""
    import secrets

    return f"magicoder-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchState:
    """How far a batch is.

    ``ended``: there are results to read, though not of every request need there be one. ``cancelled``: somebody
    ended it early; what was done until then can be read. ``failed``: the provider refused it as a whole, ``message``
    says why; nothing of it is billed. ``done`` and ``failed`` count requests.
    """

    status: Literal["running", "ended", "cancelled", "failed"]
    done: int = 0
    failed: int = 0
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class DeferredTeacher(Teacher):
    """Answers batches. Each method below makes ONE attempt; the core repeats it, and never submits a batch twice."""

    batch_requests: Annotated[int, "requests in a batch, at most"] = 10_000
    batch_bytes: Annotated[int, "bytes in a batch, at most"] = 100_000_000
    batches_at_once: Annotated[int, "batches under way at once; each request in them takes memory"] = 1
    linger_seconds: Annotated[float, "a batch that is not full goes out when so long no request has come"] = 5.0
    poll_seconds: Annotated[float, "seconds between looks at a batch"] = 60.0
    settle_seconds: Annotated[
        float, "after a crash or a cut connection, seconds until a batch that cannot be found was surely never made"
    ] = 60.0
    forget: Annotated[
        tuple[str, ...],
        "ids of batches to give up, as one that was deleted: their requests are asked, and billed, anew",
    ] = ()

    @property
    def width(self) -> int:
        """Requests that must be able to wait at once, so that batches become full."""
        return self.batch_requests * self.batches_at_once

    @abstractmethod
    def line(self, custom_id: str, request: Request) -> bytes:
        """A request as it stands in the batch's file, without a line's end; no two requests have one custom id."""

    async def mark(self) -> str:
        """Something that tells batches made from now on from earlier ones, where `find` needs it.

        Raises:
            TeacherError: it could not be had.
        """
        return ""

    @abstractmethod
    async def submit(self, batch: Batch) -> str:
        """Submit ``batch.input`` under ``batch.name``; returns the provider's id.

        Raises:
            TeacherError: ``bad_request``, ``auth`` or ``quota`` only if there is surely no batch now.
        """

    @abstractmethod
    async def find(self, batch: Batch) -> str | None:
        """The provider's id of the batch of this name, whatever became of it; None if there is none.

        Raises:
            TeacherError: nobody could say.
        """

    @abstractmethod
    async def poll(self, batch: Batch) -> BatchState:
        """How far the batch is. Called at once after `submit`, and also first of all after a crash.

        Raises:
            TeacherError: nobody could say.
        """

    @abstractmethod
    def results(self, batch: Batch) -> AsyncIterator[Result]:
        """What came of the requests of a batch that has ended, failures included, in any order, as it is received.

        Raises:
            TeacherError: they could not be read to their end; they are read again then.
        """

    @abstractmethod
    def read(self, request: Request, body: bytes) -> Reply:
        """The reply in a result. Depends on the two alone: it is read again from the journal.

        Raises:
            TeacherError: there is none in it.
        """

    async def complete(self, request: Request) -> Reply:
        """Answer a single request as a batch of its own. The core does not: it gathers them.

        Raises:
            TeacherError: as the methods above, or the batch came to nothing.
        """
        import tempfile

        with tempfile.TemporaryDirectory(prefix="magicoder-batch-") as folder:
            batch = Batch(name=batch_name(), size=1, folder=Path(folder), mark=await self.mark())
            custom_id = batch.custom_id(request.id)
            batch.input.write_bytes(self.line(custom_id, request) + b"\n")
            batch = replace(batch, id=await self.submit(batch))
            while (state := await self.poll(batch)).status == "running":
                await lazily.asyncio().sleep(self.poll_seconds)
            if state.status == "failed":
                raise TeacherError("bad_request", f"batch {batch.id} failed: {state.message}")
            return self.read(request, await self._only(batch, custom_id))

    async def _only(self, batch: Batch, custom_id: str) -> bytes:
        async for found, outcome in self.results(batch):
            if found == custom_id:
                if isinstance(outcome, TeacherError):
                    raise outcome
                return outcome
        raise TeacherError("transient", f"batch {batch.id} has no result for the request")

    def check(self) -> None:
        """Look whether the figures make sense.

        Raises:
            RecipeError: they do not.
        """
        for name in ("batch_requests", "batch_bytes", "batches_at_once"):
            if getattr(self, name) < 1:
                raise RecipeError(f"teacher.{name}: must be at least 1 (got {getattr(self, name)})")
        for name in ("linger_seconds", "poll_seconds", "settle_seconds"):
            if not getattr(self, name) >= 0:
                raise RecipeError(f"teacher.{name}: must not be below 0 (got {getattr(self, name)})")
