"""Models to tune or to serve: from a folder, the Hugging Face Hub, or a GGUF file that is converted once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from magicoder_core import ModelError, jsonl, progress
from magicoder_flash_attention import processes
from magicoder_flash_attention.quiet import quiet

Dtype = Literal["auto", "bfloat16", "float32"]
Device = Literal["auto", "cpu", "cuda"]

KEPT_OUT = ("is_local", "local_files_only")
"""What transformers notes in ``tokenizer_config.json`` about how the tokenizer was loaded, not about what it is."""


def source(model: str) -> str:
    """What transformers loads for ``model``: a folder, or a name on the Hugging Face Hub.

    A name of the catalogue and a ``.gguf`` file become a folder of safetensors in the model cache.

    Raises:
        ModelError: there is no such folder or file, and it cannot be a name on the Hub.
    """
    from magicoder_core import models

    check(model)
    path = Path(model).expanduser()
    if path.is_dir():
        return str(path)
    if model in models.catalogue() or path.suffix == ".gguf":
        return str(converted(models.resolve(model)))
    return model


def check(model: str) -> None:
    """Look whether `source` can know the model; nothing is fetched.

    Raises:
        ModelError: there is no such folder or file, and it cannot be a name on the Hub.
    """
    from magicoder_core import models

    path = Path(model).expanduser()
    if path.is_dir() or model in models.catalogue():
        return
    if path.suffix == ".gguf":
        models.check(model)
    elif model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelError(
            f"model '{model}': no such folder, no name of `magicoder models list`, no owner/name on the Hub"
        )


def at_hand(model: str) -> Path | None:
    """The folder of a model that can be looked at without fetching or converting anything; None: there is none yet."""
    path = Path(model).expanduser()
    return path if path.is_dir() else None


def converted(file: Path) -> Path:
    """The folder of a GGUF file's model as bfloat16 safetensors, made on first use, whole or not at all."""
    import shutil
    import tempfile

    from magicoder_core import models

    folder = models.cache_dir() / "converted"
    target = folder / f"{file.stem}-{jsonl.digest(file)[:16]}"
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=folder))
        try:
            _convert(file, part)
            part.chmod(0o755)
            part.rename(target)
        except OSError:
            # Another process may have been quicker; a folder is only replaced by rename while it is empty.
            if not target.is_dir():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


def _convert(file: Path, folder: Path) -> None:
    with quiet(), _no_bar(), progress.task(f"convert {file.name}", total=3, unit="step") as advance:
        with _loading(file):
            tokenizer = _tokenizer(str(file.parent), gguf_file=file.name)
            advance()
            model = _dense(file)
            advance()
        save(model, tokenizer, folder)
        advance()


@contextmanager
def _no_bar() -> Iterator[None]:
    """Take away the loader's own bar, which no setting of transformers or tqdm reaches."""
    from transformers import modeling_gguf_pytorch_utils as loader

    bar = getattr(loader, "tqdm", None)
    loader.tqdm = lambda items, **_: items  # type: ignore[attr-defined]  # not exported, since it is not theirs
    try:
        yield
    finally:
        loader.tqdm = bar  # type: ignore[attr-defined]  # as above


def _dense(file: Path) -> Any:
    """A plain model with the file's weights: what is loaded from GGUF refuses to be saved."""
    import torch
    import transformers

    # Newer versions keep the weights packed where a kernel is installed, unless they are told not to.
    kind = getattr(transformers, "GgufConfig", None)
    plain = {"quantization_config": kind(dequantize=True)} if kind else {}
    loaded = transformers.AutoModelForCausalLM.from_pretrained(
        str(file.parent), gguf_file=file.name, dtype=torch.bfloat16, local_files_only=True, **plain
    )
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        model = type(loaded)(config)
    # `assign` takes the loaded tensors as they are: no second copy, no random initialisation (11 s of a 0.5B model).
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = loaded.generation_config
    return model


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer in Hugging Face format; the bytes depend on neither time nor place."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.name_or_path = ""
    model.config.use_cache = True
    model.save_pretrained(str(folder))
    for name in KEPT_OUT:
        tokenizer.init_kwargs.pop(name, None)
    tokenizer.save_pretrained(str(folder))
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes through a private temporary file


def tokenizer_of(where: str) -> Any:
    """The tokenizer of a `source`.

    Raises:
        ModelError: transformers cannot load it.
    """
    with _loading(where):
        return _tokenizer(where)


def config_of(where: str) -> Any:
    """The configuration of a `source`'s model.

    Raises:
        ModelError: transformers cannot load it.
    """
    from transformers import AutoConfig

    with _loading(where):
        return AutoConfig.from_pretrained(where, local_files_only=Path(where).is_dir(), trust_remote_code=False)


def base_of(model: Any) -> Any:
    """The causal language model itself, also where peft has adapted it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def plain(model: Any, weights: Any) -> Any:
    """A model like ``model`` that holds ``weights`` itself: one that is spread over processes cannot be saved."""
    import torch

    with torch.device("meta"):
        made = type(model)(model.config)
    made.load_state_dict(weights, assign=True)
    made.tie_weights()
    made.generation_config = model.generation_config
    return made


def model_of(where: str, dtype: Any, attention: str, quantization: Any = None) -> Any:
    """The model of a `source` on the CPU; one with packed weights on this process's GPU.

    Args:
        where: a folder or a name on the Hub.
        dtype: the torch dtype of its weights.
        attention: as transformers calls it.
        quantization: how its weights are packed, as transformers' configuration for that; None: not at all.

    Raises:
        ModelError: transformers cannot load it.
    """
    from transformers import AutoModelForCausalLM

    packed = {"quantization_config": quantization, "device_map": {"": processes.device()}} if quantization else {}
    with _loading(where):
        model = AutoModelForCausalLM.from_pretrained(
            where,
            dtype=dtype,
            attn_implementation=attention,
            local_files_only=Path(where).is_dir(),
            trust_remote_code=False,
            **packed,
        )
    _mend(model.generation_config)
    return model


def _mend(generation: Any) -> None:
    """Have a generation config that can be saved: many models' say how to draw and that nothing is drawn."""
    try:
        generation.validate(strict=True)
    except ValueError:
        generation.do_sample = True
        progress.say(
            "the base model's generation config says how to draw (as temperature) but not to: do_sample is set"
        )


def _tokenizer(where: str, **more: str) -> Any:
    from transformers import AutoTokenizer

    # Without the last argument, code that comes with a model makes transformers ask at the terminal.
    return AutoTokenizer.from_pretrained(where, local_files_only=Path(where).is_dir(), trust_remote_code=False, **more)


@contextmanager
def _loading(where: str | Path) -> Iterator[None]:
    """Say in one line, with the model's name, what transformers could not load and why."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{where}: transformers cannot load it: {' '.join(str(error).split())}") from error


def device_of(wanted: Device) -> str:
    """``cuda`` or ``cpu``; ``auto`` takes the GPU if there is one."""
    import torch

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def fast_dtype(device: str, *, training: bool = False) -> Any:
    """The torch dtype that ``device`` computes fastest in: bfloat16 where the hardware multiplies it, else float32.

    Measured with Qwen-0.5B on a CPU with AMX, 8 answers at once: 74 tokens/s in bfloat16, 29 in float32. A CPU with
    AVX-512 BF16 and no AMX answers faster in bfloat16 (8 rows of 896 by 4864: 52 against 38 GFLOP/s) and trains faster in
    float32 (512 rows: 138 against 86).
    """
    import torch

    if device == "cuda":
        return torch.bfloat16
    flags: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    faster = flags.get("amx_bf16") or (flags.get("avx512_bf16") and not training)
    return torch.bfloat16 if faster else torch.float32


def dtype_of(wanted: Dtype, automatic: Any) -> Any:
    """The torch dtype of an option; ``auto`` is ``automatic``."""
    import torch

    return automatic if wanted == "auto" else getattr(torch, wanted)
