"""Limits on what a run may ask for; the worst case of a request is held back before it goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from magicoder_core.errors import BudgetError
from magicoder_core.records import Request, Usage

_CHARACTERS_PER_TOKEN = 2.0
"""Low on purpose: code and non-English text take fewer characters a token than English, and a limit must hold."""

_TOKENS_PER_MESSAGE = 16
"""What a chat template puts around a message, generously."""


@dataclass
class Budget:
    """``max_requests``, ``max_tokens`` (prompt and answer) and ``max_usd`` of a run; None is no limit.

    What a journal already holds counts as spent, so a resumed run keeps to the same limits.
    """

    max_requests: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    requests: int = 0
    tokens: int = 0
    usd: float = 0.0
    priced: bool = False
    _held: list[int] = field(default_factory=list, init=False)
    _settled: asyncio.Condition = field(default_factory=asyncio.Condition, init=False)

    def spend(self, usage: Usage) -> None:
        """Count one request that was answered or billed.

        Raises:
            BudgetError: there is a limit in money and this answer has no price.
        """
        self.requests += 1
        self.tokens += usage.prompt_tokens + usage.completion_tokens
        if usage.usd is None and self.max_usd is not None:
            raise BudgetError("generate.max_usd: this teacher gives no price; set its prices or use max_tokens instead")
        self.priced = self.priced or usage.usd is not None
        self.usd += usage.usd or 0.0

    def spend_worst(self, request: Request) -> None:
        """Count a request that was billed without an answer, so that nobody knows what it took: its worst case."""
        tokens = _worst_case(request)
        price = self.usd / self.tokens if self.tokens else 0.0
        self.requests += 1
        self.tokens += tokens
        self.usd += price * tokens

    @asynccontextmanager
    async def reserve(self, request: Request) -> AsyncIterator[None]:
        """Hold the worst case of ``request`` within the block; waits while requests under way may still free room.

        Raises:
            BudgetError: it could pass a limit.
        """
        tokens = _worst_case(request)
        async with self._settled:
            while reached := self._reached(tokens):
                if not self._held:
                    raise BudgetError(reached)
                await self._settled.wait()
            self._held.append(tokens)
        try:
            yield
        finally:
            async with self._settled:
                self._held.remove(tokens)
                self._settled.notify_all()

    def _reached(self, tokens: int) -> str | None:
        """The line that says which limit one more request of ``tokens`` could pass, if any."""
        if self.max_requests is not None and self.requests + len(self._held) >= self.max_requests:
            return _line("max_requests", self.max_requests, self.requests)
        if self.max_tokens is not None and self.tokens + sum(self._held) + tokens > self.max_tokens:
            return _line("max_tokens", self.max_tokens, self.tokens)
        if self.max_usd is not None and self._could_cost(tokens) > self.max_usd:
            return _line("max_usd", self.max_usd, round(self.usd, 6))
        return None

    def _could_cost(self, tokens: int) -> float:
        """Dollars spent so far and in the worst case of all that is held, at the mean price of a token so far.

        Before the first priced answer nothing is known, so requests go out one at a time.
        """
        if not self.tokens or not self.usd:
            return float("inf") if self._held else 0.0
        return self.usd + self.usd / self.tokens * (sum(self._held) + tokens)


def _worst_case(request: Request) -> int:
    prompt = sum(len(item.content) / _CHARACTERS_PER_TOKEN + _TOKENS_PER_MESSAGE for item in request.messages)
    return int(prompt) + (request.sampling.max_tokens or 0)


def _line(limit: str, value: float, spent: float) -> str:
    return f"generate.{limit} = {value} is reached ({spent} spent); all answers are kept; raise it to go on"
