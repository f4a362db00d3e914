"""The pages say what the code says: every hook with its signature, every option of every provider."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from magicoder_core import options, plugins
from magicoder_core.hookspecs import KINDS, Hooks

DOCS = Path(__file__).parent.parent / "docs"
HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
PROVIDERS = sorted(plugins.catalogue().found)


@pytest.fixture(scope="module")
def page():
    return (DOCS / "plugins.md").read_text("utf-8")


@pytest.mark.parametrize("hook", KINDS)
def test_every_hook_has_a_heading_and_its_signature(page, hook):
    arguments = [name for name in inspect.signature(getattr(Hooks, hook)).parameters if name != "self"]
    signature = f"{hook}({', '.join(arguments)})"
    assert any(f"`{signature}`" in heading for heading in HEADING.findall(page)), f"a heading with `{signature}`"


@pytest.mark.parametrize("hook", KINDS)
def test_every_contract_is_described(page, hook):
    assert f"`{KINDS[hook].__name__}Contract`" in page


def section(kind, name):
    """What the reference says between a provider's heading and the next."""
    pages = [path.read_text("utf-8") for path in sorted((DOCS / "reference").glob("*.md"))]
    for text in pages:
        for found in HEADING.finditer(text):
            if f"`{name}`" in found[0] and kind.replace("_", " ") in found[0].lower():
                following = HEADING.search(text, found.end())
                return text[found.end() : following.start() if following else len(text)]
    return pytest.fail(f"no heading for the {kind} `{name}` in docs/reference; make it with `nox -s docs`")


@pytest.mark.parametrize(("kind", "name"), PROVIDERS)
def test_every_option_of_every_provider_is_documented(kind, name):
    text = section(kind, name)
    documented = [item for item in options.options(plugins.find(kind, name)) if f"`{item.name}`" in text]
    assert documented == options.options(plugins.find(kind, name))
    assert [item.name for item in documented if item.help.replace("|", "\\|") not in text] == []
