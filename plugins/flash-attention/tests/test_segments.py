"""Attention of packed rows: each architecture, each implementation, right and wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from magicoder_flash_attention import segments

from magicoder_core import RecipeError, RunError

_spec = importlib.util.spec_from_file_location("architectures", Path(__file__).parent / "architectures.py")
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

HERE = ("sdpa", "eager", segments.SEGMENTS)
ON_GPU = ("flash_attention_2", "flash_attention_3", "kernels", "varlen", "segments", "sdpa")
"""Rungs; those of FlashAttention need packages that not everybody has."""
EXACT = 1e-5


@pytest.fixture(autouse=True, scope="module")
def _registered():
    segments.register()


def build(name, implementation, *, lora=False, checkpointing=False):
    """A model that may run with that implementation: without its window, where per-segment attention refuses it."""
    wide = {"sliding_window": 4096} if name == "starcoder2" and implementation == segments.SEGMENTS else {}
    made = tiny.model(name, implementation, **wide)
    made = tiny.adapted(made) if lora else made
    if checkpointing:
        base = made.get_base_model() if lora else made
        base.enable_input_require_grads()
        enable = getattr(base, "activation_checkpointing_enable", None) or base.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    return made


def separate(model, examples):
    """Logits of each example by itself."""
    inputs = [
        {"input_ids": torch.tensor([row]), "position_ids": torch.arange(len(row))[None], "use_cache": False}
        for row in examples
    ]
    return torch.cat([model(**one).logits[0] for one in inputs])


def loss(logits, examples):
    learnt = tiny.learnt(examples)
    losses = torch.nn.functional.cross_entropy(logits[learnt["predicts"]], learnt["targets"], reduction="none")
    return (losses * learnt["token_weights"]).sum()


@pytest.mark.parametrize("checkpointing", [False, True], ids=["plain", "checkpointing"])
@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("implementation", HERE)
@pytest.mark.parametrize("name", tiny.NAMES)
def test_packed_equals_separate_in_logits_and_gradients(name, implementation, lora, checkpointing):
    model, examples = build(name, implementation, lora=lora, checkpointing=checkpointing), tiny.rows()
    together, alone = model(**tiny.packed(examples)).logits[0], separate(model, examples)
    assert (together - alone).abs().max() / alone.abs().max() < EXACT
    slopes = [tiny.gradients(model, loss(logits, examples)) for logits in (together, alone)]
    assert tiny.apart(*slopes) < EXACT
    assert all(grad.abs().max() > 0 for name, grad in slopes[1].items() if "wpe" not in name)


@pytest.mark.parametrize("lengths", [(1,), (1, 1, 1), (2, 1, 64, 65), (200, 1)])
def test_segments_of_any_lengths_are_computed_as_if_alone(lengths):
    model, examples = build("llama", segments.SEGMENTS), tiny.rows(lengths)
    together, alone = model(**tiny.packed(examples)).logits[0], separate(model, examples)
    assert tiny.apart(together, alone) < EXACT


@pytest.mark.parametrize("name", tiny.NAMES)
def test_the_reference_of_separate_rows_is_transformers_own_attention(name):
    examples = tiny.rows()
    ours = build(name, segments.SEGMENTS)(**tiny.packed(examples)).logits[0]
    wide = {"sliding_window": 4096} if name == "starcoder2" else {}
    assert tiny.apart(ours, separate(tiny.model(name, "eager", **wide), examples)) < EXACT


@pytest.mark.parametrize("implementation", HERE)
def test_padded_rows_equal_separate_ones_without_a_mask(implementation):
    model, examples = build("llama", implementation), tiny.rows()
    logits = model(**tiny.padded(examples)).logits
    real = torch.cat([row[: len(example)] for row, example in zip(logits, examples, strict=True)])
    assert tiny.apart(real, separate(model, examples)) < EXACT


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("name", tiny.NAMES)
@pytest.mark.parametrize(
    "wrong",
    [
        {"attention_mask": torch.ones(1, sum(tiny.LENGTHS), dtype=torch.long)},
        {"use_cache": True},
        {"position_ids": None},
        {"position_ids": torch.arange(sum(tiny.LENGTHS))[None]},
    ],
    ids=["mask of ones", "cache left on", "no positions", "positions without restart"],
)
def test_what_makes_dense_attention_leak_is_still_what_the_facts_say(name, implementation, wrong):
    model, examples = build(name, implementation).eval(), tiny.rows()
    with torch.no_grad():
        leaking = model(**tiny.packed(examples, **wrong)).logits[0]
        assert tiny.apart(leaking, separate(model, examples)) > 0.05


def test_a_mask_of_ones_is_refused_and_not_ignored():
    ones = torch.ones(1, sum(tiny.LENGTHS), dtype=torch.long)
    with pytest.raises(RunError, match="takes no attention_mask"):
        build("llama", segments.SEGMENTS)(**tiny.packed(tiny.rows(), attention_mask=ones))


def test_a_cache_left_on_does_not_make_segments_leak():
    model, examples = build("llama", segments.SEGMENTS), tiny.rows()
    together = model(**tiny.packed(examples, use_cache=True)).logits[0]
    assert tiny.apart(together, separate(model, examples)) < EXACT


def test_a_cache_that_holds_tokens_is_refused():
    model = build("llama", segments.SEGMENTS).eval()
    examples = tiny.rows()
    with torch.no_grad():
        before = model(input_ids=torch.tensor([[5, 6, 7]]), use_cache=True)
    name = "cache" if hasattr(before, "cache") else "past_key_values"
    with pytest.raises(RunError, match="use_cache=False"):
        model(**tiny.packed(examples, use_cache=True, **{name: getattr(before, name)}))


def test_bounds_that_got_lost_are_noticed():
    inputs = tiny.packed(tiny.rows())
    del inputs["cu_seq_lens_q"]
    with pytest.raises(RunError, match="cu_seq_lens_q does not say"):
        build("llama", segments.SEGMENTS)(**inputs)


def test_several_packed_rows_are_refused():
    inputs = tiny.packed(tiny.rows())
    for name in ("input_ids", "position_ids"):
        inputs[name] = inputs[name].repeat(2, 1)
    with pytest.raises(RunError, match="one row, not 2"):
        build("llama", segments.SEGMENTS)(**inputs)


def test_a_window_that_a_segment_is_longer_than_is_refused_while_computing():
    model = tiny.model("starcoder2", segments.SEGMENTS, sliding_window=64)
    with pytest.raises(RunError, match="sliding window of 64 tokens for 112"):
        model(**tiny.packed(tiny.rows()))
    with pytest.raises(RunError, match="sliding window of 64 tokens for 112"):
        model(**tiny.padded(tiny.rows()))
    assert torch.isfinite(model(**tiny.packed(tiny.rows((60, 4, 64)))).logits).all()


@pytest.mark.parametrize("name", ["softcap", "s_aux", "position_bias"])
def test_more_than_plain_causal_attention_is_refused_while_computing(name):
    with pytest.raises(RunError, match=name):
        build("llama", segments.SEGMENTS)(**tiny.packed(tiny.rows(), **{name: 1.0}))


def test_generation_goes_by_transformers_own_attention():
    ours, theirs = (tiny.model("llama", name).eval() for name in (segments.SEGMENTS, "sdpa"))
    prompt = torch.tensor([[1, 1, 5, 6, 7], [8, 9, 10, 11, 12]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    answers = [
        model.generate(prompt, attention_mask=mask, max_new_tokens=8, do_sample=False) for model in (ours, theirs)
    ]
    assert torch.equal(*answers)


@pytest.mark.parametrize(
    ("name", "changes", "longest", "reason"),
    [
        ("llama", {}, 10_000, None),
        ("qwen2", {}, 10_000, None),
        ("gpt_bigcode", {}, 10_000, None),
        ("starcoder2", {"sliding_window": 64}, 64, None),
        ("starcoder2", {"sliding_window": 64}, 65, "window of 64 tokens"),
        ("starcoder2", {"sliding_window": 64}, None, "window of 64 tokens"),
        ("starcoder2", {"sliding_window": None}, 10_000, None),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 64, "max_window_layers": 1}, 65, "window of 64"),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 64, "max_window_layers": 1}, 64, None),
        ("qwen2", {"use_sliding_window": False, "sliding_window": 64}, 65, None),
        ("llama", {"attn_logit_softcapping": 30.0}, 10, "caps its attention scores"),
        ("llama", {"is_causal": False}, 10, "not causal"),
        ("llama", {"layer_types": ["full_attention", "chunked_attention"]}, 10, "chunked_attention"),
    ],
)
def test_what_is_not_plain_causal_attention_is_told_from_the_configuration(name, changes, longest, reason):
    found = segments.not_plain(tiny.config(name, **changes), longest)
    assert found is None if reason is None else reason in found


@pytest.mark.gpu
@pytest.mark.parametrize("name", tiny.NAMES)
@pytest.mark.parametrize("rung", ON_GPU)
def test_packed_equals_separate_on_a_gpu(name, rung):
    from magicoder_flash_attention import attention, selftest

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    wide = {"sliding_window": 4096} if name == "starcoder2" and rung in ("varlen", "segments") else {}
    config = tiny.config(name, **wide)
    try:
        choice = attention.choose(rung, "cuda", torch.bfloat16, packed=True, config=config, max_length=112)
    except RecipeError as error:
        if rung not in attention.FLASH:
            raise
        pytest.skip(str(error))
    model = tiny.model(name, choice.implementation, **wide).to("cuda", torch.bfloat16)
    proof = selftest.prove(model, choice, tiny.rows())
    assert proof.ok, proof.detail
    examples = tiny.rows()
    inputs = {key: value.cuda() if torch.is_tensor(value) else value for key, value in tiny.packed(examples).items()}
    packed_logits = model(**inputs).logits[0].float()
    exact = tiny.model(name, "sdpa", **wide).cuda()
    alone = torch.cat(
        [exact(input_ids=torch.tensor([row], device="cuda"), use_cache=False).logits[0] for row in examples]
    )
    assert tiny.apart(packed_logits, alone) < 0.05  # bfloat16 against float32
