"""Attention over packed rows: each segment by itself, with nothing but torch.

A packed row holds several examples one after another; ``cu_seq_lens_q`` of shape (segments + 1) says where each begins
and the last one ends. Two attention functions in the form of transformers' ``AttentionInterface`` compute such a row:

- ``magicoder_segments`` calls causal scaled-dot-product attention on each segment. Wherever torch runs.
- ``magicoder_varlen`` gives the whole row to ``torch.nn.attention.varlen``. On CUDA only.

Both know plain causal attention and nothing else. A window that a segment is longer than, a soft cap, sinks, a bias or
a mask is refused while computing; `not_plain` tells from a model's configuration before that. Without
``cu_seq_lens_q`` (right-padded batches, generation) both are transformers' own ``sdpa``.
"""

from __future__ import annotations

from typing import Any

from magicoder_core import RunError

SEGMENTS = "magicoder_segments"
"""Name of the per-segment attention in transformers' interface."""

VARLEN = "magicoder_varlen"
"""Name of the attention by ``torch.nn.attention.varlen`` in transformers' interface."""

_REFUSED = ("softcap", "s_aux", "sinks", "position_bias", "head_mask", "block_table")
"""Arguments by which models ask an attention function for more than plain causal attention."""


def register() -> None:
    """Make both functions known to transformers, so that a model can be loaded with their names. May be repeated."""
    from transformers import AttentionInterface, AttentionMaskInterface

    for name, function in ((SEGMENTS, segments), (VARLEN, varlen)):
        AttentionInterface.register(name, function)
        AttentionMaskInterface.register(name, mask)


def not_plain(config: Any, max_length: int | None) -> str | None:
    """Why attention of a model is not plain causal attention for segments of up to ``max_length`` tokens; None if it is.

    Args:
        config: the model's configuration, as transformers loads it.
        max_length: tokens of the longest segment; None if nothing is known of it.
    """
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    if not getattr(text, "is_causal", True):
        return "its attention is not causal"
    if getattr(text, "attn_logit_softcapping", None) is not None:
        return "it caps its attention scores"
    kinds = set(getattr(text, "layer_types", None) or ())
    if unknown := kinds - {"full_attention", "sliding_attention"}:
        return f"it has layers of the kind {min(unknown)}"
    window = getattr(text, "sliding_window", None)
    slides = "sliding_attention" in kinds if kinds else getattr(text, "use_sliding_window", True)
    if window is not None and slides and (max_length is None or window < max_length):
        return f"its sliding window of {window} tokens is shorter than the longest row"
    return None


def mask(*, attention_mask: Any = None, **request: Any) -> Any:
    """The mask of both functions, in the form of transformers' ``AttentionMaskInterface``: none.

    A mask that is given is made whole by transformers' ``sdpa`` mask, for generation, and never left out as trivial:
    so a packed row that came with one is noticed and refused.
    """
    if attention_mask is None:
        return None
    from transformers.masking_utils import sdpa_mask

    return sdpa_mask(attention_mask=attention_mask, **{**request, "allow_is_causal_skip": False})


def segments(  # noqa: PLR0917 - transformers' signature
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Any, None]:
    """Causal attention of each segment of a packed row.

    Args:
        module: the model's attention layer.
        query: tensor (1, heads, tokens, head size).
        key: tensor (1, key-value heads, tokens, head size); the heads share it in groups.
        value: like ``key``.
        attention_mask: None.
        dropout: probability with which an attention weight is dropped.
        scaling: factor of the scores; None is 1 / sqrt(head size).
        more: ``cu_seq_lens_q`` (segments + 1), int32, and whatever else the model passes.

    Returns:
        A tensor (1, tokens, heads, head size), and no attention weights.

    Raises:
        RunError: what is asked for is not plain causal attention within segments.
    """
    import torch

    bounds = more.get("cu_seq_lens_q")
    if bounds is None:
        return _whole(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more)
    lengths = bounds.diff().tolist()
    _check(query, key, attention_mask, max(lengths), more)
    # One split and one concatenation: a slice for each segment would fill a whole row with zeros in its backward pass.
    parts = zip(query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True)
    grouped = query.shape[1] != key.shape[1]
    done = [
        # transposed first, since torch writes tokens before heads: the concatenation is then the only copy
        torch.nn.functional.scaled_dot_product_attention(
            *part, dropout_p=dropout, is_causal=True, scale=scaling, enable_gqa=grouped
        ).transpose(1, 2)
        for part in parts
    ]
    return torch.cat(done, dim=1), None


def varlen(  # noqa: PLR0917 - transformers' signature
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Any, None]:
    """Causal attention of a packed row by one CUDA kernel; arguments, result and errors as of `segments`.

    Needs ``max_length_q`` besides, the tokens of the longest segment. There is no dropout. Float32 is computed in the
    dtype of autocast, as transformers does for its flash attentions: norms after the projections may return it.
    """
    import torch
    from torch.nn.attention.varlen import varlen_attn

    bounds = more.get("cu_seq_lens_q")
    if bounds is None:
        return _whole(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more)
    longest = int(more["max_length_q"])
    _check(query, key, attention_mask, longest, more)
    if dropout:
        raise RunError(f"attention {VARLEN} has no dropout; set the model's attention dropout to 0")
    rows: list[Any] = [states[0].transpose(0, 1) for states in (query, key, value)]
    if query.dtype == torch.float32 and torch.is_autocast_enabled(query.device.type):
        rows = [states.to(torch.get_autocast_dtype(query.device.type)) for states in rows]
    done: Any = varlen_attn(
        rows[0],
        rows[1],
        rows[2],
        bounds,
        bounds,
        longest,
        longest,
        scale=scaling,
        window_size=(-1, 0),  # which is how this function is asked for causal attention
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return done[None], None


def _whole(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **more: Any) -> tuple[Any, None]:
    """Rows of one example each, or generation: transformers' ``sdpa``."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is None:
        _check_plain(key.shape[2], more)
        _check_no_restart(module, more.get("position_ids"))
    result: tuple[Any, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    return result


def _check(query: Any, key: Any, attention_mask: Any, longest: int, more: dict[str, Any]) -> None:
    if attention_mask is not None:
        raise RunError("packed attention takes no attention_mask: segments are told by cu_seq_lens_q alone")
    if query.shape[0] != 1:
        raise RunError(f"packed attention takes one row, not {query.shape[0]}: join the rows' segments into one")
    if query.shape[2] != key.shape[2]:
        raise RunError("packed attention takes no cache: pass use_cache=False")
    _check_plain(longest, more)


def _check_plain(longest: int, more: dict[str, Any]) -> None:
    asked = [name for name in _REFUSED if more.get(name) is not None]
    if more.get("is_causal") is False:
        asked.append("is_causal=False")
    window = more.get("sliding_window")
    if window is not None and window < longest:
        asked.append(f"a sliding window of {window} tokens for {longest}")
    if asked:
        raise RunError(f"packed attention is plain causal attention, and the model asks for {', '.join(asked)}")


def _check_no_restart(module: Any, position_ids: Any) -> None:
    """Positions that restart within a row are a packed row whose bounds got lost: its examples would see each other."""
    if position_ids is None or getattr(module, "layer_idx", 0) != 0:
        return
    if (position_ids.diff(dim=-1) != 1).any():
        raise RunError("positions restart within a row, but cu_seq_lens_q does not say where its segments begin")
