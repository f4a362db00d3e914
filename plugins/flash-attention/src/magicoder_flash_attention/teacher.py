"""The teacher ``transformers``: a model in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from magicoder_core import BatchTeacher, Reply, Request, Sampling, Usage, jsonl, progress
from magicoder_flash_attention import attention, student
from magicoder_flash_attention.quiet import quiet
from magicoder_flash_attention.student import Device, Dtype
from magicoder_flash_attention.template import Template

if TYPE_CHECKING:
    from magicoder_flash_attention.generation import Row


@dataclass(frozen=True, kw_only=True)
class Transformers(BatchTeacher):
    """Answers from a model in this process: a trained checkpoint, a model of the Hub or of the catalogue.

    Greedy unless a temperature says otherwise. The same requests in the same batches get the same answers; a drawn
    answer depends on its request alone (its seed and sample number are part of it).
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"seed", "text"})

    model: Annotated[str, "what answers: a folder, owner/name on the Hub, a name of the catalogue, a .gguf file"]
    temperature: Annotated[float, "0 takes the likeliest token each time"] = 0.0
    max_tokens: Annotated[int, "longest answer, in tokens"] = 512
    # 20 HumanEval answers of Qwen-0.5B in bfloat16 took 83 s of 2-core CPU at 20 together, 159 s at 8.
    batch_size: Annotated[int, "requests answered together"] = 20
    dtype: Annotated[Dtype, "of the weights; auto takes what this machine computes fastest in"] = "auto"
    device: Annotated[Device, "auto takes the GPU if there is one"] = "auto"

    @property
    def identity(self) -> str:
        """The model's name; for a folder or a file with the sha256 of its content, since it may be trained anew."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        path = Path(self.model).expanduser()
        return f"{path.name}@{jsonl.digest(path)[:16]}" if path.exists() else self.model

    def sampling(self) -> Sampling:
        """The options of that name."""
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)

    def check(self) -> None:
        """Look whether there is such a model; it may still have to be fetched.

        Raises:
            ModelError: there is not.
        """
        student.check(self.model)

    async def open(self) -> None:
        """Load the model.

        Raises:
            ModelError: it cannot be had.
        """
        import asyncio

        await asyncio.to_thread(lambda: self._engine)

    async def close(self) -> None:
        """Let go of the model."""
        self.__dict__.pop("_engine", None)

    def complete_batch(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """Answer all ``requests``, in their order; prompts of like length are computed together."""
        return self._engine.answer(requests, self.sampling(), self.batch_size)

    def status(self) -> Mapping[str, float]:
        """Tokens generated per second of computing."""
        engine = self.__dict__.get("_engine")
        return {"tokens_per_second": engine.speed} if engine and engine.tokens else {}

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self)


class Engine:
    """A loaded model with its template."""

    def __init__(self, options: Transformers) -> None:
        with quiet():
            where = student.source(options.model)
            self._name = Path(where).name
            with progress.task(f"load {self._name}", total=1, unit="model") as advance:
                self._model = _model(where, options)
                self._template = Template(student.tokenizer_of(where))
                advance()
        self._stops = self._template.stops(self._model.generation_config)
        self.tokens = 0
        self.seconds = 0.0

    @property
    def speed(self) -> float:
        """Tokens generated per second of computing."""
        return round(self.tokens / max(self.seconds, 1e-9), 1)

    def answer(self, requests: Sequence[Request], defaults: Sampling, batch_size: int) -> list[Reply]:
        """A reply for each of ``requests``, computed ``batch_size`` at a time."""
        rows = [self._row(request, defaults) for request in requests]
        ranked = sorted(rows, key=lambda row: len(row.prompt))
        for start in range(0, len(ranked), batch_size):
            self._generate(ranked[start : start + batch_size])
        return [self._reply(row) for row in rows]

    def _row(self, request: Request, defaults: Sampling) -> Row:
        from magicoder_flash_attention.generation import Row

        sampling = request.sampling.over(defaults)
        prompt = self._template.prompt(request.messages)
        room = max(0, self._context() - len(prompt))
        limited = replace(sampling, max_tokens=min(sampling.max_tokens or room, room))
        decode = self._after(prompt[-1:]) if request.raw else self._decode
        return Row(prompt, limited, int(request.id, 16) >> 1, self._stops, decode)

    def _context(self) -> int:
        return int(getattr(self._model.config, "max_position_embeddings", None) or 1 << 30)

    def _generate(self, rows: Sequence[Row]) -> None:
        from magicoder_flash_attention.generation import generate

        began = time.monotonic()
        with progress.task("batch", total=len(rows), unit="answer") as advance:
            generate(self._model, rows, advance)
        self.seconds += time.monotonic() - began
        self.tokens += sum(len(row.tokens) for row in rows)

    def _reply(self, row: Row) -> Reply:
        usage = Usage(prompt_tokens=len(row.prompt), completion_tokens=len(row.tokens))
        return Reply(text=row.text(), finish_reason=row.finish_reason or "length", usage=usage, model=self._name)

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self._template.tokenizer.decode(tokens, skip_special_tokens=True))

    def _after(self, begun: Sequence[int]) -> Callable[[Sequence[int]], str]:
        """Decodes what goes on after the tokens ``begun``.

        Tokenizers of the SentencePiece kind take a blank from what they think is a text's beginning; there it is the
        first of an indent.
        """
        size = len(self._decode(begun))
        return lambda tokens: self._decode([*begun, *tokens])[size:]


def _model(where: str, options: Transformers) -> Any:
    device = student.device_of(options.device)
    dtype = student.dtype_of(options.dtype, student.fast_dtype(device))
    chosen = attention.choose("auto", device, dtype, config=student.config_of(where)).implementation
    return student.model_of(where, dtype, chosen).to(device).eval()
