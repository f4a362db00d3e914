"""The proof that packed equals separate: what it sees, and that it leaves no trace."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from magicoder_flash_attention import attention, head, segments, selftest

from magicoder_core import RunError

_spec = importlib.util.spec_from_file_location("architectures", Path(__file__).parent / "architectures.py")
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)


@pytest.fixture(autouse=True, scope="module")
def _registered():
    segments.register()


def leaking(name):
    """An attention that ignores segments, under a name of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    AttentionInterface.register(name, sdpa_attention_forward)
    AttentionMaskInterface.register(name, lambda **_: None)
    return name


@pytest.mark.parametrize("implementation", ["sdpa", "eager", segments.SEGMENTS])
@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt_bigcode"])
def test_a_right_attention_is_proven_in_float32(name, implementation):
    proof = selftest.prove(tiny.model(name, implementation), implementation, tiny.rows())
    assert proof.ok
    assert proof.method == "equality"
    assert max(proof.logits, proof.gradients) < 1e-5
    assert proof.control > 0.05
    assert "equality" in proof.detail


def test_a_sliding_window_is_proven_with_dense_attention():
    assert selftest.prove(tiny.model("starcoder2", "sdpa"), "sdpa", tiny.rows()).ok


@pytest.mark.parametrize("implementation", ["sdpa", "eager", segments.SEGMENTS])
@pytest.mark.parametrize("how", ["bfloat16", "autocast", "autocast in force"])
def test_a_right_attention_is_proven_in_bfloat16_by_perturbation(implementation, how):
    model = tiny.model("llama", implementation)
    if how == "bfloat16":
        proof = selftest.prove(model.bfloat16(), implementation, tiny.rows())
    elif how == "autocast":
        proof = selftest.prove(model, implementation, tiny.rows(), autocast=torch.bfloat16)
    else:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            proof = selftest.prove(model, implementation, tiny.rows())
    assert proof.ok
    assert proof.method == "perturbation"
    assert proof.control > 0.05


def disturbed(name, disturb):
    """Our attention, and what ``disturb`` makes of its output."""
    from transformers import AttentionInterface, AttentionMaskInterface

    def attend(*given, **more):
        output, weights = segments.segments(*given, **more)
        return disturb(output), weights

    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, segments.mask)
    return name


def test_rounding_that_hangs_on_a_rows_length_is_no_leak():
    # As kernels do that sum in another order for longer rows: 2e-5, more than equality allows.
    name = disturbed("rounding", lambda output: output * (1 + 2e-7 * output.shape[1]))
    proof = selftest.prove(tiny.model("llama", name), name, tiny.rows())
    assert proof.ok
    assert proof.method == "perturbation"
    assert proof.logits == 0
    assert "by equality" in proof.detail


def test_a_leak_as_small_as_rounding_is_caught():
    name = disturbed("seeping", lambda output: output + 1e-3 * output.mean(dim=1, keepdim=True))
    proof = selftest.prove(tiny.model("llama", name), name, tiny.rows())
    assert not proof.ok
    assert proof.logits > 1e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_attention_that_leaks_is_caught(dtype):
    name = leaking("leaking_attention")
    proof = selftest.prove(tiny.model("llama", name).to(dtype), name, tiny.rows())
    assert not proof.ok
    assert proof.logits > 0.05
    assert proof.gradients > 0.01


def test_an_attention_that_ignores_a_window_is_caught(monkeypatch):
    monkeypatch.setattr(segments, "_check_plain", lambda *_: None)
    model = tiny.model("starcoder2", segments.SEGMENTS, sliding_window=64)
    proof = selftest.prove(model, segments.SEGMENTS, tiny.rows())
    assert not proof.ok
    assert proof.logits > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_in_which_nothing_can_leak_makes_the_test_blind(dtype):
    model = tiny.model("gpt_bigcode", "sdpa").to(dtype)
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_proj.weight.zero_()
        model.transformer.wpe.weight.zero_()
    proof = selftest.prove(model, "sdpa", tiny.rows())
    assert not proof.ok
    assert proof.method == "blind"
    assert "blind" in proof.detail


@pytest.mark.parametrize(
    "fault",
    [RuntimeError("no kernel image\nfor this device"), NotImplementedError("no such operator"), RunError("refused")],
)
def test_an_attention_that_cannot_run_is_no_crash(monkeypatch, fault):
    from transformers import AttentionInterface, AttentionMaskInterface

    def broken(*_, **__):
        raise fault

    AttentionInterface.register("broken_attention", broken)
    AttentionMaskInterface.register("broken_attention", lambda **_: None)
    proof = selftest.prove(tiny.model("llama", "broken_attention"), "broken_attention", tiny.rows())
    assert not proof.ok
    assert proof.method == "failed"
    assert "\n" not in proof.detail
    assert str(fault).split()[0] in proof.detail


def test_memory_that_is_out_is_said(monkeypatch):
    model = tiny.model("llama")

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model, "forward", full)
    with pytest.raises(torch.OutOfMemoryError):
        selftest.prove(model, "sdpa", tiny.rows())


def test_adapters_and_an_attached_head_are_proven_too():
    model = tiny.adapted(tiny.model("llama", segments.SEGMENTS))
    head.attach(model)
    proof = selftest.prove(model, segments.SEGMENTS, tiny.rows())
    assert proof.ok
    assert 0 < proof.gradients < 1e-5


def test_the_model_is_left_as_it_was():
    model = tiny.model("llama", "sdpa", attention_dropout=0.5)
    model.model.layers[0].eval()
    modes = [module.training for module in model.modules()]
    model(input_ids=torch.tensor([[5, 6]]), labels=torch.tensor([[5, 6]])).loss.backward()
    before = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    state = torch.get_rng_state()
    assert selftest.prove(model, segments.SEGMENTS, tiny.rows()).ok
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(parameter.grad, before[name]) for name, parameter in model.named_parameters())
    assert model.config._attn_implementation == "sdpa"


def test_frozen_models_are_proven_by_logits_alone():
    proof = selftest.prove(tiny.model("llama").requires_grad_(False), "sdpa", tiny.rows())
    assert proof.ok
    assert proof.gradients is None
    assert "no gradients" in proof.detail


def test_of_a_large_model_the_gradients_of_some_parameters_are_compared(monkeypatch):
    model = tiny.model("llama")
    first = model.model.embed_tokens.weight
    monkeypatch.setattr(selftest, "_PARAMETERS", first.numel() + 2000)
    chosen = selftest._parameters(model)
    assert any(parameter is first for parameter in chosen)
    assert sum(parameter.numel() for parameter in chosen) <= first.numel() + 2000
    assert 1 < len(chosen) < len(list(model.parameters()))
    assert selftest.prove(model, "sdpa", tiny.rows()).ok


def test_a_choice_of_the_ladder_is_proven_by_its_implementation():
    model = tiny.model("llama")
    choice = attention.choose("auto", "cpu", torch.float32, packed=True, config=model.config, max_length=112)
    assert selftest.prove(model, choice, tiny.rows()).ok


@pytest.mark.parametrize("lengths", [(), (5,), (5, 1, 1)])
def test_too_few_examples_are_a_plain_error(lengths):
    with pytest.raises(ValueError, match="two examples"):
        selftest.prove(tiny.model("llama"), "sdpa", tiny.rows(lengths))
