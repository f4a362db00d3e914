"""What holds for a provider of any kind; the contract of each kind builds on this one."""

from __future__ import annotations

import dataclasses
import functools
import os
import pickle
import re
import subprocess
import sys
from types import ModuleType
from typing import Any, ClassVar

import pytest

from magicoder_core import options, plugins
from magicoder_core.errors import MagicoderError, RecipeError
from magicoder_core.hookspecs import KINDS, PROJECT
from magicoder_core.providers import Provider

HEAVY = ("torch", "transformers", "datasets", "litellm", "openai", "pydantic", "numpy", "aiohttp")
"""Modules that a plugin imports inside its methods: ``magicoder plugins`` imports every plugin and must stay quick."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\+?")
# By file where the name alone does not lead there: pytest and `--plugin` import files that are on no path.
_IMPORT = """
import importlib, importlib.util, sys
name, file, *heavy = sys.argv[1:]
try:
    importlib.import_module(name)
except ModuleNotFoundError as error:
    if not file or not (name == error.name or name.startswith(f"{error.name}.")):
        raise
    spec = importlib.util.spec_from_file_location(name, file)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
print("loaded:", *(item for item in heavy if item in sys.modules))
"""


class ProviderContract:
    """What holds for a provider of any kind. Authors subclass the contract of their kind instead.

    Attributes:
        provider: an instance with the options to test. Each test gets a fresh copy of it.
        registered: False for a class that no hook returns, as a base class of your own.

    A provider that needs a fixture (a server, a folder) overrides the fixture ``subject``::

        @pytest.fixture
        def subject(self, server):
            return Parrot(base_url=server.url)
    """

    provider: Provider
    registered: ClassVar[bool] = True

    @pytest.fixture
    def subject(self) -> Any:
        """The provider under test, fresh: no state of an earlier test."""
        return dataclasses.replace(self.provider)

    def test_is_a_frozen_dataclass(self, subject: Any) -> None:
        """Without the decorator on the class itself, what looks like an option is none."""
        cls = type(subject)
        advice = f"decorate {cls.__name__} with @dataclass(frozen=True, kw_only=True)"
        assert "__dataclass_fields__" in vars(cls), advice
        assert vars(cls)["__dataclass_params__"].frozen, advice
        assert all(item.kw_only for item in dataclasses.fields(cls) if item.init), advice

    def test_has_a_docstring(self, subject: Any) -> None:
        """Its first line is what ``magicoder plugins`` says of it."""
        cls = type(subject)
        text = (vars(cls).get("__doc__") or "").strip()
        # dataclass() puts the signature where there is no docstring.
        assert text and not text.startswith(f"{cls.__name__}("), f"{cls.__name__} has no docstring"  # noqa: PT018

    def test_options_are_documented(self, subject: Any) -> None:
        """``Annotated[int, "help"]`` is the help that people read."""
        missing = [item.name for item in options.options(type(subject)) if not item.help.strip()]
        assert not missing, f"options without help (write Annotated[type, 'help']): {missing}"

    def test_options_survive_pickling(self, subject: Any) -> None:
        """Providers travel to workers."""
        copy = pickle.loads(pickle.dumps(subject))  # noqa: S301 - our own bytes
        assert type(copy) is type(subject)
        assert options.values(copy) == options.values(subject)

    def test_options_survive_a_recipe(self, subject: Any) -> None:
        """The resolved recipe that a run keeps must make the same provider again."""
        table = options.values(subject)
        again = options.bind(type(subject), table, _kind(subject))
        assert options.values(again) == table

    def test_unknown_option_is_refused(self, subject: Any) -> None:
        """A misspelt option must never be silently ignored."""
        with pytest.raises(RecipeError):
            options.bind(type(subject), {"no_such_option_": 1}, _kind(subject))

    def test_has_a_schema(self, subject: Any) -> None:
        """Every option is in the JSON schema."""
        properties = options.schema(type(subject)).get("properties", {})
        assert set(properties) >= {item.name for item in options.options(type(subject))}

    def test_checks_itself(self, subject: Any) -> None:
        """`check` passes here, or says in one line what is missing."""
        try:
            subject.check()
        except MagicoderError as error:
            assert str(error).strip() and "\n" not in str(error)  # noqa: PT017, PT018 - either way is right

    def test_is_registered_under_a_proper_name(self, subject: Any) -> None:
        """A recipe finds it by a lower-case-with-hyphens name, as ``exact-duplicates`` or ``humaneval+``."""
        if not self.registered:
            pytest.skip("registered = False")
        names = _names(type(subject), _kind(subject))
        assert names, f"no @hookimpl {_kind(subject)}() returns {type(subject).__name__}"
        improper = [name for name in names if not _NAME.fullmatch(name)]
        assert not improper, f"names are lower-case-with-hyphens: {improper}"

    def test_module_imports_nothing_heavy(self, subject: Any) -> None:
        """Heavy libraries are imported inside the methods."""
        module = sys.modules[type(subject).__module__]
        assert _heavy(module.__name__, module.__file__ or "") == []


def _kind(provider: Provider) -> str:
    return next(kind for kind, base in KINDS.items() if isinstance(provider, base))


def _names(cls: type[Provider], kind: str) -> list[str]:
    """The names under which hooks return ``cls``: what is installed, else its own module and the packages above it."""
    installed = [item.name for item in plugins.catalogue().found.values() if item.provider is cls]
    if installed:
        return installed
    parts = cls.__module__.split(".")
    paths = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    modules = [sys.modules[path] for path in paths if path in sys.modules]
    return [name for module in modules for name, found in _returned(module, kind) if found is cls]


def _returned(module: ModuleType, kind: str) -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for name, function in vars(module).items():
        marked = getattr(function, f"{PROJECT}_impl", None)
        if isinstance(marked, dict) and (marked["specname"] or name) == kind:
            pairs.extend(function().items())
    return pairs


@functools.cache
def _heavy(module: str, file: str) -> list[str]:
    """Which of `HEAVY` a fresh Python holds after importing that module alone."""
    done = subprocess.run(  # noqa: S603 - our own Python, our own code
        [sys.executable, "-c", _IMPORT, module, file, *HEAVY],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{module} does not import by itself:\n{done.stderr}"
    return done.stdout.rpartition("loaded:")[2].split()
