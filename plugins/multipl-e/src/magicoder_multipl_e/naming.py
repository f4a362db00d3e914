"""The languages of MultiPL-E: the keys of its files, what people call them, how answers mark their code blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PAPER = ("java", "js", "cpp", "php", "swift", "rs")
"""The six of Magicoder's paper (arXiv 2312.02120, table 2), in its order."""


@dataclass(frozen=True)
class Name:
    """A language as people say it, and other words for it: in options, in a record's field, after a code fence."""

    spoken: str
    others: tuple[str, ...] = ()
    fence: str = ""
    """What is written after a fence; its key, where there is nothing here."""


NAMES: Mapping[str, Name] = {
    "adb": Name("Ada", ("ada",), fence="ada"),
    "clj": Name("Clojure", ("clojure",), fence="clojure"),
    "cpp": Name("C++", ("c++", "cc", "cxx", "hpp", "cplusplus", "c")),
    "cs": Name("C#", ("csharp", "c#"), fence="csharp"),
    "d": Name("D", ("dlang", "humaneval_to_dlang.py")),
    "dart": Name("Dart"),
    "elixir": Name("Elixir", ("ex", "exs")),
    "go": Name("Go", ("golang", "go_test.go")),
    "hs": Name("Haskell", ("haskell",), fence="haskell"),
    "java": Name("Java"),
    "jl": Name("Julia", ("julia",), fence="julia"),
    "js": Name("JavaScript", ("javascript", "node", "nodejs", "mjs", "jsx"), fence="javascript"),
    "lua": Name("Lua"),
    "ml": Name("OCaml", ("ocaml",), fence="ocaml"),
    "php": Name("PHP"),
    "pl": Name("Perl", ("perl",), fence="perl"),
    "py": Name("Python", ("python", "python3"), fence="python"),
    "r": Name("R", ("rscript", "humaneval_to_r.py")),
    "rb": Name("Ruby", ("ruby",), fence="ruby"),
    "rkt": Name("Racket", ("racket", "scheme", "lisp"), fence="racket"),
    "rs": Name("Rust", ("rust",), fence="rust"),
    "scala": Name("Scala"),
    "sh": Name("Bash", ("bash", "shell", "zsh", "shellscript"), fence="bash"),
    "swift": Name("Swift"),
    "ts": Name("TypeScript", ("typescript", "tsx"), fence="typescript"),
}
"""Every language of the suite (nuprl/MultiPL-E, `evaluation/src`), by the key in its files' names."""

_KEYS = {word: key for key, name in NAMES.items() for word in (key, name.spoken.lower(), *name.others)}


def key(word: str) -> str:
    """The key of a language, however it is called: ``C++``, ``go_test.go``, ``javascript``.

    Raises:
        ValueError: no language of the suite is called so; the message lists the keys.
    """
    if (found := _KEYS.get(word.strip().lower())) is None:
        raise ValueError(f"no language of MultiPL-E is called '{word}' (there are: {' '.join(NAMES)})")
    return found


def fence(language: str) -> str:
    """The word after the fence of a code block that we write in a language."""
    return NAMES[language].fence or language


def marks(language: str) -> frozenset[str]:
    """The words that may stand after the fence of a code block in a language."""
    return frozenset(word for word, known in _KEYS.items() if known == language)
