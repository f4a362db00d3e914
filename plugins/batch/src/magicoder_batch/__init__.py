"""Teachers behind batch APIs: `openai-batch`, `anthropic-batch` and `vllm-run-batch`."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_batch.anthropic import AnthropicBatch
from magicoder_batch.openai import OpenAIBatch
from magicoder_batch.vllm import VLLMRunBatch
from magicoder_core import Teacher, hookimpl

__all__ = ["AnthropicBatch", "OpenAIBatch", "VLLMRunBatch"]


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """The three, by name."""
    return {"openai-batch": OpenAIBatch, "anthropic-batch": AnthropicBatch, "vllm-run-batch": VLLMRunBatch}
