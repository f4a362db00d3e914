"""Providers that need nothing heavy; they come in through the same door as third-party ones."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Filter, Method, SeedSource, Teacher, hookimpl
from magicoder_core.builtin.exact_duplicates import ExactDuplicates
from magicoder_core.builtin.files import Files
from magicoder_core.builtin.length import Length
from magicoder_core.builtin.openai_compatible import OpenAICompatible
from magicoder_core.builtin.oss_instruct import OssInstruct


@hookimpl
def seed_source() -> Mapping[str, type[SeedSource]]:
    """Code on this machine."""
    return {"files": Files}


@hookimpl
def method() -> Mapping[str, type[Method]]:
    """The published way."""
    return {"oss-instruct": OssInstruct}


@hookimpl
def teacher() -> Mapping[str, type[Teacher]]:
    """The default way to a model: any OpenAI-compatible server."""
    return {"openai-compatible": OpenAICompatible}


@hookimpl(specname="filter")
def filters() -> Mapping[str, type[Filter]]:
    """What no training set should be without."""
    return {"exact-duplicates": ExactDuplicates, "length": Length}
