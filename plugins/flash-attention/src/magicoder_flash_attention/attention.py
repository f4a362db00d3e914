"""Which attention runs, and why."""

from __future__ import annotations

from typing import Any, Literal

from magicoder_core import RecipeError

Wanted = Literal["auto", "require-flash", "sdpa", "eager"]

_AMPERE = 8
"""Major compute capability from which FlashAttention-2 runs (Dao-AILab/flash-attention README)."""


def choose(wanted: Wanted, device: str, dtype: Any) -> tuple[str, str]:
    """The attention implementation as transformers calls it, and the reason in a few words.

    Args:
        wanted: the option ``attention``.
        device: ``cpu`` or ``cuda``.
        dtype: the torch dtype that the attention computes in.

    Raises:
        RecipeError: flash attention is required and not to be had; says why.
    """
    if wanted in ("sdpa", "eager"):
        return wanted, "as the recipe says"
    missing = _no_flash(device, dtype)
    if missing is None:
        return "flash_attention_2", "flash-attn is installed and the GPU runs it"
    if wanted == "require-flash":
        raise RecipeError(f"trainer.attention: 'require-flash', but {missing}; 'auto' takes what there is")
    return "sdpa", f"no flash attention: {missing}"


def _no_flash(device: str, dtype: Any) -> str | None:
    import torch
    from transformers.utils.import_utils import is_flash_attn_2_available

    if device != "cuda":
        return f"it needs a CUDA device, and this is the {device}"
    if torch.cuda.get_device_capability()[0] < _AMPERE:
        return "it needs an Ampere GPU or newer"
    if dtype not in (torch.bfloat16, torch.float16):
        return "it needs dtype bfloat16"
    return None if _works(is_flash_attn_2_available) else "flash-attn is not installed, or built for another torch"


def _works(available: Any) -> bool:
    # An installed distribution proves nothing: a wheel built without CUDA fails only when it is imported.
    try:
        if not available():
            return False
        import flash_attn  # type: ignore[import-not-found]  # noqa: F401 - an extra; only whether it can be imported
    except (ImportError, OSError):
        return False
    return True
