"""Which licence source code is under, as an SPDX identifier, where that is stated; None means unknown.

A licence file, a package's metadata or a tag in the file itself counts; nothing is guessed. A text that only
says "GPL version 3" does not tell "only" from "or later", so those keep the plain (deprecated) identifiers.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from magicoder_core.builtin.languages import EXTENSIONS, ending

_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]*[A-Za-z0-9.+)])")
_FILE = re.compile(r"(licen[cs]e|copying)(\.(txt|md|rst)|[-_.][a-z0-9.-]+)?", re.IGNORECASE)
_ENOUGH = 4096
_SOURCE = {each for endings in EXTENSIONS.values() for each in endings}

_TEXTS = (
    ("Apache-2.0", r"apache license,?\s+version 2\.0"),
    ("AGPL-3.0", r"gnu affero general public license\s+version 3"),
    ("LGPL-3.0", r"gnu lesser general public license\s+version 3"),
    ("LGPL-2.1", r"gnu lesser general public license\s+version 2\.1"),
    ("GPL-3.0", r"gnu general public license\s+version 3"),
    ("GPL-2.0", r"gnu general public license\s+version 2"),
    ("MPL-2.0", r"mozilla public license,?\s+version 2\.0"),
    ("Unlicense", r"this is free and unencumbered software released into the public domain"),
    ("ISC", r"permission to use, copy, modify, and(/or)? distribute this software for any purpose"),
    ("MIT", r"permission is hereby granted, free of charge, to any person obtaining a copy"),
    ("BSD-3-Clause", r"redistribution and use in source and binary forms.*neither the name"),
    ("BSD-2-Clause", r"redistribution and use in source and binary forms"),
)
"""What a licence's first lines say, most particular first, white space and capitals aside."""

_PATTERNS = tuple((name, re.compile(text)) for name, text in _TEXTS)
_STATED = {name.lower(): name for name, _ in _TEXTS} | {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd 3-clause": "BSD-3-Clause",
    "mit license": "MIT",
    "psf-2.0": "PSF-2.0",
}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
}

STANDARD_LIBRARY = "Python-2.0.1"
"""The stack of licences that CPython's LICENSE file prints; PSF-2.0 is only the topmost of them (SPDX list)."""


def of_file(text: str) -> str | None:
    """The SPDX tag among a source file's first 4096 characters."""
    found = _TAG.search(text[:_ENOUGH])
    return found[1].strip() if found else None


def of_folder(folder: Path) -> str | None:
    """What the licence file (or files, if they agree) at the top of ``folder`` says."""
    try:
        files = [path for path in folder.iterdir() if _names_licence(path.name) and path.is_file()]
        return _agreed({of_text(path.read_text(encoding="utf-8", errors="replace")) for path in files})
    except OSError:
        return None


def of_text(text: str) -> str | None:
    """The identifier of a licence's whole text."""
    head = " ".join(text[:_ENOUGH].lower().split())
    return next((name for name, pattern in _PATTERNS if pattern.search(head)), None)


def of_distribution(distribution: metadata.Distribution) -> str | None:
    """What an installed package's metadata states, else what its licence file says."""
    about = distribution.metadata
    for expression in about.get_all("License-Expression") or ():
        return str(expression)
    for stated in about.get_all("License") or ():
        if name := _STATED.get(str(stated).strip().lower()):
            return name
    classifiers = [str(line).rpartition(" :: ")[2] for line in about.get_all("Classifier") or ()]
    if named := _agreed({_CLASSIFIERS[line] for line in classifiers if line in _CLASSIFIERS}):
        return named
    files = [file for file in distribution.files or () if ".dist-info" in file.parts[0] and _names_licence(file.name)]
    return _agreed({of_text(text) for file in files if (text := distribution.read_text("/".join(file.parts[1:])))})


def _names_licence(name: str) -> bool:
    return bool(_FILE.fullmatch(name)) and ending(name) not in _SOURCE


def _agreed(named: set[str | None]) -> str | None:
    """The one licence that is named; None if there are several: which part is under which is not told."""
    return named.pop() if len(named) == 1 else None
