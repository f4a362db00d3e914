"""Libraries that are loaded when they are first needed: none of them is there for ``--help``.

An import statement within a function does the same, but costs as much as a small request's share of it each time.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType


@cache
def asyncio() -> ModuleType:
    """The standard library's `asyncio`: a third of what a command that does no work would import."""
    import asyncio as library

    return library


@cache
def orjson() -> ModuleType:
    """The library `orjson`."""
    import orjson as library

    return library


@cache
def aiohttp() -> ModuleType:
    """The library `aiohttp`."""
    import aiohttp as library

    return library
