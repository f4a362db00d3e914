"""One document of a corpus, from a row whose columns may be more or fewer than the data set's card says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

COLUMNS = (
    "content",
    "id",
    "hexsha",
    "max_stars_repo_path",
    "max_stars_repo_name",
    "max_stars_repo_head_hexsha",
    "max_stars_repo_licenses",
    "license",
    "licenses",
    "lang",
)
"""What is read of a row, in the order of a `Row`; those that a file lacks are None.

The first nine names are of StarCoderData's and The Stack's schemas; ``license`` and ``licenses`` are what sets derived
from them call it. ``max_stars_count`` is not read: it is a whole number in some shards, a float in others.
"""

LICENCES = ("max_stars_repo_licenses", "license", "licenses")
"""Columns that can name a document's licence."""

Row = Sequence[Any]
"""The values of `COLUMNS`. Licences are one text with NUL between them, or a sequence."""

_PREFIX = re.compile(
    r"(?=<(?:reponame|filename|gh_stars)>)(?:<reponame>(.*?))?(?:<filename>(.*?))?(?:<gh_stars>(.*?))?(?:\n|\Z)"
)


class Document(NamedTuple):
    """A source file of a corpus.

    ``key`` names it within the corpus whatever file or shard it came in; ``path`` is relative to its repository;
    ``row`` is its number in its language's split, from 0; ``spoken`` is the language that its own row names, if any.
    """

    key: str
    text: str
    language: str
    row: int
    corpus: str
    path: str
    repository: str | None
    revision: str | None
    licence: str | None
    spoken: str | None


class Prefix(NamedTuple):
    """What the first line of a document says of it, and where its code begins."""

    repository: str | None = None
    path: str | None = None
    stars: str | None = None
    end: int = 0


def document(row: Row, number: int, language: str, corpus: str, *, strip: bool = True) -> Document:
    """The document of a row.

    Args:
        row: the values of `COLUMNS`.
        number: the row's number in its language's split; stands for the path if nothing else does.
        language: whose split it is of.
        corpus: what its origin names.
        strip: leave out the line of tags that the corpus put before some documents.
    """
    content, name, hexsha, path, repository, revision, licences, licence, further, lang = row
    text = content if isinstance(content, str) else ""
    prefix = read_prefix(text)
    if strip:
        text = text[prefix.end :]
    repository = _text(repository) or prefix.repository
    path = (_text(path) or prefix.path or "").lstrip("/")
    name = _text(name) or _text(hexsha)
    key = f"{language}\0{name or ''}\0{repository or ''}\0{path}" if name or repository or path else _digest(text)
    return Document(
        key,
        text,
        language,
        number,
        corpus,
        path or f"{language}/{number}",
        repository,
        _text(revision),
        _expression(licences) or _expression(licence) or _expression(further),
        _text(lang),
    )


def read_prefix(content: str) -> Prefix:
    """The one line of tags that may stand before the code; each tag may be missing.

    (bigcode/starcoderdata: each tag was put there with a probability of its own, in this order.)
    """
    found = _PREFIX.match(content) if content[:1] == "<" else None
    if found is None:
        return _NO_PREFIX
    repository, path, stars = (group.strip() or None if group else None for group in found.groups())
    return Prefix(repository, path, stars, found.end())


_NO_PREFIX = Prefix()


def _expression(licences: Any) -> str | None:
    """An SPDX expression of a row's licences: which part of a repository is under which is not told, so all hold."""
    if isinstance(licences, str):
        return _joined(licences)
    # One of several that is not known could be any; so all are unknown.
    if isinstance(licences, list) and all(isinstance(item, str) for item in licences):
        return _joined("\0".join(licences))
    return None


@lru_cache(maxsize=4096)
def _joined(licences: str) -> str | None:
    names = list(dict.fromkeys(name for part in licences.split("\0") if (name := part.strip())))
    if len(names) < 2:  # noqa: PLR2004 - one is an expression as it stands
        return names[0] if names else None
    return " AND ".join(f"({name})" if " OR " in name.upper() else name for name in sorted(names))


def _text(value: Any) -> str | None:
    """A column as text; ids are numbers in some derived sets."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
