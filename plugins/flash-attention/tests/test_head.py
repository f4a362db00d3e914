"""The loss at supervised positions: equal to that of full logits, in value and gradients, whatever the head."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import pytest
import torch
from magicoder_flash_attention import head

_spec = importlib.util.spec_from_file_location("architectures", Path(__file__).parent / "architectures.py")
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

EXACT = 2e-6
GPU = torch.cuda.is_available()


def of_full_logits(model, inputs, learnt):
    """What the loss must be: all logits, then the weighted sum."""
    logits = model(**inputs).logits.float().flatten(0, 1)[learnt["predicts"]]
    losses = torch.nn.functional.cross_entropy(logits, learnt["targets"], reduction="none")
    return (losses * learnt["token_weights"]).sum()


def compare(model, inputs, learnt, *, kind, rows=64, within=EXACT):
    """The loss and gradients of an attached head against those of full logits; the first is returned."""
    expected = of_full_logits(model, inputs, learnt)
    slopes = tiny.gradients(model, expected)
    attached = head.attach(model, rows=rows)
    found = model(**inputs, **learnt)
    assert attached.kind == kind, attached.reason
    assert found.loss.dtype == torch.float32
    assert found.loss.shape == ()
    assert found.logits is None
    assert found.loss.item() == pytest.approx(expected.item(), rel=within, abs=1e-6)
    mine = tiny.gradients(model, found.loss)
    for name, slope in slopes.items():
        if slope.abs().max() > 0:
            assert tiny.apart(mine[name], slope) < 10 * within, name
        else:
            assert not mine[name].any(), name
    attached.detach()
    return found.loss


def with_bias(model):
    """A model whose head has a bias."""
    old = model.lm_head
    model.lm_head = torch.nn.Linear(old.in_features, old.out_features)
    with torch.no_grad():
        model.lm_head.weight.copy_(old.weight)
        model.lm_head.bias.normal_()
    return model


@pytest.mark.parametrize("rows", [1, 7, 64, 10_000])
@pytest.mark.parametrize("name", tiny.NAMES)
def test_loss_and_gradients_are_those_of_full_logits(name, rows):
    examples = tiny.rows()
    compare(tiny.model(name), tiny.packed(examples), tiny.learnt(examples), kind="chunked", rows=rows)


def test_padded_rows_too():
    examples = tiny.rows()
    learnt = tiny.learnt(examples, width=max(tiny.LENGTHS))
    compare(tiny.model("llama"), tiny.padded(examples), learnt, kind="chunked")


def test_packed_and_padded_rows_give_the_same_loss():
    examples, model = tiny.rows(), tiny.model("llama")
    head.attach(model)
    one = model(**tiny.packed(examples), **tiny.learnt(examples)).loss
    other = model(**tiny.padded(examples), **tiny.learnt(examples, width=max(tiny.LENGTHS))).loss
    assert one.item() == pytest.approx(other.item(), rel=EXACT)


def test_a_head_with_a_bias():
    examples = tiny.rows()
    compare(with_bias(tiny.model("llama")), tiny.packed(examples), tiny.learnt(examples), kind="chunked")


def test_one_supervised_token():
    examples = tiny.rows((20, 30))
    learnt = {name: value[:1] for name, value in tiny.learnt(examples).items()}
    compare(tiny.model("llama-tied"), tiny.packed(examples), learnt, kind="chunked")


@pytest.mark.parametrize("name", ["llama", "llama-tied"])
def test_a_frozen_head_gets_no_gradient_and_none_is_computed(name, monkeypatch):
    from magicoder_flash_attention import chunked

    made = []
    real = chunked._Gradients.__init__
    monkeypatch.setattr(chunked._Gradients, "__init__", lambda self, *args: (real(self, *args), made.append(self))[0])
    examples, model = tiny.rows(), tiny.model(name)
    model.lm_head.requires_grad_(False)
    compare(model, tiny.packed(examples), tiny.learnt(examples), kind="chunked")
    assert made[0].weight is None
    assert made[0].hidden is not None


def test_adapters_below_the_head():
    examples, model = tiny.rows(), tiny.adapted(tiny.model("llama"))
    compare(model, tiny.packed(examples), tiny.learnt(examples), kind="chunked")


@pytest.mark.parametrize("arrangement", ["packed", "padded"])
@pytest.mark.parametrize("name", ["llama", "gpt_bigcode"])
def test_adapters_on_the_head_are_not_passed_by(name, arrangement):
    examples = tiny.rows()
    model = tiny.adapted(tiny.model(name, tie_word_embeddings=False), targets=["lm_head"])
    inputs, width = (
        (tiny.packed(examples), None) if arrangement == "packed" else (tiny.padded(examples), max(tiny.LENGTHS))
    )
    compare(model, inputs, tiny.learnt(examples, width=width), kind="logits")
    assert all(
        grad.any() for grad in tiny.gradients(model, of_full_logits(model, inputs, tiny.learnt(examples))).values()
    )


def test_a_head_that_is_saved_whole_beside_adapters():
    examples = tiny.rows()
    model = tiny.adapted(tiny.model("llama"), targets=["q_proj"], modules_to_save=["lm_head"])
    compare(model, tiny.packed(examples), tiny.learnt(examples), kind="logits")


@pytest.mark.parametrize("empty", ["no tokens", "no supervised tokens"])
@pytest.mark.parametrize("kind", ["chunked", "logits"])
def test_nothing_to_learn_is_a_zero_that_reaches_every_parameter(kind, empty):
    base = tiny.model("llama")
    model = tiny.adapted(base, targets=["q_proj", "lm_head"]) if kind == "logits" else base
    attached = head.attach(model)
    assert attached.kind == kind
    examples = [[1]] if empty == "no tokens" else tiny.rows((1, 1, 1))
    loss = model(**tiny.packed(examples), **tiny.learnt(examples, prompt=1)).loss
    assert loss.item() == 0
    loss.backward()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert len(learning) > 2
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in learning)


def test_activation_checkpointing():
    examples, model = tiny.rows(), tiny.model("llama")
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    compare(model, tiny.packed(examples), tiny.learnt(examples), kind="chunked")


@pytest.mark.parametrize("name", tiny.NAMES)
def test_bfloat16_autocast_of_float32_weights(name):
    """As near to float32 as full logits under autocast are: within half as much again."""
    examples, model = tiny.rows(), tiny.model(name)
    inputs, learnt = tiny.packed(examples), tiny.learnt(examples)
    exact = tiny.gradients(model, of_full_logits(model, inputs, learnt))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        theirs = of_full_logits(model, inputs, learnt)
    stock = tiny.gradients(model, theirs)
    attached = head.attach(model, rows=50)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mine = model(**inputs, **learnt).loss
    slopes = tiny.gradients(model, mine)
    assert attached.kind == "chunked"
    assert mine.dtype == torch.float32
    assert all(slope.dtype == torch.float32 for slope in slopes.values())
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-2)
    assert tiny.apart(slopes, exact) < 1.5 * tiny.apart(stock, exact)


def test_weights_in_bfloat16_sum_their_gradient_in_float32():
    examples, model = tiny.rows(), tiny.model("llama")
    inputs, learnt = tiny.packed(examples), tiny.learnt(examples)
    exact = tiny.gradients(model, of_full_logits(model, inputs, learnt))
    model = model.bfloat16()
    stock = tiny.gradients(model, of_full_logits(model, inputs, learnt))
    head.attach(model, rows=4)
    slopes = tiny.gradients(model, model(**inputs, **learnt).loss)
    assert all(slope.dtype == torch.bfloat16 for slope in slopes.values())
    of_head = [{"it": grads["lm_head.weight"].float()} for grads in (slopes, stock, exact)]
    assert tiny.apart(of_head[0], of_head[2]) < 1.2 * tiny.apart(of_head[1], of_head[2])


def test_evaluation_makes_no_gradients():
    examples, model = tiny.rows(), tiny.model("llama")
    head.attach(model)
    inputs = {**tiny.packed(examples), **tiny.learnt(examples)}
    learning = model(**inputs).loss
    with torch.no_grad():
        loss = model(**inputs).loss
    assert not loss.requires_grad
    assert loss.item() == learning.item()


def test_gradients_are_given_once():
    examples, model = tiny.rows(), tiny.model("llama")
    head.attach(model)
    loss = model(**tiny.packed(examples), **tiny.learnt(examples)).loss
    (3 * loss).backward(retain_graph=True)
    tripled = model.lm_head.weight.grad.clone()
    with pytest.raises(RuntimeError, match="once"):
        loss.backward()
    model.zero_grad()
    model(**tiny.packed(examples), **tiny.learnt(examples)).loss.backward()
    assert tiny.apart(tripled, 3 * model.lm_head.weight.grad) < EXACT


@pytest.mark.parametrize("arrangement", ["packed", "padded"])
def test_a_model_that_does_more_to_its_logits_than_the_head_computes_them_itself(arrangement):
    """A soft cap, as in Gemma 2; `transformers`' Cohere scales."""
    from transformers import LlamaForCausalLM

    class Capped(LlamaForCausalLM):
        def forward(self, *args, **named):
            made = super().forward(*args, **named)
            made.logits = 30 * torch.tanh(made.logits / 30)
            return made

    model, examples = tiny.model("llama"), tiny.rows()
    model.__class__ = Capped
    inputs, width = (
        (tiny.packed(examples), None) if arrangement == "packed" else (tiny.padded(examples), max(tiny.LENGTHS))
    )
    compare(model, inputs, tiny.learnt(examples, width=width), kind="logits")


@pytest.mark.parametrize("name", ["CohereForCausalLM", "GraniteForCausalLM", "Gemma2ForCausalLM"])
def test_real_families_that_scale_or_cap_their_logits(name):
    import transformers

    config = getattr(transformers, name.replace("ForCausalLM", "Config"))(
        **{**tiny.SIZES, "head_dim": 8, **({"logits_scaling": 4.0} if "Granite" in name else {})}
    )
    torch.manual_seed(0)
    model = getattr(transformers, name)._from_config(config, attn_implementation="eager")
    examples = tiny.rows()
    compare(model, tiny.packed(examples), tiny.learnt(examples), kind="logits")


def test_the_look_at_the_head_leaves_no_trace():
    model = tiny.model("llama")
    state = torch.get_rng_state()
    attached = head.attach(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert "forward" not in vars(model.model)
    attached.detach()
    assert "forward" not in vars(model)


def test_without_places_the_model_behaves_as_before_and_detached_it_is_as_before():
    examples, model = tiny.rows(), tiny.model("llama").eval()
    inputs = tiny.packed(examples)
    labels = inputs["input_ids"]
    before = model(**inputs, labels=labels)
    attached = head.attach(model)
    during = model(**inputs, labels=labels)
    assert torch.equal(during.loss, before.loss)
    assert torch.equal(during.logits, before.logits)
    answers = model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=4, do_sample=False)
    attached.detach()
    assert torch.equal(model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=4, do_sample=False), answers)
    with pytest.raises(AttributeError):
        model(**inputs, **tiny.learnt(examples)).loss.backward()


def test_the_signature_names_what_the_model_takes():
    model = tiny.model("llama")
    before = inspect.signature(model.forward).parameters
    head.attach(model)
    after = inspect.signature(model.forward).parameters
    assert set(after) - set(before) == {"predicts", "targets", "token_weights"}
    assert [name for name in after if name in before] == list(before)


@pytest.mark.parametrize("mixed", ["no", "bf16"])
def test_accelerate_wraps_and_unwraps_it(mixed):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, mixed_precision=mixed)
    examples, model = tiny.rows(), tiny.model("llama")
    head.attach(model)
    inputs = {**tiny.packed(examples), **tiny.learnt(examples)}
    plain = model(**inputs).loss.item()
    prepared = accelerator.prepare_model(model)
    assert prepared(**inputs).loss.item() == pytest.approx(plain, rel=1e-2)
    bare = accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)
    assert bare(**inputs).loss.item() == plain
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"use_cache": True}, "use_cache=False"),
        ({"attention_mask": torch.ones(1, 3)}, "leave out attention_mask"),
        ({"labels": torch.ones(1, 3)}, "leave out labels"),
    ],
)
def test_what_would_change_the_loss_is_refused(wrong, message):
    examples, model = tiny.rows(), tiny.model("llama")
    head.attach(model)
    with pytest.raises(ValueError, match=message):
        model(**tiny.packed(examples, **wrong), **tiny.learnt(examples))


def test_arguments_by_place_are_refused_with_places():
    examples, model = tiny.rows(), tiny.model("llama")
    head.attach(model)
    inputs = tiny.packed(examples)
    with pytest.raises(ValueError, match="by name"):
        model(inputs.pop("input_ids"), **inputs, **tiny.learnt(examples))


def test_hooks_of_the_head_are_kept():
    examples, model = tiny.rows(), tiny.model("llama")
    model.lm_head.register_forward_hook(lambda _, __, logits: logits * 2)
    compare(model, tiny.packed(examples), tiny.learnt(examples), kind="logits")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be imported"),
        ("raise ImportError('liger 0.1 needs triton 1')", "liger 0.1 needs triton 1"),
        ("raise RuntimeError('no CUDA driver')", "no CUDA driver"),
        ("liger_fused_linear_cross_entropy = None", "no such kernel"),
    ],
    ids=["missing", "half built", "no driver", "too old"],
)
def test_a_liger_that_does_not_work_is_left_with_a_reason(tmp_path, monkeypatch, content, reason):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    _install_liger(tmp_path, monkeypatch, content)
    attached = head.attach(tiny.model("llama"))
    assert attached.kind == "chunked"
    assert reason in attached.reason
    assert "\n" not in attached.reason


def test_liger_is_taken_where_all_tokens_weigh_the_same_and_never_when_switched_off(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    fake = (
        "import torch\ncalls = []\n"
        "def liger_fused_linear_cross_entropy(hidden, weight, target, bias=None, reduction='mean'):\n"
        "    calls.append(reduction)\n"
        "    logits = torch.nn.functional.linear(hidden, weight, bias)\n"
        "    return torch.nn.functional.cross_entropy(logits, target, reduction=reduction)\n"
    )
    _install_liger(tmp_path, monkeypatch, fake)
    assert head.attach(tiny.model("llama"), liger="off").kind == "chunked"
    examples, model = tiny.rows(), tiny.model("llama")
    inputs, learnt = tiny.packed(examples), tiny.learnt(examples)
    from liger_kernel.transformers import functional

    compare(model, inputs, learnt, kind="liger")
    assert not functional.calls
    even = {**learnt, "token_weights": torch.full_like(learnt["token_weights"], 0.25)}
    compare(model, inputs, even, kind="liger")
    assert functional.calls == ["sum"]


def _install_liger(folder, monkeypatch, functional):
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] in ("liger_kernel", "triton")]:
        monkeypatch.delitem(sys.modules, name)
    for package in ("triton", "liger_kernel", "liger_kernel/transformers"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    if functional is not None:
        (folder / "liger_kernel/transformers/functional.py").write_text(functional)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.gpu
@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("liger", ["auto", "off"])
def test_loss_and_gradients_on_a_gpu(liger, uniform):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    examples, model = tiny.rows(), tiny.model("llama").cuda()
    move = lambda given: {key: value.cuda() if torch.is_tensor(value) else value for key, value in given.items()}  # noqa: E731 - of two lines' use
    inputs, learnt = move(tiny.packed(examples)), move(tiny.learnt(examples))
    if uniform:
        learnt["token_weights"] = torch.full_like(learnt["token_weights"], 1 / len(learnt["targets"]))
    expected = of_full_logits(model, inputs, learnt)
    slopes = tiny.gradients(model, expected)
    attached = head.attach(model, liger=liger)
    found = model(**inputs, **learnt).loss
    assert attached.kind == "chunked" or liger == "auto"
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    assert tiny.apart(tiny.gradients(model, found), slopes) < 1e-3
