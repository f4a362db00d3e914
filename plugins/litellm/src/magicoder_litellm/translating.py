"""Which requests are sent by us as LiteLLM would send them, and which are left to LiteLLM's own client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from magicoder_core import Message, Request, Sampling, progress
from magicoder_litellm import library, recording, templates
from magicoder_litellm.templates import Template

PROVIDERS = frozenset(
    {
        *("openai", "azure", "anthropic", "gemini", "mistral", "ollama", "ollama_chat"),
        *("hosted_vllm", "lm_studio", "llamafile", "litellm_proxy", "openrouter", "deepseek", "groq", "xai"),
        *("together_ai", "fireworks_ai", "cerebras", "nvidia_nim", "deepinfra", "perplexity", "sambanova"),
        *("codestral", "azure_ai", "moonshot", "novita", "hyperbolic", "nebius", "dashscope", "zai"),
    }
)
"""Those for which tests/test_contract.py shows that both ways send the same request and read the same reply."""

_KINDS = 32
"""Templates of one teacher. Requests that are all drawn differently (each with a temperature of its own, say) cost more
to record than to leave to LiteLLM."""

_TLS = ("SSL_VERIFY", "SSL_CERTIFICATE", "SSL_SECURITY_LEVEL")
"""Variables by which LiteLLM's own client is told of another way to trust, which ours does not know."""


@dataclass
class Translator:
    """The templates of one teacher, made when a request first needs them; see `templates`.

    Args:
        litellm: the library.
        provider: as LiteLLM names it.
        model: begins the line that says why LiteLLM's own client is used.
        call: the arguments of ``acompletion`` for a request.
        defaults: how to draw where a request leaves it open.
    """

    litellm: Any
    provider: str
    model: str
    call: Callable[[Request], Mapping[str, Any]]
    defaults: Sampling
    _known: dict[Any, Template | None] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _told: bool = False

    async def template(self, request: Request) -> Template | None:
        """The template for requests like this one; None leaves it to LiteLLM's client."""
        # A message without text is left out, or gets another one, by some providers.
        if not all(message.content.strip() for message in request.messages):
            return None
        sampling = request.sampling.over(self.defaults)
        kind = (tuple(message.role for message in request.messages), _unnumbered(sampling))
        if kind not in self._known:
            async with self._lock:  # the first requests of a run come all at once
                if kind not in self._known:
                    self._known[kind] = await self._made(request, sampling)
        return self._known[kind]

    async def _made(self, request: Request, sampling: Sampling) -> Template | None:
        why = self._against()
        template = None if why else await self._recorded(request, sampling)
        if template is None and not self._told:
            self._told = True
            progress.say(
                f"{self.model}: asked through LiteLLM's own client, for {why or 'its requests are of no known form'}"
            )
        return template

    def _against(self) -> str | None:
        """Why no template can be made, if that is known beforehand."""
        if self.provider not in PROVIDERS:
            return f"the provider {self.provider} is not known to be asked alike otherwise"
        if found := next((name for name in _TLS if os.environ.get(name)), None):
            return f"the environment sets {found}"
        if len(self._known) >= _KINDS:
            return f"more than {_KINDS} kinds of requests are asked"
        return None

    async def _recorded(self, request: Request, sampling: Sampling) -> Template | None:
        count = len(request.messages)
        plain = await self._sent(request, sampling, templates.marks(count), templates.SEED)
        awkward = await self._sent(request, sampling, templates.awkward(count), templates.SEED + 1)
        if plain is None or awkward is None:
            return None
        if self.provider == "azure" and "api-key" not in plain.headers:
            return None  # a token of Entra ID, which ends after an hour
        return templates.made(plain, awkward, count)

    async def _sent(self, request: Request, sampling: Sampling, texts: list[str], seed: int) -> recording.Sent | None:
        messages = tuple(
            Message(role=message.role, content=text) for message, text in zip(request.messages, texts, strict=True)
        )
        library.quiet()
        drawn = replace(sampling, seed=None if sampling.seed is None else seed, sample=0)
        return await recording.recorded(self.litellm, self.call(Request(messages=messages, sampling=drawn)))


def _unnumbered(sampling: Sampling) -> tuple[Any, ...]:
    """What of a sampling decides the form of a request: not which seed it has, only whether."""
    return (
        sampling.temperature,
        sampling.top_p,
        sampling.max_tokens,
        sampling.stop,
        sampling.grammar,
        sampling.json_schema,
        sampling.n,
        sampling.seed is None,
    )
