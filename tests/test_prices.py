"""Prices, of a list of our own in the place of LiteLLM's, and of LiteLLM's own where it is installed."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from magicoder_core import Price, prices

LIST = {
    "sample_spec": {"input_cost_per_token": 9, "output_cost_per_token": 9},
    "gpt-small": {"litellm_provider": "openai", "input_cost_per_token": 1e-07, "output_cost_per_token": 2e-07},
    "azure/gpt-small": {"litellm_provider": "azure", "input_cost_per_token": 3e-07, "output_cost_per_token": 4e-07},
    "gemini/flash": {"litellm_provider": "gemini", "input_cost_per_token": 5e-07, "output_cost_per_token": 6e-07},
    "flash-latest": {"alias_of": "gemini/flash"},
    "ft:gpt-small": {"litellm_provider": "openai", "input_cost_per_token": 7e-07, "output_cost_per_token": 8e-07},
    "router/openai/gpt-small": {
        "litellm_provider": "router",
        "input_cost_per_token": 9e-07,
        "output_cost_per_token": 1e-06,
        "nested": {"gpt-inner": {"input_cost_per_token": 1, "output_cost_per_token": 1}},
    },
    "seconds": {"litellm_provider": "openai", "input_cost_per_second": 1},
    "claude": {"litellm_provider": "vertex_ai-anthropic_models", "input_cost_per_token": 0, "output_cost_per_token": 0},
}


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A package litellm that holds this list alone, and cannot be imported."""
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    text = json.dumps(LIST, indent=4).replace('    "flash-latest": {', '"flash-latest": {')
    (package / "model_prices_and_context_window_backup.json").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    prices.bundled.cache_clear()
    yield package
    prices.bundled.cache_clear()


@pytest.mark.parametrize(
    ("model", "provider", "sent"),
    [
        ("gpt-small", None, 1e-07),
        ("openai/gpt-small", None, 1e-07),
        ("gpt-small", "openai", 1e-07),
        ("openai/gpt-small", "openai", 1e-07),
        ("gpt-small-2029-01-31", "openai", 1e-07),
        ("azure/gpt-small", None, 3e-07),
        ("gpt-small", "azure", 3e-07),
        ("gpt-small", "mistral", None),
        ("mistral/gpt-small", None, None),
        ("gemini/flash-001", None, 5e-07),
        ("flash-latest", None, 5e-07),
        ("ft:gpt-small:me:mine:1", "openai", 7e-07),
        ("openai/ft:gpt-small:me:mine:1", None, 7e-07),
        ("router/openai/gpt-small", None, 9e-07),
        ("gpt-inner", None, None),
        ("seconds", None, None),
        ("sample_spec", None, None),
        ("nobody", None, None),
        ("vertex_ai/claude", None, 0.0),
        ("", None, None),
    ],
)
@pytest.mark.usefixtures("listed")
def test_names(model, provider, sent):
    found = prices.bundled(model, provider)
    assert (found and found.usd_per_prompt_token) == sent


@pytest.mark.usefixtures("listed")
def test_a_price_is_both_directions():
    assert prices.bundled("gpt-small") == Price(usd_per_prompt_token=1e-07, usd_per_completion_token=2e-07)


def test_without_its_list_there_is_no_price(listed):
    (listed / "model_prices_and_context_window_backup.json").unlink()
    assert prices.bundled("gpt-small") is None


def test_without_litellm_there_is_no_price():
    code = (
        "import sys\nfrom magicoder_core import prices\nsys.path = []\nassert prices.bundled('gpt-4o-mini') is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.plugins
def test_the_installed_list_is_read_without_an_import():
    if find_spec("litellm") is None:
        pytest.fail("litellm is not installed")
    code = (
        "import sys\n"
        "from magicoder_core import prices\n"
        "found = prices.bundled('gpt-4o-mini')\n"
        "assert 0 < found.usd_per_prompt_token < found.usd_per_completion_token < 1e-5, found\n"
        "assert 'litellm' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
