"""``python -m magicoder_core``: the command line, where the console script is not on the path."""

from __future__ import annotations

from magicoder_core.cli.main import main

main()
