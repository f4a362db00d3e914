import re
import subprocess
import sys

import pytest

from magicoder_core import ModelError, models


def test_the_known_models():
    assert list(models.catalogue()) == [
        "qwen2.5-coder-0.5b-instruct",
        "qwen2.5-coder-1.5b-instruct",
        "smollm2-135m-instruct",
        "gemma-3-270m",
    ]


@pytest.mark.parametrize("model", models.catalogue().values(), ids=lambda model: model.name)
def test_each_model_says_all_that_is_needed(model):
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert re.fullmatch(r"[\w.-]+\.gguf", model.file)
    assert isinstance(model.size, int)
    assert isinstance(model.chat_template, bool)
    assert model.licence
    assert model.description
    assert model.repository is None or re.fullmatch(r"[\w.-]+/[\w.-]+", model.repository)
    assert model.mirrors
    for mirror in model.mirrors:
        assert mirror.inside
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", requirement) for requirement in mirror.requirements)
        assert len(set(mirror.requirements)) == len(mirror.requirements)


def test_a_model_cannot_be_changed():
    with pytest.raises(AttributeError):
        models.catalogue()["gemma-3-270m"].size = 1
    with pytest.raises(TypeError):
        models.catalogue()["mine"] = None


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match=r"no model named 'smolm2-135m'; did you mean 'smollm2-135m-instruct'\?"):
        models.resolve("smolm2-135m")
    with pytest.raises(ModelError, match=r"there are: qwen2.5-coder-0.5b-instruct, .* or give a path"):
        models.cached("zzz")


@pytest.mark.parametrize("path", ["nowhere/model.gguf", "model.gguf", "org/repository"])
def test_a_path_to_nothing_is_said_to_be_one(path):
    with pytest.raises(ModelError, match=f"model '{path}': no such file or folder"):
        models.resolve(path)


def test_the_door_imports_no_heavy_module():
    heavy = "{'huggingface_hub', 'pip', 'aiohttp', 'pydantic', 'numpy'}"
    code = f"import sys, magicoder_core.models; sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
