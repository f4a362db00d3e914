"""`__all__` of the package and of its public modules is what they offer, sorted."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import magicoder_core


def test_the_package_exports_its_public_names():
    public = [
        name
        for name, value in vars(magicoder_core).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    ]
    assert magicoder_core.__all__ == sorted(public)


@pytest.mark.parametrize("name", ["models", "prompts", "sandbox", "scoring", "testing"])
def test_public_modules_export_what_they_have(name):
    module = importlib.import_module(f"magicoder_core.{name}")
    assert [item for item in module.__all__ if not hasattr(module, item)] == []
    assert len(set(module.__all__)) == len(module.__all__)


def test_a_name_that_the_kit_does_not_have_is_an_attribute_error():
    import magicoder_core.testing

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = magicoder_core.testing.no_such_name
