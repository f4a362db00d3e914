"""The LiteLLM library: whether it may be imported, how it is imported, and what it holds open."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from importlib import metadata
from typing import Any

from magicoder_core import PluginError, RecipeError

DENIED = ("1.82.7", "1.82.8", "1.107.0")
"""Releases that must not run: the first two carried code that steals credentials (BerriAI/litellm issue 24512), the
third is named as compromised by a detector package and is denied until shown clean."""

_NOTES = (
    ".*`ReadOnly` qualifier|.*conflict with protected namespace|.*attribute on the instance is deprecated"
    "|Pydantic serializer warnings"
)
"""What pydantic says of LiteLLM's own classes whenever it first meets one; LiteLLM means to silence the same."""


def check_version() -> None:
    """Look at the installed version without importing anything of it.

    Raises:
        PluginError: it is one of `DENIED`.
    """
    version = metadata.version("litellm")
    if version in DENIED:
        raise PluginError(
            f"litellm {version} is known or suspected to steal credentials and is not imported: install another "
            "version and renew the keys that this machine holds"
        )


@cache
def load() -> Any:
    """Import LiteLLM, silenced: no list of prices from the network, no banners.

    Raises:
        PluginError: see `check_version`.
    """
    check_version()
    # Read at its import only, which otherwise fetches a file and goes on trying in a thread.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    with warnings.catch_warnings():
        # Its own import, and that of what it brings along, is full of notes to its developers.
        warnings.simplefilter("ignore")
        import litellm
    litellm.suppress_debug_info = True
    # Gone from today's releases; in those that still have it, it defaults to sending.
    vars(litellm)["telemetry"] = False
    return litellm


def quiet() -> None:
    """Keep `_NOTES` from the user, for whom they would be errors under ``-W error``.

    Not only once, since whoever resets the filters (pytest does, for each test) brings them back.
    """
    if not any(getattr(found[1], "pattern", None) == _NOTES for found in warnings.filters):
        warnings.filterwarnings("ignore", message=_NOTES, category=UserWarning)


def provider(litellm: Any, model: str, api_base: str | None) -> str:
    """The provider of a model, as LiteLLM names it.

    Raises:
        RecipeError: it cannot tell.
    """
    quiet()
    try:
        return str(litellm.get_llm_provider(model=model, api_base=api_base)[1])
    except litellm.BadRequestError as error:
        raise RecipeError(
            f"teacher.model: litellm knows no provider for '{model}'; write provider/model, as openai/gpt-4o-mini"
        ) from error


async def close() -> None:
    """Close LiteLLM's connections and forget them, if it was imported at all.

    It keeps them by the number of their event loop, which a later loop may get again.
    """
    if "litellm" not in sys.modules:
        return
    litellm = load()
    await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()
