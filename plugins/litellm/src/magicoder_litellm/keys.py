"""Where LiteLLM looks for a provider's key, as far as a mistake can be told before LiteLLM is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping

from magicoder_core import TeacherError

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY", "MISTRAL_AZURE_API_KEY"),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "together_ai": ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
    "xai": ("XAI_API_KEY",),
}
"""Each provider's variables, any of which will do (LiteLLM 1.110). Providers that have other ways in are not here."""


def check(model: str) -> None:
    """See whether a key is set, if the model's provider is one of those that need just that.

    Raises:
        TeacherError: none is.
    """
    variables = _VARIABLES.get(model.partition("/")[0], ())
    if variables and not any(os.environ.get(name, "").strip() for name in variables):
        raise TeacherError(
            "auth",
            f"no key for {model}: set the environment variable {variables[0]} (or teacher.api_key_env to the name of "
            "another)",
        )
