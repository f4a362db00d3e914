"""Writes a plugin package for a new provider: what `magicoder new` does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import magicoder_core
from magicoder_core import installed, plugins
from magicoder_core.errors import PluginError
from magicoder_core.hookspecs import KINDS
from magicoder_core.resources import templates

if TYPE_CHECKING:
    from jinja2 import Environment

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = "magicoder-"
# Names that the templates import: a class of that name would hide what it is derived from.
_TAKEN = frozenset({*magicoder_core.__all__, "Annotated", "Iterable", "Iterator", "Path"})
_LISTED = ("filter", "benchmark")


def create(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the package of a provider into ``folder/name``; returns the files, sorted.

    The package installs, passes its own tests and does something simple that is there to be replaced.

    Args:
        kind: ``teacher``, ``seed-source``, ... as `kind_of` reads it.
        name: the provider's name in recipes: lower-case words with hyphens between them.
        folder: where the package's own folder is made; created if missing.

    Raises:
        PluginError: unknown kind, unusable name, or there is such a provider, distribution or folder already.
    """
    kind = kind_of(kind)
    name = name.removeprefix(_PREFIX)
    _check_name(kind, name)
    target = folder / name
    if target.exists():
        raise PluginError(f"{target} exists already; choose another name, or another folder with --to")
    _write(target, dict(_files(kind, name)))
    return sorted(path for path in target.rglob("*") if path.is_file())


def kind_of(text: str) -> str:
    """The hook of that name; hyphens and capitals do not matter.

    Raises:
        PluginError: there is none; the message names the nearest one.
    """
    kind = text.lower().replace("-", "_")
    if kind not in KINDS:
        hint = plugins.did_you_mean(kind, list(KINDS)) or f"; there are: {', '.join(KINDS)}"
        raise PluginError(f"no kind of provider '{text}'{hint}")
    return kind


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()).strip("-")
        hint = f"; did you mean '{near}'?" if _NAME.fullmatch(near) else ""
        raise PluginError(f"'{name}' is no name: lower-case letters, digits and single hyphens, a letter first{hint}")
    if found := plugins.catalogue().found.get((kind, name)):
        raise PluginError(f"there is a {kind} '{name}' already, in {found.distribution}; choose another name")
    if installed.version(_PREFIX + name):
        raise PluginError(f"a distribution {_PREFIX}{name} is installed already; choose another name")


def _files(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Each file of the package: its path in it, and its text."""
    values = _values(kind, name)
    module = values["module"]
    environment = _environment()
    for path, template in {
        "pyproject.toml": "common/pyproject.toml.jinja",
        "README.md": "common/README.md.jinja",
        "CHANGELOG.md": "common/CHANGELOG.md.jinja",
        f"src/{module}/__init__.py": f"{kind}/module.py.jinja",
        f"tests/test_{name.replace('-', '_')}.py": f"{kind}/test.py.jinja",
    }.items():
        yield path, environment.get_template(template).render(values)
    yield f"src/{module}/py.typed", ""


def _values(kind: str, name: str) -> Mapping[str, str]:
    """What the templates are filled with."""
    return {
        "name": name,
        "distribution": _PREFIX + name,
        "module": (_PREFIX + name).replace("-", "_"),
        "cls": _class_name(kind, name),
        "words": kind.replace("_", " "),
        "table": f"[[{kind}]]" if kind in _LISTED else f"[{kind}]",
    }


def _class_name(kind: str, name: str) -> str:
    words = "".join(word.capitalize() for word in name.split("-"))
    # pytest would collect a class whose name begins with Test.
    hides = words in _TAKEN or words.startswith("Test")
    return KINDS[kind].__name__ + words if hides else words


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(  # noqa: S701 - the output is no HTML
        loader=FileSystemLoader(templates() / "plugin"), undefined=StrictUndefined, keep_trailing_newline=True
    )


def _write(target: Path, files: Mapping[str, str]) -> None:
    """All files, or none: they get their folder's name when they are whole."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for name, text in files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
