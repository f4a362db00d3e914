"""Limits on what a run may ask for; the worst case of a request is held back before it goes out.

The worst case of a prompt is one token a byte: no tokenizer in use makes more of UTF-8 text, and a limit must hold
whatever the model. What is held and not used comes back when the answer is there, so near a limit requests go out one
after another instead of together, and none goes out that could pass it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from magicoder_core.errors import BudgetError
from magicoder_core.records import Price, Request, Usage

_TOKENS_PER_MESSAGE = 16
"""What a chat template puts around a message, generously."""

NO_PRICE = "generate.max_usd: this teacher gives no price; set its usd_per_million_prompt_tokens and usd_per_million_completion_tokens, or use max_tokens instead"


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held back for one request: tokens and US dollars in the worst case."""

    tokens: int
    usd: float


@dataclass
class Budget:
    """``max_requests``, ``max_tokens`` (prompt and answer) and ``max_usd`` of a run; None is no limit.

    What a journal already holds counts as spent, so a resumed run keeps to the same limits.
    """

    max_requests: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    price: Price | None = None
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    priced: bool = False
    _out: int = field(default=0, init=False)
    _held_tokens: int = field(default=0, init=False)
    _held_usd: float = field(default=0.0, init=False)
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, init=False)

    @property
    def tokens(self) -> int:
        """Tokens spent, prompts and answers together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def limited(self) -> bool:
        """Whether there is any limit, so that requests have to be reserved."""
        return self.max_requests is not None or self.max_tokens is not None or self.max_usd is not None

    def check(self) -> None:
        """See that the limits can be kept, before anything is sent.

        Raises:
            BudgetError: there is a limit in money, and no price.
        """
        if self.max_usd is not None and self.price is None:
            raise BudgetError(NO_PRICE)

    def spend(self, usage: Usage) -> float | None:
        """Count one request that was answered or billed; returns its price in US dollars, if that is known."""
        usd = usage.usd
        if usd is None and self.price is not None:
            usd = self.price.of(usage.prompt_tokens, usage.completion_tokens)
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        if usd is not None:
            self.priced = True
            self.usd += usd
        return usd

    def spend_worst(self, request: Request) -> None:
        """Count a request that was billed without an answer, so that nobody knows what it took: its worst case."""
        prompt, completion = worst_case(request)
        self.spend(Usage(prompt_tokens=prompt, completion_tokens=completion))

    async def reserve(self, request: Request) -> Hold:
        """Hold the worst case of ``request`` back, see `worst_case`; waits while what is out may still free room.

        Raises:
            BudgetError: it could pass a limit.
        """
        hold = self._worst(request)
        while reached := self._reached(hold):
            if not self._out:
                raise BudgetError(reached)
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        self._out += 1
        self._held_tokens += hold.tokens
        self._held_usd += hold.usd
        return hold

    def release(self, hold: Hold) -> None:
        """The request is over, and what it took is counted: whoever waits looks again."""
        self._out -= 1
        self._held_tokens -= hold.tokens
        # Sums of floats keep rests; with nothing out nothing is held.
        self._held_usd = self._held_usd - hold.usd if self._out else 0.0
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)

    def _worst(self, request: Request) -> Hold:
        prompt, completion = worst_case(request)
        if not request.sampling.max_tokens and (self.max_tokens is not None or self.max_usd is not None):
            raise BudgetError(
                "generate.max_tokens and max_usd need a bound on each answer: set the teacher's option max_tokens"
            )
        return Hold(prompt + completion, self.price.of(prompt, completion) if self.price else 0.0)

    def _reached(self, hold: Hold) -> str | None:
        """The line that says which limit one more request could pass, if any."""
        if self.max_requests is not None and self.requests + self._out >= self.max_requests:
            return _line("max_requests", self.max_requests, f"{self.requests} spent")
        if self.max_tokens is not None and self.tokens + self._held_tokens + hold.tokens > self.max_tokens:
            return _line(
                "max_tokens", self.max_tokens, f"{self.tokens} spent, the next request could take {hold.tokens}"
            )
        if self.max_usd is not None and self.usd + self._held_usd + hold.usd > self.max_usd:
            return _line("max_usd", self.max_usd, f"{self.usd:.6g} spent, the next request could take {hold.usd:.6g}")
        return None


def worst_case(request: Request) -> tuple[int, int]:
    """Tokens of a request's prompt and of its answers, at most."""
    prompt = sum([_bytes(item.content) + _TOKENS_PER_MESSAGE for item in request.messages])
    return prompt, (request.sampling.max_tokens or 0) * request.sampling.n


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _line(limit: str, value: float, spent: str) -> str:
    return f"generate.{limit} = {value} is reached ({spent}); all answers are kept; raise it to go on"
