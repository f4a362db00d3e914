"""The teacher `anthropic-batch`: Anthropic's Message Batches."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from magicoder_batch import messages
from magicoder_batch.remote import RemoteBatch
from magicoder_core import Reply, Request, TeacherError, http, progress
from magicoder_core.deferring import Batch, BatchState, Result

_VERSION = "2023-06-01"
"""Of the API, as its ``anthropic-version`` header names it."""

_PAGE = 100
"""Batches in one answer when they are listed; Anthropic allows up to 1,000."""


@dataclass(frozen=True, kw_only=True)
class AnthropicBatch(RemoteBatch):
    """Anthropic's Message Batches: answers within 24 hours, for half the price.

    A batch has no room for a name of ours, and does not show its requests before it has ended. After a crash within
    the moment of submitting, batches that are newer than the submission and of its size are waited for and then known
    by their requests' custom ids, which begin with our name: slow, and never a second submission.
    Anthropic allows 100,000 requests and 256 MB in a batch.
    """

    provider: ClassVar[str] = "anthropic"

    base_url: Annotated[str, "address of the API, up to and with its /v1"] = "https://api.anthropic.com/v1"
    api_key_env: Annotated[str, "environment variable that holds the key; empty for a server that wants none"] = (
        "ANTHROPIC_API_KEY"
    )

    def headers(self, key: str) -> Mapping[str, str]:
        """The key and the API's version."""
        return {"anthropic-version": _VERSION, **({"x-api-key": key} if key else {})}

    def line(self, custom_id: str, request: Request) -> bytes:
        """A request of a batch."""
        params = messages.params(request, self.model, self.sampling())
        return http.encoded({"custom_id": custom_id, "params": params})

    async def mark(self) -> str:
        """The id of the newest batch; empty if there is none."""
        page = await self._api.get("messages/batches", limit=1)
        return next((str(item["id"]) for item in page.get("data") or []), "")

    async def submit(self, batch: Batch) -> str:
        """Make the batch in one request."""
        import asyncio

        body = batch.input.with_suffix(".body.json")
        try:
            await asyncio.to_thread(_whole, batch.input, body)
            made = await self._api.post_file("messages/batches", body)
        finally:
            body.unlink(missing_ok=True)
        return _id(made)

    async def find(self, batch: Batch) -> str | None:
        """Look at each batch that is newer than the mark and of the same size, those that have ended first."""
        candidates = [item async for item in self._newer(batch.mark) if _size(item) == batch.size]
        for item in sorted(candidates, key=lambda item: item.get("processing_status") != "ended"):
            if await self._is(_id(item), batch):
                return _id(item)
        return None

    async def _newer(self, mark: str) -> AsyncIterator[dict[str, Any]]:
        """Batches from the newest (Anthropic's order) to ``mark``, or all of them if that is gone."""
        after: dict[str, str] = {}
        while True:
            page = await self._api.get("messages/batches", limit=_PAGE, **after)
            found = [item for item in page.get("data") or [] if isinstance(item, dict)]
            for item in found:
                if _id(item) == mark:
                    return
                yield item
            if not (found and page.get("has_more")):
                return
            after = {"after_id": _id(found[-1])}

    async def _is(self, made: str, batch: Batch) -> bool:
        """Whether a batch is ours, by the first of its results; it is waited for."""
        import asyncio

        about = await self._api.get(f"messages/batches/{made}")
        if about.get("processing_status") != "ended":
            progress.say(f"batch {made}: it may be {batch.name}, which cannot be known before it has ended; waiting")
        while about.get("processing_status") != "ended":
            await asyncio.sleep(self.poll_seconds)
            about = await self._api.get(f"messages/batches/{made}")
        async with aclosing(self._lines(made)) as found:
            async for raw in found:
                custom_id = json.loads(raw).get("custom_id")
                return isinstance(custom_id, str) and custom_id.startswith(batch.custom_id(""))
        return False

    async def poll(self, batch: Batch) -> BatchState:
        """Anthropic's states, as what they mean for us; it counts nothing before all has ended."""
        about = await self._api.get(f"messages/batches/{batch.id}")
        counts = about.get("request_counts") or {}
        done = int(counts.get("succeeded") or 0)
        failed = sum(int(counts.get(name) or 0) for name in ("errored", "canceled", "expired"))
        if about.get("processing_status") != "ended":
            return BatchState(status="running", done=done, failed=failed)
        return BatchState(status="cancelled" if counts.get("canceled") else "ended", done=done, failed=failed)

    async def results(self, batch: Batch) -> AsyncIterator[Result]:
        """The file of results."""
        async with aclosing(self._lines(batch.id)) as found:
            async for raw in found:
                try:
                    yield messages.outcome(raw)
                except ValueError as error:
                    raise TeacherError("malformed", f"{self._api.host}: results were cut: {error}") from error

    async def _lines(self, made: str) -> AsyncGenerator[bytes, None]:
        # Not the address that the batch names: the key goes to the address in the recipe and nowhere else.
        async for raw in self._api.lines(f"messages/batches/{made}/results"):
            yield raw

    def read(self, request: Request, body: bytes) -> Reply:  # noqa: ARG002 - the line says all
        """The reply in a line of results.

        Raises:
            TeacherError: ``malformed`` or ``content_filter``: there is no text in it.
        """
        return messages.read(body)


def _whole(lines: Path, body: Path) -> None:
    """Write the requests as the one JSON value that is posted."""
    with lines.open("rb") as requests, body.open("wb") as out:
        out.write(b'{"requests":[')
        for number, line in enumerate(requests):
            out.write((b"," if number else b"") + line.rstrip(b"\n"))
        out.write(b"]}")
        out.flush()
    shutil.copymode(lines, body)


def _size(about: Mapping[str, Any]) -> int:
    """Requests of a batch, whatever became of them."""
    return sum(int(number or 0) for number in (about.get("request_counts") or {}).values())


def _id(about: Mapping[str, Any]) -> str:
    """The id, which must be there: without it nobody knows what was made."""
    found = about.get("id")
    if not isinstance(found, str) or not found:
        raise TeacherError("malformed", "an answer of the batch API without 'id'")
    return found
