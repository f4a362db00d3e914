"""Languages as people write them, as the corpus names its folders, and as a snippet names them."""

from __future__ import annotations

from magicoder_core import RecipeError

_FOLDERS = {"csharp": "c-sharp", "c#": "c-sharp", "c++": "cpp", "bash": "shell", "js": "javascript", "ts": "typescript"}
_TAGS = {"c-sharp": "csharp"}
"""Our tag where it differs from the folder (arXiv 2312.02120 and its published data say ``csharp``)."""


def folder(language: str) -> str:
    """The corpus's folder of a language.

    Raises:
        RecipeError: the corpus has none.
    """
    lower = language.strip().lower().replace(" ", "-").replace("_", "-")
    name = _FOLDERS.get(lower, lower)
    if name == "swift":
        raise RecipeError("seed_source.languages: StarCoderData has no Swift (bigcode/the-stack has, in data/swift)")
    if not name.replace("-", "").isalnum():
        raise RecipeError(f"seed_source.languages: no language '{language}'")
    return name


def tag(name: str) -> str:
    """What a snippet calls the language of a folder."""
    return _TAGS.get(name, name)
