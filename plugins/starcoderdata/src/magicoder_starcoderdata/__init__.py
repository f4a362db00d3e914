"""The seed source `starcoderdata`: snippets from StarCoderData, streamed from the Hub or read from local files."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import SeedSource, hookimpl
from magicoder_starcoderdata.source import StarCoderData

__all__ = ["StarCoderData"]


@hookimpl
def seed_source() -> Mapping[str, type[SeedSource]]:
    """StarCoderData as a source of snippets."""
    return {"starcoderdata": StarCoderData}
