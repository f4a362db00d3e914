"""Which licence is stated, and that nothing is guessed."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from magicoder_core.builtin import licences


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("                 Apache License\n           Version 2.0, January 2004", "Apache-2.0"),
        ("MIT License\n\nPermission is hereby granted, free of\ncharge, to any person obtaining a copy", "MIT"),
        ("GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3", "LGPL-3.0"),
        ("Redistribution and use in source and binary forms ...\nNeither the name of", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms, with or without", "BSD-2-Clause"),
        ("All rights reserved. Do not copy.", None),
        ("", None),
    ],
)
def test_of_text(text, name):
    assert licences.of_text(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */", "GPL-2.0-only WITH Linux-syscall-note"),
        ("// SPDX-License-Identifier: (MIT OR Apache-2.0)\n", "(MIT OR Apache-2.0)"),
        ("<!-- SPDX-License-Identifier: BSD-3-Clause -->", "BSD-3-Clause"),
        ("SPDX-License-Identifier:\nx", None),
        ("x\n" * 4000 + "SPDX-License-Identifier: MIT", None),
    ],
)
def test_of_file(text, name):
    assert licences.of_file(text) == name


def installed(folder: Path, lines: str, licence: str = "") -> metadata.Distribution:
    about = folder / "x-1.dist-info"
    (about / "licenses").mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{lines}\n")
    (about / "licenses" / "LICENSE.txt").write_text(licence)
    (about / "RECORD").write_text("x-1.dist-info/METADATA,,\nx-1.dist-info/licenses/LICENSE.txt,,\n")
    return metadata.Distribution.at(about)


@pytest.mark.parametrize(
    ("lines", "licence", "name"),
    [
        ("License-Expression: MIT OR Apache-2.0", "", "MIT OR Apache-2.0"),
        ("License: Apache 2.0", "", "Apache-2.0"),
        ("License: BSD", "", None),
        ("Classifier: License :: OSI Approved :: MIT License", "", "MIT"),
        (
            "Classifier: License :: OSI Approved :: BSD License",
            "Redistribution and use in source and binary forms",
            "BSD-2-Clause",
        ),
        ("", "All rights reserved", None),
    ],
)
def test_of_distribution(tmp_path, lines, licence, name):
    assert licences.of_distribution(installed(tmp_path, lines, licence)) == name


def test_of_folder(tmp_path):
    assert licences.of_folder(tmp_path / "missing") is None
    (tmp_path / "COPYING").write_bytes(b"\xff GNU General Public License\nVersion 2")
    (tmp_path / "license_checker.py").write_text("Apache License Version 2.0")
    assert licences.of_folder(tmp_path) == "GPL-2.0"
