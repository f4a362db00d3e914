"""The examples of docs/plugins.md are files: they load, and they pass the contracts that the page sends people to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from magicoder_core import plugins

PAGE = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
CONTRACTS = """
from pathlib import Path
from magicoder_core.testing import *
from doubling import Doubling
from first_words import FirstWords
from translate import Translate

class TestDoubling(BenchmarkContract):
    provider = Doubling()
    right = {"doubling/0": "def double(x):\\n    return 2 * x"}
    wrong = {"doubling/0": "def double(x):\\n    return x * x"}

class TestFirstWords(FilterContract):
    provider = FirstWords(words=2)
    kept = (instruction("Reverse a list."), instruction("Sort the list."))

class TestTranslate(MethodContract):
    provider = Translate()
    replies = ("```rust\\nfn main() {}\\n```", "Write a program that does nothing.")
    garbage = ("", "I cannot do that.")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    for name, text in {**EXAMPLES, "test_examples.py": CONTRACTS}.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("name", sorted(name for name in EXAMPLES if not name.startswith("test_")))
def test_an_example_is_a_plugin(folder, name):
    before = plugins.load().found
    assert set(plugins.load([folder / name]).found) - set(before)


def test_the_examples_pass_their_contracts(folder):
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_example_has_a_file_name():
    assert PAGE.count("```python\n") == len(EXAMPLES) >= 6


def test_the_first_one_is_eight_lines():
    assert len([line for line in EXAMPLES["parrot.py"].splitlines() if line.strip()]) == 8
