"""The core's conformance suite."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import ds1000_problems
import pytest
from magicoder_ds1000 import Ds1000

from magicoder_core.testing import BenchmarkContract

_NAMED = os.environ.get("MAGICODER_DS1000_PYTHON")
_ONE = ds1000_problems.BY_ID["Numpy/0"]


@pytest.mark.skipif(not _NAMED and find_spec("numpy") is None, reason="no numpy here, and no MAGICODER_DS1000_PYTHON")
class TestDs1000(BenchmarkContract):
    provider = Ds1000(
        data=Path(__file__).with_name("own.jsonl"),
        interpreter=Path(_NAMED or sys.executable),
        libraries=("Numpy",),
        seconds=5,
    )
    right = {_ONE.id: _ONE.right}
    wrong = {_ONE.id: _ONE.wrong[0]}
