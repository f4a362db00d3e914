"""Presets and the numbers that exclude each other."""

from __future__ import annotations

import dataclasses

import pytest
from magicoder_flash_attention import FlashAttentionTrainer
from magicoder_flash_attention.settings import NAMES, PRESETS, settled

from magicoder_core import RecipeError, options


def test_paper_is_what_was_published():
    paper = PRESETS["paper"]
    published = {
        "max_length": 1216,
        "truncate": "paper",
        "epochs": 2,
        "examples_per_step": 512,
        "arrangement": "padded",
        "batch_size": 2,
        "loss_norm": "paper",
        "learning_rate": 5e-5,
        "schedule": "linear",
        "warmup_steps": 15,
        "optimizer": "adafactor",
        "max_grad_norm": 0.0,
        "dtype": "bfloat16",
        "lora_rank": 0,
    }
    assert published.items() <= paper.to_dict().items()


def test_fast_full_takes_the_same_steps_without_the_faults():
    paper, fast = PRESETS["paper"], PRESETS["fast-full"]
    same = ("epochs", "examples_per_step", "learning_rate", "warmup_steps", "schedule", "optimizer", "max_grad_norm")
    assert all(getattr(fast, name) == getattr(paper, name) for name in same)
    assert (fast.truncate, fast.arrangement, fast.loss_norm, fast.dtype) == ("drop", "packed", "token", "auto")


def test_what_is_given_goes_before_the_preset():
    made = settled("paper", {"epochs": 1, "max_grad_norm": 0.5, "learning_rate": None})
    assert (made.epochs, made.max_grad_norm, made.learning_rate) == (1, 0.5, 5e-5)


def test_zero_and_false_are_given_too():
    made = settled("lora-24g", {"lora_rank": 0, "activation_checkpointing": False})
    assert (made.lora_rank, made.activation_checkpointing) == (0, False)


def test_each_setting_is_an_option_and_open_by_default():
    fields = {field.name: field.default for field in dataclasses.fields(FlashAttentionTrainer)}
    assert {name: fields.get(name, "no such option") for name in NAMES} == dict.fromkeys(NAMES)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"examples_per_step": 0}, "examples_per_step must be at least 1"),
        ({"bin_tokens": 0}, "bin_tokens must be at least 1"),
        ({"max_length": -5}, "max_length must be at least 1"),
        ({"max_grad_norm": -1.0}, "max_grad_norm must not be negative"),
        ({"weight_decay": float("nan")}, "weight_decay must not be negative"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"learning_rate": float("inf")}, "learning_rate must be a number above 0"),
        ({"quantization": "nf4"}, "quantization needs adapters"),
        ({"loss_norm": "paper", "examples_per_step": 5}, "must be a multiple"),
        ({"held_out": 1.0}, "held_out: a share from 0 to below 1"),
        ({"save_steps": -1}, "save_steps must not be negative"),
        ({"world_size": 0}, "world_size must be at least 1"),
        ({"preset": "slow"}, "preset"),
        ({"report_to": ["mlflow"]}, "report_to"),
    ],
)
def test_numbers_that_make_no_training_are_refused(given, said):
    with pytest.raises(RecipeError, match=said):
        options.bind(FlashAttentionTrainer, {"base_model": "x", **given}, "trainer")
