"""Languages as people and data sets write them, and as a snippet names them."""

from __future__ import annotations

import re
from functools import lru_cache

from magicoder_core import RecipeError

_SPELLINGS = {
    "c#": "csharp",
    "c-sharp": "csharp",
    "cs": "csharp",
    "c++": "cpp",
    "f#": "fsharp",
    "f-sharp": "fsharp",
    "bash": "shell",
    "sh": "shell",
    "golang": "go",
    "js": "javascript",
    "py": "python",
    "rs": "rust",
    "ts": "typescript",
}
"""Our name where others have another (arXiv 2312.02120 and its published data say ``csharp`` and ``cpp``)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9+#-]*")


def tag(language: str, where: str = "seed_source.languages") -> str:
    """What a snippet calls a language, however it is written: ``C#``, ``c-sharp`` and ``CSharp`` are ``csharp``.

    Raises:
        RecipeError: it is no name of a language; ``where`` is the option's path, for the message.
    """
    name = "-".join(language.lower().replace("_", " ").split())
    name = _SPELLINGS.get(name, name)
    if not _NAME.fullmatch(name):
        raise RecipeError(f"{where}: no language '{language}'")
    return name


@lru_cache(maxsize=1024)
def spoken_tag(language: str) -> str:
    """The same of what a row or a folder says of itself, which may be no name of ours: then as it is written."""
    try:
        return tag(language)
    except RecipeError:
        return language
