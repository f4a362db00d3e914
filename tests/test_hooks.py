"""Each hook: a plugin that implements it is found, and a value of another kind is refused."""

from __future__ import annotations

import types

import pytest

import magicoder_core
from magicoder_core import PluginError, hookimpl, plugins
from magicoder_core.hookspecs import KINDS, Hooks


def offer(kind, base, tmp_path, returned="Mine"):
    """A plugin file whose hook ``kind`` returns a bare subclass of ``base``."""
    path = tmp_path / f"{kind}_plugin.py"
    path.write_text(
        f"from magicoder_core import {base}, hookimpl\n"
        f"class Mine({base}):\n    '''Of that kind.'''\n"
        f"@hookimpl(specname={kind!r})\ndef offered():\n    return {{'mine-': {returned}}}\n"
    )
    return plugins.load([path])


def check(kind, base, tmp_path):
    found = offer(kind, base, tmp_path).find(kind, "mine-")
    assert issubclass(found.provider, KINDS[kind])
    assert getattr(magicoder_core, base) is KINDS[kind]
    with pytest.raises(PluginError, match=f"{kind} 'mine-' is no subclass of magicoder_core.{base}"):
        offer(kind, base, tmp_path, returned="int")


def test_hook_seed_source(tmp_path):
    check("seed_source", "SeedSource", tmp_path)


def test_hook_method(tmp_path):
    check("method", "Method", tmp_path)


def test_hook_teacher(tmp_path):
    check("teacher", "Teacher", tmp_path)


def test_hook_filter(tmp_path):
    check("filter", "Filter", tmp_path)


def test_hook_trainer(tmp_path):
    check("trainer", "Trainer", tmp_path)


def test_hook_benchmark(tmp_path):
    check("benchmark", "Benchmark", tmp_path)


def test_the_kinds_are_the_hooks():
    hooks = {name for name in vars(Hooks) if not name.startswith("_")}
    assert hooks == set(KINDS)


def test_a_plugin_may_be_any_object():
    """The manager takes modules and namespaces alike; ours are modules."""

    @hookimpl
    def teacher():
        return {}

    manager = plugins.load().manager
    assert manager.register(types.SimpleNamespace(teacher=teacher), "namespace")
