"""Which language a file is written in, by its name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from magicoder_core import RecipeError

EXTENSIONS = {
    "python": ("py", "pyw"),
    "cpp": ("cpp", "cc", "cxx", "hpp", "hh", "hxx"),
    "java": ("java",),
    "typescript": ("ts", "tsx", "mts", "cts"),
    "shell": ("sh", "bash"),
    "csharp": ("cs",),
    "rust": ("rs",),
    "php": ("php",),
    "swift": ("swift",),
    "c": ("c", "h"),
    "dart": ("dart",),
    "go": ("go",),
    "haskell": ("hs",),
    "javascript": ("js", "jsx", "mjs", "cjs"),
    "julia": ("jl",),
    "kotlin": ("kt", "kts"),
    "lua": ("lua",),
    "perl": ("pl", "pm"),
    "r": ("r",),
    "ruby": ("rb",),
    "scala": ("scala",),
    "sql": ("sql",),
}
"""File name endings of each language; the first nine languages are those of arXiv 2312.02120, section 2."""

ALIASES = {"c++": "cpp", "c#": "csharp", "c-sharp": "csharp", "bash": "shell", "js": "javascript", "ts": "typescript"}
"""Other spellings that people and data sets use."""


def of_extensions(languages: Iterable[str], where: str) -> dict[str, str]:
    """Language by file name ending (lower case, without the dot) for some ``languages``.

    Raises:
        RecipeError: a language is unknown; ``where`` is the option's path, for the message.
    """
    names = [_known(name, where) for name in languages]
    return {ending: name for name in names for ending in EXTENSIONS[name]}


def _known(name: str, where: str) -> str:
    lower = name.lower()
    language = ALIASES.get(lower, lower)
    if language in EXTENSIONS:
        return language
    near = difflib.get_close_matches(lower, EXTENSIONS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(EXTENSIONS)}"
    raise RecipeError(f"{where}: no language '{name}'; {hint}")


def ending(path: str) -> str:
    """What follows the last dot of a file's name, in lower case; empty if there is none."""
    stem, dot, last = path.rpartition("/")[2].rpartition(".")
    return last.lower() if dot and stem else ""
