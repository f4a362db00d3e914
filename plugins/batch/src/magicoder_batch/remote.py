"""What teachers behind a provider's batch API have in common: key, address, price, and what is open."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from magicoder_batch.api import Api
from magicoder_core import Price, RecipeError, Sampling, TeacherError
from magicoder_core.deferring import DeferredTeacher

_DISCOUNT = 0.5
"""Both providers' price of a token in a batch, against that of a single request (their price pages, 2026-11)."""


@dataclass(frozen=True, kw_only=True)
class RemoteBatch(DeferredTeacher):
    """A model behind a provider's batch API."""

    provider: ClassVar[str]
    """The provider as LiteLLM's price list names it."""

    model: Annotated[str, "the model's name as the provider knows it"]
    base_url: Annotated[str, "address of the API, up to and with its /v1"]
    api_key_env: Annotated[str, "environment variable that holds the key; empty for a server that wants none"]
    temperature: Annotated[float | None, "0 for the likeliest answer, more for more variety"] = 0.0
    top_p: Annotated[float | None, "draw from the likeliest tokens that together have this probability"] = None
    max_tokens: Annotated[int, "tokens after which an answer is cut"] = 2048
    timeout: Annotated[float, "seconds that the API may keep silent"] = 300.0
    usd_per_million_prompt_tokens: Annotated[
        float | None, "price of a million tokens sent in a batch, in US dollars; half the list price if not given"
    ] = None
    usd_per_million_completion_tokens: Annotated[
        float | None, "price of a million tokens answered in a batch, in US dollars; half the list price if not given"
    ] = None

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    def price(self) -> Price | None:
        """As the recipe says, else half of what LiteLLM's price list says, if there is one."""
        sent, answered = self.usd_per_million_prompt_tokens, self.usd_per_million_completion_tokens
        if sent is not None and answered is not None:
            return Price(usd_per_prompt_token=sent / 1e6, usd_per_completion_token=answered / 1e6)
        from magicoder_core import prices

        full = prices.bundled(self.model, self.provider)
        return full and Price(
            usd_per_prompt_token=full.usd_per_prompt_token * _DISCOUNT,
            usd_per_completion_token=full.usd_per_completion_token * _DISCOUNT,
        )

    def check(self) -> None:
        """Look whether there is a key.

        Raises:
            RecipeError: an option makes no sense.
            TeacherError: the variable of the key is not set, or what it holds can be no key.
        """
        super().check()
        self._key()

    async def close(self) -> None:
        """Close the connections."""
        if "_api" in self.__dict__:
            await self._api.close()

    @abstractmethod
    def headers(self, key: str) -> Mapping[str, str]:
        """What is sent with each request, the key included if there is one."""

    @cached_property
    def _api(self) -> Api:
        return Api(self.base_url, self.headers(self._key()), self.timeout)

    @property
    def _host(self) -> str:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise RecipeError(
                f"teacher.base_url: an address as https://api.example.com/v1 was expected, not {self.base_url!r}"
            )
        return parts.hostname

    def _key(self) -> str:
        from magicoder_core import http

        host = self._host
        key = os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""
        if not key and self.api_key_env and not http.is_here(host):
            raise TeacherError(
                "auth",
                f"no key for {host}: set the environment variable {self.api_key_env} "
                "(or teacher.api_key_env to the name of another)",
            )
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise TeacherError(
                "auth", f"the environment variable {self.api_key_env} holds no key: it has odd characters"
            )
        return key
