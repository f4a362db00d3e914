"""What llama.cpp calls the numbers and tensors of each architecture that it computes as transformers does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicoder_core import ModelError

_TANH_GELU = ("gelu_pytorch_tanh", "gelu_new", "gelu_fast")
"""transformers' names for the approximation of GELU by tanh, the one that llama.cpp computes for both StarCoders."""


@dataclass(frozen=True)
class Architecture:
    """One of llama.cpp's architectures.

    Args:
        name: as ``general.architecture`` has it.
        describe: ``describe(writer, config)`` adds the numbers of a model to a `gguf.GGUFWriter`.
        blocks: the name in ``config`` of the number of layers.
        turned: ends of the names of those weights whose rows llama.cpp wants in another order, see
            `magicoder_flash_attention.gguf.weights.turn`.
    """

    name: str
    describe: Callable[[Any, Any], None]
    blocks: str
    turned: tuple[str, ...]


def of(config: Any, where: Path) -> Architecture:
    """The architecture of a model's ``config`` (of transformers).

    Raises:
        ModelError: llama.cpp, as far as we know it, cannot compute that model; ``where`` is the folder to name.
    """
    if config.model_type not in _KNOWN:
        known = ", ".join(sorted(_KNOWN))
        raise ModelError(f"{where}: no GGUF export for models of type '{config.model_type}'; known: {known}")
    found, refuse = _KNOWN[config.model_type]
    if reason := refuse(config) or _scaling(config):
        raise ModelError(f"{where}: llama.cpp does not compute this {config.model_type} model: {reason}")
    return found


def head_size(config: Any) -> int:
    """Numbers in one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def rope_factors(config: Any) -> Any:
    """What divides each rotary frequency, as a float32 array of half a head's size; None if nothing does.

    Only Llama 3's scaling is stored that way. The factors are those that transformers computes with.
    """
    if _rope_type(config) != "llama3":
        return None
    import numpy as np
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    size = head_size(config)
    plain = 1.0 / config.rope_parameters["rope_theta"] ** (np.arange(0, size, 2, dtype=np.float64) / size)
    return (plain / scaled.double().numpy()).astype(np.float32)


def _rope_type(config: Any) -> str:
    return str((getattr(config, "rope_parameters", None) or {}).get("rope_type", "default"))


def _scaling(config: Any) -> str | None:
    """Why the positions of ``config`` cannot be stored, or None."""
    rope = getattr(config, "rope_parameters", None) or {}
    allowed = ("default", "linear", "llama3") if config.model_type == "llama" else ("default", "linear")
    if _rope_type(config) not in allowed:
        return f"rope scaling '{_rope_type(config)}' (known: {', '.join(allowed)})"
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        return "only part of each head is rotated"
    return None


def _gated(config: Any) -> str | None:
    return None if config.hidden_act == "silu" else f"activation '{config.hidden_act}' (known: silu)"


def _starcoder2_refusal(config: Any) -> str | None:
    return _gelu(config.hidden_act) or (None if config.use_bias else "it has no biases")


def _bigcode_refusal(config: Any) -> str | None:
    if not config.multi_query:
        return "its heads do not share keys and values (multi_query = false)"
    if not config.scale_attn_weights:
        return "its attention is not scaled (scale_attn_weights = false)"
    return _gelu(config.activation_function)


def _gelu(name: str) -> str | None:
    return None if name in _TANH_GELU else f"activation '{name}' (known: {', '.join(_TANH_GELU)})"


def _context(config: Any) -> int:
    """Tokens up to which llama.cpp computes as transformers does: it knows no sliding window in these architectures."""
    longest = int(config.max_position_embeddings)
    windows = getattr(config, "layer_types", None)
    slides = "sliding_attention" in windows if windows else config.model_type == "starcoder2"
    window = getattr(config, "sliding_window", None)
    return min(longest, int(window)) if slides and window else longest


def _rotary(writer: Any, config: Any) -> None:
    """The numbers that all architectures with rotary positions share."""
    import gguf

    size = head_size(config)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(_context(config))
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if size * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(size)
        writer.add_value_length(size)
    if _rope_type(config) == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config.rope_parameters["factor"])


def _llama(writer: Any, config: Any) -> None:
    _rotary(writer, config)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _starcoder2(writer: Any, config: Any) -> None:
    _rotary(writer, config)
    writer.add_layer_norm_eps(config.norm_epsilon)


def _starcoder(writer: Any, config: Any) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)


_LLAMA = Architecture(
    "llama",
    _llama,
    "num_hidden_layers",
    ("q_proj.weight", "q_proj.bias", "k_proj.weight", "k_proj.bias"),
)
"""llama.cpp rotates neighbouring numbers of a head in this architecture, transformers those half a head apart."""

_KNOWN: Mapping[str, tuple[Architecture, Callable[[Any], str | None]]] = {
    "llama": (_LLAMA, _gated),
    "qwen2": (Architecture("qwen2", _llama, "num_hidden_layers", ()), _gated),
    "starcoder2": (Architecture("starcoder2", _starcoder2, "num_hidden_layers", ()), _starcoder2_refusal),
    "gpt_bigcode": (Architecture("starcoder", _starcoder, "n_layer", ()), _bigcode_refusal),
}
"""By transformers' ``model_type``, each with what says why one such model is refused."""
