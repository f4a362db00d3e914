"""What the files of this repository say of each other."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PUBLIC = {
    "answers",
    "completing",
    "deferring",
    "filtering",
    "http",
    "jsonl",
    "models",
    "prices",
    "progress",
    "prompts",
    "ratelimits",
    "sandbox",
    "scoring",
    "seeding",
    "testing",
}
"""Modules of the core that plugins may import, beside its public names."""
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/*.md")]
# A link's target up to its anchor; code spans and fences hold no links.
LINK = re.compile(r"(?<!`)\[[^\]`]*(?:`[^`]*`)?[^\]]*\]\(([^)#\s]+)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def table(path):
    return tomllib.loads((path / "pyproject.toml").read_text("utf-8"))


def module(plugin):
    return f"magicoder_{plugin.name.replace('-', '_')}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    targets = LINK.findall(FENCE.sub("", page.read_text("utf-8")))
    local = [target for target in targets if ":" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def contract(kind):
    return next(item for item in table(ROOT)["tool"]["importlinter"]["contracts"] if item["type"] == kind)


def test_import_contracts_know_every_plugin():
    modules = {module(plugin) for plugin in PLUGINS}
    assert modules <= set(table(ROOT)["tool"]["importlinter"]["root_packages"])
    assert modules <= set(contract("forbidden")["source_modules"])
    assert modules <= set(contract("independence")["modules"])


def test_every_module_of_the_core_is_public_or_closed_to_plugins():
    files = (ROOT / "magicoder_core").iterdir()
    modules = {path.stem for path in files if path.suffix == ".py" or (path / "__init__.py").exists()}
    closed = {name.removeprefix("magicoder_core.") for name in contract("forbidden")["forbidden_modules"]}
    assert closed == modules - PUBLIC - {"__init__", "__main__"}


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_a_plugin_is_a_distribution_like_the_others(plugin):
    project = table(plugin)["project"]
    assert project["name"] == f"magicoder-{plugin.name}"
    assert project["entry-points"]["magicoder"] == {plugin.name: module(plugin)}
    assert (plugin / "src" / module(plugin) / "py.typed").exists()
    assert all((plugin / name).exists() for name in ("README.md", "CHANGELOG.md", "tests"))


def test_ci_runs_the_test_command_of_the_readme():
    command = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s tests"
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")
    assert command in (ROOT / "README.md").read_text("utf-8")


def test_no_page_has_a_place_left_to_fill_in():
    assert [page for page in PAGES if re.search(r"@@\w+@@", page.read_text("utf-8"))] == []
