"""Every hook has a test of its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from magicoder_core.hookspecs import KINDS

SOURCES = "\n".join(path.read_text("utf-8") for path in Path(__file__).parent.rglob("test_*.py"))


@pytest.mark.parametrize("hook", KINDS)
def test_every_hook_has_a_test(hook):
    assert re.search(rf"^def test_hook_{hook}\(", SOURCES, re.MULTILINE), f"write a test named test_hook_{hook}"
