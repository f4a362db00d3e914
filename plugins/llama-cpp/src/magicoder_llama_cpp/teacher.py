"""The teacher `llama-cpp`: the embedded default, a small model on this machine's CPU.

Here are its options only; what runs is `serving`, imported on use so that listing plugins stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from magicoder_core import RecipeError, Reply, Request, Sampling, Teacher

if TYPE_CHECKING:
    from magicoder_llama_cpp.serving import Serving


@dataclass(frozen=True, kw_only=True)
class LlamaCpp(Teacher):
    """A GGUF model on this machine's CPU, served by llama.cpp; needs no key and no network once the model is here.

    The server is a child process that ends with ours. Requests that come together are answered together, up to
    ``parallel``; further ones wait. A server that dies is started again at the next request.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"grammar", "seed", "text"})

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

    def check(self) -> None:
        """Look whether there is such a model; it may still have to be fetched.

        Raises:
            ModelError: there is not.
        """
        from magicoder_core import models

        models.check(self.model)

    async def open(self) -> None:
        """Fetch the model if need be, start its server and wait until it answers.

        Raises:
            ModelError: the model is unknown, cannot be fetched or cannot be served.
        """
        await self._serving.ready()

    async def close(self) -> None:
        """End the server."""
        await self._serving.close()

    async def complete(self, request: Request) -> Reply:
        """Answer in one attempt.

        Raises:
            TeacherError: as `magicoder_core.http.Endpoint.chat` says; ``transient`` if the server died.
            ModelError: it died once too often, or cannot be started again.
        """
        return await self._serving.answer(request)

    def status(self) -> Mapping[str, float]:
        """``tokens_per_second``: generated in all answers, over the time from the first request to the last answer."""
        return self._serving.status()

    @cached_property
    def _serving(self) -> Serving:
        from magicoder_llama_cpp.serving import Serving

        return Serving(self)
