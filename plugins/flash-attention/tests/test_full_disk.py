"""A disk that is really full: a small file system in memory, in a mount namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from magicoder_core.testing import instruction, training_data

ROWS = [
    instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n" * (1 + number % 3))
    for number in range(10)
]
SPACE = [*("unshare", "--user", "--map-root-user", "--mount", "--"), "sh", "-c"]


@pytest.fixture
def small(tmp_path):
    """A folder where a small disk can be mounted, and the command that does it before another."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=16m small "{disk}"'
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare")
    tried = subprocess.run([*SPACE, mount], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no file system may be mounted here: {tried.stderr.strip()[:200]}")
    return disk, lambda *command: [*SPACE, f'{mount} && exec "$@"', "sh", *map(str, command)]


@pytest.mark.timeout(240)
def test_a_full_disk_is_one_line_and_loses_nothing(tiny, tmp_path, small):
    disk, command = small
    data = training_data(ROWS, tmp_path, seed=7)
    program = command(sys.executable, Path(__file__).with_name("filling.py"), tiny, data.path, disk)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MAGICODER_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)
    assert "\n" not in found["said"]
    assert found["said"].startswith(f"trainer: {disk}/out/state/saving cannot be written: ")
    assert found["said"].endswith("make room and run the same command again: it goes on from the last whole checkpoint")
    assert found["left"] == ["checkpoint-1", "checkpoint-2"], "what was half written takes up no room"
    assert found["again"] == found["digest"] == found["whole"]
    assert found["saved again"] == 4, "the first two of six steps were not done again"
