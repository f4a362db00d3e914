"""A process that asks a batch teacher through the one door, to be killed: KIND URL FOLDER NUMBER [OPTIONS as JSON].

It asks so many requests with the journal in FOLDER and writes the answers, in order, to FOLDER/answers.json.
"""

import asyncio
import json
import sys
from pathlib import Path

import magicoder_batch

from magicoder_core import Request
from magicoder_core.asking import Asker, Gate, Journal, ParentAsk

FAST = {"linger_seconds": 0.1, "poll_seconds": 0.05, "settle_seconds": 0.3}


def requests(number):
    return [Request.of(f"def f{place}(): ...") for place in range(number)]


async def main(teacher, folder, number):
    with Journal(folder / "journal.jsonl") as journal:
        asker = Asker(teacher, "batch", journal, Gate(1))
        async with asker.running():
            replies = await asyncio.gather(*(ParentAsk(asker, "x")(request) for request in requests(number)))
    (folder / "answers.json").write_text(json.dumps([reply.text for reply in replies]))


if __name__ == "__main__":
    kind, url, folder, number, *options = sys.argv[1:]
    given = json.loads(options[0]) if options else {}
    where = {"base_url": url} if url else {}
    teacher = getattr(magicoder_batch, kind)(**{"model": "loopback"} | where | FAST | given)
    asyncio.run(main(teacher, Path(folder), int(number)))
