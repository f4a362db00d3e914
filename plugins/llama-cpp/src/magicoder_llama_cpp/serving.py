"""What the teacher `llama-cpp` holds while it works: its server process, the connections to it, and what was counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from magicoder_core import ModelError, Reply, Request, TeacherError, http, models, progress
from magicoder_llama_cpp.child import Child, cores

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from magicoder_llama_cpp.teacher import LlamaCpp

_STARTS = 3
"""A server that ended so often will end again: the run stops and says why."""

_SECONDS = 3600.0
"""For one answer. A slow machine with a queue takes long and still gets there; a dead server is seen at once."""


class Ways(NamedTuple):
    """Where a server is asked: in turns, with the model's chat template, and to go on with raw text, without one."""

    chat: http.Endpoint
    text: http.Endpoint


class Serving:
    """The server of one teacher: started when it is first needed, and again after it died."""

    def __init__(self, teacher: LlamaCpp) -> None:
        self.child: Child | None = None
        self._teacher = teacher
        self._session: ClientSession | None = None
        self._ways: Ways | None = None
        self._starting = asyncio.Lock()
        self._starts = 0
        self._tokens = 0
        self._since = self._until = 0.0

    async def ready(self) -> tuple[Child, Ways]:
        """The running server and where it is asked.

        Raises:
            ModelError: there is no such model, it cannot be served, or its server died once too often.
        """
        async with self._starting:
            if self.child is None or self._ways is None or not self.child.alive():
                self._check_starts()
                await self.close()
                self.child, self._ways = await self._start()
            return self.child, self._ways

    async def close(self) -> None:
        """End the server and the connections to it."""
        session, child, self._session, self.child, self._ways = self._session, self.child, None, None, None
        if session:
            await session.close()
        if child:
            child.end()

    async def answer(self, request: Request) -> Reply:
        """One attempt; the connections, not we, queue what is more than the server takes."""
        child, ways = await self.ready()
        self._since = self._since or time.monotonic()
        body = http.body(request, self._teacher.model, self._teacher.sampling())
        try:
            reply = await (ways.text if request.raw else ways.chat).chat(body)
        except TeacherError as error:
            if child.alive():
                raise
            raise TeacherError("transient", f"{self._teacher.model}: {child.last_words()}") from error
        self._tokens += reply.usage.completion_tokens
        self._until = time.monotonic()
        return reply

    def status(self) -> Mapping[str, float]:
        """``tokens_per_second``, once something was answered."""
        seconds = self._until - self._since
        return {"tokens_per_second": round(self._tokens / seconds, 1)} if seconds > 0 else {}

    def _check_starts(self) -> None:
        if self.child is None or self.child.alive():
            return
        last = self.child.last_words()
        if self._starts >= _STARTS:
            raise ModelError(f"model '{self._teacher.model}' ended {_STARTS} times; the last time {last}")
        progress.say(f"{self._teacher.model}: {last}; it is started again")

    async def _start(self) -> tuple[Child, Ways]:
        path = await asyncio.to_thread(self._file)
        self._starts += 1
        # Known to `close` from its first moment: whoever gives up while the model loads leaves no server behind.
        self.child = self._made(path)
        base = f"{await self.child.address()}/v1"
        session = self._session = self._connections()
        headers = {"Authorization": f"Bearer {self.child.key}"}
        chat, text = (
            http.Endpoint(session, f"{base}/{way}", headers, _SECONDS) for way in ("chat/completions", "completions")
        )
        return self.child, Ways(chat, text)

    def _file(self) -> Path:
        path = models.resolve(self._teacher.model)
        if path.is_dir():
            raise ModelError(f"model '{self._teacher.model}' is a folder; this teacher serves a GGUF file")
        return path

    def _made(self, path: Path) -> Child:
        teacher = self._teacher
        return Child(
            teacher.model,
            path,
            parallel=teacher.parallel,
            context=teacher.context,
            threads=teacher.threads or cores(),
            connections=2 * teacher.parallel,
        )

    def _connections(self) -> ClientSession:
        """Two connections for each slot: a slot that is free finds its next request at the server."""
        import aiohttp

        connector = aiohttp.TCPConnector(limit=2 * self._teacher.parallel)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
