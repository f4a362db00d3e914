"""CPU and throughput of generation, beside a bare aiohttp loop and beside other programs, against one fault server.

Rounds alternate: in each of them every client answers the same prompts once, in an order that turns, so that
whatever else the machine does meets all of them alike. Ratios are taken within a round, then their median.

Goals: CPU per request at most 2.0 times the bare loop's with journal and parser on, throughput at least 0.9 of it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import driving
import pytest

CLIENTS = Path(__file__).parent / "clients"
ANSWERS = {"answer_bytes": 1800, "bytes_per_token": 4}


@dataclass(frozen=True)
class Client:
    """A program of the comparison; ``share`` of the requests is enough for a slow one."""

    name: str
    script: str
    python: Path = Path(sys.executable)
    share: float = 1.0
    snippets: bool = False
    options: tuple[str, ...] = ()

    def ask(self, folder, server, number, concurrency):
        """What it tells of a run of so many requests."""
        number = max(1, round(number * self.share))
        source = folder / ("snippets.jsonl" if self.snippets else "prompts.jsonl")
        program = [str(self.python), str(CLIENTS / self.script), "--url", server.url, "--prompts", str(source)]
        with tempfile.TemporaryDirectory() as own:  # a fresh one: some keep answers, and would ask nothing again
            size = ["--number", str(number), "--concurrency", str(concurrency), "--folder", own]
            ended = driving.execute(folder, [*program, *size, *self.options])
        assert ended.status == 0, ended.err[-3000:]
        told = json.loads(ended.out.strip().splitlines()[-1])
        assert told["good"] == number, f"{self.name}: {told['good']} of {number}"
        return {
            "cpu_ms": 1000 * told["cpu"] / number,
            "rate": number / told["wall"],
            "peak_mb": round(told["peak"]),
            # With what it needs in any case taken off, where there is no warming up.
            "cpu_ms_net": 1000 * max(0.0, told["cpu"] - told.get("fixed", 0.0)) / number,
        }


BARE = Client("aiohttp + json, bare", "bare.py")
ASK = Client("magicoder, ask", "ours.py", snippets=True)
FIXED = Client("magicoder, ask, not adaptive", "ours.py", snippets=True, options=("--adaptive", "false"))
LITELLM = Client("litellm.acompletion", "plain_litellm.py", share=0.5)
DISTILABEL = Client("distilabel", "plain_distilabel.py", driving.PEERS / "distilabel" / "bin" / "python", share=0.2)
CURATOR = Client("curator", "plain_curator.py", driving.PEERS / "curator" / "bin" / "python", share=0.5)


@dataclass(frozen=True)
class CommandLine:
    """`magicoder run --to generate`, as a user runs it; its start is what a run of one request takes."""

    name: str = "magicoder run"
    python: Path = Path(sys.executable)
    share: float = 1.0

    def ask(self, folder, server, number, concurrency):
        """What it took, with and without its start."""
        cost = {}
        for rows in (1, number):
            place = folder / f"cli-{rows}"
            place.mkdir(exist_ok=True)
            recipe = driving.recipe(place, server.url, rows, concurrency=concurrency)
            directory = place / f"run-{len(list(place.iterdir()))}"
            ended = driving.run(place, "run", recipe, "--dir", directory, "--to", "generate")
            assert ended.status == 0, ended.err[-3000:]
            made = len((directory / "instructions.jsonl").read_bytes().splitlines())
            assert made == rows
            cost[rows] = ended
        first, whole = cost[1], cost[number]
        return {
            "cpu_ms": 1000 * whole.cpu / number,
            "rate": number / whole.wall,
            "peak_mb": round(whole.peak),
            "cpu_ms_net": 1000 * (whole.cpu - first.cpu) / (number - 1),
            "rate_net": (number - 1) / max(1e-9, whole.wall - first.wall),
        }


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Snippets, and the prompts that are made of them."""
    folder = tmp_path_factory.mktemp("clients")
    snippets = driving.snippets(folder / "snippets.jsonl", 5001)
    driving.prompts(snippets, folder / "prompts.jsonl")
    return folder


def compare(bench, clients, sources, *, number, concurrency, latency):
    """Rows of a table: the medians of each client, and its ratios to the first."""
    seen = {client.name: [] for client in clients}
    for turn in range(bench.rounds):
        order = clients[turn % len(clients) :] + clients[: turn % len(clients)]
        for client in order if turn % 2 else order[::-1]:
            bench.server.reset(latency=latency, **ANSWERS)
            seen[client.name].append(client.ask(sources, bench.server, number, concurrency))
            _fair(client, bench.server.stats(), round(number * client.share), concurrency)
        costs = ", ".join(f"{name} {told[-1]['cpu_ms_net']:.3f}" for name, told in seen.items())
        bench.say(f"  round {turn + 1} of {bench.rounds}, CPU ms/request: {costs}")
    bare = seen[clients[0].name]
    return [_row(name, told, bare) for name, told in seen.items()]


def _fair(client, stats, number, concurrency):
    """Hold a client to having asked for all itself, and never for more at once than it was told."""
    assert stats["good_distinct"] >= number, f"{client.name} asked for {stats['good_distinct']} of {number}"
    assert stats["max_in_flight"] <= concurrency, client.name


def _row(name, told, bare):
    def median(field):
        return statistics.median(each[field] for each in told)

    def ratio(field, other):
        return statistics.median(
            each.get(field, each[other]) / base[other] for each, base in zip(told, bare, strict=True)
        )

    return {
        "client": name,
        "CPU ms/request": median("cpu_ms_net"),
        "with start": median("cpu_ms"),
        "requests/s": median("rate"),
        "peak MB": median("peak_mb"),
        "x CPU of bare": ratio("cpu_ms_net", "cpu_ms"),
        "x rate of bare": ratio("rate_net", "rate"),
    }


def present(bench, clients):
    """Those that are installed."""
    for client in clients:
        if not client.python.exists():
            bench.say(f"  {client.name} is not installed: `nox -s bench` installs it")
    return [client for client in clients if client.python.exists()]


@pytest.mark.parametrize("concurrency", [64, 256])
def test_cost_and_rate_at_a_latency(concurrency, sources, bench):
    clients = present(bench, [BARE, ASK, FIXED, CommandLine(), LITELLM, CURATOR, DISTILABEL])
    number = min(5000, bench.scaled(2000 if concurrency == 64 else 4000, 2))
    rows = compare(bench, clients, sources, number=number, concurrency=concurrency, latency=0.3)
    bench.table(f"{number} requests, {concurrency} in flight, 300 ms latency, medians of {bench.rounds}", rows)
    ours = next(row for row in rows if row["client"] == ASK.name)
    bench.goal("CPU of ask <= 2.0 x bare", ours["x CPU of bare"] <= 2.0)
    bench.goal("rate of ask >= 0.9 x bare", ours["x rate of bare"] >= 0.9)


def test_the_ceiling_of_one_core(sources, bench):
    number = min(5000, bench.scaled(4000, 2))
    clients = present(bench, [BARE, ASK, FIXED, CommandLine(), LITELLM])
    rows = compare(bench, clients, sources, number=number, concurrency=64, latency=0.0)
    for row in rows:
        row["ceiling, requests/s"] = 1000 / row["CPU ms/request"]
    bench.table(f"{number} requests, 64 in flight, no latency, medians of {bench.rounds}", rows)
    by_name = {row["client"]: row["ceiling, requests/s"] for row in rows}
    bench.goal("ceiling of ask >= 0.5 x bare", by_name[ASK.name] >= 0.5 * by_name[BARE.name])
    bench.goal("ceiling of ask >= 8 x litellm", by_name[ASK.name] >= 8 * by_name[LITELLM.name])
