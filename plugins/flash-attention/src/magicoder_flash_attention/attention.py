"""Which attention runs, and why: a ladder of implementations, of which the highest that is to be had is taken.

Whether a rung is to be had is found out by trying: an installed distribution proves nothing, since a wheel that was
built without CUDA or for another torch fails only when it is imported. A rung that fails is left out with its reason.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from magicoder_core import RecipeError
from magicoder_flash_attention import segments

Rung = Literal["flash_attention_3", "flash_attention_2", "kernels", "varlen", "segments", "sdpa", "eager"]
Wanted = Literal[
    "auto", "require-flash", "flash_attention_3", "flash_attention_2", "kernels", "varlen", "segments", "sdpa", "eager"
]

RUNGS: tuple[Rung, ...] = get_args(Rung)
"""All rungs, the highest first."""

FLASH: tuple[Rung, ...] = ("flash_attention_3", "flash_attention_2", "kernels")
"""The rungs that ``require-flash`` accepts."""

_WHOLE: tuple[Rung, ...] = ("flash_attention_3", "flash_attention_2", "sdpa", "eager")
"""The rungs for rows of one example each, and for generation."""

_AMPERE = 8
"""Major compute capability from which FlashAttention-2 runs (Dao-AILab/flash-attention README)."""

_HOPPER = 9
"""Major compute capability that FlashAttention-3 is written for (Dao-AILab/flash-attention README)."""

_FLASH_HEAD = 256
"""Largest head size of the flash attentions (Dao-AILab/flash-attention README)."""


@dataclass(frozen=True)
class Choice:
    """The attention that was chosen.

    Attributes:
        rung: its name on the ladder.
        implementation: its name in transformers (``attn_implementation``).
        reason: why this one, in a few words.
        skipped: the higher rungs, each with the reason why it is not to be had; empty if the recipe named the rung.
    """

    rung: Rung
    implementation: str
    reason: str
    skipped: tuple[tuple[Rung, str], ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line; rungs that are left out for the same reason are named together."""
        reasons: dict[str, list[str]] = {}
        for rung, why in self.skipped:
            reasons.setdefault(why, []).append(rung)
        left_out = "; ".join(f"not {', '.join(rungs)}: {why}" for why, rungs in reasons.items())
        return f"attention {self.rung} ({self.reason})" + (f"; {left_out}" if left_out else "")


@dataclass(frozen=True)
class _Place:
    """Where attention will run; ``kind`` is the model's class, None where transformers does not know it."""

    device: str
    dtype: Any
    config: Any
    kind: Any
    max_length: int | None


def choose(
    wanted: Wanted,
    device: str,
    dtype: Any,
    *,
    packed: bool = False,
    config: Any = None,
    max_length: int | None = None,
) -> Choice:
    """The highest rung that is to be had, or the one that is named.

    Args:
        wanted: the option ``attention``: ``auto``, ``require-flash`` (one of `FLASH`), or a rung by name.
        device: ``cpu`` or ``cuda``.
        dtype: the torch dtype that the attention computes in.
        packed: whether rows hold several examples; if not, only the rungs that transformers brings are looked at.
        config: the model's configuration; None if it is not known yet.
        max_length: tokens of the longest example, which decides whether a sliding window matters.

    Raises:
        RecipeError: the rung that is named, or any flash attention where one is required, is not to be had; says why.
    """
    place = _Place(device, dtype, config, _kind(config), max_length)
    ladder = RUNGS if packed else _WHOLE
    if wanted == "require-flash":
        ladder = tuple(rung for rung in ladder if rung in FLASH)
    elif wanted != "auto":
        return _named(wanted, place, packed=packed)
    skipped: list[tuple[Rung, str]] = []
    for rung in ladder:
        implementation, why = _try(rung, place)
        if implementation:
            return Choice(rung, implementation, why, tuple(skipped))
        skipped.append((rung, why))
    raise RecipeError(f"trainer.attention: {_nothing(wanted, skipped)}")


def _named(rung: Rung, place: _Place, *, packed: bool) -> Choice:
    if not packed and rung not in _WHOLE:
        raise RecipeError(f"trainer.attention: '{rung}' is for packed rows; take 'auto', or arrangement = 'packed'")
    implementation, why = _try(rung, place)
    if not implementation:
        raise RecipeError(f"trainer.attention: '{rung}' is not to be had: {why}; 'auto' takes what there is")
    return Choice(rung, implementation, "as the recipe says")


def _nothing(wanted: Wanted, skipped: list[tuple[Rung, str]]) -> str:
    reasons = "; ".join(f"{rung}: {why}" for rung, why in skipped)
    return f"'{wanted}', but no such attention is to be had ({reasons}); 'auto' takes what there is"


def _try(rung: Rung, place: _Place) -> tuple[str | None, str]:
    """The implementation's name and why it is good, or None and why it is not to be had."""
    return _TRIED[rung](place)


def _flash_3(place: _Place) -> tuple[str | None, str]:
    name = "flash_attention_3"
    if why := _no_flash(place, name) or _capability(lambda major: major == _HOPPER, "a Hopper GPU"):
        return None, why
    why = _no_package("flash-attn-3", "flash_attn_interface", "is_flash_attn_3_available")
    return (None, why) if why else (name, "flash-attn-3 is installed and the GPU runs it")


def _flash_2(place: _Place) -> tuple[str | None, str]:
    name = "flash_attention_2"
    if why := _no_flash(place, name) or _ampere():
        return None, why
    why = _no_package("flash-attn", "flash_attn", "is_flash_attn_2_available")
    return (None, why) if why else (name, "flash-attn is installed and the GPU runs it")


def _kernels(place: _Place) -> tuple[str | None, str]:
    """A kernel of the Hugging Face Hub: loaded here, which fetches it where it is not cached."""
    if why := _no_flash(place, "flash_attention_2") or _ampere():
        return None, why
    import torch
    from transformers.utils.import_utils import is_kernels_available

    if not _quietly(is_kernels_available):
        version = _version("kernels")
        return None, f"transformers does not take kernels {version}" if version else "kernels is not installed"
    hopper = torch.cuda.get_device_capability()[0] == _HOPPER
    try:
        name = _kernel_name("flash_attention_3" if hopper else "flash_attention_2")
        _load_kernel(name)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        return None, f"the Hub's kernel cannot be loaded: {_short(error)}"
    return name, f"the Hub's kernel {name} is loaded"


def _kernel_name(implementation: str) -> str:
    """What transformers loads from the Hub in place of a flash attention that is not installed."""
    from transformers.modeling_flash_attention_utils import FLASH_ATTN_KERNEL_FALLBACK

    return FLASH_ATTN_KERNEL_FALLBACK[implementation]


def _load_kernel(name: str) -> None:
    from transformers.integrations.hub_kernels import load_and_register_attn_kernel

    load_and_register_attn_kernel(name)


def _varlen(place: _Place) -> tuple[str | None, str]:
    if why := _no_half(place) or _ampere() or _not_ours(place):
        return None, why
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None, "this torch has no torch.nn.attention.varlen"
    if not {"window_size", "enable_gqa"} <= set(inspect.signature(varlen_attn).parameters):
        return None, "this torch's varlen attention shares no key heads; it does from 2.13"
    segments.register()
    return segments.VARLEN, "torch's own kernel for packed rows"


def _segments(place: _Place) -> tuple[str | None, str]:
    if why := _not_ours(place):
        return None, why
    segments.register()
    return segments.SEGMENTS, "scaled-dot-product attention of each example by itself"


def _sdpa(place: _Place) -> tuple[str | None, str]:
    if not _supports(place, "_supports_sdpa"):
        return None, "transformers has no sdpa for this model"
    return "sdpa", "scaled-dot-product attention, with a mask where rows are packed"


def _eager(_: _Place) -> tuple[str | None, str]:
    return "eager", "every model has it"


_TRIED: dict[Rung, Callable[[_Place], tuple[str | None, str]]] = {
    "flash_attention_3": _flash_3,
    "flash_attention_2": _flash_2,
    "kernels": _kernels,
    "varlen": _varlen,
    "segments": _segments,
    "sdpa": _sdpa,
    "eager": _eager,
}


def _no_half(place: _Place) -> str | None:
    import torch

    if place.device != "cuda":
        return f"it needs a CUDA device, and this is the {place.device}"
    if place.dtype not in (torch.bfloat16, torch.float16):
        return "it needs dtype bfloat16"
    return None


def _no_flash(place: _Place, name: str) -> str | None:
    """Why neither the machine nor the model takes the flash attention ``name``."""
    if why := _no_half(place):
        return why
    if not _supports(place, "_supports_flash_attn"):
        return "transformers has no flash attention for this model"
    allowed = getattr(place.kind, "_compatible_flash_implementations", None)
    if allowed is not None and name not in allowed:
        return f"this model takes {', '.join(allowed)} only"
    head = _head_size(place.config)
    return f"its heads of {head} are larger than {_FLASH_HEAD}" if head and head > _FLASH_HEAD else None


def _not_ours(place: _Place) -> str | None:
    """Why the model cannot use our own attention functions."""
    if not (_supports(place, "_supports_attention_backend") and _supports(place, "_supports_sdpa")):
        return "this model brings its own kind of attention"
    return segments.not_plain(place.config, place.max_length) if place.config is not None else None


def _ampere() -> str | None:
    return _capability(lambda major: major >= _AMPERE, "an Ampere GPU or newer")


def _capability(enough: Callable[[int], bool], name: str) -> str | None:
    import torch

    return None if enough(torch.cuda.get_device_capability()[0]) else f"it needs {name}"


def _no_package(distribution: str, module: str, available: str) -> str | None:
    """Why an installed package cannot be used; None if it can.

    Args:
        distribution: its name on the package index.
        module: what is imported.
        available: the function of ``transformers.utils`` that says whether transformers takes it.
    """
    version = _version(distribution)
    if version is None:
        return f"{distribution} is not installed"
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        return f"{distribution} {version} is built without CUDA or for another torch: {_short(error)}"
    from transformers.utils import import_utils

    if not _quietly(getattr(import_utils, available, bool)):
        return f"transformers does not take {distribution} {version}"
    return None


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _quietly(available: Callable[[], Any]) -> bool:
    """Whether a library of transformers' list is there; a version that cannot be read is none."""
    try:
        return bool(available())
    except (ImportError, OSError, ValueError):
        return False


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."  # noqa: PLR2004 - one line on a terminal


def _kind(config: Any) -> Any:
    """The class of the causal language model that transformers makes of ``config``; None if that is not known."""
    if config is None:
        return None
    from transformers import AutoModelForCausalLM

    kind = AutoModelForCausalLM._model_mapping.get(type(config), None)  # noqa: SLF001 - there is no public way
    return kind[0] if isinstance(kind, tuple) else kind


def _supports(place: _Place, flag: str) -> bool:
    return bool(getattr(place.kind, flag, False)) if place.kind is not None else True


def _head_size(config: Any) -> int | None:
    if config is None:
        return None
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    heads = getattr(text, "num_attention_heads", None)
    size = getattr(text, "head_dim", None) or (text.hidden_size // heads if heads else None)
    return int(size) if size else None
