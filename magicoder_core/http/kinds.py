"""What a failure means: kinds from statuses and codes, and how long a server asks us to wait."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from magicoder_core.errors import ErrorKind, TeacherError
from magicoder_core.lazily import orjson

_LINE = 300
"""Characters of a server's message that are worth a user's line."""

_GOOD = range(200, 300)

_KINDS: Mapping[int, ErrorKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    408: "transient",
    409: "transient",
    425: "transient",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}

QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
FILTER_CODES = frozenset({"content_filter", "content_policy_violation"})


def is_good(status: int) -> bool:
    """Whether a status is a success."""
    return status in _GOOD


def refusal(status: int, headers: Mapping[str, str], raw: bytes) -> TeacherError:
    """What an answer that is no success means."""
    message, codes = explanation(raw)
    where = f" (to {headers['Location']})" if status < HTTPStatus.BAD_REQUEST and "Location" in headers else ""
    line = f"HTTP {status}{where}{': ' if message else ''}{message}"
    return TeacherError(kind_of(status, codes), line, retry_after=retry_after(headers))


def kind_of(status: int, codes: frozenset[str] = frozenset()) -> ErrorKind:
    """What an HTTP status means, together with the codes (or types) that the error's body names."""
    if codes & QUOTA_CODES:
        return "quota"
    if codes & FILTER_CODES:
        return "content_filter"
    return _KINDS.get(status) or ("transient" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request")


def explanation(raw: bytes) -> tuple[str, frozenset[str]]:
    """What the server says in an error's body: one line, and its codes. Each server has its own shape for it."""
    value = decoded(raw)
    if not isinstance(value, dict):
        return one_line(raw.decode("utf-8", "replace")), frozenset()
    error = value.get("error")
    inner: Mapping[str, Any] = error if isinstance(error, dict) else value
    said = error if isinstance(error, str) else next((inner[k] for k in ("message", "detail") if inner.get(k)), inner)
    codes = frozenset(str(inner.get(name)) for name in ("code", "type") if inner.get(name))
    return one_line(said if isinstance(said, str) else json.dumps(said)), codes


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, in whichever form the server says it; None if it does not. ``headers`` ignores case."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("Retry-After")
    seconds = _number(given)
    return _until(given, headers.get("Date")) if seconds is None else seconds


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(value) else max(0.0, value)


def _until(moment: str | None, now: str | None) -> float | None:
    """Seconds from ``now`` to an HTTP date. The server's own clock counts: ours may be wrong by hours."""
    end, start = _date(moment), _date(now) or datetime.now(UTC)
    return max(0.0, (end - start).total_seconds()) if end else None


def _date(text: str | None) -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def decoded(raw: bytes) -> Any:
    """The JSON value of a body; None if it is none."""
    try:
        return orjson().loads(raw)
    except ValueError:
        pass
    try:
        # Slower and laxer: lone surrogates, NaN, other encodings.
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def one_line(text: str) -> str:
    """``text`` as one bounded line, with nothing in it that a terminal would obey."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _LINE]).split())
    return line if len(line) <= _LINE else line[: _LINE - 3] + "..."
