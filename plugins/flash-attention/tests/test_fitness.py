"""What is looked at before anything is spent, and what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer

from magicoder_core import ModelError, RecipeError, RunError, jsonl
from magicoder_core.testing import instruction, training_data

ROWS = [instruction(f"Add {number} to x.", f"def add(x):\n    return x + {number}\n") for number in range(10)]


@pytest.fixture
def data(tmp_path):
    return training_data(ROWS, tmp_path, seed=7)


def trainer(base, **more):
    return FlashAttentionTrainer(base_model=str(base), **{"preset": "cpu-tiny", "examples_per_step": 4, **more})


def changed(tiny, folder, change, file="config.json"):
    """A copy of the model with another configuration."""
    shutil.copytree(tiny, folder)
    facts = json.loads((folder / file).read_text())
    change(facts)
    (folder / file).write_text(json.dumps(facts))
    return folder


def test_a_base_that_can_be_tuned_passes(tiny):
    trainer(tiny).check()


@pytest.mark.parametrize("name", ["require-flash", "varlen"])
def test_an_attention_that_must_be_had_is_looked_for_before_anything_is_spent(tiny, name):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(RecipeError, match=r"trainer\.attention: .*needs a CUDA device"):
        trainer(tiny, attention=name).check()
    with pytest.raises(RecipeError, match=r"trainer\.attention: .*needs a CUDA device"):
        trainer("owner/name-on-the-hub", attention=name).check()


def test_a_folder_that_is_no_model_is_said_before_anything_is_spent(tmp_path):
    with pytest.raises(ModelError, match="cannot load it"):
        trainer(tmp_path).check()


def test_a_template_that_is_not_there_is_said_before_anything_is_spent(tiny, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(tiny, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(RecipeError, match=r"trainer\.template: 'chat'"):
        trainer(bare, template="chat").check()


def test_a_model_that_cannot_be_exported_is_said_before_anything_is_spent(tiny, tmp_path, data):
    with pytest.raises(ModelError):
        trainer(tiny, gguf="f16").check()  # its tokenizer has no merges


def test_code_that_comes_with_a_model_is_not_asked_about(tiny, tmp_path, monkeypatch):
    def change(facts):
        facts["model_type"] = "ownkind"
        facts["auto_map"] = {"AutoConfig": "own.Config"}

    folder = changed(tiny, tmp_path / "own", change)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked at the terminal"))
    with pytest.raises(ModelError, match="cannot load it"):
        trainer(folder).check()


def test_rows_beyond_what_the_model_was_made_for_are_said(tiny, tmp_path, said):
    folder = changed(tiny, tmp_path / "short", lambda facts: facts.update(max_position_embeddings=128))
    trainer(folder, max_length=256).check()
    assert said == ["warning: max_length = 256 is beyond the 128 tokens that the model was made for"]


def test_rows_beyond_learnt_positions_are_an_error(tmp_path, make_tokenizer):
    from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 264, "n_positions": 64}
    GPTBigCodeForCausalLM(GPTBigCodeConfig(**sizes)).save_pretrained(tmp_path / "learnt")
    make_tokenizer().save_pretrained(tmp_path / "learnt")
    with pytest.raises(RecipeError, match=r"max_length: 65 tokens, but the model has positions for 64 only"):
        trainer(tmp_path / "learnt", max_length=65).check()


def test_a_tokenizer_that_belongs_to_another_model_is_one_line(tiny, tmp_path, data):
    from transformers import LlamaConfig, LlamaForCausalLM

    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    facts = json.loads((tiny / "config.json").read_text())
    LlamaForCausalLM(LlamaConfig(**{**facts, "vocab_size": 200, "eos_token_id": 2, "pad_token_id": 2})).save_pretrained(
        other
    )
    with pytest.raises(ModelError, match=r"gives token 258, but the model knows 200 tokens only"):
        trainer(other).train(data, tmp_path / "out")


def test_weights_that_are_no_numbers_are_the_base_models_fault(tiny, tmp_path, data):
    import torch
    from transformers import AutoModelForCausalLM

    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = float("nan")
    model.save_pretrained(broken)
    with pytest.raises(ModelError, match=r"its weights model\.layers\.1\.mlp\.up_proj\.weight are not all finite"):
        trainer(broken).train(data, tmp_path / "out")


def test_a_generation_config_that_cannot_be_saved_is_mended(tiny, tmp_path, data, said):
    from transformers import GenerationConfig

    def change(facts):
        facts.update(do_sample=False, temperature=0.9, top_p=0.6)

    folder = changed(tiny, tmp_path / "drawing", change, "generation_config.json")
    checkpoint = trainer(folder, epochs=1).train(data, tmp_path / "out")
    made = GenerationConfig.from_pretrained(checkpoint.path)
    assert (made.do_sample, made.temperature) == (True, 0.9)
    assert any("generation config" in line for line in said)


def test_a_warm_up_of_the_preset_is_a_tenth_of_a_short_training_at_most(tiny, tmp_path, data, said):
    checkpoint = trainer(tiny, preset="fast-full", examples_per_step=4).train(data, tmp_path / "out")
    lines = list(jsonl.read(Path(checkpoint.path) / "training.jsonl"))
    assert lines[0]["learning_rate"] == 5e-5
    assert "warm-up of 0 steps instead of 15: a tenth of 6" in said
    facts = json.loads((Path(checkpoint.path) / "training.json").read_text())
    assert facts["settings"]["warmup_steps"] == 0


def test_a_warm_up_as_long_as_the_training_is_an_error(tiny, tmp_path, data):
    with pytest.raises(RunError, match=r"warmup_steps: 6, but the training has 6 steps"):
        trainer(tiny, warmup_steps=6).train(data, tmp_path / "out")
    trainer(tiny, warmup_steps=5).train(data, tmp_path / "out")


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:1] * 3], ids=["one row", "one row thrice"])
def test_rows_that_leave_nothing_to_hold_out_are_one_line(tiny, tmp_path, rows):
    with pytest.raises(RunError, match=r"held_out = 0.5 needs two different rows"):
        trainer(tiny, held_out=0.5).train(training_data(rows, tmp_path), tmp_path / "out")


def test_rows_that_change_while_they_are_read_are_no_checkpoint(tiny, tmp_path, monkeypatch):
    from magicoder_flash_attention.examples import Writer

    # Rows of their own: those of other tests have been encoded before, and are not read.
    rows = [instruction(f"Subtract {number} from x.", f"x - {number}") for number in range(10)]
    data, add = training_data(rows, tmp_path, seed=7), Writer.add

    def meanwhile(self, items):
        add(self, items)
        with data.path.open("a") as rows:
            rows.write(data.path.read_text().splitlines()[0] + "\n")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "add", meanwhile)
        with pytest.raises(RunError, match="changed while it was read; run the same command again"):
            trainer(tiny).train(data, tmp_path / "out")
    facts = json.loads((Path(trainer(tiny).train(data, tmp_path / "out").path) / "training.json").read_text())
    assert facts["rows"]["rows"] == 11
    assert facts["data"]["method"] == {"sample": 11}


def test_a_file_that_is_gone_when_the_card_is_written_does_no_harm(tiny, tmp_path, data, monkeypatch):
    from magicoder_flash_attention.tuning import Tuning

    finish = Tuning._finish
    monkeypatch.setattr(Tuning, "_finish", lambda self, loop: data.path.unlink() or finish(self, loop))
    assert (Path(trainer(tiny).train(data, tmp_path / "out").path) / "README.md").is_file()


def test_the_card_of_a_second_training_tells_of_the_first(tiny, tmp_path):
    first = trainer(tiny).train(training_data(ROWS[:6], tmp_path / "a", seed=7), tmp_path / "one")
    second = trainer(first.path).train(training_data(ROWS[6:], tmp_path / "b", seed=7), tmp_path / "two")
    third = trainer(second.path).train(training_data(ROWS, tmp_path / "c", seed=7), tmp_path / "three")
    facts = [json.loads((Path(one.path) / "training.json").read_text()) for one in (first, second, third)]
    assert [len(one["before"]) for one in facts] == [0, 1, 2]
    assert [one["trained"] for one in facts[2]["before"]] == [6, 4]
    card = (Path(third.path) / "README.md").read_text()
    assert "# Fine-tuned from tiny" in card
    assert all(one["data"]["sha256"] in card for one in facts)
    assert str(tmp_path) not in card


@pytest.mark.parametrize(
    "text", ['{"data": {"path": "x"}}', "[1]", "{", '{"before": null, "data": {}, "loss": {}}', '{"before": [3]}']
)
def test_a_training_json_of_somebody_elses_is_no_lineage(tiny, tmp_path, text):
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    (base / "training.json").write_text(text)
    rows = training_data(ROWS, tmp_path / "rows", seed=7)
    folder = Path(trainer(base, epochs=1).train(rows, tmp_path / "out").path)
    assert json.loads((folder / "training.json").read_text())["before"] == []


def test_a_model_that_cannot_be_exported_is_not_trained_either(tiny, tmp_path, data):
    with pytest.raises(ModelError):
        trainer(tiny, gguf="f16").train(data, tmp_path / "out")
    assert not (tmp_path / "out" / "state").exists()


def test_rows_that_change_before_they_are_read_are_not_kept_under_the_old_ones(tiny, tmp_path, monkeypatch):
    from magicoder_flash_attention import encoding

    rows = [instruction(f"Multiply {number} by x.", f"x * {number}") for number in range(10)]
    data, write = training_data(rows, tmp_path, seed=7), encoding._write
    before = data.path.read_text()

    def later(folder, **given):
        data.path.write_text(before.replace("Multiply", "Divide"))
        write(folder, **given)

    with monkeypatch.context() as patch:
        patch.setattr(encoding, "_write", later)
        with pytest.raises(RunError, match="changed while it was read"):
            trainer(tiny).train(data, tmp_path / "out")
    data.path.write_text(before)
    facts = json.loads((Path(trainer(tiny).train(data, tmp_path / "out").path) / "training.json").read_text())
    assert facts["rows"]["kept"] == 10


@pytest.mark.parametrize(
    ("epochs", "vocabulary", "seen"), [(20, 32_768, 1216), (20, 152_000, 755), (3, 32_768, 209), (1, 32_768, 128)]
)
def test_the_self_test_sees_the_longest_row_unless_that_takes_too_much(epochs, vocabulary, seen):
    import numpy as np
    from magicoder_flash_attention.examples import Example, Examples
    from magicoder_flash_attention.plan import Arrangement, Plan
    from magicoder_flash_attention.work import Work

    examples = Examples.of(Example(str(size), list(range(size)), 1) for size in (10, 70, 1216, 100))
    every = np.arange(4)
    plan = Plan(examples.lengths, digest="", epochs=epochs, examples_per_step=4, seed=0)
    work = Work(
        examples,
        trained=every,
        held_out=every[:0],
        plan=plan,
        arrangement=Arrangement("packed"),
        norm="token",
        pair=2,
        pad=0,
    )
    assert [len(row) for row in work.samples(vocabulary=vocabulary)] == [seen, 10, 64]


def test_the_card_names_the_prompt_format(tiny, tmp_path, data):
    folder = Path(trainer(tiny, template="magicoder").train(data, tmp_path / "out").path)
    assert "| prompt format | Magicoder's markers (@@ Instruction, @@ Response) |" in (folder / "README.md").read_text()


def test_a_log_that_cannot_be_written_does_not_end_the_training(tiny, tmp_path, data, said):
    import dataclasses

    (tmp_path / "logs").write_text("in the way")
    checkpoint = trainer(tiny).train(dataclasses.replace(data, logs=tmp_path / "logs"), tmp_path / "out")
    assert (Path(checkpoint.path) / "model.safetensors").is_file()
    assert len([line for line in said if "goes on without its log" in line]) == 1


def test_another_base_in_the_same_folder_is_another_input(tiny):
    assert trainer(tiny).inputs() == {"base_model": Path(tiny)}
    assert trainer("owner/name").inputs() == {}


def test_what_is_older_in_the_output_does_not_stay(tiny, tmp_path, data):
    output = tmp_path / "out"
    whole = trainer(tiny).train(data, output).digest
    for name in ("model.gguf", "model-00001-of-00002.safetensors", "adapter_config.json"):
        (output / name).write_bytes(b"old")
    (output / "manifest.json").unlink()
    assert trainer(tiny).train(data, output).digest == whole


def test_deterministic_does_not_outlast_the_training(tiny, tmp_path, data):
    import torch

    trainer(tiny, deterministic=True).train(data, tmp_path / "out")
    assert not torch.are_deterministic_algorithms_enabled()
