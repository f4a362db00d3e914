"""Guests behave."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Threads that wait by spinning make a busy machine 20 times slower; OpenMP asks for its settings when torch loads.
ORDER = """
import os, sys
from importlib import abc
class Watch(abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            print(os.environ.get("OMP_WAIT_POLICY"), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Watch())
from magicoder_flash_attention import FlashAttentionTrainer, Transformers
from magicoder_core import TrainingData
from pathlib import Path
if sys.argv[1] == "teacher":
    Transformers(model=sys.argv[2])._engine
else:
    FlashAttentionTrainer(base_model=sys.argv[2]).train(TrainingData(Path(), 0), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("kind", ["teacher", "trainer"])
def test_openmp_is_told_to_wait_quietly_before_torch_loads(tiny, tmp_path, kind):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", ORDER, kind, str(tiny), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "PASSIVE\n"
