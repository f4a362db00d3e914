"""Several processes: what transformers and accelerate are told, what is refused, what one training leaves to the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from importlib import resources
from pathlib import Path

import pytest
from magicoder_flash_attention import FlashAttentionTrainer, processes
from magicoder_flash_attention.settings import settled
from magicoder_flash_attention.tuning import Tuning

from magicoder_core import RecipeError, progress
from magicoder_core.testing import instruction, training_data

CONFIGS = Path(str(resources.files("magicoder_flash_attention") / "configs"))
TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """The environment of a process that nobody launched, and what a test does to it undone."""
    for name in [*TORCHRUN, *(name for name in os.environ if name.startswith(("ACCELERATE_", "FSDP_")))]:
        monkeypatch.delenv(name, raising=False)
    with processes.as_launched():
        yield


@pytest.fixture
def two(monkeypatch):
    """The first of two processes on a machine with GPUs, as far as `processes` looks."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def said():
    heard = []

    class Reporter(progress.Silent):
        def say(self, line):
            heard.append(line)

    with progress.reporting(Reporter()):
        yield heard


def write(folder, text):
    (folder / "own.json").write_text(text if isinstance(text, str) else json.dumps(text))
    return str(folder / "own.json")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", r"own.json: not readable as JSON \(Expecting"),
        ("[1]", "own.json: a JSON object is needed"),
        (None, "there are ddp, fsdp2, deepspeed-zero3, or the path of a .json file"),
    ],
    ids=["broken", "a list", "no file"],
)
def test_a_file_that_is_none_is_one_line(tiny, tmp_path, two, text, reason):
    path = str(tmp_path / "none.json") if text is None else write(tmp_path, text)
    with pytest.raises(RecipeError, match=rf"trainer.parallel: .*{reason}"):
        FlashAttentionTrainer(base_model=str(tiny), parallel=path).check()


@pytest.mark.parametrize("parallel", ["fsdp2", "deepspeed-zero3"])
def test_weights_are_not_silently_left_whole(tiny, tmp_path, monkeypatch, parallel):
    import torch

    subject = FlashAttentionTrainer(base_model=str(tiny), parallel=parallel)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RecipeError, match=rf"trainer.parallel: {parallel} spreads .* no CUDA device here"):
        subject.check()
    with pytest.raises(RecipeError, match="no CUDA device here"):
        subject.train(training_data([instruction("a", "b")], tmp_path, seed=1), tmp_path / "out")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(RecipeError, match=r"only one runs; start them with `torchrun --nproc_per_node N"):
        subject.check()


def test_fsdp_is_possible_with_gpus_and_processes(tiny, two):
    FlashAttentionTrainer(base_model=str(tiny), parallel="fsdp2", world_size=2).check()


def test_deepspeed_that_is_not_installed_is_one_line(tiny, two, monkeypatch):
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    with pytest.raises(RecipeError, match=r"trainer.parallel: needs deepspeed.*magicoder-flash-attention\[deepspeed\]"):
        FlashAttentionTrainer(base_model=str(tiny), parallel="deepspeed-zero3").check()


def test_the_launcher_is_heard_where_the_recipe_says_nothing(two, monkeypatch):
    assert processes.kind("ddp") == "ddp"
    assert processes.kind("fsdp2") == "fsdp"
    assert processes.kind("deepspeed-zero3") == "deepspeed"
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert processes.kind("ddp") == "fsdp"
    assert processes.kind("fsdp2") == "fsdp"
    with pytest.raises(RecipeError, match="deepspeed-zero3 is deepspeed, and `accelerate launch` was told fsdp"):
        processes.kind("deepspeed-zero3")


def test_one_training_leaves_nothing_in_the_environment_of_the_next(monkeypatch):
    monkeypatch.setenv("FSDP_VERSION", "2")
    with processes.as_launched():
        os.environ.update({"FSDP_VERSION": "1", "ACCELERATE_USE_FSDP": "true"})
    assert os.environ["FSDP_VERSION"] == "2"
    assert "ACCELERATE_USE_FSDP" not in os.environ


# What transformers makes of it.


@pytest.mark.parametrize("again", [True, False], ids=["computed again", "kept"])
def test_activations_are_computed_again_once(tmp_path, again):
    """FSDP does it itself; transformers refuses both and warns of its own way under FSDP."""
    made = arguments(tmp_path, "fsdp2", again)
    assert not made.activation_checkpointing
    assert bool(made.fsdp_plugin_args.get("activation_checkpointing", False)) == again


@pytest.mark.parametrize("again", [True, False], ids=["computed again", "kept"])
def test_activations_are_computed_again_where_weights_are_whole(tmp_path, again):
    assert arguments(tmp_path, "ddp", again).activation_checkpointing == again


def test_the_launchers_fsdp_computes_activations_again_too(tmp_path, monkeypatch):
    from accelerate import FullyShardedDataParallelPlugin

    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    monkeypatch.setenv("FSDP_ACTIVATION_CHECKPOINTING", "false")
    assert not arguments(tmp_path, "ddp", again=True).activation_checkpointing
    assert FullyShardedDataParallelPlugin().activation_checkpointing


def test_shipped_fsdp_options_are_those_of_the_plugin(tmp_path):
    from accelerate import FullyShardedDataParallelPlugin

    plugin = FullyShardedDataParallelPlugin(**arguments(tmp_path, "fsdp2", again=False).fsdp_plugin_args)
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.auto_wrap_policy.__name__ == "transformer_auto_wrap_policy"
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"


def test_each_shipped_fsdp_option_is_one_that_transformers_reads():
    """It passes over what it does not know."""
    import inspect

    import transformers

    source = inspect.getsource(transformers.TrainingArguments._process_fsdp_args)
    for name in json.loads((CONFIGS / "fsdp2.json").read_text()):
        assert f'"{name}"' in source, name


def test_a_users_own_fsdp_options_are_taken(tmp_path):
    path = write(tmp_path, {"version": 2, "reshard_after_forward": False, "activation_checkpointing": False})
    made = arguments(tmp_path, path, again=True)
    assert made.fsdp_plugin_args["reshard_after_forward"] is False
    assert made.fsdp_plugin_args["activation_checkpointing"] is False, "what the file says goes before the recipe"


def test_packed_weights_are_loaded_by_each_process(tmp_path):
    assert processes.arguments("fsdp2", checkpointing=False)["fsdp_config"]["cpu_ram_efficient_loading"]
    packed = processes.arguments("fsdp2", checkpointing=False, quantized=True)
    assert not packed["fsdp_config"]["cpu_ram_efficient_loading"]


def test_shipped_deepspeed_options_are_filled_in_by_transformers(tmp_path):
    """Without DeepSpeed itself: what transformers fills in for `auto`, and that nothing is left open."""
    from accelerate.utils.deepspeed import HfDeepSpeedConfig
    from transformers.integrations.deepspeed import HfTrainerDeepSpeedConfig

    # transformers' class begins with the question whether DeepSpeed is installed, and so has no other base without it.
    filling = {name: item for name, item in vars(HfTrainerDeepSpeedConfig).items() if name[:2] != "__"}
    kind = type("Config", (HfDeepSpeedConfig,), filling)
    given = processes.arguments("deepspeed-zero3", checkpointing=False)["deepspeed"]
    made = arguments(tmp_path, "ddp", again=False)
    config = kind(given)
    config._dtype, config.mismatches = None, []
    config.trainer_config_process(made)
    model = type("Model", (), {"config": type("Config", (), {"hidden_size": 64})()})()
    config.trainer_config_finalize(made, model, 10)
    assert "auto" not in json.dumps(config.config)
    assert config.is_zero3()
    assert config.config["train_micro_batch_size_per_gpu"] == config.config["gradient_accumulation_steps"] == 1
    assert config.config["zero_optimization"]["stage3_gather_16bit_weights_on_model_save"]


def arguments(folder, parallel, again):
    """The training arguments, of which none is unknown or on its way out."""
    import transformers

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = processes.arguments(parallel, checkpointing=again)
        return transformers.TrainingArguments(
            output_dir=str(folder), per_device_train_batch_size=1, use_cpu=True, report_to=[], **given
        )


def test_adafactor_gives_way_where_deepspeed_spreads_the_weights(two, said):
    chosen = settled("fast-full", {})
    assert chosen.optimizer == "adafactor"
    assert processes.fitted(chosen, "ddp", named=False) == processes.fitted(chosen, "fsdp2", named=False) == chosen
    assert said == []
    assert processes.fitted(chosen, "deepspeed-zero3", named=False).optimizer == "adamw"
    assert processes.fitted(chosen, "deepspeed-zero3", named=True).optimizer == "adafactor"
    assert said == [
        "optimizer adamw instead of adafactor, which takes other steps on the flat pieces of DeepSpeed",
        "warning: DeepSpeed spreads weights as flat pieces, so that Adafactor's steps are not its usual ones",
    ]


def test_one_process_uses_one_of_several_gpus(tiny, tmp_path, monkeypatch, said):
    import transformers

    data = training_data([instruction("a", "b")], tmp_path, seed=1)
    monkeypatch.setattr(transformers.TrainingArguments, "n_gpu", property(lambda self: self.__dict__.get("_n_gpu", 4)))
    kept = transformers.TrainingArguments.__post_init__

    def several(self):
        kept(self)
        self._n_gpu = 4

    monkeypatch.setattr(transformers.TrainingArguments, "__post_init__", several)
    made = Tuning(FlashAttentionTrainer(base_model=str(tiny), preset="cpu-tiny"), data, tmp_path / "out")._arguments
    assert made.n_gpu == 1
    assert made.train_batch_size == 1, "and a batch is not split among them"
    assert said == ["one of 4 GPUs is used: start with torchrun --nproc_per_node 4 for all"]


# What `accelerate launch` is told.


@pytest.mark.parametrize("name", ["multi-gpu.yaml", "fsdp2.yaml", "two-nodes.yaml"])
def test_accelerate_takes_each_file_that_starts_processes(name):
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file

    config = load_config_from_file(str(CONFIGS / name))
    assert isinstance(config, ClusterConfig)
    assert config.num_processes == 2 * 8 ** (config.num_machines - 1)
    assert config.mixed_precision == "no"


@pytest.mark.parametrize(
    ("name", "kind"), [("multi-gpu.yaml", "ddp"), ("fsdp2.yaml", "fsdp"), ("two-nodes.yaml", "ddp")]
)
def test_accelerate_tells_the_processes_what_the_file_says(name, kind, monkeypatch):
    from accelerate import FullyShardedDataParallelPlugin
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    given = launch_command_parser().parse_args(["--config_file", str(CONFIGS / name), "-m", "magicoder_core", "run"])
    checked, _, _ = _validate_launch_command(given)
    told = prepare_multi_gpu_env(checked)
    monkeypatch.setattr(os, "environ", {**os.environ, **told})
    assert processes.kind("ddp") == kind
    if kind == "fsdp":
        plugin = FullyShardedDataParallelPlugin()
        assert (plugin.fsdp_version, plugin.reshard_after_forward) == (2, True)
        assert plugin.auto_wrap_policy.__name__ == "transformer_auto_wrap_policy"
        assert plugin.state_dict_type.name == "FULL_STATE_DICT"


def test_the_files_are_found_by_a_command():
    program = [sys.executable, "-m", "magicoder_flash_attention.configs"]
    lines = subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {Path(line.partition(": ")[0]) for line in lines} == {
        path for path in CONFIGS.iterdir() if path.suffix in (".json", ".yaml")
    }
