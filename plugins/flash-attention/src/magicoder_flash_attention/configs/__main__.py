"""Print the files of this folder, each with what it is for."""

from __future__ import annotations

import sys
from pathlib import Path

_OPTIONS = "options of parallel, to be copied and changed: parallel = 'FILE'"


def main() -> None:
    """Print a line for each file: its path, and its first line of comment."""
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in (".json", ".yaml"):
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            sys.stdout.write(f"{path}: {first.removeprefix('# ') if path.suffix == '.yaml' else _OPTIONS}\n")


if __name__ == "__main__":
    main()
