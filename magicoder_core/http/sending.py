"""One attempt over HTTP: whatever a server sends, or what it means that it sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from magicoder_core import ratelimits
from magicoder_core.errors import ErrorKind, TeacherError
from magicoder_core.http.bodies import encoded
from magicoder_core.http.kinds import is_good, one_line, refusal
from magicoder_core.http.replies import reply
from magicoder_core.providers import Wire
from magicoder_core.records import Reply

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, ClientTimeout
    from yarl import URL

_CONNECT = 30.0
"""Seconds for a connection to stand; only the answer itself may take long."""

_KEY = 8
"""Characters from which on a header's value can be a key."""


class Answered(NamedTuple):
    """What a server sent, whatever its status; ``headers`` ignore case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def session(url: str) -> ClientSession:
    """A session for requests to ``url``: no bound on connections, no cookies, the environment's proxy.

    The core alone bounds how many requests run at once; a pool with a bound of its own would queue them unseen.
    """
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), proxy=_proxy(url)
    )


def _proxy(url: str) -> str | None:
    """The environment's proxy for a server, looked up once.

    aiohttp's own ``trust_env`` looks it up in a thread for each request, and reads passwords of ``.netrc``,
    which it then refuses to combine with our key.
    """
    from urllib import request as environment

    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_here(host) or environment.proxy_bypass(host):
        return None
    return environment.getproxies().get(parts.scheme)


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def chat(
    session: ClientSession,
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - aiohttp's own, which says how far an answer had come
) -> Reply:
    """Post ``body`` to ``url`` once and read the answer: `send` and `reply`.

    Raises:
        TeacherError: for every failure, by the table above; ``retry_after`` in seconds if the server named it.
    """
    wire = await send(session, url, encoded(body), headers, timeout)
    try:
        return reply(wire.body)
    except TeacherError as error:
        raise error.named(_host(url)) from None


async def send(
    session: ClientSession,
    url: str,
    data: bytes,
    headers: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - aiohttp's own, which says how far an answer had come
) -> Wire:
    """Post ``data`` to ``url`` once; the body of a success, unread.

    Args:
        session: an open session, see `session`; its connections are used again.
        url: the whole address, as ``http://127.0.0.1:8080/v1/chat/completions``.
        data: the JSON to post, see `encoded`.
        headers: sent with it; the values of those that carry keys appear in no error and in no body.
        timeout: seconds from the start to the last byte.

    Raises:
        TeacherError: for every failure, by the table above; ``retry_after`` in seconds if the server named it.
    """
    status, answered, raw = await post(session, url, data, headers, timeout)
    # Servers do repeat a wrong key in their message.
    safe = _without_keys(raw, headers)
    limits = ratelimits.read(answered)
    if is_good(status):
        return Wire(safe, limits)
    error = refusal(status, answered, safe).named(_host(url))
    error.limits = limits
    raise error


async def post(
    session: ClientSession,
    url: str,
    data: bytes,
    headers: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - aiohttp's own, which says how far an answer had come
) -> Answered:
    """Post ``data`` to ``url`` once: whatever the server sends, of any status.

    Raises:
        TeacherError: there is no whole answer: ``transient``, ``timeout``, ``auth`` (no trusted connection) or
            ``bad_request`` (no address).
    """
    import aiohttp

    sent = {"Content-Type": "application/json", **headers}
    limits = _timeout(timeout)
    try:
        async with session.post(
            _address(url), data=data, headers=sent, timeout=limits, allow_redirects=False
        ) as response:
            return Answered(response.status, response.headers, await _read(response, url, timeout))
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise _no_answer(error, _host(url), timeout) from error


@lru_cache(maxsize=64)
def _address(url: str) -> URL:
    """A URL taken apart once, as it is asked for thousands of times."""
    from yarl import URL

    try:
        return URL(url)
    except ValueError as error:
        raise TeacherError("bad_request", f"{_host(url)}: not an address") from error


@lru_cache(maxsize=8)
def _timeout(seconds: float) -> ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT))


def _no_answer(error: Exception, host: str, seconds: float) -> TeacherError:
    import aiohttp

    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TeacherError("transient", f"{host}: no connection within {min(seconds, _CONNECT):g} s")
    if isinstance(error, TimeoutError):
        # It was sent, so an answer was made or will be: whoever keeps a budget must count it.
        return TeacherError("timeout", f"{host}: no answer within {seconds:g} s", charged=True)
    if isinstance(error, aiohttp.ClientSSLError):
        return TeacherError("auth", f"{host}: no trusted connection: {one_line(str(error))}")
    if isinstance(error, aiohttp.InvalidURL):
        return TeacherError("bad_request", f"{host}: not an address")
    return TeacherError("transient", f"{host}: no answer: {one_line(str(error)) or type(error).__name__}")


async def _read(response: ClientResponse, url: str, seconds: float) -> bytes:
    """The body. Cut short, an answer is paid for all the same, and an error still has its status."""
    import aiohttp

    try:
        return await response.read()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        if not is_good(response.status):
            return b""
        late = isinstance(error, TimeoutError)
        kind: ErrorKind = "timeout" if late else "transient"
        what = f"the answer was not whole within {seconds:g} s" if late else "the connection was cut within the answer"
        raise TeacherError(kind, f"{_host(url)}: {what}", charged=True) from error


def _host(url: str) -> str:
    """Host and port alone: an address may hold a name and a password, and keys in its query."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the server"


def _without_keys(raw: bytes, headers: Mapping[str, str]) -> bytes:
    for value in headers.values():
        key = value.rpartition(" ")[2].encode()
        if len(key) >= _KEY:
            raw = raw.replace(key, b"***")
    return raw
