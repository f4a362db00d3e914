"""Where a checkpoint comes from: its rows, and the trainings before this one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from magicoder_core import RunError, TrainingData, jsonl

FACTS = "training.json"
"""What a checkpoint says of itself, for programs; the model card says the same for people."""

_PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "bitsandbytes",
    "magicoder-flash-attention",
    "magicoder-core",
)


def shown(model: str) -> str:
    """A model's or a file's name without the folders of this machine."""
    path = Path(model).expanduser()
    return path.name if path.exists() else model


def rows(data: TrainingData) -> dict[str, Any]:
    """What the rows are: the file's ``sha256``, and how many there are of each source, ``method`` and ``language``.

    Raises:
        RunError: the file changes while it is read, or is gone.
    """
    try:
        before = jsonl.digest(data.path)
        methods, languages = Counter[str](), Counter[str]()
        for row in data:
            methods[row.method or "unknown"] += 1
            languages[row.language or "unknown"] += 1
        after = jsonl.digest(data.path)
    except OSError as error:
        raise RunError(f"trainer: {data.path}: cannot be read: {error.strerror}") from error
    if before != after:
        raise RunError(f"trainer: {data.path} changed while it was read; run the same command again")
    sources = {shown(name): count for name, count in data.sources.items()}
    return {"sha256": before, "sources": sources, "method": dict(methods), "language": dict(languages)}


def before(base: Path) -> list[dict[str, Any]]:
    """The trainings by which a base model became what it is, the first one first; none where it says nothing of itself."""
    try:
        facts = json.loads((base / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    every = [*_list(facts.get("before")), facts] if isinstance(facts, dict) else []
    if not all(map(_tells, every)):
        return []  # somebody else's file of that name
    return [{name: value for name, value in one.items() if name != "before"} for one in every]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tells(facts: Any) -> bool:
    """Whether these are the facts of a training, as the card needs them."""
    if not isinstance(facts, dict) or not all(isinstance(facts.get(name), dict) for name in ("loss", "data")):
        return False
    loss, data = facts["loss"], facts["data"]
    return (
        all(isinstance(loss.get(name), int | float) for name in ("first", "last"))
        and isinstance(data.get("sha256"), str)
        and all(isinstance(data.get(name), dict) for name in ("sources", "method", "language"))
        and {"base_model", "trained", "steps"} <= facts.keys()
    )


def versions() -> Mapping[str, str]:
    """The versions of the packages that a training hangs on, as far as they are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
