"""One document of the corpus, from a row whose columns may be more or fewer than the data set's card says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from magicoder_starcoderdata.languages import tag

COLUMNS = ("max_stars_repo_path", "max_stars_repo_name", "id", "content")
"""What is read of a row. ``max_stars_count`` is not: it is a whole number in some shards, a float in others."""

_PREFIX = re.compile(
    r"(?=<(?:reponame|filename|gh_stars)>)(?:<reponame>(.*?))?(?:<filename>(.*?))?(?:<gh_stars>(.*?))?(?:\n|\Z)"
)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A source file of the corpus, without the line that the corpus put before it.

    ``key`` names it within the corpus whatever file or shard it came in; ``path`` is relative to its repository.
    """

    key: str
    text: str
    language: str
    corpus: str
    path: str
    repository: str | None


class Prefix(NamedTuple):
    """What the first line of a document says of it, and where its code begins."""

    repository: str | None = None
    path: str | None = None
    stars: str | None = None
    end: int = 0


def document(row: Mapping[str, Any], language: str, corpus: str, name: str) -> Document:
    """The document of a row.

    Args:
        row: the row's columns by name; those that are missing are unknown.
        language: the corpus's folder it came from.
        corpus: what its origin names.
        name: stands for its path if nothing else does, as ``python/12``.
    """
    content = row.get("content")
    whole = content if isinstance(content, str) else ""
    prefix = read_prefix(whole)
    repository = _text(row.get("max_stars_repo_name")) or prefix.repository
    path = (_text(row.get("max_stars_repo_path")) or prefix.path or "").lstrip("/")
    text = whole[prefix.end :]
    parts = [_text(row.get("id")), repository, path]
    key = "\0".join([language, *(part or "" for part in parts)]) if any(parts) else _digest(text)
    return Document(key=key, text=text, language=tag(language), corpus=corpus, path=path or name, repository=repository)


def read_prefix(content: str) -> Prefix:
    """The one line of tags that may stand before the code; each tag may be missing.

    (bigcode/starcoderdata: each tag was put there with a probability of its own, in this order.)
    """
    found = _PREFIX.match(content)
    if found is None:
        return Prefix()
    repository, path, stars = (group.strip() or None if group else None for group in found.groups())
    return Prefix(repository, path, stars, found.end())


def _text(value: Any) -> str | None:
    """A column as text; ids are numbers in some derived sets."""
    return str(value) if isinstance(value, str | int) and str(value) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
