"""The `ask` that is handed to a method or a benchmark: it notes for whom it asks, and what it asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from magicoder_core.asking.ask import Asker
from magicoder_core.records import Reply, Request


@dataclass
class ParentAsk:
    """`Ask` for one parent; ``requests`` are the ids of what it asked, in order."""

    asker: Asker
    parent: str
    owner: asyncio.Task[Any] | None = field(default_factory=lambda: asyncio.current_task())  # noqa: PLW0108 - looked up when one is made
    requests: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Reply:
        """The answer to ``request``, drawn as the teacher does where the request leaves it open.

        An answer that was cut at its limit is asked for once more with more tokens, where the recipe allows it.
        """
        asker = self.asker
        sampling = request.sampling.over(asker.defaults)
        request = Request(messages=request.messages, sampling=sampling)
        self.requests.append(request.id)
        reply = await asker.answer(request, self.parent, self.owner)
        longer = asker.longer
        if reply.finish_reason != "length" or longer is None or longer <= (sampling.max_tokens or longer):
            return reply
        request = Request(messages=request.messages, sampling=replace(sampling, max_tokens=longer))
        self.requests.append(request.id)
        return await asker.answer(request, self.parent, self.owner)

    def supports(self, capability: str) -> bool:
        """Whether the teacher has a capability."""
        return self.asker.teacher.supports(capability)
