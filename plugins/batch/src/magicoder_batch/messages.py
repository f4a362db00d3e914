"""Anthropic's Messages: a request's parameters, and the results of a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from magicoder_core import Reply, Request, Sampling, TeacherError, Usage, http

_STATUSES: Mapping[str, int] = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Types of errors with the statuses that they have outside of batches (Anthropic's page on errors, 2026-11)."""

_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
"""Anthropic's stop reasons in the words of all other teachers."""


def params(request: Request, model: str, defaults: Sampling) -> dict[str, Any]:
    """What a request has for the Messages API; system turns go into a field of their own."""
    sampling = request.sampling.over(defaults)
    system = [message.content for message in request.messages if message.role == "system"]
    optional = {
        "system": "\n\n".join(system) or None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop_sequences": list(sampling.stop) or None,
    }
    turns = [{"role": item.role, "content": item.content} for item in request.messages if item.role != "system"]
    needed = {"model": model, "max_tokens": sampling.max_tokens, "messages": turns}
    return needed | {name: value for name, value in optional.items() if value is not None}


def outcome(raw: bytes) -> tuple[str, bytes | TeacherError]:
    """The custom id in a line of results, with the line itself if it is an answer, else the failure.

    Raises:
        ValueError: it is no such line, as one that lost its end.
    """
    value = json.loads(raw)
    result = value.get("result") if isinstance(value, dict) else None
    if not isinstance(result, dict) or not isinstance(value.get("custom_id"), str):
        raise ValueError("no line of batch results")  # noqa: TRY004 - the content of a file, not an argument
    match result.get("type"):
        case "succeeded":
            return value["custom_id"], raw
        case "errored":
            return value["custom_id"], _failure(result.get("error"))
    return value["custom_id"], TeacherError(
        "transient", f"the batch was over before it came to this: {result.get('type')}"
    )


def _failure(error: Any) -> TeacherError:
    inner = error.get("error") if isinstance(error, dict) else None
    said: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    status = _STATUSES.get(str(said.get("type")), 500)
    return http.refusal(status, {}, http.encoded({"error": said or "no reason given"}))


def read(raw: bytes) -> Reply:
    """The reply in a line that `outcome` called an answer.

    Raises:
        TeacherError: ``malformed`` or ``content_filter``: there is no text in it.
    """
    message: Mapping[str, Any] = json.loads(raw)["result"].get("message") or {}
    blocks = [block for block in message.get("content") or [] if isinstance(block, dict)]
    text = "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")
    reasoning = "".join(str(block.get("thinking") or "") for block in blocks if block.get("type") == "thinking") or None
    reason = str(message.get("stop_reason") or "end_turn")
    finish = _REASONS.get(reason, reason)
    _check_text(text, reasoning, finish)
    usage, model = _usage(message.get("usage")), str(message.get("model") or "")
    return Reply(text=text, finish_reason=finish, usage=usage, model=model, reasoning=reasoning)


def _check_text(text: str, reasoning: str | None, finish: str) -> None:
    if text.strip() or (finish == "length" and reasoning):
        return
    if finish == "content_filter":
        raise TeacherError("content_filter", "the provider withheld the answer", charged=True)
    raise TeacherError("malformed", f"an answer with no text (stop reason {finish})", charged=True)


def _usage(value: Any) -> Usage:
    """Tokens; those that were written to a cache or read from one were sent as well."""
    given = value if isinstance(value, dict) else {}
    sent = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Usage(
        prompt_tokens=sum(int(given.get(name) or 0) for name in sent),
        completion_tokens=int(given.get("output_tokens") or 0),
    )
