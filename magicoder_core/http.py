"""One attempt of an OpenAI-style chat completion over HTTP, and what each of its failures means.

Nothing here retries: an attempt ends in a `Reply` or in a `TeacherError` whose kind decides what the core does next.

    status, or what happened instead        kind
    401, 403; an untrusted certificate      auth
    402; any with a code of spent quota     quota
    429                                     rate_limited
    503, 529                                overloaded
    408, other 5xx; no connection           transient
    other 3xx and 4xx                       bad_request, or content_filter where the server says so
    2xx, then the connection is cut         transient, charged
    no answer in time                       timeout (charged if the answer had begun)
    2xx without an answer in it             malformed

aiohttp is imported when a function runs, so that the module costs nothing until then.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from magicoder_core.errors import ErrorKind, TeacherError
from magicoder_core.records import Reply, Request, Sampling, Usage

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_LINE = 300
"""Characters of a server's message that are worth a user's line."""

_CONNECT = 30.0
"""Seconds for a connection to stand; only the answer itself may take long."""

_KEY = 8
"""Characters from which on a header's value can be a key."""

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

_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation"})


def body(request: Request, model: str, defaults: Sampling) -> dict[str, Any]:
    """The JSON to post for ``request``; what its sampling leaves open comes from ``defaults``, what both do is left out.

    Repeated draws get a seed of their own (``seed + sample``): with one seed a server would answer all of them alike.
    """
    sampling = request.sampling.over(defaults)
    optional = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": None if sampling.seed is None else sampling.seed + sampling.sample,
        "stop": list(sampling.stop) or None,
        "grammar": sampling.grammar,
    }
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    return {"model": model, "messages": messages} | {k: v for k, v in optional.items() if v is not None}


async def chat(
    session: ClientSession,
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - aiohttp's own, which says how far an answer had come
) -> Reply:
    """Post ``body`` to ``url`` once and read the answer.

    Args:
        session: an open session; its connections are used again.
        url: the whole address, as ``http://127.0.0.1:8080/v1/chat/completions``.
        body: what to post, see `body`.
        headers: sent with it; the values of those that carry keys never appear in an error.
        timeout: seconds from the start to the last byte.

    Raises:
        TeacherError: for every failure, by the table above; ``retry_after`` in seconds if the server named it.
    """
    status, answered, raw = await _post(session, url, body, headers, timeout)
    # Servers do repeat a wrong key in their message.
    safe = _without_keys(raw, headers)
    try:
        return _reply(safe) if _good(status) else _refuse(status, answered, safe)
    except TeacherError as error:
        line = f"{_host(url)}: {error}"
        raise TeacherError(error.kind, line, retry_after=error.retry_after, charged=error.charged) from None


async def _post(
    session: ClientSession, url: str, body: Mapping[str, Any], headers: Mapping[str, str], seconds: float
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of the answer; raises where there is none."""
    import aiohttp

    limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT))
    data = json.dumps(body).encode("ascii")
    sent = {"Content-Type": "application/json", **headers}
    host = _host(url)
    try:
        async with session.post(url, data=data, headers=sent, timeout=limits, allow_redirects=False) as response:
            return response.status, response.headers, await _read(response, host, seconds)
    except TimeoutError as error:
        raise TeacherError("timeout", f"{host}: no answer within {seconds:g} s") from error
    except aiohttp.ClientSSLError as error:
        raise TeacherError("auth", f"{host}: no trusted connection: {one_line(str(error))}") from error
    except aiohttp.InvalidURL as error:
        raise TeacherError("bad_request", f"{host}: not an address") from error
    except (aiohttp.ClientError, OSError) as error:
        raise TeacherError("transient", f"{host}: no answer: {one_line(str(error)) or type(error).__name__}") from error


async def _read(response: ClientResponse, host: str, seconds: float) -> bytes:
    """The body. Cut short, an answer is paid for all the same, and an error still has its status."""
    import aiohttp

    try:
        return await response.read()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        if not _good(response.status):
            return b""
        late = isinstance(error, TimeoutError)
        kind: ErrorKind = "timeout" if late else "transient"
        what = f"the answer was not whole within {seconds:g} s" if late else "the connection was cut within the answer"
        raise TeacherError(kind, f"{host}: {what}", charged=True) from error


def _good(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _refuse(status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
    """Raise what an answer that is no success means."""
    message, codes = _explanation(raw)
    where = f" (to {headers['Location']})" if status < HTTPStatus.BAD_REQUEST and "Location" in headers else ""
    line = f"HTTP {status}{where}{': ' if message else ''}{message}"
    raise TeacherError(kind_of(status, codes), line, retry_after=retry_after(headers))


def kind_of(status: int, codes: frozenset[str] = frozenset()) -> ErrorKind:
    """What an HTTP status means, together with the codes (or types) that the error's body names."""
    if codes & _QUOTA_CODES:
        return "quota"
    if codes & _FILTER_CODES:
        return "content_filter"
    return _KINDS.get(status) or ("transient" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request")


def _explanation(raw: bytes) -> tuple[str, frozenset[str]]:
    """What the server says in an error's body: one line, and its codes. Each server has its own shape for it."""
    value = _json(raw)
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


def _reply(raw: bytes) -> Reply:
    """The answer in the body of a success; raises if there is none in it."""
    value = _json(raw)
    if not isinstance(value, dict):
        # What begins like JSON is an answer that lost its end: it was generated, so it is billed.
        raise TeacherError("malformed", f"not JSON: {_start(raw)}", charged=raw.lstrip().startswith(b"{"))
    if value.get("error") and not value.get("choices"):
        raise _error_in_success(raw)
    return read(value)


def read(value: Mapping[str, Any]) -> Reply:
    """The reply in an answer of OpenAI's shape; what may be missing there (usage, model, reasoning) may be here.

    Raises:
        TeacherError: ``malformed`` without a choice or any text, ``content_filter`` if the text was withheld.
    """
    usage = _usage(value.get("usage"))
    choice = _first(value.get("choices"))
    if choice is None:
        raise TeacherError("malformed", "an answer with no choice", charged=usage.prompt_tokens > 0)
    message = choice.get("message")
    text, reasoning = _parts(message if isinstance(message, dict) else {})
    finish = str(choice.get("finish_reason") or "stop")
    _check_text(text, reasoning, finish)
    return Reply(text=text, finish_reason=finish, usage=usage, model=str(value.get("model") or ""), reasoning=reasoning)


def _error_in_success(raw: bytes) -> TeacherError:
    """Gateways send the errors of those behind them with status 200."""
    message, codes = _explanation(raw)
    status = next((int(code) for code in codes if code.isdecimal()), 0)
    known = status >= HTTPStatus.BAD_REQUEST or codes & (_QUOTA_CODES | _FILTER_CODES)
    return TeacherError(kind_of(status, codes) if known else "malformed", message)


def _check_text(text: str, reasoning: str | None, finish: str) -> None:
    if text.strip():
        return
    if finish == "content_filter":
        raise TeacherError("content_filter", "the provider withheld the answer", charged=True)
    # A model that thought until its tokens were used up is cut short, which is a result: asked again it does the same.
    if not (finish == "length" and reasoning):
        raise TeacherError("malformed", f"an answer with no text (finish_reason {finish})", charged=True)


def _first(choices: Any) -> Mapping[str, Any] | None:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _parts(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """Answer and reasoning, which servers keep in a field of its own, in a typed part or in the text."""
    content = message.get("content")
    text = content if isinstance(content, str) else _joined(content, "text")
    apart = next((message[k] for k in ("reasoning_content", "reasoning") if isinstance(message.get(k), str)), "")
    apart = apart or _joined(content, "thinking")
    return (text, apart) if apart else split_reasoning(text)


def _joined(content: Any, kind: str) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(_part_text(part.get(kind)) for part in parts if isinstance(part, dict) and part.get("type") == kind)


def _part_text(value: Any) -> str:
    return value if isinstance(value, str) else _joined(value, "text")


def split_reasoning(text: str) -> tuple[str, str | None]:
    """An answer without the ``<think>`` trace before it, and the trace (None: there is none).

    A trace without its opening mark is one too: some chat templates put that mark into the prompt. One without
    its closing mark stays in the text, which is cut short then.
    """
    whole = re.match(r"\s*<think>(.*?)</think>\s*", text, re.DOTALL)
    if whole is None and "<think>" not in text and text.count("</think>") == 1:
        whole = re.match(r"(.*?)^[ \t]*</think>\s*$\s*", text, re.DOTALL | re.MULTILINE)
    return (text[whole.end() :], whole[1].strip()) if whole else (text, None)


def _usage(value: Any) -> Usage:
    given = value if isinstance(value, dict) else {}
    return Usage(
        prompt_tokens=_count(given.get("prompt_tokens")), completion_tokens=_count(given.get("completion_tokens"))
    )


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < math.inf else 0


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _start(raw: bytes) -> str:
    return one_line(raw[:_LINE].decode("utf-8", "replace"))[:80] or "an empty body"


def one_line(text: str) -> str:
    """``text`` as one bounded line, with nothing in it that a terminal would obey."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _LINE]).split())
    return line if len(line) <= _LINE else line[: _LINE - 3] + "..."


def _host(url: str) -> str:
    """Host and port alone: an address may hold a name and a password, and keys in its query."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the server"


def _without_keys(raw: bytes, headers: Mapping[str, str]) -> bytes:
    for value in headers.values():
        key = value.rpartition(" ")[2].encode()
        if len(key) >= _KEY:
            raw = raw.replace(key, b"***")
    return raw
