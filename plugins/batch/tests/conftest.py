"""A server with the batch APIs, a run against it, and the key that it wants."""

import asyncio

import pytest
from batch_server import KEY, BatchServer

from magicoder_core.asking import Asker, Budget, Gate, Journal, ParentAsk, pausing


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)
    # A proxy of the machine must not stand between a test and its own server.
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(pausing, "_FIRST_PAUSE", 0.01)


@pytest.fixture
def serve():
    """Starts servers that end with the test."""
    opened = []

    def start(**behaviour):
        server = BatchServer(**behaviour)
        server.__enter__()
        opened.append(server)
        return server

    yield start
    for server in opened:
        server.__exit__()


@pytest.fixture
def ask(tmp_path):
    """Asks a teacher through the one door, with the test's own journal; each ends in a reply or an error."""

    def asked(teacher, *requests, budget=None, journal=tmp_path / "journal.jsonl"):
        async def main():
            with Journal(journal) as kept:
                asker = Asker(teacher, "batch", kept, Gate(1), budget or Budget())
                async with asker.running():
                    work = [ParentAsk(asker, request.id)(request) for request in requests]
                    return await asyncio.gather(*work, return_exceptions=True)

        return asyncio.run(main())

    return asked
