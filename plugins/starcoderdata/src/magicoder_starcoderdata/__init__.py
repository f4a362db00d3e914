"""The seed sources `starcoderdata` and `the-stack`: streamed from the Hub, or read from local files."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import SeedSource, hookimpl
from magicoder_starcoderdata.sources import StarCoderData, TheStack

__all__ = ["StarCoderData", "TheStack"]


@hookimpl
def seed_source() -> Mapping[str, type[SeedSource]]:
    """Both corpora as sources of snippets."""
    return {"starcoderdata": StarCoderData, "the-stack": TheStack}
