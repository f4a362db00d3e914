"""`magicoder plugins` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magicoder_core import plugins

PLUGIN = """
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from magicoder_core import RowFilter, hookimpl


@dataclass(frozen=True, kw_only=True)
class Wordy(RowFilter):
    \"\"\"Has long defaults.\"\"\"

    questions: Annotated[Mapping[str, str], "asked"] = field(
        default_factory=lambda: {"one": "a question of many words " * 9, "two": "another one"}
    )
    template: Annotated[str, "said"] = "so many words " * 9
    short: Annotated[Mapping[str, int], "few"] = field(default_factory=lambda: {"a": 1})
    needed: Annotated[str, "must be given"]

    def reject(self, row):
        return None


@hookimpl(specname="filter")
def filters():
    return {"wordy": Wordy}
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("wordy.py").write_text(PLUGIN)
    yield
    plugins.use([])


def test_long_defaults_are_cut_and_of_mappings_the_keys_are_shown(called):
    status, out, _ = called("plugins", "wordy", "--plugin", "wordy.py")
    assert status == 0
    lines = {line.split()[0]: line for line in out.splitlines()[2:]}
    assert "default {one, two}  " in lines["questions"]
    assert "default 'so many words so many words so many ...  said" in lines["template"]
    assert "default {'a': 1}  " in lines["short"]
    assert "required  " in lines["needed"]
    assert max(map(len, out.splitlines())) < 120


def test_programs_are_told_all_of_them(called):
    _, out, _ = called("plugins", "wordy", "--plugin", "wordy.py", "--json")
    ((told,),) = [[item for item in json.loads(out) if item["name"] == "wordy"]]
    assert told["schema"]["properties"]["template"]["default"] == "so many words " * 9
