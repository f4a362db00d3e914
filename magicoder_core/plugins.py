"""The one door to plugins: find, load, block, look up and describe providers.

Built-in providers come in exactly as third-party ones do. Our own loop loads the entry points, because pluggy's
lets one broken plugin stop everything: here it costs one clear line, and the rest goes on.

    MAGICODER_BLOCK_PLUGINS=a,b   entry points that are not even imported
    --plugin ./file.py            a plugin with no packaging
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pluggy

from magicoder_core.errors import PluginError, RecipeError
from magicoder_core.hookspecs import KINDS, PROJECT, Hooks
from magicoder_core.providers import Provider

BLOCK = "MAGICODER_BLOCK_PLUGINS"
BUILTIN = "magicoder_core.builtin"


@dataclass(frozen=True)
class Found:
    """A provider as the catalogue lists it: its kind and name, its class, and the distribution it came in."""

    kind: str
    name: str
    provider: type[Provider]
    distribution: str
    version: str

    @property
    def summary(self) -> str:
        """First line of the class's docstring."""
        return (self.provider.__doc__ or "").strip().partition("\n")[0]


@dataclass
class Catalogue:
    """All providers there are, and one line for each plugin that did not load."""

    manager: pluggy.PluginManager
    distributions: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @cached_property
    def found(self) -> Mapping[tuple[str, str], Found]:
        """Every provider by kind and name.

        Raises:
            PluginError: two plugins claim one name, or a hook returned something else than providers.
        """
        listed: dict[tuple[str, str], Found] = {}
        for item in self._all():
            key = (item.kind, item.name)
            if key in listed and listed[key].provider is not item.provider:
                raise PluginError(_clash(listed[key], item))
            listed[key] = item
        return listed

    def find(self, kind: str, name: str, *, where: str = "") -> Found:
        """The provider of that kind and name; ``where`` (a place in a recipe) starts the message if there is none.

        Raises:
            RecipeError: there is none; the message names the nearest one.
        """
        if item := self.found.get((kind, name)):
            return item
        names = sorted(known for of_kind, known in self.found if of_kind == kind)
        hint = did_you_mean(name, names) or f"; there are: {', '.join(names) or 'none'}"
        failed = f"; did not load: {'; '.join(self.broken)}" if self.broken else ""
        place = f"{where}: " if where else ""
        raise RecipeError(f"{place}no {kind} named '{name}'{hint}{failed}")

    def named(self, name: str) -> list[Found]:
        """The providers of that name, of whatever kind."""
        return [item for item in self.found.values() if item.name == name]

    def _all(self) -> Iterator[Found]:
        for kind in KINDS:
            for implementation in getattr(self.manager.hook, kind).get_hookimpls():
                yield from self._of(kind, implementation)

    def _of(self, kind: str, implementation: pluggy.HookImpl) -> Iterator[Found]:
        where = implementation.plugin_name
        returned = implementation.function()
        if not isinstance(returned, Mapping):
            raise PluginError(f"plugin '{where}': hook {kind}() must return a mapping of names to classes")
        distribution, version = self.distributions.get(where, ("", ""))
        for name, provider in returned.items():
            if not (isinstance(provider, type) and issubclass(provider, KINDS[kind])):
                raise PluginError(
                    f"plugin '{where}': {kind} '{name}' is no subclass of magicoder_core.{KINDS[kind].__name__}"
                )
            yield Found(kind, name, provider, distribution or where, version)


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of the ``known`` names, or nothing."""
    near = difflib.get_close_matches(given, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def load(files: Sequence[Path] = ()) -> Catalogue:
    """Load the built-in providers, all entry points that are not blocked, and plugin ``files``.

    Raises:
        PluginError: a file of ``files`` does not load, or a hook has a wrong signature.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    catalogue = Catalogue(manager)
    blocked = {name.strip() for name in os.environ.get(BLOCK, "").split(",")}
    _register(catalogue, BUILTIN, importlib.import_module(BUILTIN), _core())
    for point in metadata.entry_points(group=PROJECT):
        if point.name not in blocked:
            _register_entry_point(catalogue, point)
    for path in files:
        _register(catalogue, str(path), _module(path), (str(path), ""))
    return catalogue


def _core() -> tuple[str, str]:
    return "magicoder-core", metadata.version("magicoder-core")


def _register(catalogue: Catalogue, name: str, plugin: object, distribution: tuple[str, str]) -> None:
    catalogue.distributions[name] = distribution
    try:
        catalogue.manager.register(plugin, name)
        catalogue.manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(f"plugin '{name}': {_one_line(error)}") from error


def _register_entry_point(catalogue: Catalogue, point: metadata.EntryPoint) -> None:
    distribution = (point.dist.name, point.dist.version) if point.dist else ("", "")
    try:
        _register(catalogue, point.name, point.load(), distribution)
    except Exception as error:  # noqa: BLE001 - boundary: whatever a plugin does at import, the others go on
        if catalogue.manager.has_plugin(point.name):
            catalogue.manager.unregister(name=point.name)
        catalogue.broken.append(
            f"plugin '{point.name}' ({distribution[0] or point.value}) does not load: {type(error).__name__}: "
            f"{_one_line(error)}; {BLOCK}={point.name} leaves it out"
        )


def _module(path: Path) -> ModuleType:
    """Import a plugin file under a name of its own, so that its classes pickle within this process."""
    name = f"magicoder_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise PluginError(f"--plugin {path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # boundary: a plugin's own code, said in one line
        raise PluginError(f"--plugin {path}: {type(error).__name__}: {_one_line(error)}") from error
    return module


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _clash(first: Found, second: Found) -> str:
    ways = [f"{item.provider.__module__} ({item.distribution})" for item in (first, second)]
    return f"two plugins claim the {first.kind} '{first.name}': {' and '.join(ways)}; {BLOCK} leaves one out"


@cache
def _installed() -> Catalogue:
    return load()


_current: list[Catalogue] = []


def catalogue() -> Catalogue:
    """The catalogue in use: what `use` set, else all that is installed, loaded once."""
    return _current[-1] if _current else _installed()


def use(files: Sequence[Path]) -> Catalogue:
    """Load everything anew together with plugin ``files`` and make that the catalogue in use."""
    _current[:] = [load(files)] if files else []
    return catalogue()


def find(kind: str, name: str) -> type[Provider]:
    """The provider class of a kind and name, as a recipe would look it up.

    Raises:
        RecipeError: there is none.
    """
    return catalogue().find(kind, name).provider
