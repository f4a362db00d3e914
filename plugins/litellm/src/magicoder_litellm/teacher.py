"""LiteLLM as a translator between our requests and a provider's own API; retries, limits and budget are the core's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import Price, Reply, Request, Sampling, TeacherError, Wire, WireTeacher, http, ratelimits

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from magicoder_litellm.templates import Template
    from magicoder_litellm.translating import Translator

_SCHEMA_SERVERS = frozenset({"hosted_vllm", "ollama", "ollama_chat", "lm_studio"})
"""Servers that hold any of their models to a schema; for others LiteLLM knows it by model."""


@dataclass
class _Line:
    """What is open."""

    opened: bool = False
    translator: Translator | None = None
    session: ClientSession | None = None
    endpoints: dict[int, http.Endpoint] = field(default_factory=dict)
    """By the identity of a kind's template, which the translator keeps."""
    keys: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class LiteLLM(WireTeacher):
    """A model of any provider that LiteLLM translates for: Anthropic, Gemini, Bedrock, Azure, Mistral and many more.

    The key comes from the environment alone, from ``api_key_env`` or else from the variable that LiteLLM knows for
    the provider. Dollars are counted by the recipe's prices or else by the price list in the installed LiteLLM;
    nothing is fetched. What a provider does not take (a seed, say) is left out of its requests.

    For most providers LiteLLM is asked only once how it would send a kind of request; the requests themselves go out
    over the core's own connections, for a tenth of the CPU time. All others go through LiteLLM's own client.
    """

    model: Annotated[str, "the model as LiteLLM names it: provider/model, as anthropic/claude-sonnet-4-5"]
    temperature: Annotated[float, "0 for the likeliest answer, more for more variety"] = 0.0
    top_p: Annotated[float | None, "draw from the likeliest tokens that together have this probability"] = None
    max_tokens: Annotated[int, "tokens after which an answer is cut"] = 2048
    timeout: Annotated[float, "seconds for one answer; generous, since a busy provider queues requests"] = 300.0
    api_base: Annotated[str | None, "address of the API, if it is not the provider's usual one"] = None
    api_key_env: Annotated[
        str | None, "environment variable that holds the key, if it is not the provider's usual one"
    ] = None
    usd_per_million_prompt_tokens: Annotated[float | None, "price of a million tokens sent, in US dollars"] = None
    usd_per_million_completion_tokens: Annotated[float | None, "price of a million tokens answered, in US dollars"] = (
        None
    )
    translate: Annotated[
        bool, "send what LiteLLM would send without its client, where that is known to be the same"
    ] = True

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return self._sampling

    def supports(self, capability: str) -> bool:
        """``seed``, ``n`` and ``json_schema`` where LiteLLM knows that the model takes them. Imports LiteLLM."""
        return capability in self._supported

    def price(self) -> Price | None:
        """As the recipe says, else as the price list in the installed LiteLLM does.

        Discounts for cached prompts are left out and dearer very long prompts, too: nothing here sends either.
        """
        from magicoder_core import prices

        sent, answered = self.usd_per_million_prompt_tokens, self.usd_per_million_completion_tokens
        if sent is not None and answered is not None:
            return Price(usd_per_prompt_token=sent / 1e6, usd_per_completion_token=answered / 1e6)
        return prices.bundled(self.model)

    def check(self) -> None:
        """Look at the installed release and for the key; LiteLLM itself is not imported yet.

        Raises:
            PluginError: the installed LiteLLM is one that must not be used.
            TeacherError: a variable of the key is not set.
        """
        from magicoder_litellm import keys, library

        library.check_version()
        self._key()
        if not (self.api_key_env or self.api_base):
            keys.check(self.model)

    async def open(self) -> None:
        """Import LiteLLM (seconds) and check what can be checked before the first request.

        Raises:
            PluginError: the installed LiteLLM is one that must not be used.
            RecipeError: LiteLLM knows no provider for the model.
            TeacherError: the variable of the key is not set.
        """
        import asyncio

        from magicoder_litellm import failures, library
        from magicoder_litellm.translating import Translator

        litellm = await asyncio.to_thread(library.load)
        provider = library.provider(litellm, self.model, self.api_base)
        key = self._key()
        self._line.keys = tuple(each.encode() for each in {*failures.environment_keys(), key} if each)
        self._line.opened = True
        if self.translate:
            self._line.translator = Translator(litellm, provider, self.model, self._call, self._sampling)

    async def close(self) -> None:
        """Close the connections, ours and those that LiteLLM keeps for the process."""
        from magicoder_litellm import library

        if self._line.session:
            await self._line.session.close()
        self.__dict__.pop("_line", None)
        await library.close()

    async def send(self, request: Request) -> Wire:
        """Have a request answered in one attempt.

        Raises:
            TeacherError: with the kind that `failures` finds.
        """
        if not self._line.opened:
            await self.open()
        translator = self._line.translator
        template = await translator.template(request) if translator else None
        return await self._asked(request) if template is None else await self._posted(template, request)

    def read(self, request: Request, body: bytes) -> Reply:  # noqa: ARG002 - the body says all
        """The reply in a body, whichever way it came.

        Raises:
            TeacherError: as `reading.reply` says.
        """
        from magicoder_litellm import reading

        try:
            return reading.reply(body)
        except TeacherError as error:
            raise error.named(self.model) from None

    async def _posted(self, template: Template, request: Request) -> Wire:
        """What a provider answers to what LiteLLM would have sent."""
        from magicoder_litellm import failures

        sampling = request.sampling.over(self._sampling)
        seed = None if sampling.seed is None else sampling.seed + sampling.sample
        data = template.fill([message.content for message in request.messages], seed)
        try:
            answered = await self._endpoint(template).post(data)
        except TeacherError as error:
            raise error.named(self.model) from None
        body = _without(template.keys, answered.body)
        if answered.status in range(200, 300):
            return Wire(body, ratelimits.read(answered.headers))
        raise failures.refusal(answered.status, answered.headers, body).named(self.model)

    def _endpoint(self, template: Template) -> http.Endpoint:
        """Where requests of a kind go; all kinds share the connections."""
        found = self._line.endpoints.get(id(template))
        if found is None:
            self._line.session = self._line.session or http.session(template.url)
            found = http.Endpoint(self._line.session, template.url, template.headers, self.timeout)
            self._line.endpoints[id(template)] = found
        return found

    async def _asked(self, request: Request) -> Wire:
        """What LiteLLM's own client brings, in OpenAI's shape."""
        import asyncio

        from magicoder_litellm import failures, library

        litellm = library.load()
        library.quiet()
        from openai import OpenAIError

        try:
            # LiteLLM hands its timeout to the HTTP client, for which it bounds each read and not the whole.
            async with asyncio.timeout(self.timeout):
                response = await litellm.acompletion(**self._call(request))
        except TimeoutError as error:
            line = f"{self.model}: no answer within {self.timeout:g} s"
            raise TeacherError("timeout", line, charged=True) from error
        except OpenAIError as error:  # the base of all that LiteLLM raises
            raise failures.teacher_error(error, self.model) from None
        return Wire(_without(self._line.keys, _body(response)), _limits(response))

    def _call(self, request: Request) -> dict[str, Any]:
        return {
            **http.body(request, self.model, self._sampling),
            "api_base": self.api_base,
            "api_key": self._key(),
            "timeout": self.timeout,
            "drop_params": True,
            # The core retries, and knows of the whole run what a client cannot.
            "max_retries": 0,
            "num_retries": 0,
        }

    def _key(self) -> str | None:
        """None leaves it to LiteLLM to find the provider's usual variable."""
        if not self.api_key_env:
            return None
        if key := os.environ.get(self.api_key_env, "").strip():
            return key
        raise TeacherError("auth", f"no key for {self.model}: set the environment variable {self.api_key_env}")

    @cached_property
    def _line(self) -> _Line:
        return _Line()

    @cached_property
    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    @cached_property
    def _supported(self) -> frozenset[str]:
        from magicoder_litellm import library

        litellm = library.load()
        provider = library.provider(litellm, self.model, self.api_base)
        taken = set(litellm.get_supported_openai_params(model=self.model, custom_llm_provider=provider) or ())
        schema = provider in _SCHEMA_SERVERS or litellm.supports_response_schema(self.model, provider)
        found = {"seed", "n"} & taken
        return frozenset(found | {"json_schema"} if schema and "response_format" in taken else found)


def _body(response: Any) -> bytes:
    """The fields of a response that are read. Its own ``model_dump`` costs more and warns of providers' liberties."""
    usage = getattr(response, "usage", None)
    value = {
        "object": "chat.completion",
        "model": getattr(response, "model", None),
        "choices": [_choice(choice) for choice in getattr(response, "choices", None) or []],
        "usage": {name: getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")},
    }
    return json.dumps(value).encode("ascii")


def _choice(choice: Any) -> Mapping[str, Any]:
    message = getattr(choice, "message", None)
    names = ("content", "reasoning_content")
    return {
        "finish_reason": getattr(choice, "finish_reason", None),
        "message": {name: getattr(message, name, None) for name in names},
    }


def _limits(response: Any) -> Any:
    """Of the headers, which LiteLLM keeps under names of its own."""
    from magicoder_core import ratelimits

    kept = getattr(response, "_hidden_params", {}).get("additional_headers") or {}
    return ratelimits.read({name.removeprefix("llm_provider-").lower(): str(value) for name, value in kept.items()})


def _without(keys: tuple[bytes, ...], body: bytes) -> bytes:
    for key in keys:
        body = body.replace(key, b"***")
    return body
