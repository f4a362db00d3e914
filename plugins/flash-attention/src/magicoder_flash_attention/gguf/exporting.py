"""From a checkpoint folder to a GGUF file: read what it is, describe it, then write its weights piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from magicoder_core import ModelError, jsonl, progress
from magicoder_flash_attention import student
from magicoder_flash_attention.quiet import quiet

if TYPE_CHECKING:
    from magicoder_flash_attention.gguf.weights import Tensor

Kind = Literal["f16", "bf16", "q8_0"]
"""How matrices are stored: 16-bit floats of either form, or blocks of 32 8-bit integers with a common scale."""


def export(folder: Path, target: Path, kind: Kind = "f16", base: Path | None = None) -> None:
    """Write the model of ``folder`` to ``target``, whole or not at all.

    The bytes depend on the content of ``folder`` and on ``kind`` alone. At most some 50 MB of weights are held at a
    time. Vectors (norms, biases) and learnt positions stay float32, as llama.cpp wants them.

    Args:
        folder: a checkpoint in Hugging Face format: ``config.json``, safetensors (one file or several), a tokenizer.
        target: the file to write; an old one is replaced when the new one is whole.
        kind: how matrices are stored.
        base: a GGUF file of the base model, asked only for the name of a pre-tokenizer that we do not know.

    Raises:
        ModelError: the checkpoint is incomplete, or llama.cpp has no way to compute the same; nothing is written.
        OSError: ``target`` cannot be written; nothing is left of it.
    """
    _check(folder, target)
    with quiet():
        from magicoder_flash_attention.gguf import architectures, vocabulary, weights

        config, generation = _configs(folder)
        architecture = architectures.of(config, folder)
        tokenizer = student.tokenizer_of(str(folder))
        words = vocabulary.of(tokenizer, config, generation, folder, base)
        tensors = weights.plan(folder, config, architecture, kind)
        with jsonl.whole(target) as out:
            writer = _metadata(Path(out.name), architecture.name, kind)
            architecture.describe(writer, config)
            words.describe(writer)
            _head(writer, tensors)
            _body(out, tensors, target.name)


def check(folder: Path) -> None:
    """Look whether a model such as that in ``folder`` can be exported, before it is tuned.

    Raises:
        ModelError: it cannot; says why.
    """
    with quiet():
        from magicoder_flash_attention.gguf import architectures, vocabulary

        config, generation = _configs(folder)
        architectures.of(config, folder)
        vocabulary.of(student.tokenizer_of(str(folder)), config, generation, folder, None)


def _check(folder: Path, target: Path) -> None:
    if target.exists() and not target.is_file():
        raise ModelError(f"{target}: is no file; name the file to write, as {folder.name}.gguf")
    if (folder / "config.json").is_file():
        return
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: holds a LoRA adapter only; merge it into its base model first")
    raise ModelError(f"{folder}: no config.json; a checkpoint folder in Hugging Face format was expected")


def _configs(folder: Path) -> tuple[Any, Any]:
    """The model's config, and what transformers takes as its generation config, which may name more stop tokens."""
    from transformers import AutoConfig, GenerationConfig

    try:
        # Without the last argument, a config that names code of its own makes transformers ask at the terminal.
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        if (folder / "generation_config.json").is_file():
            generation = GenerationConfig.from_pretrained(str(folder), local_files_only=True)
        else:
            generation = GenerationConfig.from_model_config(config)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: its configuration cannot be read: {' '.join(str(error).split())}") from error
    if getattr(config, "quantization_config", None):
        raise ModelError(f"{folder}: its weights are quantized; export the model in full precision")
    return config, generation


def _metadata(part: Path, architecture: str, kind: Kind) -> Any:
    """The writer of everything before the weights, with what it says of the file itself."""
    import gguf

    types = gguf.LlamaFileType
    writer = gguf.GGUFWriter(part, architecture)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_file_type(
        {"f16": types.MOSTLY_F16, "bf16": types.MOSTLY_BF16, "q8_0": types.MOSTLY_Q8_0}[kind],
    )
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    return writer


def _head(writer: Any, tensors: Sequence[Tensor]) -> None:
    """Write the metadata, then name, shape and place of each tensor."""
    import numpy as np

    for one in tensors:
        writer.add_tensor_info(one.name, one.shape, np.dtype(np.float32), one.size, raw_dtype=one.stored_as)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()


def _body(out: BinaryIO, tensors: Sequence[Tensor], name: str) -> None:
    """The weights, each at a multiple of the format's alignment."""
    import gguf

    out.seek(0, 2)
    with progress.task(f"write {name}", total=sum(tensor.size for tensor in tensors), unit="B") as advance:
        _align(out, gguf.GGUF_DEFAULT_ALIGNMENT)
        for tensor in tensors:
            for piece in tensor.pieces():
                out.write(piece)
                advance(len(piece))
            _align(out, gguf.GGUF_DEFAULT_ALIGNMENT)


def _align(out: BinaryIO, size: int) -> None:
    out.write(bytes(-out.tell() % size))
