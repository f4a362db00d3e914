"""How many tokens a prompt has, without the network and without a tokenizer where that is not needed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

# File name in tiktoken's cache (sha1 of the table's address) and the file's sha256, from `tiktoken_ext/openai_public.py`
# of tiktoken 0.14.
_TABLES = {
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
ENCODINGS = tuple(_TABLES)
"""Encodings that can be counted with."""


def at_most(text: str) -> int:
    """More tokens than this a text cannot have: a byte-level encoding gives each byte one token at worst."""
    return len(text.encode("utf-8", "surrogatepass"))


def estimate(text: str) -> int:
    """A cautious guess: three tokens for each four ASCII characters, and one for each byte of others.

    Measured with cl100k_base: Python's standard library has 0.23 tokens a character, random hexadecimal digits have
    0.58, random punctuation 0.65 and random base64, the worst of them, 0.72.
    """
    size = at_most(text)
    ascii_only = size if text.isascii() else sum(character < "\x80" for character in text)
    return -(-3 * ascii_only // 4) + size - ascii_only


@cache
def counter(encoding: str) -> Callable[[str], int] | None:
    """What counts the tokens of a text; None without tiktoken, or where its table is not on this machine."""
    folder = next(_folders(encoding), None)
    if folder is None or util.find_spec("tiktoken") is None:
        return None
    made = _loaded(encoding, folder)
    return lambda text: len(made.encode_ordinary(text))


def _folders(encoding: str) -> Iterator[Path]:
    """Folders that hold the whole table: tiktoken's own cache, and LiteLLM, which ships tables."""
    name, digest = _TABLES[encoding]
    named = [os.environ.get(variable, "") for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")]
    places = [Path(place) for place in named if place]
    places.append(Path(tempfile.gettempdir()) / "data-gym-cache")
    if (litellm := util.find_spec("litellm")) is not None:
        places += [
            Path(place) / "litellm_core_utils" / "tokenizers" for place in litellm.submodule_search_locations or ()
        ]
    for place in places:
        file = place / name
        if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest:
            yield place


def _loaded(encoding: str, folder: Path) -> Encoding:
    """The encoding, by way of tiktoken's cache: a file that is there, and whole, is not fetched."""
    import tiktoken

    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return tiktoken.get_encoding(encoding)
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before
