"""The teacher `openai-compatible`: any server that speaks OpenAI's completions, far away or on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import Price, RecipeError, Reply, Request, Sampling, TeacherError, Wire, WireTeacher, http

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from magicoder_core.http import Endpoint

_OPENAI = "api.openai.com"

_STOPS = 4
"""Stop strings that OpenAI takes in a request; vLLM and llama.cpp take any number."""

_PATIENCE, _PATIENCE_HERE = 300.0, 3600.0
"""Seconds for an answer from far away, and from this machine."""


@dataclass
class _Line:
    """What is open: the session with its connections, and where requests are posted; ``text`` takes raw text."""

    session: ClientSession | None = None
    endpoint: Endpoint | None = None
    text: Endpoint | None = None


@dataclass(frozen=True, kw_only=True)
class OpenAICompatible(WireTeacher):
    """A model behind an OpenAI-compatible server: OpenAI, vLLM, SGLang, llama.cpp, many a gateway.

    Conversations go to ``/chat/completions``, raw text to go on with to ``/completions``, to which no server applies
    a chat template. OpenAI has that for its oldest models only.

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
    timeout: Annotated[
        float | None,
        "seconds for one answer; none: 300, and an hour for a server on this machine, whose queue may be long",
    ] = None
    grammar: Annotated[bool, "the server understands GBNF in the field `grammar`, as llama.cpp's does"] = False
    json_schema: Annotated[bool, "the server holds an answer to a JSON schema in `response_format`, as most do"] = True
    usd_per_million_prompt_tokens: Annotated[float | None, "price of a million tokens sent, in US dollars"] = None
    usd_per_million_completion_tokens: Annotated[float | None, "price of a million tokens answered, in US dollars"] = (
        None
    )

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return self._sampling

    def supports(self, capability: str) -> bool:
        """``seed``, ``n`` and ``text``; ``grammar`` and ``json_schema`` where the recipe says that the server does."""
        if capability in {"seed", "n", "text"}:
            return True
        return {"grammar": self.grammar, "json_schema": self.json_schema}.get(capability, False)

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
        headers = self._authorization()
        session = http.session(self.base_url)
        base = self.base_url.rstrip("/")
        try:
            self._line.endpoint = http.Endpoint(session, f"{base}/chat/completions", headers, self._seconds)
            self._line.text = http.Endpoint(session, f"{base}/completions", headers, self._seconds)
        except TeacherError:
            await session.close()
            raise
        self._line.session = session

    async def close(self) -> None:
        """Close the connections."""
        if self._line.session:
            await self._line.session.close()
            self._line.session = self._line.endpoint = self._line.text = None

    async def send(self, request: Request) -> Wire:
        """Post the request once.

        Raises:
            TeacherError: as `magicoder_core.http.Endpoint.send` says.
        """
        if self._line.endpoint is None:
            await self.open()
        endpoint = self._line.text if request.raw else self._line.endpoint
        assert endpoint is not None  # noqa: S101 - open() set it
        return await endpoint.send(http.encoded(self._body(request)))

    def read(self, request: Request, body: bytes) -> Reply:  # noqa: ARG002 - the body says all
        """The reply in a body.

        Raises:
            TeacherError: as `magicoder_core.http.reply` says.
        """
        try:
            return http.reply(body)
        except TeacherError as error:
            raise error.named(self._host) from None

    def price(self) -> Price | None:
        """As the recipe says; for OpenAI itself, else as LiteLLM's price list says, if LiteLLM is installed."""
        sent, answered = self.usd_per_million_prompt_tokens, self.usd_per_million_completion_tokens
        if sent is not None and answered is not None:
            return Price(usd_per_prompt_token=sent / 1e6, usd_per_completion_token=answered / 1e6)
        if self._host != _OPENAI:
            return None
        from magicoder_core import prices

        return prices.bundled(self.model, "openai")

    def _body(self, request: Request) -> dict[str, Any]:
        body = http.body(request, self.model, self.sampling())
        if self._host != _OPENAI:
            return body
        if request.raw:
            if "stop" in body:
                body["stop"] = body["stop"][:_STOPS]
        else:
            # OpenAI's newer models refuse the old name, all of them know the new one; other servers know the old one.
            body["max_completion_tokens"] = body.pop("max_tokens")
        return body

    def _authorization(self) -> dict[str, str]:
        key = os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""
        if not key and self.api_key_env and not http.is_here(self._host):
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

    @cached_property
    def _seconds(self) -> float:
        """Measured: eight slots of a small model on two cores take ten minutes for 64 requests that come together."""
        return self.timeout or (_PATIENCE_HERE if http.is_here(self._host) else _PATIENCE)

    @cached_property
    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

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
