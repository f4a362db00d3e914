"""Seeds from a JSONL file, so that a run of any size begins at once and what is measured is not the drawing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from magicoder_core import Origin, SeedSource, Shard, Snippet, hookimpl


@dataclass(frozen=True, kw_only=True)
class SnippetFile(SeedSource):
    """Snippets that a program has written down, one JSON object a line with its code."""

    path: Annotated[str, "the file"]
    limit: Annotated[int | None, "snippets"] = None

    def snippets(self, shard: Shard) -> Iterator[Snippet]:
        """Each line in its order."""
        with open(self.path, encoding="utf-8") as lines:  # noqa: PTH123 - a path of a test
            for place, line in enumerate(lines):
                if self.limit is not None and place >= self.limit:
                    return
                origin = Origin(corpus="lines", path=f"{place}.py")
                yield Snippet(code=json.loads(line)["code"], language="python", origin=origin)


@hookimpl
def seed_source() -> dict[str, type[SeedSource]]:
    return {"snippet-file": SnippetFile}
