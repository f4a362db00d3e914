"""Which language a file is written in, by its name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

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
    "ada": ("adb", "ads"),
    "agda": ("agda",),
    "assembly": ("asm", "s"),
    "awk": ("awk",),
    "c": ("c", "h"),
    "clojure": ("clj", "cljc", "cljs"),
    "cmake": ("cmake",),
    "cobol": ("cob", "cbl"),
    "coffeescript": ("coffee",),
    "common-lisp": ("lisp", "cl"),
    "crystal": ("cr",),
    "cuda": ("cu", "cuh"),
    "cython": ("pyx", "pxd"),
    "d": ("d", "di"),
    "dart": ("dart",),
    "elixir": ("ex", "exs"),
    "elm": ("elm",),
    "emacs-lisp": ("el",),
    "erlang": ("erl", "hrl"),
    "fortran": ("f", "f90", "f95", "f03", "f08", "for"),
    "fsharp": ("fs", "fsi", "fsx"),
    "gleam": ("gleam",),
    "glsl": ("glsl", "vert", "frag", "comp"),
    "go": ("go",),
    "groovy": ("groovy", "gradle"),
    "haskell": ("hs",),
    "hcl": ("hcl", "tf"),
    "hlsl": ("hlsl",),
    "idris": ("idr",),
    "javascript": ("js", "jsx", "mjs", "cjs"),
    "julia": ("jl",),
    "kotlin": ("kt", "kts"),
    "lean": ("lean",),
    "lua": ("lua",),
    "nim": ("nim",),
    "nix": ("nix",),
    "objective-c": ("m", "mm"),
    "ocaml": ("ml", "mli"),
    "pascal": ("pas", "pp"),
    "perl": ("pl", "pm"),
    "powershell": ("ps1", "psm1"),
    "prolog": ("pro", "prolog"),
    "purescript": ("purs",),
    "r": ("r",),
    "racket": ("rkt",),
    "ruby": ("rb",),
    "scala": ("scala", "sc"),
    "scheme": ("scm", "ss"),
    "solidity": ("sol",),
    "sql": ("sql",),
    "standard-ml": ("sml",),
    "svelte": ("svelte",),
    "systemverilog": ("sv", "svh"),
    "tcl": ("tcl",),
    "verilog": ("v",),
    "vhdl": ("vhd", "vhdl"),
    "visual-basic": ("vb", "bas"),
    "vue": ("vue",),
    "zig": ("zig",),
}
"""File name endings of each language; the first nine languages are those of arXiv 2312.02120, section 2.

Where an ending has several owners it is here the one that public code mostly means; the option ``extensions`` of the
seed source ``files`` says otherwise.
"""

ALIASES = {
    "bash": "shell",
    "c#": "csharp",
    "c++": "cpp",
    "c-sharp": "csharp",
    "f#": "fsharp",
    "f-sharp": "fsharp",
    "golang": "go",
    "js": "javascript",
    "objc": "objective-c",
    "terraform": "hcl",
    "ts": "typescript",
}
"""Other spellings that people and data sets use."""

ANY = "any"
"""Stands for every language of `EXTENSIONS`, and for those that ``extensions`` names."""

_EXTENSIONS = "seed_source.extensions"
_NAME = re.compile(r"[a-z0-9][a-z0-9+#.-]*")


def of_extensions(languages: Iterable[str], where: str, extensions: Mapping[str, str] | None = None) -> dict[str, str]:
    """Language by file name ending (lower case, without the dot) for some ``languages``.

    Args:
        languages: names, or `ANY`.
        where: the path of the option that names them, for messages.
        extensions: endings and languages beyond `EXTENSIONS`, or instead of what is there.

    Raises:
        RecipeError: a language is unknown, or one that ``extensions`` names is not asked for.
    """
    taught = {item.lower().lstrip("."): _named(item, name) for item, name in (extensions or {}).items()}
    all_endings = {item: name for name, items in EXTENSIONS.items() for item in items} | taught
    known = dict.fromkeys([*EXTENSIONS, *taught.values()])
    given = list(languages)
    wanted = set(known) if ANY in given else {_known(name, where, known) for name in given}
    for item, name in taught.items():
        if name not in wanted:
            raise RecipeError(f"{_EXTENSIONS}.{item}: '{name}' is not among the languages; add it to {where}")
    return {item: name for item, name in all_endings.items() if name in wanted}


def name_of(language: str) -> str:
    """What a snippet calls a language, whatever it is."""
    lower = "-".join(language.lower().replace("_", " ").split())
    return ALIASES.get(lower, lower)


def _named(extension: str, language: str) -> str:
    if _NAME.fullmatch(name := name_of(language)) and name != ANY:
        return name
    raise RecipeError(f"{_EXTENSIONS}.{extension}: '{language}' is no name for a language")


def _known(language: str, where: str, known: Collection[str]) -> str:
    name = name_of(language)
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = (
        f"did you mean '{near[0]}'?" if near else f"`extensions` can say which files are; there are: {', '.join(known)}"
    )
    raise RecipeError(f"{where}: no language '{language}'; {hint}")


def ending(path: str) -> str:
    """What follows the last dot of a file's name, in lower case; empty if there is none."""
    stem, dot, last = path.rpartition("/")[2].rpartition(".")
    return last.lower() if dot and stem else ""
