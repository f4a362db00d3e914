"""Runs of `magicoder` and of the loopback server as processes of their own, with what they cost.

with driving.ServerProcess() as server:
    server.reset(latency=0.3)
    recipe = driving.recipe(folder, server.url, rows=100)
    ended = driving.run(folder, "run", recipe, "--dir", folder / "run", "--to", "generate")
    ended.cpu, ended.peak, server.stats()["paid_twice"]
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
PLUGIN = HERE / "snippets_plugin.py"

PEERS = HERE.parent / ".cache" / "peers"
"""Where `nox -s bench` installs other programs to compare with; git ignores it."""

FINAL = ("instructions.jsonl", "failed.jsonl", "kept.jsonl")
"""Files that are a pure function of recipe and journal."""

RECIPE = """
name = "driven"
seed = 11
[seed_source]
use = "snippet-file"
path = "{snippets}"
limit = {rows}
[method]
use = "oss-instruct"
[teacher]
use = "openai-compatible"
base_url = "{url}"
model = "loopback"
{teacher}
[generate]
concurrency = {concurrency}
{generate}
[[filter]]
use = "exact-duplicates"
"""


class ServerProcess:
    """The loopback server in a process of its own, so that its CPU is not its client's."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    def __enter__(self) -> Self:
        command = [sys.executable, str(HERE / "servers.py"), *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=30)

    def reset(self, **behaviour: Any) -> None:
        """A new account, and behaviour as `servers.Behaviour` has it."""
        self._call("/reset", json.dumps(behaviour).encode())

    def stats(self) -> dict[str, Any]:
        """The account, as `server_account.Account.told` tells it."""
        told = json.loads(self._call("/stats", None))
        assert isinstance(told, dict)
        return told

    def _call(self, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url.removesuffix("/v1") + path, data=body)
        # A proxy of the machine must not stand between a test and its own server.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            data = answer.read()
        assert isinstance(data, bytes)
        return data


@dataclass(frozen=True)
class Ended:
    """A process that has ended: what it said, and what it took."""

    status: int
    out: str
    err: str
    cpu: float
    """Seconds, user plus system, its children included."""
    peak: float
    """The most memory it held at once, in MB of 1e6 bytes."""
    wall: float


def snippets(path: Path, rows: int, length: int = 1100) -> Path:
    """Write ``rows`` different snippets of about ``length`` bytes of Python."""
    with path.open("w", encoding="utf-8") as lines:
        for row in range(rows):
            code = f"def total_{row}(orders, rate={row % 89}):\n"
            step = 0
            while len(code) < length:
                code += f"    orders[{step}] = rate * {row} + orders[{step}]\n"
                step += 1
            lines.write(json.dumps({"code": code}) + "\n")
    return path


def recipe(folder: Path, url: str, rows: int, **given: Any) -> Path:
    """Write a recipe (and its snippets, where the folder has none) and give its path.

    Args:
        folder: where it is put.
        url: the server's.
        rows: snippets to be asked for.
        given: ``concurrency``, and TOML lines for the tables ``teacher`` and ``generate``; ``length`` of a snippet.
    """
    source = folder / f"snippets-{rows}.jsonl"
    if not source.exists():
        snippets(source, rows, given.get("length", 1100))
    path = folder / f"recipe-{rows}.toml"
    values = {"concurrency": 32, "teacher": "", "generate": ""} | given
    path.write_text(RECIPE.format(snippets=source, url=url, rows=rows, **values), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    """`magicoder` with the plugin of this folder, as a user would start it."""
    return [sys.executable, "-m", "magicoder_core", "--plugin", str(PLUGIN), *map(str, arguments)]


def environment(**more: str) -> Mapping[str, str]:
    """The environment of a process: no proxy of the machine, no colours."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "NO_COLOR": "1", **more}


def start(folder: Path, arguments: list[str], output: str, **more: str) -> subprocess.Popen[bytes]:
    """Start a process whose output goes to ``output.out`` and ``output.err`` in the folder."""
    with (folder / f"{output}.out").open("wb") as out, (folder / f"{output}.err").open("wb") as err:
        return subprocess.Popen(arguments, cwd=folder, env=environment(**more), stdout=out, stderr=err)


def finish(process: subprocess.Popen[bytes], folder: Path, output: str, begun: float) -> Ended:
    """Wait for a process that `start` began."""
    _, state, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(state)
    out, err = ((folder / f"{output}.{name}").read_text("utf-8", "replace") for name in ("out", "err"))
    wall = time.monotonic() - begun
    return Ended(process.returncode, out, err, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, wall)


def execute(folder: Path, arguments: list[str], **more: str) -> Ended:
    """Run a program to its end."""
    begun = time.monotonic()
    return finish(start(folder, arguments, "last", **more), folder, "last", begun)


def run(folder: Path, *arguments: object) -> Ended:
    """Run `magicoder` to its end."""
    return execute(folder, command(*arguments))


def final(directory: Path, names: tuple[str, ...] = FINAL) -> dict[str, bytes]:
    """What the files that follow from the journal hold."""
    return {name: (directory / name).read_bytes() for name in names if (directory / name).exists()}


def prompts(source: Path, path: Path) -> Path:
    """Write the messages that `oss-instruct` makes of each snippet of ``source``, so that all clients send the same."""
    from magicoder_core import Origin, Reply, Request, Snippet, find

    method: Any = find("method", "oss-instruct")()
    with path.open("w", encoding="utf-8") as out:

        class Noting:
            async def __call__(self, request: Request) -> Reply:
                messages = [{"role": each.role, "content": each.content} for each in request.messages]
                out.write(json.dumps(messages) + "\n")
                return Reply(text="")

            def supports(self, capability: str) -> bool:
                return False

        lines = source.read_text("utf-8").splitlines()

        async def note() -> None:
            for line in lines:
                origin = Origin(corpus="lines", path="1.py")
                await method.instruct(
                    Snippet(code=json.loads(line)["code"], language="python", origin=origin), Noting()
                )

        asyncio.run(note())
    return path
