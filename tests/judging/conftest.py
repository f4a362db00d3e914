"""The benchmark `plain` of tests, bound; a cache of its own for each test; isolation that is there."""

from __future__ import annotations

import json

import pytest
from plain_benchmark import Plain

from magicoder_core import progress, sandbox
from magicoder_core.recipe import Bound


class Heard(progress.Silent):
    """Keeps the lines that are said."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sandbox, "required", lambda: sandbox.Isolation(level="bubblewrap"))
    return tmp_path / "cache"


@pytest.fixture
def heard():
    with progress.reporting(reporter := Heard()):
        yield reporter.lines


@pytest.fixture
def plain():
    """Make the benchmark with options."""
    return lambda **options: Bound("plain", Plain(**options), "magicoder-plain", "1.0")


@pytest.fixture
def samples_file(tmp_path):
    """Write rows as JSON Lines; gives the path."""

    def write(rows, name="samples.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write
