"""The least of HTTP/1.1 that a loopback server needs: requests in, answers out, one connection after the other.

`asyncio.Protocol` and no streams: a request costs a tenth, and a server that is measured against must not be what
is measured.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus

_PHRASES = {status.value: status.phrase for status in HTTPStatus}

Handler = Callable[["Connection", str, str, Mapping[str, str], bytes], None]
"""Called with the connection, the method, the path, the headers (names in small letters) and the body."""


class Connection(asyncio.Protocol):
    """One client's connection; the handler answers each request by one call of `send`, `cut`, `close` or `reset`."""

    def __init__(self, handler: Handler, opened: set[Connection]) -> None:
        self._handler, self._opened = handler, opened
        self._buffer = bytearray()
        self._busy = self._last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        """Hand over the first request that has come whole; one that is no HTTP ends the connection."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, _, path = first.rpartition(" ")[0].partition(" ")
        length = headers.get("content-length", "0")
        if not path or not length.isdigit():
            self.close()
            return
        start = end + 4
        if len(self._buffer) < start + int(length):
            return
        body = bytes(self._buffer[start : start + int(length)])
        del self._buffer[: start + int(length)]
        self._busy, self._last = True, headers.get("connection", "").lower() == "close"
        self._handler(self, method, path, headers, body)

    def send(self, status: int, body: bytes, headers: str = "") -> None:
        """Answer; ``headers`` are whole lines with their ends."""
        self._write(head(status, headers, len(body)) + body)
        self._busy = False
        if self._last:
            self.close()
        elif self._buffer:
            self._next()

    def cut(self, body: bytes) -> None:
        """Half an answer, then the end of the connection."""
        self._write(head(200, "", len(body)) + body[: len(body) // 2])
        self.close()

    def close(self) -> None:
        """Hang up without an answer."""
        self._transport.close()

    def reset(self) -> None:
        """Hang up so that the client hears of it at once: linger 0 sends RST instead of FIN."""
        if not self._transport.is_closing():
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def head(status: int, headers: str, length: int) -> bytes:
    """The head of an answer of so many bytes."""
    date = formatdate(int(time.time()), usegmt=True)
    return (
        f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\nDate: {date}\r\n{headers}\r\n"
    ).encode("latin-1")
