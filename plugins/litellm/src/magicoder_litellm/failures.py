"""What a provider's refusal means to the core, be it an HTTP answer or an exception of LiteLLM's.

An answer has its status, and words of its provider that say more. LiteLLM tells failures apart by provider, and not
always well: a lost connection, an answer cut short and a page of HTML are all an ``InternalServerError`` of status 500,
and spent quota is a rate limit. The exceptions behind its own (it chains them) say what really was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from magicoder_core import TeacherError, http, ratelimits

Kind = Literal["auth", "content_filter", "malformed", "overloaded", "quota", "rate_limited", "timeout", "transient"]


class _Meaning(NamedTuple):
    kind: Kind
    charged: bool = False


_WORDS: Mapping[str, _Meaning] = {
    # Gemini says of every limit that the quota is exceeded; only that of a day is worth stopping for.
    "perday": _Meaning("quota"),
    "google.rpc.retryinfo": _Meaning("rate_limited"),
    "resource_exhausted": _Meaning("rate_limited"),
    "api_key_invalid": _Meaning("auth"),
    "insufficient_quota": _Meaning("quota"),
    "exceeded your current quota": _Meaning("quota"),
    "credit balance is too low": _Meaning("quota"),
    "overloaded_error": _Meaning("overloaded"),
    # OpenRouter refuses a flagged prompt with 403, Azure with an inner error.
    "flagged_input": _Meaning("content_filter"),
    "responsibleaipolicyviolation": _Meaning("content_filter"),
}
"""Words in a provider's refusal that say more than its status, the more telling first. In lower case."""

_SAID: Mapping[str, _Meaning] = {
    **_WORDS,
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

_DELAY = re.compile(r'"?retryDelay\\?"?:\s*\\?"?([0-9]+(?:\.[0-9]+)?)s')
"""Gemini's wait, which it says in the body (google.rpc.RetryInfo), as ``"retryDelay": "12s"``."""


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> TeacherError:
    """What an HTTP answer that is no success means.

    Args:
        status: of the answer, 300 or more.
        headers: of the answer; they ignore case.
        body: of the answer, with no key in it.
    """
    error = http.refusal(status, headers, body)
    text = body.decode("utf-8", "replace")
    said = _said(_WORDS, text.lower())
    wait = _retry_after(headers, text)
    return TeacherError(
        said.kind if said else error.kind, str(error), retry_after=wait, limits=ratelimits.read(headers)
    )


def teacher_error(error: BaseException, model: str) -> TeacherError:
    """The error of one attempt; ``model`` begins its line, and no key of the environment is in it."""
    chain = list(_chain(error))
    headers = next((found for each in chain if (found := _headers(each))), {})
    line = http.one_line(f"{model}: {_without_keys(str(getattr(error, 'message', error)))}")
    meaning = _meaning(chain)
    kind = meaning.kind if meaning else http.kind_of(_status(chain))
    charged = bool(meaning and meaning.charged)
    wait = _retry_after(headers, " ".join(map(str, chain)))
    return TeacherError(kind, line, retry_after=wait, charged=charged, limits=ratelimits.read(headers))


def _retry_after(headers: Mapping[str, str], text: str) -> float | None:
    """Seconds to wait: the header's, else those that the text says."""
    found = http.retry_after(headers)
    if found is None and (delay := _DELAY.search(text)):
        return float(delay[1])
    return found


def _said(words: Mapping[str, _Meaning], text: str) -> _Meaning | None:
    return next((meaning for word, meaning in words.items() if word in text), None)


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
    if found := _said(_SAID, said):
        return found
    if "content_filter" in {getattr(each, "code", None) for each in chain}:
        return _Meaning("content_filter")
    names = {cls.__name__ for each in chain for cls in type(each).__mro__}
    found = next((meaning for name, meaning in _NAMED.items() if name in names), None)
    if found and found.kind == "timeout" and any(_number(getattr(each, "response", None)) for each in chain):
        return None  # a provider's own status 408, which it sent in time
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
    from multidict import CIMultiDict

    apart = getattr(error, "litellm_response_headers", None) or getattr(error, "headers", None)
    # Some are plain dictionaries by now, which do not ignore case.
    return CIMultiDict(apart or getattr(getattr(error, "response", None), "headers", None) or {})


def environment_keys() -> list[str]:
    """The values of all variables that may hold a key."""
    named = (value.strip() for name, value in os.environ.items() if _SECRET.search(name.upper()))
    return [value for value in named if len(value) >= 8]  # noqa: PLR2004 - shorter is no key


def _without_keys(line: str) -> str:
    for key in environment_keys():
        line = line.replace(key, "***")
    return line
