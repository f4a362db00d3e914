"""Providers that need nothing heavy; they come in through the same door as third-party ones."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import SeedSource, Teacher, hookimpl
from magicoder_core.builtin.files import Files
from magicoder_core.builtin.openai_compatible import OpenAICompatible


@hookimpl
def seed_source() -> Mapping[str, type[SeedSource]]:
    """Code on this machine."""
    return {"files": Files}


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """The default way to a model: any OpenAI-compatible server."""
    return {"openai-compatible": OpenAICompatible}
