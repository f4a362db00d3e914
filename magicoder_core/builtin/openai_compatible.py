"""The teacher `openai-compatible`: any server that speaks OpenAI's chat completions, far away or on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import RecipeError, Reply, Request, Sampling, Teacher, TeacherError, Usage

if TYPE_CHECKING:
    from aiohttp import ClientSession

_OPENAI = "api.openai.com"


@dataclass
class _Line:
    """What is open: the session with its connections, and the headers that every request has."""

    session: ClientSession | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class OpenAICompatible(Teacher):
    """A model behind an OpenAI-compatible server: OpenAI, vLLM, SGLang, llama.cpp, many a gateway.

    The key comes from the environment alone and never appears in an error or a log. A server on this machine
    needs none. Tokens are counted by the server; dollars only where both prices are given.
    """

    model: Annotated[str, "the model's name as the server knows it"]
    base_url: Annotated[str, "address of the server, up to and with its /v1"] = "https://api.openai.com/v1"
    api_key_env: Annotated[str, "environment variable that holds the key; empty for a server that wants none"] = (
        "OPENAI_API_KEY"
    )
    temperature: Annotated[float, "0 for the likeliest answer, more for more variety"] = 0.0
    top_p: Annotated[float | None, "draw from the likeliest tokens that together have this probability"] = None
    max_tokens: Annotated[int, "tokens after which an answer is cut"] = 2048
    timeout: Annotated[float, "seconds for one answer; generous, since a busy server queues requests"] = 300.0
    grammar: Annotated[bool, "the server understands GBNF in the field `grammar`, as llama.cpp's does"] = False
    usd_per_million_prompt_tokens: Annotated[float | None, "price of a million tokens sent, in US dollars"] = None
    usd_per_million_completion_tokens: Annotated[float | None, "price of a million tokens answered, in US dollars"] = (
        None
    )

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    def supports(self, capability: str) -> bool:
        """``seed`` always; ``grammar`` where the recipe says that the server does."""
        return capability == "seed" or (capability == "grammar" and self.grammar)

    def check(self) -> None:
        """Look whether there is a key.

        Raises:
            RecipeError: ``base_url`` is no address.
            TeacherError: the variable of the key is not set, or what it holds can be no key.
        """
        self._authorization()

    async def open(self) -> None:
        """Read the key and open the session; nothing is sent yet.

        Raises:
            RecipeError: ``base_url`` is no address.
            TeacherError: the variable of the key is not set, or what it holds can be no key.
        """
        import aiohttp

        self._line.headers = self._authorization()
        # The core alone bounds how many requests run at once; a pool with a bound of its own would queue them unseen.
        self._line.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy(),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._line.session:
            await self._line.session.close()
            self._line.session = None

    async def complete(self, request: Request) -> Reply:
        """Answer in one attempt.

        Raises:
            TeacherError: as `magicoder_core.http.chat` says.
        """
        if self._line.session is None:
            await self.open()
        assert self._line.session is not None  # noqa: S101 - open() set it
        from magicoder_core import http

        url = f"{self.base_url.rstrip('/')}/chat/completions"
        reply = await http.chat(self._line.session, url, self._body(request), self._line.headers, self.timeout)
        return replace(reply, usage=self._priced(reply.usage))

    def _body(self, request: Request) -> dict[str, Any]:
        from magicoder_core import http

        body = http.body(request, self.model, self.sampling())
        if self._host == _OPENAI:
            # OpenAI's newer models refuse the old name, all of them know the new one; other servers know the old one.
            body["max_completion_tokens"] = body.pop("max_tokens")
        return body

    def _priced(self, usage: Usage) -> Usage:
        sent, answered = self.usd_per_million_prompt_tokens, self.usd_per_million_completion_tokens
        if sent is None or answered is None:
            return usage
        return replace(usage, usd=(usage.prompt_tokens * sent + usage.completion_tokens * answered) / 1e6)

    def _authorization(self) -> dict[str, str]:
        key = os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""
        if not key and self.api_key_env and not _is_here(self._host):
            raise TeacherError(
                "auth",
                f"no key for {self._host}: set the environment variable {self.api_key_env} "
                '(or teacher.api_key_env to the name of another; "" if the server wants no key)',
            )
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise TeacherError(
                "auth", f"the environment variable {self.api_key_env} holds no key: it has odd characters"
            )
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _proxy(self) -> str | None:
        """The environment's proxy for the server, looked up once.

        aiohttp's own ``trust_env`` looks it up in a thread for each request, and reads passwords of ``.netrc``,
        which it then refuses to combine with our key.
        """
        from urllib import request as environment
        from urllib.parse import urlsplit

        host = self._host
        if _is_here(host) or environment.proxy_bypass(host):
            return None
        return environment.getproxies().get(urlsplit(self.base_url).scheme)

    @cached_property
    def _line(self) -> _Line:
        return _Line()

    @cached_property
    def _host(self) -> str:
        from urllib.parse import urlsplit

        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RecipeError(
                f"teacher.base_url: an address as http://127.0.0.1:8080/v1 was expected, not {self.base_url!r}"
            )
        if parts.username is not None:
            raise RecipeError("teacher.base_url: no name or password here; a key belongs into teacher.api_key_env")
        return parts.hostname


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
