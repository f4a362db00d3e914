"""What a token costs, by the price list that an installed LiteLLM brings along; LiteLLM itself is not imported.

The list is one JSON object of models (``model_prices_and_context_window_backup.json`` in the package litellm). Only
what stands for the model asked for is read of it: as a whole its 5,000 entries would take tens of megabytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from magicoder_core.records import Price

_FILE = "model_prices_and_context_window_backup.json"

_FAMILIES = ("vertex_ai", "fireworks_ai", "bedrock")
"""Providers whose entries may name a part of theirs, as ``vertex_ai-anthropic_models``; LiteLLM compares so, too."""

_SAMPLE = "sample_spec"
"""The entry that explains the others."""


@lru_cache(maxsize=32)
def bundled(model: str, provider: str | None = None) -> Price | None:
    """The price of a model's tokens; None if LiteLLM is not installed, or does not know the model or a price of it.

    It is an upper bound for plain requests: discounts for cached prompts and batches do not count, nor do the higher
    prices that some providers take for prompts of more than 128,000 tokens.

    Args:
        model: as LiteLLM names it, with its provider before a slash or without, as ``anthropic/claude-sonnet-4-5``.
        provider: whose price it must be; None takes what the name says, or whichever has a model of that name.
    """
    text = _list()
    if text is None:
        return None
    if provider is None and "/" in model:
        # What stands before the slash is a provider, or part of a name: both are tried.
        first, _, rest = model.partition("/")
        return _price(text, model, None) or _price(text, rest, first)
    return _price(text, model, provider)


def _list() -> str | None:
    """The text of the list."""
    from importlib.util import find_spec

    found = find_spec("litellm")  # finds without importing, as it has no parent
    if found is None or not found.origin:
        return None
    path = Path(found.origin).with_name(_FILE)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _price(text: str, model: str, provider: str | None) -> Price | None:
    entries = (_entry(text, name) for name in _names(model, provider))
    fitting = (entry for entry in entries if entry and _fits(entry.get("litellm_provider"), provider))
    return _price_of(next(fitting, {}))


def _names(model: str, provider: str | None) -> Iterator[str]:
    """The names under which a model may stand, the closest first; as LiteLLM's own search orders them."""
    plain = model.removeprefix(f"{provider}/")
    short = _unversioned(plain, provider)
    names = [plain, short] if provider is None else [f"{provider}/{plain}", model, plain, f"{provider}/{short}", short]
    yield from dict.fromkeys(name for name in names if name and name != _SAMPLE)


def _unversioned(model: str, provider: str | None) -> str:
    """Without the version of a model: a number for Google, a date else, one's own name for a tuned one."""
    if provider in {"vertex_ai", "gemini"}:
        return re.sub(r"-\d+$", "", model)
    if model.startswith("ft:"):
        return ":".join(model.split(":")[:2])
    return re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)


def _entry(text: str, name: str) -> Mapping[str, Any]:
    """What stands for a name, or for the one that it is another name for."""
    found = _own(text, name)
    return _own(text, str(found["alias_of"])) if "alias_of" in found else found


def _own(text: str, name: str) -> Mapping[str, Any]:
    # A name at the top begins its line, four spaces in or (some are) none; deeper ones are further in.
    for begin in (f"\n    {json.dumps(name)}: ", f"\n{json.dumps(name)}: "):
        if (start := text.find(begin + "{")) >= 0:
            value: Mapping[str, Any] = json.JSONDecoder().raw_decode(text, start + len(begin))[0]
            return value
    return {}


def _fits(owner: Any, provider: str | None) -> bool:
    """Whether an entry is one of the provider's; one that says no provider is everybody's."""
    if provider is None or owner is None or owner == provider:
        return True
    return any(provider.startswith(family) and str(owner).startswith(family) for family in _FAMILIES)


def _price_of(entry: Mapping[str, Any]) -> Price | None:
    sent, answered = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if not isinstance(sent, int | float) or not isinstance(answered, int | float):
        return None
    return Price(usd_per_prompt_token=float(sent), usd_per_completion_token=float(answered))
