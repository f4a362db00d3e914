"""Every language of the suite by its key."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_multipl_e.languages import compiled, managed, scripts
from magicoder_multipl_e.languages.model import Language

LANGUAGES: Mapping[str, Language] = {
    language.key: language
    for language in sorted((*scripts.ALL, *compiled.ALL, *managed.ALL), key=lambda language: language.key)
}
"""What each language needs and how its programs are compiled and run."""
