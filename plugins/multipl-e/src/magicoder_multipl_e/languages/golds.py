"""One problem of our own in each language, solved, not solved, and left early: what a toolchain is tried with."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class Gold:
    """Programs up to the tests, and the tests, in MultiPL-E's form.

    ``right`` passes them, ``wrong`` is as valid and fails one, ``leaving`` ends with exit status 0 before the first.
    """

    tests: str
    right: str
    wrong: str
    leaving: str


@cache
def gold(language: str) -> Gold:
    """The gold test of a language (its key)."""
    text = files("magicoder_multipl_e.languages").joinpath("golds_data", f"{language}.toml").read_text("utf-8")
    return Gold(**tomllib.loads(text))
