"""Tiny random checkpoints of each architecture that is exported, with a byte-level BPE tokenizer trained here."""

from __future__ import annotations

from pathlib import Path

TEXTS = [
    "def add(a, b):\n    return a + b\n\n\nclass Point:\n    def __init__(self, x, y):\n        self.x = x\n",
    "for i in range(10):\n    print(f'{i}: {i ** 2}')  # squares\n",
    "It's what they'll say: we've 123 reasons, and 4567 more.\r\n\r\n\tTabs  and   blanks   ",
    "naïve café, Ünïcödé, 你好世界 世界你好, 안녕하세요, ١٢٣ ½ ²",
    "if __name__ == '__main__':\n    main()\n" * 3,
]
"""What the tokenizers are trained on, so that their merges cross what the ways to split keep apart."""

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "[over]", "[out]", "[done]"]
SPLITS = ("gpt-2", "starcoder", "qwen2", "dbrx", "llama-bpe", "deepseek-coder")
SIZE = 640
"""Rows of the embedding; the tokenizers have fewer tokens."""


def split(name):
    """A pre-tokenizer as the models have it for which llama.cpp has that name."""
    from tokenizers import Regex, pre_tokenizers

    def isolated(*patterns):
        return [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]

    digits = pre_tokenizers.Digits(individual_digits=True)
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cjk = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
    return {
        "gpt-2": lambda: plain,
        "starcoder": lambda: pre_tokenizers.Sequence([digits, plain]),
        "qwen2": lambda: pre_tokenizers.Sequence([*isolated(WORDS % r"\p{N}"), last]),
        "dbrx": lambda: pre_tokenizers.Sequence([*isolated(WORDS % r"\p{N}{1,3}"), last]),
        "llama-bpe": lambda: pre_tokenizers.Sequence([*isolated(WORDS % r"\p{N}{1,3}"), last]),
        "deepseek-coder": lambda: pre_tokenizers.Sequence(
            [*isolated("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", cjk), digits, last]
        ),
        "none": lambda: last,
    }[name]()


def tokenizer(name="gpt-2", *, chat=CHAT, eos="<|im_end|>", bos=None, adds_bos=False, greedy=False, plain=()):
    """A byte-level BPE of transformers whose merges were found in `TEXTS` without any splitting."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
    # Trained on whole lines: only then does a token tell two ways to split apart.
    inner.pre_tokenizer = split("none")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    inner.train_from_iterator(TEXTS, trainer)
    inner = unreachable(inner, "zero")
    inner.pre_tokenizer = split(name)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(text, special=True, lstrip=greedy) for text in SPECIAL])
    inner.add_tokens(list(plain))
    if adds_bos:
        start = [(bos, inner.token_to_id(bos))]
        inner.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=start)
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=eos, bos_token=bos, pad_token="<|im_end|>")
    made.chat_template = chat
    return made


def unreachable(inner, word):
    """The tokenizer with a token that no merges lead to: only who takes whole words first finds it."""
    import json

    from tokenizers import Tokenizer

    definition = json.loads(inner.to_str())
    definition["model"]["vocab"].setdefault(word, len(definition["model"]["vocab"]))
    return Tokenizer.from_str(json.dumps(definition))


_COMMON = {
    "vocab_size": SIZE,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}


def _llama(**changes):
    from transformers import LlamaConfig

    return LlamaConfig(**{**_COMMON, **changes})


def _rope(kind, **numbers):
    return {"rope_type": kind, "rope_theta": 10000.0, **numbers}


def _qwen2(**changes):
    from transformers import Qwen2Config

    return Qwen2Config(**{**_COMMON, "tie_word_embeddings": False, **changes})


def _starcoder2(**changes):
    from transformers import Starcoder2Config

    return Starcoder2Config(**{**_COMMON, "sliding_window": None, "tie_word_embeddings": True, **changes})


def _bigcode(**changes):
    from transformers import GPTBigCodeConfig

    sizes = {"vocab_size": SIZE, "n_embd": 64, "n_inner": 96, "n_layer": 2, "n_head": 4, "n_positions": 512}
    none = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    return GPTBigCodeConfig(**{**sizes, **none, "initializer_range": 0.2, **changes})


CONFIGS = {
    "llama": _llama,
    "llama, tied, biases": lambda: _llama(tie_word_embeddings=True, attention_bias=True),
    "llama, larger heads": lambda: _llama(head_dim=32),
    "llama, linear": lambda: _llama(rope_parameters=_rope("linear", factor=4.0)),
    "llama, llama3": lambda: _llama(rope_parameters=_rope("llama3", factor=8.0, **_LLAMA3)),
    "qwen2": _qwen2,
    "starcoder2": _starcoder2,
    "gpt_bigcode": _bigcode,
}


def config(name, **changes):
    """A configuration of one of the architectures, with changes."""
    made = {"llama": _llama, "qwen2": _qwen2, "starcoder2": _starcoder2, "gpt_bigcode": _bigcode}
    return made[name](**changes)


def model(config):
    """A model with weights, biases and norms that depend on a seed alone; none of them is all ones or zeros."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return made


def save(folder: Path, made, words=None, **how) -> Path:
    """A checkpoint folder of a model and a tokenizer."""
    made.save_pretrained(folder, **how)
    (words or tokenizer()).save_pretrained(folder)
    return folder
