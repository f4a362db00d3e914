"""Magicoder plugin: a teacher on this machine's CPU, a GGUF model served by llama.cpp."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Teacher, hookimpl
from magicoder_llama_cpp.teacher import LlamaCpp

__all__ = ["LlamaCpp", "teacher"]


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """The teacher `llama-cpp`."""
    return {"llama-cpp": LlamaCpp}
