"""Where models come from: folders, the Hub, GGUF files."""

from __future__ import annotations

from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, Transformers, student

from magicoder_core import ModelError, Request, Sampling, models


def test_a_folder_is_itself_and_a_hub_name_is_left_to_transformers(tmp_path):
    assert student.source(str(tmp_path)) == str(tmp_path)
    assert student.source("owner/name") == "owner/name"


@pytest.mark.parametrize("name", ["nothing", "./no/folder", "/no/such/folder", "a/b/c"])
def test_what_is_nowhere_is_one_line(name):
    with pytest.raises(ModelError, match="no such folder"):
        student.source(name)


def test_a_missing_gguf_file_is_one_line(tmp_path):
    with pytest.raises(ModelError):
        student.source(str(tmp_path / "missing.gguf"))


def test_conversion_is_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "cache_dir", lambda: tmp_path)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"broken\.gguf: transformers cannot load it"):
        student.converted(broken)
    assert not any((tmp_path / "converted").iterdir())


def test_conversion_happens_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(models, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(student, "_convert", lambda file, folder: made.append((folder / "x").write_text("x")))
    (tmp_path / "a.gguf").write_bytes(b"a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.gguf").write_bytes(b"another")
    first = student.converted(tmp_path / "a.gguf")
    assert student.converted(tmp_path / "a.gguf") == first
    assert student.converted(tmp_path / "b" / "a.gguf") != first
    assert len(made) == 2


@pytest.mark.model
@pytest.mark.timeout(600)
def test_a_gguf_model_of_the_catalogue_is_converted_and_answers():
    name = "smollm2-135m-instruct"
    folder = Path(student.source(name))
    assert (folder / "model.safetensors").is_file()
    assert FlashAttentionTrainer(base_model=name).base == name
    teacher = Transformers(model=name)
    question = Request.of("What is the capital of France?", sampling=Sampling(max_tokens=24))
    (reply,) = teacher.complete_batch([question])
    assert "Paris" in reply.text
    assert reply.finish_reason == "stop"
