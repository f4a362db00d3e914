"""The teacher `llama-cpp`: the embedded default, a small model on this machine's CPU."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from magicoder_core import (
    ModelError,
    RecipeError,
    Reply,
    Request,
    Sampling,
    Teacher,
    TeacherError,
    http,
    models,
    progress,
)
from magicoder_llama_cpp.child import Child, cores

if TYPE_CHECKING:
    from aiohttp import ClientSession

_STARTS = 3
"""A server that ended so often will end again: the run stops and says why."""

_SECONDS = 3600.0
"""For one answer. A slow machine with a queue takes long and still gets there; a dead server is seen at once."""


@dataclass
class _State:
    """What is open, and what was counted. ``since`` and ``until`` are the first request's start and the last answer."""

    child: Child | None = None
    address: str = ""
    session: ClientSession | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    starts: int = 0
    tokens: int = 0
    since: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LlamaCpp(Teacher):
    """A GGUF model on this machine's CPU, served by llama.cpp; needs no key and no network once the model is here.

    The server is a child process that ends with ours. Requests that come together are answered together, up to
    ``parallel``; further ones wait. A server that dies is started again at the next request.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"grammar", "seed"})

    model: Annotated[str, "name in `magicoder models list`, or path of a GGUF file"] = "qwen2.5-coder-0.5b-instruct"
    temperature: Annotated[float, "0 for the likeliest answer, more for more variety"] = 0.2
    top_p: Annotated[float | None, "draw from the likeliest tokens that together have this probability"] = None
    max_tokens: Annotated[int, "tokens after which an answer is cut"] = 1024
    parallel: Annotated[int, "requests answered at a time"] = 4
    threads: Annotated[int | None, "cores to use; all that this process may use if not given"] = None
    context: Annotated[int, "tokens of one request, question and answer together"] = 4096

    def __post_init__(self) -> None:
        """Refuse counts below 1: llama.cpp takes 0 and -1 for other things."""
        for name in ("max_tokens", "parallel", "threads", "context"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"teacher.{name}: at least 1 was expected (got {value})")

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    async def open(self) -> None:
        """Fetch the model if need be, start its server and wait until it answers.

        Raises:
            ModelError: the model is unknown, cannot be fetched or cannot be served.
        """
        await self._serving()

    async def close(self) -> None:
        """End the server."""
        state = self._state
        session, child, state.session, state.child = state.session, state.child, None, None
        if session:
            await session.close()
        if child:
            child.end()

    async def complete(self, request: Request) -> Reply:
        """Answer in one attempt.

        Raises:
            TeacherError: as `magicoder_core.http.chat` says; ``transient`` if the server died.
            ModelError: it died once too often, or cannot be started again.
        """
        child, session = await self._serving()
        self._state.since = self._state.since or time.monotonic()
        url = f"{self._state.address}/v1/chat/completions"
        headers = {"Authorization": f"Bearer {child.key}"}
        try:
            reply = await http.chat(session, url, http.body(request, self.model, self.sampling()), headers, _SECONDS)
        except TeacherError as error:
            if child.alive():
                raise
            raise TeacherError("transient", f"{self.model}: {child.last_words()}") from error
        self._state.tokens += reply.usage.completion_tokens
        self._state.until = time.monotonic()
        return reply

    def status(self) -> Mapping[str, float]:
        """``tokens_per_second``: generated in all answers, over the time from the first request to the last answer."""
        seconds = self._state.until - self._state.since
        return {"tokens_per_second": round(self._state.tokens / seconds, 1)} if seconds > 0 else {}

    async def _serving(self) -> tuple[Child, ClientSession]:
        """The running server and a session for it; started first if it does not run."""
        state = self._state
        async with state.starting:
            if state.child and state.session and state.address and state.child.alive():
                return state.child, state.session
            await self._start()
        assert state.child and state.session  # noqa: PT018, S101 - just made
        return state.child, state.session

    async def _start(self) -> None:
        state = self._state
        if state.child:
            if state.starts >= _STARTS:
                raise ModelError(
                    f"model '{self.model}' ended {_STARTS} times; the last time {state.child.last_words()}"
                )
            progress.say(f"{self.model}: {state.child.last_words()}; it is started again")
        await self.close()
        path = await asyncio.to_thread(self._file)
        state.starts += 1
        state.address = ""
        state.child = self._child(path)
        state.address = await state.child.address()
        state.session = self._connections()

    def _file(self) -> Path:
        path = models.resolve(self.model)
        if path.is_dir():
            raise ModelError(f"model '{self.model}' is a folder; this teacher serves a GGUF file")
        return path

    def _child(self, path: Path) -> Child:
        return Child(
            self.model,
            path,
            parallel=self.parallel,
            context=self.context,
            threads=self.threads or cores(),
            connections=2 * self.parallel,
        )

    def _connections(self) -> ClientSession:
        """Two connections for each slot: a slot that is free finds its next request at the server."""
        import aiohttp

        connector = aiohttp.TCPConnector(limit=2 * self.parallel)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    @cached_property
    def _state(self) -> _State:
        return _State()
