"""Magicoder's own door to models, without its command line: journal, gate, budget, prompt, parser, row.

It takes the snippets of which the others' prompts are made, so that making the prompt is measured, too.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from measured import MAX_TOKENS, TEMPERATURE, Measured, arguments

from magicoder_core import Instruction, Origin, Snippet, jsonl, plugins, recipe
from magicoder_core.stages import collecting
from magicoder_core.stages.making import Maker, asker_of

RECIPE = """
name = "measured"
[method]
use = "oss-instruct"
[teacher]
use = "openai-compatible"
base_url = "{url}"
model = "loopback"
temperature = {temperature}
max_tokens = {max_tokens}
[generate]
concurrency = {concurrency}
adaptive = {adaptive}
"""


def snippets(path: str, number: int) -> list[Snippet]:
    """One more than ``number``: the first is for warming up."""
    read = []
    with Path(path).open(encoding="utf-8") as lines:
        for place, line in zip(range(number + 1), lines, strict=False):
            origin = Origin(corpus="lines", path=f"{place}.py")
            read.append(Snippet(code=json.loads(line)["code"], language="python", origin=origin))
    assert len(read) == number + 1, "too few snippets"
    return read


async def main(folder: Path) -> None:
    """Ask all of them, and write a row for each answer."""
    given, measured = arguments(), Measured()
    first, *rest = snippets(given.prompts, given.number)
    path = folder / "recipe.toml"
    values = {"url": given.url, "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}
    path.write_text(RECIPE.format(concurrency=given.concurrency, adaptive=given.adaptive, **values), "utf-8")
    plan = recipe.bind(recipe.read(path), plugins.catalogue())
    waiting = iter(rest)
    with asker_of(plan, folder / "journal.jsonl") as asker, jsonl.Writer(folder / "rows.jsonl") as rows:
        maker = Maker(plan, asker)

        async def work() -> None:
            for snippet in waiting:
                outcome = (await maker.make(snippet)).outcome
                assert isinstance(outcome, Instruction), outcome
                rows.write(outcome.to_dict())
                measured.good += 1

        async with asker.running():
            await maker.make(first)
            with collecting.rarely(), measured.timed():
                await asyncio.gather(*(work() for _ in range(given.concurrency)))
    measured.tell()


with tempfile.TemporaryDirectory() as made:
    asyncio.run(main(Path(made)))
