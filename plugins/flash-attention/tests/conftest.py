"""A tiny random llama with a tokenizer, built here: nothing is fetched."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def tokenizer(*, chat: str | None = CHAT, eos: str = "<|im_end|>", pad: str | None = "<|im_end|>"):
    """Bytes as tokens, and three special ones; by default the pad token is the stop token, as in SmolLM2."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(SPECIAL)
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=eos, pad_token=pad, additional_special_tokens=SPECIAL
    )
    made.chat_template = chat
    return made


def model(**changes):
    """A llama of 2 layers with weights that depend on a seed alone."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(
        **sizes,
        num_key_value_heads=2,
        vocab_size=264,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=258,
        pad_token_id=258,
        initializer_range=0.2,
        **changes,
    )
    return LlamaForCausalLM(config)


def save(folder: Path) -> Path:
    model().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Two threads make a tiny model no faster, and much slower on a busy machine."""
    import os

    import torch

    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that a test starts
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def make_tokenizer():
    return tokenizer


@pytest.fixture(scope="session")
def save_model():
    return save


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a local model needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def said():
    """The lines that are said while a test runs."""
    from magicoder_core import progress

    lines = []

    class Reporter(progress.Silent):
        def say(self, line):
            lines.append(line)

    with progress.reporting(Reporter()):
        yield lines
