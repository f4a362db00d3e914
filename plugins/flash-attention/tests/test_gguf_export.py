"""What stands in an exported file, that it is written whole and alike, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from magicoder_flash_attention import student
from magicoder_flash_attention.gguf import export, weights

from magicoder_core import ModelError, progress
from magicoder_core.cli.main import cli

_spec = importlib.util.spec_from_file_location("gguf_tiny", Path(__file__).parent / "gguf_tiny.py")
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A llama, as it was saved."""
    return tiny.save(tmp_path_factory.mktemp("gguf") / "llama", tiny.model(tiny.config("llama")))


@pytest.fixture
def copy(folder, tmp_path):
    """A llama to break."""
    return Path(shutil.copytree(folder, tmp_path / "llama"))


def contents(path):
    """The metadata of a file, and its tensors by name."""
    import gguf

    reader = gguf.GGUFReader(path)
    return {name: field.contents() for name, field in reader.fields.items()}, {one.name: one for one in reader.tensors}


def loaded(path, dtype):
    """The model that transformers makes of a file."""
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=dtype).eval()


@pytest.mark.parametrize("name", ["llama", "llama, tied, biases", "qwen2", "starcoder2"])
@pytest.mark.parametrize("kind", ["f16", "bf16"])
def test_transformers_reads_the_same_numbers_back(tmp_path, name, kind):
    import torch

    dtype = {"f16": torch.float16, "bf16": torch.bfloat16}[kind]
    model = tiny.model(tiny.CONFIGS[name]())
    export(tiny.save(tmp_path / "m", model), tmp_path / "m.gguf", kind)
    back = loaded(tmp_path / "m.gguf", torch.float32)
    biased = (
        name == "llama, tied, biases"
    )  # transformers reads no biases of a llama; llama.cpp does, see the other tests
    for key, value in back.state_dict().items():
        truth = model.state_dict()[key]
        assert torch.equal(value, truth.to(dtype).float() if truth.dim() == 2 else truth), key
    assert biased or back.state_dict().keys() == model.state_dict().keys()


def test_transformers_computes_the_same_with_what_it_reads_back(tmp_path):
    import torch

    words, model = tiny.tokenizer(), tiny.model(tiny.config("llama"))
    export(tiny.save(tmp_path / "m", model, words), tmp_path / "m.gguf")
    tokens = words(" ".join(tiny.TEXTS), return_tensors="pt")["input_ids"]
    with torch.no_grad():
        mine, truth = (one(tokens).logits for one in (loaded(tmp_path / "m.gguf", torch.float32), model))
    assert float((mine - truth).abs().max()) < 0.02 * float(truth.abs().max())


def test_8_bit_blocks_are_as_near_as_a_half_step(folder, tmp_path):
    import gguf
    import torch
    from safetensors.torch import load_file

    export(folder, tmp_path / "m.gguf", "q8_0")
    _, tensors = contents(tmp_path / "m.gguf")
    truth = load_file(folder / "model.safetensors")["model.layers.0.mlp.up_proj.weight"]
    tensor = tensors["blk.0.ffn_up.weight"]
    assert tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0
    back = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
    # Half a step, and what the scale loses in float16: 127 steps times 2**-11.
    step = truth.unflatten(1, (-1, 32)).abs().amax(-1, keepdim=True) / 127
    assert bool(((back - truth).unflatten(1, (-1, 32)).abs() <= 0.57 * step).all())


def test_rows_that_make_no_whole_blocks_stay_in_16_bits(tmp_path):
    import gguf

    model = tiny.model(tiny.config("llama", intermediate_size=80))
    export(tiny.save(tmp_path / "m", model), tmp_path / "m.gguf", "q8_0")
    _, tensors = contents(tmp_path / "m.gguf")
    assert tensors["blk.0.ffn_down.weight"].tensor_type == gguf.GGMLQuantizationType.F16
    assert tensors["blk.0.ffn_up.weight"].tensor_type == gguf.GGMLQuantizationType.Q8_0


def test_turning_puts_the_halves_of_a_head_side_by_side():
    import torch

    assert weights.turn(torch.arange(12), 6).tolist() == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_the_bytes_depend_on_the_content_alone(folder, tmp_path, monkeypatch, kind):
    import torch

    export(folder, tmp_path / "one.gguf", kind)
    # Saved in several files, read in other pieces, under another name.
    model = tiny.model(tiny.config("llama"))
    several = tiny.save(tmp_path / "several", model, max_shard_size="40KB")
    assert len(list(several.glob("*.safetensors"))) > 1
    monkeypatch.setattr(weights, "_PIECE", 64 * 5)
    torch.manual_seed(1)
    export(several, tmp_path / "two.gguf", kind)
    assert (tmp_path / "one.gguf").read_bytes() == (tmp_path / "two.gguf").read_bytes()


def test_little_is_held_at_a_time(tmp_path, monkeypatch):
    """No piece is larger than what was set, whatever a tensor's size; whole heads are the least there is."""
    sizes = []
    real = weights._bytes
    monkeypatch.setattr(weights, "_PIECE", 1000)
    monkeypatch.setattr(weights, "_bytes", lambda rows, tensor: sizes.append(rows.numel()) or real(rows, tensor))
    export(tiny.save(tmp_path / "m", tiny.model(tiny.config("llama"))), tmp_path / "m.gguf")
    assert max(sizes) <= max(1000, 16 * 64)
    assert len(sizes) > 100


def test_the_metadata_says_what_the_tokenizer_does(tmp_path):
    import gguf

    words = tiny.tokenizer(bos="<s>", adds_bos=True, plain=["<tool>"])
    export(tiny.save(tmp_path / "m", tiny.model(tiny.config("llama")), words), tmp_path / "m.gguf")
    found, _ = contents(tmp_path / "m.gguf")
    tokens, types = found["tokenizer.ggml.tokens"], found["tokenizer.ggml.token_type"]
    assert len(tokens) == len(types) == tiny.SIZE
    assert tokens[: len(words)] == words.convert_ids_to_tokens(range(len(words)))
    assert found["tokenizer.ggml.bos_token_id"] == words.bos_token_id
    assert found["tokenizer.ggml.eos_token_id"] == words.eos_token_id
    assert found["tokenizer.ggml.add_bos_token"] is True
    assert found["tokenizer.chat_template"] == tiny.CHAT
    kinds = {
        words.eos_token_id: "CONTROL",
        words.convert_tokens_to_ids("<tool>"): "USER_DEFINED",
        tiny.SIZE - 1: "UNUSED",
    }
    assert {number: gguf.TokenType(types[number]).name for number in kinds} == kinds
    assert found["llama.context_length"] == 512


def test_progress_tells_of_each_byte(folder, tmp_path):
    told = []

    class Heard(progress.Silent):
        def begin(self, name, total, unit):
            told.append([name, total, 0])
            return len(told) - 1

        def advance(self, task, amount, figures):
            told[task][2] += amount

    with progress.reporting(Heard()):
        export(folder, tmp_path / "m.gguf")
    assert [name for name, *_ in told] == ["write m.gguf"]
    assert told[0][1] == told[0][2] > 100_000


def test_a_base_names_the_split_that_the_definition_does_not(folder, tmp_path):
    odd = tiny.save(tmp_path / "odd", tiny.model(tiny.config("llama")), tiny.tokenizer("none"))
    with pytest.raises(ModelError, match=r"odd: its tokenizer splits text in no way that we know of .*--base"):
        export(odd, tmp_path / "m.gguf")
    export(folder, tmp_path / "base.gguf")
    export(odd, tmp_path / "m.gguf", base=tmp_path / "base.gguf")
    assert contents(tmp_path / "m.gguf")[0]["tokenizer.ggml.pre"] == "gpt-2"


def test_a_base_is_not_asked_where_the_definition_is_known(folder, tmp_path):
    export(folder, tmp_path / "m.gguf", base=tmp_path / "missing.gguf")
    assert contents(tmp_path / "m.gguf")[0]["tokenizer.ggml.pre"] == "gpt-2"


@pytest.mark.parametrize(
    ("base", "said"),
    [("other", "its vocabulary is not that of"), ("text", "no GGUF file"), ("missing", "no GGUF file")],
)
def test_a_base_that_cannot_say_is_one_line(folder, tmp_path, base, said):
    odd = tiny.save(tmp_path / "odd", tiny.model(tiny.config("llama")), tiny.tokenizer("none"))
    path = tmp_path / "base.gguf"
    if base == "text":
        path.write_text("no model at all, but longer than any header could be")
    if base == "other":
        words = tiny.tokenizer()
        definition = json.loads(words.backend_tokenizer.to_str())
        definition["model"]["merges"].pop()
        other = Path(shutil.copytree(folder, tmp_path / "other"))
        (other / "tokenizer.json").write_text(json.dumps(definition))
        export(other, path)
    with pytest.raises(ModelError, match=said):
        export(odd, tmp_path / "m.gguf", base=path)


def rewritten(folder, name, **changes):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **changes}))


REFUSED = {
    "another architecture": (
        lambda f: rewritten(f, "config.json", model_type="phi"),
        "models of type 'phi'; known: gpt_bigcode, llama, qwen2, starcoder2",
    ),
    "no architecture": (lambda f: rewritten(f, "config.json", model_type="nonesuch"), "configuration cannot be read"),
    "torn config": (lambda f: (f / "config.json").write_text("{"), "configuration cannot be read"),
    "no config": (lambda f: (f / "config.json").unlink(), "no config.json"),
    "an adapter": (lambda f: (f / "config.json").rename(f / "adapter_config.json"), "LoRA adapter only"),
    "quantized": (
        lambda f: rewritten(f, "config.json", quantization_config={"quant_method": "awq"}),
        "weights are quantized",
    ),
    "activation": (lambda f: rewritten(f, "config.json", hidden_act="relu"), r"activation 'relu' \(known: silu\)"),
    "yarn": (
        lambda f: rewritten(f, "config.json", rope_parameters={"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}),
        r"rope scaling 'yarn' \(known: default, linear, llama3\)",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors"),
    "torn weights": (
        lambda f: (f / "model.safetensors").write_bytes(b"\x08\0\0\0"),
        "model.safetensors: cannot be read",
    ),
    "more layers": (
        lambda f: rewritten(f, "config.json", num_hidden_layers=3),
        r"9 weights .* missing, as model.layers.2",
    ),
    "fewer layers": (lambda f: rewritten(f, "config.json", num_hidden_layers=1), "9 weights belong to no part"),
    "other sizes": (lambda f: rewritten(f, "config.json", intermediate_size=32), "has the shape"),
    "too few rows": (lambda f: rewritten(f, "config.json", vocab_size=300), "has no embedding; the model has 300"),
    "no tokenizer": (
        lambda f: [(f / name).unlink() for name in ("tokenizer.json", "tokenizer_config.json")],
        "transformers cannot load it",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(copy, tmp_path, why):
    breaking, said = REFUSED[why]
    breaking(copy)
    (tmp_path / "m.gguf").write_text("old")
    with pytest.raises(ModelError, match=said) as caught:
        export(copy, tmp_path / "m.gguf")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "m.gguf").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["llama", "m.gguf"]


def test_a_missing_part_is_one_line(tmp_path):
    folder = tiny.save(tmp_path / "m", tiny.model(tiny.config("llama")), max_shard_size="40KB")
    (part := sorted(folder.glob("*.safetensors"))[1]).unlink()
    with pytest.raises(ModelError, match=rf"{part.name}: cannot be read"):
        export(folder, tmp_path / "m.gguf")
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ModelError, match="no list of weights"):
        export(folder, tmp_path / "m.gguf")


def test_a_folder_is_no_target(folder, tmp_path):
    with pytest.raises(ModelError, match="is no file"):
        export(folder, tmp_path)


def redefined(folder, where, value):
    content = json.loads((folder / "tokenizer.json").read_text())
    inner = content
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    (folder / "tokenizer.json").write_text(json.dumps(content))


def greedy(folder):
    tiny.tokenizer(greedy=True).save_pretrained(folder)


def around(folder):
    words = tiny.tokenizer(bos="[out]", adds_bos=True)
    words.bos_token = "<s>"
    words.save_pretrained(folder)


def unstopped(folder):
    words = tiny.tokenizer(chat="{{ messages[0].content }}")
    words.eos_token = None
    words.save_pretrained(folder)


TOKENIZERS = {
    "blanks": (greedy, r"whitespace taken by <\|endoftext\|>"),
    "sentence pieces": (lambda f: redefined(f, ("model", "byte_fallback"), True), "no byte-level BPE"),
    "no merges": (lambda f: redefined(f, ("model", "merges"), []), "no byte-level BPE"),
    "normalizer": (lambda f: redefined(f, ("normalizer",), {"type": "Lowercase"}), "normalizer Lowercase"),
    "ends of words": (lambda f: redefined(f, ("model", "end_of_word_suffix"), "</w>"), "end_of_word_suffix"),
    "tokens around": (around, "puts other tokens around a text than BOS and EOS"),
    "stops": (
        lambda f: rewritten(f, "generation_config.json", eos_token_id=[100, 101, 102]),
        "room for two more stop tokens than EOS, not for",
    ),
    "no stop": (unstopped, "no stop token"),
}


@pytest.mark.parametrize("why", TOKENIZERS)
def test_a_tokenizer_that_llama_cpp_cannot_be_is_one_line(copy, tmp_path, why):
    breaking, said = TOKENIZERS[why]
    breaking(copy)
    with pytest.raises(ModelError, match=said) as caught:
        export(copy, tmp_path / "m.gguf")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m.gguf").exists()


def test_a_bos_that_the_template_alone_would_not_set_is_said(tmp_path):
    told = []

    class Heard(progress.Silent):
        def say(self, line):
            told.append(line)

    words = tiny.tokenizer(bos="<s>", adds_bos=True)
    with progress.reporting(Heard()):
        export(tiny.save(tmp_path / "m", tiny.model(tiny.config("llama")), words), tmp_path / "m.gguf")
    assert told == [f"{tmp_path / 'm'}: llama.cpp will put <s> before a conversation, the chat template alone does not"]


@pytest.mark.parametrize(
    "changes", [{"multi_query": False}, {"scale_attn_weights": False}, {"activation_function": "relu"}]
)
def test_a_bigcode_model_that_llama_cpp_computes_otherwise_is_refused(tmp_path, changes):
    model = tiny.model(tiny.config("gpt_bigcode", **changes))
    with pytest.raises(ModelError, match=r"llama\.cpp does not compute this gpt_bigcode model"):
        export(tiny.save(tmp_path / "m", model), tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("number", "kind", "said"), [(1e5, "f16", "too large for float16"), (float("nan"), "bf16", "finite")]
)
def test_a_weight_that_cannot_be_stored_leaves_no_file(tmp_path, number, kind, said):
    import torch

    model = tiny.model(tiny.config("llama"))
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 4] = number
    with pytest.raises(ModelError, match=rf"blk\.1\.ffn_up\.weight: .*{said}"):
        export(tiny.save(tmp_path / "m", model), tmp_path / "m.gguf", kind)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_full_disk_leaves_no_file(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        export(folder, tmp_path / "m.gguf")
    assert caught.value.filename == str(tmp_path / "m.gguf")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_file_and_says_so(folder, tmp_path):
    out = CliRunner().invoke(cli, ["gguf", str(folder), str(tmp_path / "m.gguf"), "--type", "q8_0"])
    assert out.exit_code == 0, out.output
    assert f"{tmp_path / 'm.gguf'} (0.2 MB, q8_0)" in out.output
    assert contents(tmp_path / "m.gguf")[0]["general.file_type"] == 7


@pytest.mark.model
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"])
def test_a_real_model_comes_back_bit_for_bit(tmp_path, name):
    import torch

    folder = Path(student.source(name))
    export(folder, tmp_path / "m.gguf", "bf16")
    back, truth = loaded(tmp_path / "m.gguf", torch.bfloat16), student.model_of(str(folder), torch.bfloat16, "sdpa")
    words = student.tokenizer_of(str(folder))
    for key, value in back.state_dict().items():
        assert torch.equal(value, truth.state_dict()[key]), key
    ids = words("def fibonacci(n):\n    if n < 2:\n        return n\n", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.equal(back(ids).logits, truth(ids).logits)
