"""Lines of batch files in OpenAI's format, which vLLM's ``run-batch`` reads and writes, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from magicoder_core import Reply, TeacherError, http

ENDPOINT = "/v1/chat/completions"
"""What the requests of a batch are for."""

_OVER = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that were never looked at before the batch was over."""


def line(custom_id: str, body: Mapping[str, Any]) -> bytes:
    """A request: ``body`` is that of a single chat completion."""
    return http.encoded({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body})


def outcome(raw: bytes) -> tuple[str, bytes | TeacherError]:
    """The custom id in a line of results or of errors, with the line itself if it is an answer, else the failure.

    Raises:
        ValueError: it is no such line, as one that lost its end.
    """
    value = json.loads(raw)
    if not isinstance(value, dict) or not isinstance(value.get("custom_id"), str):
        raise ValueError("no line of batch results")  # noqa: TRY004 - the content of a file, not an argument
    answered = value.get("response")
    response: Mapping[str, Any] = answered if isinstance(answered, dict) else {}
    status, body = response.get("status_code"), response.get("body")
    if value.get("error") is None and isinstance(body, dict) and status in (200, None):
        return value["custom_id"], raw
    return value["custom_id"], _failure(status, value.get("error") or body)


def _failure(status: Any, said: Any) -> TeacherError:
    """What a line without an answer means: OpenAI says it in the body or in ``error``, vLLM in ``error`` as text, too."""
    nested = said.get("error") if isinstance(said, dict) else None
    explained: Any = nested if isinstance(nested, dict | str) else said
    if isinstance(explained, dict) and explained.get("code") in _OVER:
        message = http.one_line(str(explained.get("message") or ""))
        return TeacherError("transient", f"{explained['code']}: {message}")
    raw = http.encoded({"error": explained or "no reason given"})
    # Without a status nobody looked at the request itself.
    return http.refusal(status if isinstance(status, int) else 500, {}, raw)


def read(raw: bytes) -> Reply:
    """The reply in a line that `outcome` called an answer.

    Raises:
        TeacherError: as `magicoder_core.http.read`.
    """
    body: Mapping[str, Any] = json.loads(raw)["response"]["body"]
    return http.reply(http.encoded(body))
