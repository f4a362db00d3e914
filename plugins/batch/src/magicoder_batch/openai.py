"""The teacher `openai-batch`: OpenAI's Batch API, and others that speak it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from magicoder_batch import lines
from magicoder_batch.remote import RemoteBatch
from magicoder_core import Reply, Request, TeacherError, http
from magicoder_core.deferring import Batch, BatchState, Result

_OPENAI = "api.openai.com"

_NAME = "magicoder_batch"
"""The key in a batch's metadata under which our name for it stands."""

_PAGE = 100
"""Batches in one answer when they are listed; OpenAI's limit."""


@dataclass(frozen=True, kw_only=True)
class OpenAIBatch(RemoteBatch):
    """OpenAI's Batch API: answers within 24 hours, for half the price and with limits of its own.

    A batch carries our name for it in its metadata; after a crash it is found by that name and not submitted again.
    OpenAI allows 50,000 requests and 200 MB in a batch, and limits the tokens that may wait for each model: where a
    batch is refused for that, make ``batch_requests`` smaller.
    """

    provider: ClassVar[str] = "openai"
    capabilities: ClassVar[frozenset[str]] = frozenset({"seed", "json_schema", "n"})

    base_url: Annotated[str, "address of the API, up to and with its /v1"] = "https://api.openai.com/v1"
    api_key_env: Annotated[str, "environment variable that holds the key; empty for a server that wants none"] = (
        "OPENAI_API_KEY"
    )

    def headers(self, key: str) -> Mapping[str, str]:
        """The key as a bearer."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def line(self, custom_id: str, request: Request) -> bytes:
        """A line of OpenAI's batch format."""
        body = http.body(request, self.model, self.sampling())
        if self._host == _OPENAI:
            # OpenAI's newer models refuse the old name, all of them know the new one; other servers know the old one.
            body["max_completion_tokens"] = body.pop("max_tokens")
        return lines.line(custom_id, body)

    async def submit(self, batch: Batch) -> str:
        """Upload the file, then make the batch of it. A file that no batch was made of costs nothing."""
        file = await self._api.upload("files", batch.input, purpose="batch")
        made = await self._api.post(
            "batches",
            {
                "input_file_id": _text(file, "id"),
                "endpoint": lines.ENDPOINT,
                "completion_window": "24h",
                "metadata": {_NAME: batch.name},
            },
        )
        return _text(made, "id")

    async def find(self, batch: Batch) -> str | None:
        """Look through all batches for the one with our name in its metadata. OpenAI promises no order of its list."""
        after: dict[str, str] = {}
        while True:
            page = await self._api.get("batches", limit=_PAGE, **after)
            found = [item for item in page.get("data") or [] if isinstance(item, dict)]
            for item in found:
                if (item.get("metadata") or {}).get(_NAME) == batch.name:
                    return _text(item, "id")
            if not (found and page.get("has_more")):
                return None
            after = {"after": _text(found[-1], "id")}

    async def poll(self, batch: Batch) -> BatchState:
        """OpenAI's states, as what they mean for us."""
        about = await self._about(batch)
        counts = about.get("request_counts") or {}
        done, failed = int(counts.get("completed") or 0), int(counts.get("failed") or 0)
        match about.get("status"):
            case "completed" | "expired":
                return BatchState(status="ended", done=done, failed=failed)
            case "cancelled":
                return BatchState(status="cancelled", done=done, failed=failed)
            case "failed":
                return BatchState(status="failed", message=_reasons(about))
        return BatchState(status="running", done=done, failed=failed)

    async def results(self, batch: Batch) -> AsyncIterator[Result]:
        """Both files: answers, and requests that failed."""
        about = await self._about(batch)
        for name in ("output_file_id", "error_file_id"):
            if file := about.get(name):
                async for raw in self._api.lines(f"files/{file}/content"):
                    try:
                        yield lines.outcome(raw)
                    except ValueError as error:
                        raise TeacherError("malformed", f"{self._api.host}: file {file} was cut: {error}") from error

    def read(self, request: Request, body: bytes) -> Reply:  # noqa: ARG002 - the line says all
        """The reply in a line of results.

        Raises:
            TeacherError: as `magicoder_core.http.read`.
        """
        return lines.read(body)

    async def _about(self, batch: Batch) -> dict[str, Any]:
        return await self._api.get(f"batches/{batch.id}")


def _text(value: Mapping[str, Any], name: str) -> str:
    """A field that must be there: without it nobody knows what was made."""
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise TeacherError("malformed", f"an answer of the batch API without {name!r}")
    return found


def _reasons(about: Mapping[str, Any]) -> str:
    """Why a batch was refused, in one line: the first of its errors, and how many there are."""
    errors = [item for item in (about.get("errors") or {}).get("data") or [] if isinstance(item, dict)]
    if not errors:
        return "no reason given"
    first = errors[0]
    where = f"line {first['line']}: " if first.get("line") else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return http.one_line(f"{where}{first.get('code')}: {first.get('message')}{more}")
