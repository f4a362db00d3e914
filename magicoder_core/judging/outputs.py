"""Where a scoring writes: found out, and tried, before anything is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from magicoder_core.errors import RunError


def check_outputs(outputs: Mapping[str, Path], taken: Iterable[Path]) -> None:
    """Look whether each of ``outputs`` (by the option that names it) can be written, and harms none of ``taken``.

    Raises:
        RunError: it cannot, or would; the message names the option and the file.
    """
    for option, path in outputs.items():
        if any(_same(path, other) for other in taken):
            raise RunError(f"{option}: {path} is read or written by this scoring itself; choose another file")
        _try(option, path)
    for (one, path), (other, second) in combinations(outputs.items(), 2):
        if _same(path, second):
            raise RunError(f"{one} and {other} name the same file, {path}; choose two")


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other) and one.is_file()
    return one.resolve() == other.resolve()


def _try(option: str, path: Path) -> None:
    """Make the folder, and a file beside ``path`` that is gone at once."""
    if path.is_dir():
        raise RunError(f"{option}: {path} is a folder; name a file")
    if path.exists() and not path.is_file():
        return  # a device or a pipe: to open it could wait for its reader
    beside = path.resolve().with_name(f"{path.name}.part")
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("ab"):
            pass
        beside.unlink()
    except OSError as error:
        raise RunError(f"{option}: cannot write {path} ({error.strerror}); choose another place") from error
