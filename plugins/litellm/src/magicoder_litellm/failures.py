"""What LiteLLM's exceptions mean to the core.

LiteLLM tells failures apart by provider, and not always well: a lost connection, an answer cut short and a page of
HTML are all an ``InternalServerError`` of status 500, and spent quota is a rate limit. The exceptions behind its own
(it chains them) say what really was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from magicoder_core import TeacherError, http

Kind = Literal["auth", "content_filter", "malformed", "overloaded", "quota", "timeout", "transient"]


class _Meaning(NamedTuple):
    kind: Kind
    charged: bool = False


_SAID: Mapping[str, _Meaning] = {
    "insufficient_quota": _Meaning("quota"),
    "exceeded your current quota": _Meaning("quota"),
    "credit balance is too low": _Meaning("quota"),
    "overloaded_error": _Meaning("overloaded"),
    "empty or invalid response": _Meaning("malformed"),
    "invalid response object": _Meaning("malformed", charged=True),
    "a response with no 'choices'": _Meaning("malformed", charged=True),
    "without sending complete message body": _Meaning("transient", charged=True),
}
"""Words that say more than the exceptions they stand in."""

_NAMED: Mapping[str, _Meaning] = {
    "Timeout": _Meaning("timeout"),
    "APITimeoutError": _Meaning("timeout"),
    "ContentPolicyViolationError": _Meaning("content_filter", charged=True),
    "AuthenticationError": _Meaning("auth"),
    "PermissionDeniedError": _Meaning("auth"),
    "PaymentRequiredError": _Meaning("quota"),
    "ClientPayloadError": _Meaning("transient", charged=True),
    "JSONDecodeError": _Meaning("malformed"),
    "APIResponseValidationError": _Meaning("malformed", charged=True),
    "ConnectError": _Meaning("transient"),
    "ReadError": _Meaning("transient"),
    "RemoteProtocolError": _Meaning("transient"),
    "ClientConnectionError": _Meaning("transient"),
}
"""Exceptions of LiteLLM, openai, httpx, aiohttp and json, the more telling first."""

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD")


def teacher_error(error: BaseException, model: str) -> TeacherError:
    """The error of one attempt; ``model`` begins its line, and no key of the environment is in it."""
    chain = list(_chain(error))
    headers = next((found for each in chain if (found := _headers(each))), {})
    line = http.one_line(f"{model}: {_without_keys(str(getattr(error, 'message', error)))}")
    meaning = _meaning(chain)
    kind = meaning.kind if meaning else http.kind_of(_status(chain))
    charged = bool(meaning and meaning.charged)
    return TeacherError(kind, line, retry_after=http.retry_after(headers), charged=charged)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _meaning(chain: Sequence[BaseException]) -> _Meaning | None:
    """What words and classes say; None leaves it to the status."""
    said = " ".join(f"{each} {getattr(each, 'body', '')}" for each in chain).lower()
    if found := next((meaning for words, meaning in _SAID.items() if words in said), None):
        return found
    if "content_filter" in {getattr(each, "code", None) for each in chain}:
        return _Meaning("content_filter")
    names = {cls.__name__ for each in chain for cls in type(each).__mro__}
    found = next((meaning for name, meaning in _NAMED.items() if name in names), None)
    # A body that is JSON up to some point is an answer that lost its end: it was generated, so it is billed.
    begun = any(getattr(each, "pos", 0) for each in chain)
    return found._replace(charged=True) if found and found.kind == "malformed" and begun else found


def _status(chain: Sequence[BaseException]) -> int:
    """The status that the provider sent: the innermost, since LiteLLM replaces those that it does not know."""
    found = [_number(each) or _number(getattr(each, "response", None)) for each in chain]
    return next((status for status in reversed(found) if status), 500)


def _number(value: Any) -> int | None:
    status = getattr(value, "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None  # noqa: PLR2004 - where errors begin


def _headers(error: BaseException) -> Mapping[str, str]:
    """The answer's headers: LiteLLM has them apart, those behind it have them in the response."""
    apart = getattr(error, "litellm_response_headers", None) or getattr(error, "headers", None)
    headers = apart or getattr(getattr(error, "response", None), "headers", None) or {}
    # Some are plain dictionaries by now, and retry_after() looks for two spellings.
    return {
        {"retry-after": "Retry-After", "date": "Date"}.get(name.lower(), name.lower()): headers[name]
        for name in headers
    }


def _without_keys(line: str) -> str:
    for name, value in os.environ.items():
        if _SECRET.search(name.upper()) and len(value.strip()) >= 8:  # noqa: PLR2004 - shorter is no key
            line = line.replace(value.strip(), "***")
    return line
