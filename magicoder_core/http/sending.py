"""One attempt over HTTP: whatever a server sends, or what it means that it sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from magicoder_core import lazily, ratelimits
from magicoder_core.errors import TeacherError
from magicoder_core.http.bodies import encoded
from magicoder_core.http.deadlines import Deadlines
from magicoder_core.http.kinds import is_good, one_line, refusal
from magicoder_core.http.replies import reply
from magicoder_core.providers import Wire
from magicoder_core.records import Reply

if TYPE_CHECKING:
    from aiohttp import ClientSession

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
    library = lazily.aiohttp()
    made: ClientSession = library.ClientSession(
        connector=library.TCPConnector(limit=0), cookie_jar=library.DummyCookieJar(), proxy=_proxy(url)
    )
    return made


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


class Endpoint:
    """One address that requests are posted to, and what all of them have in common.

    Args:
        session: an open session, see `session`; its connections are used again.
        url: the whole address, as ``http://127.0.0.1:8080/v1/chat/completions``.
        headers: sent with each request; the values of those that carry keys appear in no error and in no body.
        timeout: seconds from the start to the last byte.

    Raises:
        TeacherError: ``bad_request``: the address is none.
    """

    def __init__(self, session: ClientSession, url: str, headers: Mapping[str, str], timeout: float) -> None:
        from yarl import URL

        self._session = session
        self._host = _host(url)
        self._headers = {"Content-Type": "application/json", **headers}
        self._seconds = timeout
        self._deadlines = Deadlines(timeout)
        self._limits = lazily.aiohttp().ClientTimeout(total=None, sock_connect=min(timeout, _CONNECT))
        keys = [value.rpartition(" ")[2].encode() for value in headers.values()]
        self._keys = [key for key in keys if len(key) >= _KEY]
        try:
            self._url = URL(url)
        except ValueError as error:
            raise TeacherError("bad_request", f"{self._host}: not an address") from error

    async def chat(self, body: Mapping[str, Any]) -> Reply:
        """Post ``body`` once and read the answer: `send` and `reply`.

        Raises:
            TeacherError: for every failure, by the table above; ``retry_after`` in seconds if the server named it.
        """
        wire = await self.send(encoded(body))
        try:
            return reply(wire.body)
        except TeacherError as error:
            raise error.named(self._host) from None

    async def send(self, data: bytes) -> Wire:
        """Post ``data``, which is JSON, once; the body of a success, unread.

        Raises:
            TeacherError: for every failure, by the table above; ``retry_after`` in seconds if the server named it.
        """
        status, headers, raw = await self.post(data)
        for key in self._keys:  # servers do repeat a wrong key in their message
            raw = raw.replace(key, b"***")
        limits = ratelimits.read(headers)
        if is_good(status):
            return Wire(raw, limits)
        error = refusal(status, headers, raw).named(self._host)
        error.limits = limits
        raise error

    async def post(self, data: bytes) -> Answered:
        """Post ``data``, which is JSON, once: whatever the server sends, of any status.

        Raises:
            TeacherError: there is no whole answer: ``transient``, ``timeout``, ``auth`` (no trusted connection) or
                ``bad_request`` (no address).
        """
        deadlines, response = self._deadlines, None
        task = deadlines.begin()
        try:
            response = await self._session.post(
                self._url, data=data, headers=self._headers, timeout=self._limits, allow_redirects=False
            )
            return Answered(response.status, response.headers, await response.read())  # which lets go of the connection
        except (TimeoutError, lazily.aiohttp().ClientError, OSError, lazily.asyncio().CancelledError) as error:
            late = deadlines.was_late(task)
            if isinstance(error, lazily.asyncio().CancelledError) and not late:
                raise
            why = TimeoutError() if late else error
            if response is None:
                raise _no_answer(why, self._host, self._seconds) from error
            if not is_good(response.status):
                return Answered(response.status, response.headers, b"")  # cut short, an error still has its status
            raise _cut(why, self._host, self._seconds) from error
        finally:
            deadlines.end(task)


def _cut(error: BaseException, host: str, seconds: float) -> TeacherError:
    """Cut short, an answer is paid for all the same."""
    if isinstance(error, TimeoutError):
        return TeacherError("timeout", f"{host}: the answer was not whole within {seconds:g} s", charged=True)
    return TeacherError("transient", f"{host}: the connection was cut within the answer", charged=True)


def _no_answer(error: BaseException, host: str, seconds: float) -> TeacherError:
    library = lazily.aiohttp()
    if isinstance(error, library.ConnectionTimeoutError):
        return TeacherError("transient", f"{host}: no connection within {min(seconds, _CONNECT):g} s")
    if isinstance(error, TimeoutError):
        # It was sent, so an answer was made or will be: whoever keeps a budget must count it.
        return TeacherError("timeout", f"{host}: no answer within {seconds:g} s", charged=True)
    if isinstance(error, library.ClientSSLError):
        return TeacherError("auth", f"{host}: no trusted connection: {one_line(str(error))}")
    if isinstance(error, library.InvalidURL):
        return TeacherError("bad_request", f"{host}: not an address")
    return TeacherError("transient", f"{host}: no answer: {one_line(str(error)) or type(error).__name__}")


def _host(url: str) -> str:
    """Host and port alone: an address may hold a name and a password, and keys in its query."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the server"
