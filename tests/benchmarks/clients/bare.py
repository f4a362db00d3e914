"""The yardstick: workers that post with aiohttp, read the JSON, and keep nothing."""

from __future__ import annotations

import asyncio
import json

import aiohttp
from measured import MAX_TOKENS, TEMPERATURE, Measured, arguments, prompts


async def main() -> None:
    """Ask all of them."""
    given, measured = arguments(), Measured()
    first, *rest = prompts(given)
    url = f"{given.url}/chat/completions"
    waiting = iter(rest)

    async def ask(messages: list[dict[str, str]]) -> None:
        body = {"model": "loopback", "messages": messages, "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}
        async with session.post(url, json=body) as answer:
            value = json.loads(await answer.read())
        measured.good += bool(value["choices"][0]["message"]["content"])

    async def work() -> None:
        for messages in waiting:
            await ask(messages)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await ask(first)
        measured.good = 0
        with measured.timed():
            await asyncio.gather(*(work() for _ in range(given.concurrency)))
    measured.tell()


asyncio.run(main())
