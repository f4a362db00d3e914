"""Runs that may spend only so much, held to the server's own account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import driving

PROMPT, COMPLETION = 2.5, 10.0
"""US dollars for a million tokens, as the recipe says."""

PRICES = (
    f"usd_per_million_prompt_tokens = {PROMPT}\nusd_per_million_completion_tokens = {COMPLETION}\nmax_tokens = 2500"
)


@dataclass(frozen=True)
class Spent:
    """What a run cost by the server's account, and how it ended."""

    status: int
    line: str
    requests: int
    tokens: int
    usd: float
    rows: int
    good: int
    twice: int
    most: int
    wall: float

    def of(self, limit: str) -> float:
        """What the limit of that name bounds."""
        return {"max_requests": self.requests, "max_tokens": self.tokens, "max_usd": self.usd}[limit]


def recipe(folder: Path, url: str, rows: int, concurrency: int) -> Path:
    """A recipe with prices."""
    return driving.recipe(folder, url, rows, concurrency=concurrency, teacher=PRICES, generate="attempts = 8")


def run(server: driving.ServerProcess, path: Path, limit: str, value: float) -> Spent:
    """Run a recipe up to a limit; what it spent counts from the server's last reset, as earlier runs' does."""
    folder = path.parent
    directory = folder / "run"
    ended = driving.run(folder, "run", path, "--dir", directory, "--to", "generate", "-o", f"generate.{limit}={value}")
    stats = server.stats()
    sent, answered = stats["prompt_tokens"], stats["completion_tokens"]
    made = directory / "instructions.jsonl"
    return Spent(
        status=ended.status,
        line=ended.err.strip().splitlines()[-1] if ended.err.strip() else "",
        requests=stats["charged"],
        tokens=sent + answered,
        usd=(sent * PROMPT + answered * COMPLETION) / 1e6,
        rows=made.read_bytes().count(b"\n") if made.exists() else 0,
        good=stats["good"],
        twice=stats["paid_twice"],
        most=stats["max_in_flight"],
        wall=ended.wall,
    )


def ends(directory: Path) -> list[str]:
    """How each attempt in the journal ended."""
    return [json.loads(line)["end"] for line in (directory / "journal.jsonl").read_text("utf-8").splitlines()]
