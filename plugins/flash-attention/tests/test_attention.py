"""The ladder of attentions: which rung is taken on which machine, and why the higher ones are not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from magicoder_flash_attention import attention, segments

from magicoder_core import RecipeError

_spec = importlib.util.spec_from_file_location("architectures", Path(__file__).parent / "architectures.py")
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

HALF = torch.bfloat16


@pytest.fixture
def gpu(monkeypatch):
    """A machine that says it has a GPU of a compute capability; nothing runs there."""

    def pretend(major):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (major, 0))

    pretend(8)
    return pretend


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a distribution where Python finds it, as pip would: its metadata, and a module with the content given."""

    def put(distribution, version, module, content=""):
        found = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        found.mkdir()
        (found / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text(content)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, module, raising=False)

    yield put
    for name in ("flash_attn", "flash_attn_interface", "kernels"):
        sys.modules.pop(name, None)


@pytest.fixture
def takes(monkeypatch):
    """Sets what transformers says of a library; its own functions remember their first answer."""
    from transformers.utils import import_utils

    def say(name, answer):
        monkeypatch.setattr(import_utils, name, answer if callable(answer) else lambda *_, **__: answer)

    return say


def choose(wanted="auto", device="cuda", dtype=HALF, name="llama", longest=512, *, packed=True, **changes):
    config = None if name is None else tiny.config(name, **changes)
    return attention.choose(wanted, device, dtype, packed=packed, config=config, max_length=longest)


def skipped(choice):
    return dict(choice.skipped)


def test_on_a_cpu_packed_rows_are_computed_by_segments():
    choice = choose(device="cpu", dtype=torch.float32)
    assert (choice.rung, choice.implementation) == ("segments", segments.SEGMENTS)
    assert list(skipped(choice)) == ["flash_attention_3", "flash_attention_2", "kernels", "varlen"]
    assert all("CUDA" in why for why in skipped(choice).values())


def test_the_line_names_what_is_left_out_once_for_each_reason():
    line = choose(device="cpu", dtype=torch.float32).line
    assert line.startswith("attention segments (")
    assert (
        "not flash_attention_3, flash_attention_2, kernels, varlen: it needs a CUDA device, and this is the cpu" in line
    )
    assert "\n" not in line


@pytest.mark.parametrize("config", [None, "llama"])
def test_rows_of_one_example_take_what_transformers_brings(config):
    choice = choose(device="cpu", dtype=torch.float32, name=config, packed=False)
    assert (choice.rung, choice.implementation) == ("sdpa", "sdpa")
    assert set(skipped(choice)) == {"flash_attention_3", "flash_attention_2"}


def test_the_chosen_names_are_known_to_transformers():
    choice = choose(device="cpu", dtype=torch.float32)
    model = tiny.model("llama", choice.implementation)
    assert model.config._attn_implementation == segments.SEGMENTS


@pytest.mark.parametrize(
    ("name", "changes", "longest", "rung", "reason"),
    [
        ("starcoder2", {"sliding_window": 64}, 65, "sdpa", "sliding window of 64 tokens"),
        ("starcoder2", {"sliding_window": 64}, 64, "segments", None),
        ("starcoder2", {"sliding_window": 64}, None, "sdpa", "sliding window of 64 tokens"),
        ("qwen2", {}, 10_000, "segments", None),
        ("gpt_bigcode", {}, 512, "segments", None),
    ],
)
def test_a_window_that_matters_leaves_segments_out(name, changes, longest, rung, reason):
    choice = choose(device="cpu", dtype=torch.float32, name=name, longest=longest, **changes)
    assert choice.rung == rung
    if reason:
        assert reason in skipped(choice)["segments"]


@pytest.mark.parametrize(
    ("name", "rung"), [("Gemma2Config", "eager"), ("GptOssConfig", "eager"), ("BloomConfig", "eager")]
)
def test_models_with_an_attention_of_their_own_kind_keep_it(name, rung):
    import transformers

    config = getattr(transformers, name)(num_hidden_layers=2)
    choice = attention.choose("auto", "cpu", torch.float32, packed=True, config=config, max_length=8)
    assert choice.rung == rung
    assert "own kind of attention" in skipped(choice)["segments"]
    assert "no sdpa" in skipped(choice)["sdpa"]


def test_without_flash_attention_a_gpu_takes_torchs_own_kernel(gpu):
    choice = choose()
    assert (choice.rung, choice.implementation) == ("varlen", segments.VARLEN)
    assert "Hopper" in skipped(choice)["flash_attention_3"]
    assert skipped(choice)["flash_attention_2"] == "flash-attn is not installed"
    assert skipped(choice)["kernels"] == "kernels is not installed"


@pytest.mark.parametrize(
    ("major", "dtype", "reason"),
    [(7, HALF, "Ampere"), (8, torch.float32, "dtype bfloat16"), (9, torch.float32, "dtype")],
)
def test_an_old_gpu_or_float32_takes_segments(gpu, major, dtype, reason):
    gpu(major)
    choice = choose(dtype=dtype)
    assert choice.rung == "segments"
    assert reason in skipped(choice)["flash_attention_2"]
    assert reason in skipped(choice)["varlen"]


def test_a_torch_without_varlen_steps_down(gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", None)
    choice = choose()
    assert choice.rung == "segments"
    assert "no torch.nn.attention.varlen" in skipped(choice)["varlen"]


def test_an_older_varlen_steps_down(gpu, monkeypatch):
    from torch.nn.attention import varlen

    monkeypatch.setattr(varlen, "varlen_attn", lambda query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, is_causal: 0)
    assert "from 2.13" in skipped(choose())["varlen"]


@pytest.mark.parametrize("major", [8, 9, 10])
def test_flash_attention_2_is_taken_where_it_works(gpu, install, takes, major):
    gpu(major)
    install("flash-attn", "2.8.3", "flash_attn")
    takes("is_flash_attn_2_available", answer=True)
    for packed in (True, False):
        choice = choose(packed=packed)
        assert (choice.rung, choice.implementation) == ("flash_attention_2", "flash_attention_2")
    assert choose("require-flash").rung == "flash_attention_2"


def test_flash_attention_3_is_taken_on_a_hopper_gpu_alone(gpu, install, takes):
    install("flash-attn-3", "3.0.0", "flash_attn_interface")
    takes("is_flash_attn_3_available", answer=True)
    assert choose().rung == "varlen"
    gpu(9)
    assert choose().rung == "flash_attention_3"
    assert choose(packed=False).rung == "flash_attention_3"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("import flash_attn_2_cuda", "No module named 'flash_attn_2_cuda'"),
        (
            "raise ImportError('undefined symbol: _ZN3c104cuda9SetDeviceEi\\nin flash_attn_2_cuda.so')",
            "undefined symbol",
        ),
        ("raise OSError('libcudart.so.12: cannot open shared object file')", "libcudart"),
    ],
    ids=["built without CUDA", "for another torch", "for another CUDA"],
)
def test_a_half_built_wheel_steps_down_with_its_reason(gpu, install, takes, content, reason):
    install("flash-attn", "2.8.3", "flash_attn", content)
    takes("is_flash_attn_2_available", answer=True)
    choice = choose()
    assert choice.rung == "varlen"
    assert reason in skipped(choice)["flash_attention_2"]
    assert "\n" not in choice.line
    with pytest.raises(RecipeError, match=r"flash-attn 2\.8\.3 is built without CUDA or for another torch"):
        choose("require-flash")


def _unreadable():
    raise ValueError("Invalid version: 'None'")


@pytest.mark.parametrize("answer", [False, _unreadable], ids=["too old", "unreadable"])
def test_a_wrong_version_steps_down_with_its_reason(gpu, install, takes, answer):
    install("flash-attn", "1.0.9", "flash_attn")
    takes("is_flash_attn_2_available", answer)
    assert skipped(choose())["flash_attention_2"] == "transformers does not take flash-attn 1.0.9"


def test_kernels_of_a_version_that_transformers_refuses_steps_down(gpu, install, takes):
    install("kernels", "0.17.2", "kernels")
    takes("is_kernels_available", answer=False)
    assert skipped(choose())["kernels"] == "transformers does not take kernels 0.17.2"


@pytest.mark.parametrize("major", [8, 9])
def test_the_hubs_kernel_is_taken_where_it_can_be_loaded(gpu, takes, monkeypatch, major):
    gpu(major)
    takes("is_kernels_available", answer=True)
    loaded = []
    monkeypatch.setattr(attention, "_load_kernel", loaded.append)
    choice = choose("require-flash")
    assert choice.rung == "kernels"
    assert loaded == [choice.implementation]
    assert ("flash-attn3" if major == 9 else "flash-attn2") in choice.implementation


def test_the_hubs_kernel_steps_down_where_it_is_neither_cached_nor_to_be_fetched(gpu, takes, monkeypatch):
    """Through transformers' own loader; what fails is `kernels`."""
    from transformers.integrations import hub_kernels

    def offline(*_, **__):
        raise FileNotFoundError("offline and not in the cache")

    takes("is_kernels_available", answer=True)
    monkeypatch.setattr(hub_kernels, "is_kernels_available", lambda: True)
    monkeypatch.setattr(hub_kernels, "get_kernel", offline)
    choice = choose()
    assert choice.rung == "varlen"
    assert "offline and not in the cache" in skipped(choice)["kernels"]


def test_models_without_flash_attention_take_none(gpu, install, takes):
    import transformers

    install("flash-attn", "2.8.3", "flash_attn")
    takes("is_flash_attn_2_available", answer=True)
    config = transformers.BloomConfig()
    choice = attention.choose("auto", "cuda", HALF, packed=True, config=config, max_length=8)
    assert skipped(choice)["flash_attention_2"] == "transformers has no flash attention for this model"


def test_heads_that_are_too_large_take_none(gpu, install, takes):
    install("flash-attn", "2.8.3", "flash_attn")
    takes("is_flash_attn_2_available", answer=True)
    assert "heads of 320" in skipped(choose(head_dim=320))["flash_attention_2"]


@pytest.mark.parametrize("packed", [True, False])
def test_require_flash_says_why_each_is_not_to_be_had(packed):
    with pytest.raises(RecipeError) as caught:
        choose("require-flash", device="cpu", dtype=torch.float32, packed=packed)
    message = str(caught.value)
    assert message.startswith("trainer.attention: 'require-flash'")
    assert "this is the cpu" in message
    assert ("kernels" in message) is packed
    assert "\n" not in message


@pytest.mark.parametrize("rung", attention.RUNGS)
def test_a_rung_that_is_named_is_taken_or_an_error(rung):
    if rung in ("segments", "sdpa", "eager"):
        choice = choose(rung, device="cpu", dtype=torch.float32)
        assert choice.rung == rung
        assert choice.reason == "as the recipe says"
        assert not choice.skipped
    else:
        with pytest.raises(RecipeError, match=f"'{rung}' is not to be had: it needs a CUDA device"):
            choose(rung, device="cpu", dtype=torch.float32)


def test_a_rung_for_packed_rows_is_refused_for_others():
    with pytest.raises(RecipeError, match="'segments' is for packed rows"):
        choose("segments", device="cpu", dtype=torch.float32, packed=False)


def test_segments_by_name_is_refused_for_a_window_that_matters():
    with pytest.raises(RecipeError, match="sliding window of 64"):
        choose("segments", device="cpu", dtype=torch.float32, name="starcoder2", sliding_window=64)


def test_the_wanted_names_are_the_rungs_and_two_more():
    from typing import get_args

    assert get_args(attention.Wanted) == ("auto", "require-flash", *attention.RUNGS)


def test_the_ladder_is_imported_without_torch_or_transformers():
    program = "import sys, magicoder_flash_attention.attention; print({'torch', 'transformers'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"


@pytest.mark.gpu
def test_on_this_gpu_the_chosen_rung_runs():
    from magicoder_flash_attention import selftest

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    config = tiny.config("llama")
    choice = attention.choose("auto", "cuda", HALF, packed=True, config=config, max_length=112)
    assert choice.rung in (*attention.FLASH, "varlen")
    model = tiny.model("llama", choice.implementation).to("cuda", HALF)
    proof = selftest.prove(model, choice, tiny.rows())
    assert proof.ok, f"{choice.line}: {proof.detail}"
