"""LiteLLM as a translator between our requests and a provider's own API; retries, limits and budget are the core's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from magicoder_core import Reply, Request, Sampling, Teacher, TeacherError, Usage


@dataclass(frozen=True, kw_only=True)
class LiteLLM(Teacher):
    """A model of any provider that LiteLLM translates for: Anthropic, Gemini, Bedrock, Azure, Mistral and many more.

    The key comes from the environment alone, from ``api_key_env`` or else from the variable that LiteLLM knows for
    the provider. Dollars are counted by the price list in the installed LiteLLM; nothing is fetched, and no model
    that is missing there has a price. What a provider does not take (a seed, say) is left out of its requests.
    For a server that speaks OpenAI's API the core's teacher ``openai-compatible`` does the same for a fraction of
    the CPU time.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"seed"})

    model: Annotated[str, "the model as LiteLLM names it: provider/model, as anthropic/claude-sonnet-4-5"]
    temperature: Annotated[float, "0 for the likeliest answer, more for more variety"] = 0.0
    top_p: Annotated[float | None, "draw from the likeliest tokens that together have this probability"] = None
    max_tokens: Annotated[int, "tokens after which an answer is cut"] = 2048
    timeout: Annotated[float, "seconds for one answer; generous, since a busy provider queues requests"] = 300.0
    api_base: Annotated[str | None, "address of the API, if it is not the provider's usual one"] = None
    api_key_env: Annotated[
        str | None, "environment variable that holds the key, if it is not the provider's usual one"
    ] = None

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    def check(self) -> None:
        """Look whether the variable of the key that the recipe names is set; LiteLLM itself is not imported yet.

        Raises:
            TeacherError: it is not.
        """
        self._key()

    async def open(self) -> None:
        """Import LiteLLM (seconds) and check what can be checked before the first request.

        Raises:
            PluginError: the installed LiteLLM is one that must not be used.
            RecipeError: LiteLLM knows no provider for the model.
            TeacherError: the variable of the key is not set.
        """
        import asyncio

        from magicoder_litellm import library

        library.check_model(await asyncio.to_thread(library.load), self.model, self.api_base)
        self._key()

    async def close(self) -> None:
        """Close the connections that LiteLLM keeps for the process."""
        from magicoder_litellm import library

        await library.close()

    async def complete(self, request: Request) -> Reply:
        """Answer in one attempt.

        Raises:
            TeacherError: with the kind that `failures.teacher_error` finds.
        """
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
            raise TeacherError("timeout", f"{self.model}: no answer within {self.timeout:g} s") from error
        except OpenAIError as error:  # the base of all that LiteLLM raises
            raise failures.teacher_error(error, self.model) from None
        return self._reply(response)

    def _call(self, request: Request) -> dict[str, Any]:
        from magicoder_core import http

        return {
            **http.body(request, self.model, self.sampling()),
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

    def _reply(self, response: Any) -> Reply:
        from magicoder_core import http

        try:
            reply = http.read(_openai_shape(response))
        except TeacherError as error:
            raise TeacherError(error.kind, f"{self.model}: {error}", charged=error.charged) from None
        return replace(reply, usage=_priced(reply.usage, response))


def _openai_shape(response: Any) -> Mapping[str, Any]:
    """The fields of a response that are read. Its own ``model_dump`` costs more and warns of providers' liberties."""
    usage = getattr(response, "usage", None)
    return {
        "model": getattr(response, "model", None),
        "choices": [_choice(choice) for choice in getattr(response, "choices", None) or []],
        "usage": {name: getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")},
    }


def _choice(choice: Any) -> Mapping[str, Any]:
    message = getattr(choice, "message", None)
    names = ("content", "reasoning_content")
    return {
        "finish_reason": getattr(choice, "finish_reason", None),
        "message": {name: getattr(message, name, None) for name in names},
    }


def _priced(usage: Usage, response: Any) -> Usage:
    """LiteLLM's own price of an answer; it is None for a model that its list lacks."""
    cost = getattr(response, "_hidden_params", {}).get("response_cost")
    return replace(usage, usd=float(cost)) if isinstance(cost, int | float) else usage
