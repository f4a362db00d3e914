"""A prompt's preamble and an answer's own: each import once, in the order that the language wants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from magicoder_multipl_e.pieces import Piece
from magicoder_multipl_e.shapes import SHAPES

_GO_IMPORT = re.compile(r"\s*import\b")
_GO_PATH = re.compile(r"^[ \t]*(?:import\s*\(?)?[ \t]*(?:([\w.]+)[ \t]+)?\"([^\"\n]+)\"", re.MULTILINE)
_VERSION = re.compile(r"v\d+")


def merged(language: str, preamble: Iterable[str], pieces: Sequence[Piece]) -> list[Piece]:
    """What must be first, then the preamble as far as the pieces do not have it, then the pieces."""
    first = SHAPES[language].first
    front = [one for one in pieces if first and re.match(first, one.masked)]
    rest = [one for one in pieces if one not in front]
    if language == "go":
        return _go(list(preamble), rest)
    have = {_spaced(one.code) for one in rest}
    lacking = [Piece(text, text, language) for text in preamble if not _is_there(language, text, have, rest)]
    tags = [one for one in lacking if one.text.startswith(("<?php", "#lang", "#!"))]
    if language == "sh":
        rest = [
            Piece(
                one.text.removeprefix(one.text.split("\n")[0]) if one.text.startswith("#!") else one.text,
                one.masked,
                language,
            )
            for one in rest
        ]
    return [*tags, *front, *(one for one in lacking if one not in tags), *rest]


def _is_there(language: str, text: str, have: set[str], pieces: Sequence[Piece]) -> bool:
    if _spaced(text) in have:
        return True
    if language == "rs" and (found := re.search(r"(\w+);\s*$", text)):
        return any(
            re.match(r"\s*(?:pub\s+)?use\b", one.masked) and re.search(rf"\b{found[1]}\b(?!\s+as\b)", one.masked)
            for one in pieces
        )
    # What a prompt declares beside the function is there where its first line is.
    head = _spaced(text.partition("\n")[0])
    return "{" in head and any(one.startswith(head) for one in have)


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _go(preamble: list[str], pieces: Sequence[Piece]) -> list[Piece]:
    """A Go file: what is imported and not used is an error there, and so is what is imported twice."""
    own = [one for one in pieces if _GO_IMPORT.match(one.masked)]
    rest = [one for one in pieces if one not in own]
    used = "\n".join(one.masked for one in rest)
    known = {path for text in preamble for _, path in _GO_PATH.findall(text)}
    lines = []
    for name, path in dict.fromkeys(pair for one in own for pair in _GO_PATH.findall(one.code)):
        spoken = name or _spoken(path)
        if (path not in known or name) and (spoken in {"_", "."} or re.search(rf"(?<![\w.]){spoken}\.", used)):
            lines.append(f'import {name} "{path}"' if name else f'import "{path}"')
    texts = [*preamble, *lines]
    return [*(Piece(text, text, "go") for text in texts), *rest]


def _spoken(path: str) -> str:
    """The name that a package has in code, by its path."""
    parts = [part for part in path.split("/") if not _VERSION.fullmatch(part)]
    return parts[-1].split(".")[0].replace("-", "_") if parts else path
