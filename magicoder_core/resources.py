"""Files that ship with Magicoder: prompts, recipes, the plugin template."""

from __future__ import annotations

from pathlib import Path


def templates() -> Path:
    """The folder of templates: in the package where it was built as a wheel, beside it in a checkout."""
    packed = Path(__file__).parent / "templates"
    return packed if packed.is_dir() else Path(__file__).parent.parent / "templates"
