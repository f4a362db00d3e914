"""The one door to plugins: find, load, block, look up and describe providers.

Built-in providers come in exactly as third-party ones do. Our own loop loads the entry points, because pluggy's
lets one broken plugin stop everything: here it costs one clear line, and the rest goes on.

    MAGICODER_BLOCK_PLUGINS=a,b   entry points that are not even imported
    --plugin ./file.py            a plugin with no packaging
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType

import pluggy

from magicoder_core import installed
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
    listed: list[Found] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @cached_property
    def found(self) -> Mapping[tuple[str, str], Found]:
        """Every provider by kind and name, in the order of the kinds.

        Raises:
            PluginError: two plugins claim one name.
        """
        found: dict[tuple[str, str], Found] = {}
        for item in sorted(self.listed, key=lambda item: list(KINDS).index(item.kind)):
            key = (item.kind, item.name)
            if key in found and found[key].provider is not item.provider:
                raise PluginError(_clash(found[key], item))
            found[key] = item
        return found

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


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of the ``known`` names, or nothing."""
    import difflib

    near = difflib.get_close_matches(given, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def load(files: Sequence[Path] = ()) -> Catalogue:
    """Load the built-in providers, all entry points that are not blocked, and plugin ``files``.

    Raises:
        PluginError: a file of ``files`` does not load, or what it offers are no providers.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    catalogue = Catalogue(manager)
    blocked = {name.strip() for name in os.environ.get(BLOCK, "").split(",")}
    _register(catalogue, BUILTIN, importlib.import_module(BUILTIN), _core())
    for point in sorted(installed.entry_points(PROJECT)):
        if point.name not in blocked:
            _register_entry_point(catalogue, point)
    for path in files:
        _register_file(catalogue, path)
    return catalogue


def _core() -> tuple[str, str]:
    return "magicoder-core", installed.version("magicoder-core")


def _register(catalogue: Catalogue, name: str, plugin: object, distribution: tuple[str, str]) -> None:
    """Take a plugin in with all its providers, or leave the catalogue as it was.

    Raises:
        PluginError: a hook is misspelt or has a wrong signature, or returns something else than providers.
    """
    if catalogue.manager.has_plugin(name):
        raise PluginError("another plugin of that name is loaded; uninstall one of them")
    try:
        catalogue.manager.register(plugin, name)
        _check_spelling(catalogue.manager)
        catalogue.listed += list(_provided(catalogue.manager, name, distribution))
    except (Exception, SystemExit):
        if catalogue.manager.has_plugin(name):
            catalogue.manager.unregister(name=name)
        raise


def _check_spelling(manager: pluggy.PluginManager) -> None:
    """What pluggy's own `check_pending` does, saying which hook was meant."""
    for name, caller in vars(manager.hook).items():
        if isinstance(caller, pluggy.HookCaller) and not caller.has_spec() and caller.get_hookimpls():
            hint = did_you_mean(name, list(KINDS)) or f"; there are: {', '.join(KINDS)}"
            raise PluginError(f"no hook named '{name}'{hint}")


def _provided(manager: pluggy.PluginManager, plugin: str, distribution: tuple[str, str]) -> Iterator[Found]:
    """What a plugin's hooks return; a value that is no provider is refused here and not when it is used."""
    for kind, base in KINDS.items():
        for implementation in getattr(manager.hook, kind).get_hookimpls():
            if implementation.plugin_name != plugin:
                continue
            returned = implementation.function()
            if not isinstance(returned, Mapping):
                raise PluginError(f"hook {kind}() must return a mapping of names to classes")
            for name, provider in returned.items():
                if not (isinstance(provider, type) and issubclass(provider, base)):
                    raise PluginError(f"{kind} '{name}' is no subclass of magicoder_core.{base.__name__}")
                yield Found(kind, name, provider, *distribution)


def _register_entry_point(catalogue: Catalogue, point: installed.EntryPoint) -> None:
    distribution = (point.distribution, point.version)
    try:
        _register(catalogue, point.name, point.load(), distribution)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - boundary: whatever a plugin does at import, the others go on
        catalogue.broken.append(
            f"plugin '{point.name}' ({distribution[0]}) does not load: {_cause(error)}; {BLOCK}={point.name} leaves it out"
        )


def _register_file(catalogue: Catalogue, path: Path) -> None:
    try:
        _register(catalogue, str(path), _module(path), (str(path), _short_hash(path.read_bytes())))
    except (Exception, SystemExit) as error:  # boundary: a plugin's own code, said in one line
        raise PluginError(f"--plugin {path}: {_cause(error)}") from error


def _module(path: Path) -> ModuleType:
    """Import a plugin file under a name of its own, so that its classes pickle within this process.

    Once for each content: classes of a module that took another's place would not pickle any more.
    """
    if not path.is_file():
        raise PluginError("no such Python file")
    name = f"magicoder_plugin_{path.stem}_{_short_hash(bytes(path.resolve()) + path.read_bytes())}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError("no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _short_hash(content: bytes) -> str:
    """What tells files and their versions apart: an edited plugin file is another version of it."""
    import hashlib

    return hashlib.sha256(content).hexdigest()[:12]


def _cause(error: BaseException) -> str:
    """What went wrong, in one line; the class says more than the text of an error that is not ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}"


def _clash(first: Found, second: Found) -> str:
    ways = [f"{item.provider.__module__} ({item.distribution})" for item in (first, second)]
    return f"two plugins claim the {first.kind} '{first.name}': {' and '.join(ways)}; {BLOCK} leaves one out"


@cache
def _installed() -> Catalogue:
    return load()


_current: list[Catalogue] = []
_files: list[Path] = []


def catalogue() -> Catalogue:
    """The catalogue in use: what `use` set, else all that is installed, loaded once."""
    return _current[-1] if _current else _installed()


def use(files: Sequence[Path]) -> Catalogue:
    """Load everything anew together with plugin ``files``, beside those in use already; without any, use none.

    Raises:
        PluginError: a file of ``files`` does not load; what was in use stays in use.
    """
    wanted = list({path.resolve(): path for path in (*_files, *files)}.values()) if files else []
    _current[:] = [load(wanted)] if wanted else []
    _files[:] = wanted
    return catalogue()


def find(kind: str, name: str) -> type[Provider]:
    """The provider class of a kind and name, as a recipe would look it up.

    Raises:
        RecipeError: there is none.
    """
    return catalogue().find(kind, name).provider


def names(kind: str) -> list[str]:
    """The names of all providers of a kind, sorted."""
    return sorted(name for found, name in catalogue().found if found == kind)


def provider(kind: str, name: str, overrides: Sequence[str] = ()) -> Provider:
    """A provider of a kind and name, with options as ``name=value``.

    Raises:
        RecipeError: an unknown provider or option, or a wrong value.
    """
    from magicoder_core import recipe  # which needs this module

    made: Provider = recipe.single(catalogue(), kind, name, overrides).provider
    return made
