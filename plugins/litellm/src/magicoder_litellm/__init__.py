"""The teacher `litellm`: any of the many providers that LiteLLM knows, by its name for them."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Teacher, hookimpl
from magicoder_litellm.teacher import LiteLLM

__all__ = ["LiteLLM"]


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """LiteLLM as a teacher."""
    return {"litellm": LiteLLM}
