"""Tiny random models of the families that code models are made of."""

from __future__ import annotations

import pytest

VOCABULARY = 96
LENGTHS = (37, 90, 1, 60, 112)
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
NAMES = ("llama", "llama-tied", "qwen2", "starcoder2", "gpt_bigcode")


def config(name: str, **changes):
    """`starcoder2` has a sliding window of 64 tokens, shorter than the longest of `LENGTHS`; no model has dropout."""
    import transformers

    if name == "gpt_bigcode":
        sizes = {"n_embd": 32, "n_inner": 64, "n_layer": 2, "n_head": 4, "n_positions": 512, "multi_query": True}
        still = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
        shared = {key: value for key, value in SIZES.items() if not key.startswith(("hidden", "inter", "num", "max"))}
        return transformers.GPTBigCodeConfig(**{**sizes, **still, **shared, **changes})
    if name == "starcoder2":
        changes = {"sliding_window": 64, "residual_dropout": 0.0, "embedding_dropout": 0.0, **changes}
        return transformers.Starcoder2Config(**{**SIZES, **changes})
    if name == "qwen2":
        return transformers.Qwen2Config(**{**SIZES, **changes})
    return transformers.LlamaConfig(**{**SIZES, "tie_word_embeddings": name == "llama-tied", **changes})


def model(name: str, implementation: str = "sdpa", **changes):
    """A model in training mode whose weights depend on a seed alone."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(config(name, **changes), attn_implementation=implementation)
    with torch.no_grad():
        for parameter in made.parameters():  # biases begin at zero, where they could not show a fault
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return made.train()


def adapted(base, *, targets="all-linear", rank: int = 4, **more):
    """A model with LoRA adapters that are not zero."""
    import torch
    from magicoder_flash_attention.quiet import quiet

    pytest.importorskip("peft")
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    with quiet():  # peft asks transformers by names that are about to go
        made = get_peft_model(base, LoraConfig(r=rank, target_modules=targets, task_type="CAUSAL_LM", **more))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    return made


def rows(lengths=LENGTHS, seed: int = 0) -> list[list[int]]:
    """Random tokens."""
    import torch

    drawn = torch.Generator().manual_seed(seed)
    return [torch.randint(2, VOCABULARY, (length,), generator=drawn).tolist() for length in lengths]


def packed(examples, **more):
    """The examples in one row, as the model takes them."""
    import torch

    bounds = torch.tensor([0, *map(len, examples)]).cumsum(0).to(torch.int32)
    longest = max(map(len, examples))
    places = [place for row in examples for place in range(len(row))]
    return {
        "input_ids": torch.tensor([[token for row in examples for token in row]]),
        "position_ids": torch.tensor([places]),
        "cu_seq_lens_q": bounds,
        "cu_seq_lens_k": bounds,
        "max_length_q": longest,
        "max_length_k": longest,
        "use_cache": False,
        **more,
    }


def padded(examples, pad: int = 1):
    """The examples below each other, filled on the right, with no mask."""
    import torch

    width = max(map(len, examples))
    ids = [[*row, *[pad] * (width - len(row))] for row in examples]
    return {"input_ids": torch.tensor(ids), "position_ids": torch.arange(width).repeat(len(ids), 1), "use_cache": False}


def learnt(examples, prompt: int = 3, width: int | None = None):
    """`predicts`, `targets` and uneven `token_weights` of what follows the first tokens of each example."""
    import torch

    starts, begin = [], 0
    for row in examples:
        starts.append(begin)
        begin += width or len(row)
    pairs = [
        (start + place - 1, row[place])
        for start, row in zip(starts, examples, strict=True)
        for place in range(min(prompt, len(row)), len(row))
    ]
    places, targets = zip(*pairs, strict=True) if pairs else ((), ())
    weights = torch.rand(len(pairs), generator=torch.Generator().manual_seed(3)) + 0.5
    return {
        "predicts": torch.tensor(places, dtype=torch.long),
        "targets": torch.tensor(targets, dtype=torch.long),
        "token_weights": weights / max(1, len(pairs)),
    }


def gradients(model, loss) -> dict:
    """The gradient of each trainable parameter by name."""
    import torch

    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    found = torch.autograd.grad(loss, [parameter for _, parameter in named])
    return {name: grad for (name, _), grad in zip(named, found, strict=True)}


def apart(one, other) -> float:
    """Relative distance of two tensors, or of two dictionaries of them."""
    if isinstance(one, dict):
        import torch

        one, other = (torch.cat([grads[name].flatten() for name in sorted(grads)]) for grads in (one, other))
    return float((one - other).detach().norm() / other.detach().norm().clamp_min(1e-30))
