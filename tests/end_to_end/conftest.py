"""A recipe over all five stages, and the command line as a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLUGIN = HERE / "slow_plugin.py"

RECIPE = """
name = "all"
seed = 11
[seed_source]
use = "slow-files"
limit = 24
[method]
use = "oss-instruct"
[teacher]
use = "openai-compatible"
base_url = "{url}"
model = "loopback"
[generate]
concurrency = 4
[[filter]]
use = "exact-duplicates"
[[filter]]
use = "slow"
[trainer]
use = "count"
[model]
use = "adder"
[[benchmark]]
use = "sums"
"""


def _servers():
    spec = importlib.util.spec_from_file_location("servers", HERE.parent / "servers.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["servers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server():
    """A loopback server whose answers take long enough to be killed in between."""
    with _servers().Server(latency=0.05) as running:
        yield running


@pytest.fixture
def recipe(tmp_path, server):
    path = tmp_path / "all.toml"
    path.write_text(RECIPE.format(url=server.url), encoding="utf-8")
    return path


class Cli:
    """``magicoder ...`` with the slow plugin, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "NO_COLOR": "1"}

    def _command(self, *arguments):
        return [sys.executable, "-m", "magicoder_core", "--plugin", str(PLUGIN), *map(str, arguments)]

    def __call__(self, *arguments, **environment):
        return subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def kill_in(self, stage, directory, *arguments, after=0.4):
        """Start it, and kill it (SIGKILL) a moment after ``stage`` began."""
        process = subprocess.Popen(
            self._command(*arguments), cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while _status(directory, stage) != "running":
            assert process.poll() is None, "it ended before the stage began"
            assert time.monotonic() < deadline, "the stage never began"
            time.sleep(0.01)
        time.sleep(after)
        assert process.poll() is None, "it ended before it was killed"
        process.send_signal(signal.SIGKILL)
        process.wait()


def _status(directory, stage):
    path = directory / "run.json"
    return json.loads(path.read_text())["stages"].get(stage, {}).get("status") if path.exists() else None


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)
