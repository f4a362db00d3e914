"""A provider's API over HTTP, beyond single answers: small questions, files that go up and files that come down.

Nothing here retries and nothing holds a file in memory; each failure is a `TeacherError` by the table of
`magicoder_core.http`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from magicoder_core import TeacherError, http

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_CONNECT = 30.0
"""Seconds for a connection to stand."""

_EXCERPT = 100_000
"""Bytes of an error's body that are read."""


@dataclass
class Api:
    """An API at ``base_url``; ``headers`` hold the key, ``seconds`` is how long it may keep silent."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    seconds: float
    _session: ClientSession | None = field(default=None, repr=False)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The object at ``path``.

        Raises:
            TeacherError: there is none.
        """
        async with self._asked("GET", path, params=query) as response:
            return await self._object(response)

    async def post(self, path: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """What comes of posting an object."""
        data = http.encoded(value)
        async with self._asked("POST", path, data=data, headers={"Content-Type": "application/json"}) as response:
            return await self._object(response)

    async def post_file(self, path: str, file: Path) -> dict[str, Any]:
        """What comes of posting a file that holds one JSON value; it is read as it is sent."""
        with file.open("rb") as data:
            async with self._asked("POST", path, data=data, headers={"Content-Type": "application/json"}) as response:
                return await self._object(response)

    async def upload(self, path: str, file: Path, **fields: str) -> dict[str, Any]:
        """What comes of posting a form with ``fields`` and a file, which is read as it is sent."""
        import aiohttp

        with file.open("rb") as data:
            form = aiohttp.FormData(fields)
            form.add_field("file", data, filename=file.name, content_type="application/jsonl")
            async with self._asked("POST", path, data=form) as response:
                return await self._object(response)

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """The lines of a file as they arrive, of any length, without their ends."""
        async with self._asked("GET", path) as response:
            rest = b""
            async for block in response.content.iter_any():
                *whole, rest = (rest + block).split(b"\n")
                for line in whole:
                    if line.strip():
                        yield line
            if rest.strip():
                yield rest

    @asynccontextmanager
    async def _asked(self, method: str, path: str, **more: Any) -> AsyncIterator[ClientResponse]:
        """The answer to a request, which is a success."""
        import aiohttp

        if self._session is None:
            self._session = http.session(self.base_url)
        # No bound on the whole: a batch's file takes as long as it takes, but it keeps moving.
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=self.seconds)
        headers = {**self.headers, **more.pop("headers", {})}
        url = f"{self.base_url.rstrip('/')}/{path}"
        with self._failures():
            async with self._session.request(
                method, url, headers=headers, timeout=limits, allow_redirects=False, **more
            ) as response:
                if not 200 <= response.status < 300:  # noqa: PLR2004 - as HTTP has it
                    raise self._refused(response, await response.content.read(_EXCERPT))
                yield response

    async def _object(self, response: ClientResponse) -> dict[str, Any]:
        import json

        raw = await response.read()
        try:
            value = json.loads(raw)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise TeacherError(
                "malformed", f"{self.host}: not JSON: {http.one_line(raw[:80].decode('utf-8', 'replace'))}"
            )
        return value

    def _refused(self, response: ClientResponse, raw: bytes) -> TeacherError:
        for value in self.headers.values():
            # Servers do repeat a wrong key in their message.
            raw = raw.replace(value.rpartition(" ")[2].encode(), b"***") if len(value) > 8 else raw  # noqa: PLR2004 - no key is shorter
        return http.refusal(response.status, response.headers, raw).named(self.host)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What it means that a server sends nothing, or not all."""
        import aiohttp

        try:
            yield
        except TimeoutError as error:
            raise TeacherError("timeout", f"{self.host}: no answer within {self.seconds:g} s") from error
        except aiohttp.ClientSSLError as error:
            raise TeacherError("auth", f"{self.host}: no trusted connection: {http.one_line(str(error))}") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            what = http.one_line(str(error)) or type(error).__name__
            raise TeacherError("transient", f"{self.host}: no answer: {what}") from error

    @property
    def host(self) -> str:
        """Host and port alone."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or "the server"
