"""LiteLLM as its documentation has it: `acompletion`, here with its own retries off."""

from __future__ import annotations

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # before the import: it would fetch a file from the network

import asyncio

import litellm
from measured import MAX_TOKENS, TEMPERATURE, Measured, arguments, prompts


async def main() -> None:
    """Ask all of them."""
    given, measured = arguments(), Measured()
    first, *rest = prompts(given)
    waiting = iter(rest)

    async def ask(messages: list[dict[str, str]]) -> None:
        answer = await litellm.acompletion(
            model="openai/loopback",
            api_base=given.url,
            api_key="none",
            messages=messages,
            temperature=TEMPERATURE,
            max_tokens=MAX_TOKENS,
            timeout=300,
            max_retries=0,
        )
        measured.good += bool(answer.choices[0].message.content)

    async def work() -> None:
        for messages in waiting:
            await ask(messages)

    await ask(first)
    measured.good = 0
    with measured.timed():
        await asyncio.gather(*(work() for _ in range(given.concurrency)))
    measured.tell()


asyncio.run(main())
