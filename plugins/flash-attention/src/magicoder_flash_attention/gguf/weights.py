"""The tensors of a checkpoint: which there must be, how each is stored, and their bytes, piece by piece."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicoder_core import ModelError
from magicoder_flash_attention.gguf import architectures

if TYPE_CHECKING:
    from magicoder_flash_attention.gguf.architectures import Architecture
    from magicoder_flash_attention.gguf.exporting import Kind

_PIECE = 1 << 20
"""Numbers that are converted at a time: 4 MB as float32; the 8-bit kind makes some ten such copies on its way."""

_NOT_LEARNT = (".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias")
"""Ends of the names of constants that older versions of transformers saved beside the weights."""

_FLOATS = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class Tensor:
    """One tensor of the file.

    Args:
        name: in the file.
        shape: rows first.
        stored_as: the type of its numbers there, a `gguf.GGMLQuantizationType`.
        size: its bytes there.
        read: ``read(start, stop)`` gives those rows as a torch tensor; of a vector, those numbers.
        step: rows that make one piece.
    """

    name: str
    shape: tuple[int, ...]
    stored_as: Any
    size: int
    read: Any
    step: int

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, in order.

        Raises:
            ModelError: a number is not finite, or is too large for float16.
        """
        for start in range(0, self.shape[0], self.step):
            yield _bytes(self.read(start, min(start + self.step, self.shape[0])), self)


def plan(folder: Path, config: Any, architecture: Architecture, kind: Kind) -> list[Tensor]:
    """All tensors of the file for the checkpoint in ``folder``, in their order there.

    Raises:
        ModelError: a weight of the model is missing, has another shape, or is none that the architecture knows.
    """
    import gguf

    wanted = _wanted(config)
    files = _files(folder)
    _compare(folder, wanted, files)
    blocks = int(getattr(config, architecture.blocks))
    number = {name: value for value, name in gguf.MODEL_ARCH_NAMES.items()}[architecture.name]
    names = gguf.get_tensor_name_map(number, blocks)
    made = [_factors(config)] if architectures.rope_factors(config) is not None else []
    for key, shape in wanted.items():
        name = names.get_name(key, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ModelError(f"{folder}: llama.cpp has no place for the weight {key} in a {config.model_type} model")
        made.append(
            _tensor(name, shape, kind, _Rows(folder, files[key], key, shape, _heads(key, config, architecture)))
        )
    return made


def turn(rows: Any, head: int) -> Any:
    """``rows`` (whole heads of ``head`` rows each, a torch tensor) with the halves of each head interleaved.

    transformers rotates row i of a head together with row i + head/2, llama.cpp's llama rows 2i and 2i + 1.
    """
    return rows.unflatten(0, (-1, 2, head // 2)).transpose(1, 2).flatten(0, 2)


class _Rows:
    """Reads rows of one tensor, turned if its heads are to be."""

    def __init__(self, folder: Path, file: Path, key: str, shape: Sequence[int], head: int) -> None:
        self.file, self.key, self.head = file, key, head
        from safetensors import safe_open

        with safe_open(str(file), framework="pt") as opened:
            found = opened.get_slice(key)
            if tuple(found.get_shape()) != tuple(shape):
                raise ModelError(f"{folder}: {key} has the shape {found.get_shape()}, not {list(shape)}")
            if found.get_dtype() not in _FLOATS:
                raise ModelError(f"{folder}: {key} holds {found.get_dtype()}, no floating-point numbers")

    def __call__(self, start: int, stop: int) -> Any:
        from safetensors import safe_open

        with safe_open(str(self.file), framework="pt") as opened:
            rows = opened.get_slice(self.key)[start:stop]
        return turn(rows, self.head) if self.head else rows


def _heads(key: str, config: Any, architecture: Architecture) -> int:
    """Rows of a head of a tensor that is to be turned, else 0."""
    return architectures.head_size(config) if key.endswith(architecture.turned) else 0


def _tensor(name: str, shape: tuple[int, ...], kind: Kind, read: _Rows) -> Tensor:
    stored = _stored_as(name, shape, kind)
    step = max(1, _PIECE // math.prod(shape[1:]))
    if read.head:
        step = max(1, step // read.head) * read.head
    return Tensor(name, shape, stored, _size(shape, stored), read, step)


def _stored_as(name: str, shape: Sequence[int], kind: Kind) -> Any:
    import gguf

    types = gguf.GGMLQuantizationType
    if len(shape) == 1 or name.startswith("position_embd."):
        return types.F32
    if kind == "q8_0":
        # A block holds 32 numbers of one row.
        return types.F16 if shape[-1] % 32 else types.Q8_0
    return types.BF16 if kind == "bf16" else types.F16


def _size(shape: Sequence[int], stored: Any) -> int:
    import gguf

    block, size = gguf.GGML_QUANT_SIZES[stored]
    return math.prod(shape) // block * size


def _factors(config: Any) -> Tensor:
    import gguf
    import torch

    factors = torch.from_numpy(architectures.rope_factors(config))
    shape = tuple(factors.shape)
    return Tensor(
        "rope_freqs.weight", shape, gguf.GGMLQuantizationType.F32, 4 * shape[0], lambda a, b: factors[a:b], 1 << 20
    )


def _bytes(rows: Any, tensor: Tensor) -> bytes:
    import gguf
    import torch

    types = gguf.GGMLQuantizationType
    as_torch = {types.F32: torch.float32, types.F16: torch.float16, types.BF16: torch.bfloat16}
    made = rows.to(as_torch.get(tensor.stored_as, torch.float32)).contiguous()
    if not bool(torch.isfinite(made).all()):
        if bool(torch.isfinite(rows).all()):
            raise ModelError(f"{tensor.name}: a weight is too large for float16; choose bf16")
        raise ModelError(f"{tensor.name}: a weight is not a finite number; the checkpoint is broken")
    if tensor.stored_as == types.BF16:
        made = made.view(torch.int16)
    array = made.numpy()
    if tensor.stored_as == types.Q8_0:
        array = gguf.quants.quantize(array, types.Q8_0)
    whole: bytes = array.tobytes()
    return whole


def _wanted(config: Any) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight that the model has, by building it without memory for its numbers."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]  # transformers'
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        wanted.pop("lm_head.weight")
    return wanted


def _files(folder: Path) -> dict[str, Path]:
    """The file of each tensor that ``folder`` holds."""
    from safetensors import SafetensorError, safe_open

    files: dict[str, Path] = {}
    for file in _parts(folder):
        try:
            with safe_open(str(file), framework="pt") as opened:
                files |= dict.fromkeys(opened.keys(), file)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error
    return files


def _parts(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        if not (folder / "model.safetensors").is_file():
            raise ModelError(f"{folder}: no model.safetensors; save the model in that format first")
        return [folder / "model.safetensors"]
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError) as error:
        raise ModelError(f"{index}: no list of weights; the checkpoint is damaged") from error
    return [folder / name for name in sorted(set(listed.values()))]


def _compare(folder: Path, wanted: Mapping[str, object], found: Mapping[str, object]) -> None:
    if missing := [name for name in wanted if name not in found]:
        raise ModelError(f"{folder}: {len(missing)} weights of the model are missing, as {missing[0]}")
    rest = [name for name in found if name not in wanted and name != "lm_head.weight"]
    if unknown := [name for name in rest if not name.endswith(_NOT_LEARNT)]:
        raise ModelError(f"{folder}: {len(unknown)} weights belong to no part of the model, as {unknown[0]}")
