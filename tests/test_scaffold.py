"""What `magicoder new` writes is a package like any other: it passes its tests, installs, and works in a recipe."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from magicoder_core import PluginError, resources, scaffold
from magicoder_core.hookspecs import KINDS

ROOT = Path(__file__).parent.parent
FIXTURE = Path(__file__).parent / "plugin_fixture"
MOST_LINES = 20


def run(*command, cwd, path="", **environment):
    environment = {**os.environ, "PYTHONPATH": str(path), **environment}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def code_lines(path):
    return [line for line in path.read_text("utf-8").splitlines() if line.strip()]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A package of each kind, by kind."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        scaffold.create(kind, f"my-{kind.replace('_', '-')}", folder)
    return {kind: folder / f"my-{kind.replace('_', '-')}" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_these(tmp_path, kind):
    files = scaffold.create(kind, "one-more", tmp_path)
    assert [path.relative_to(tmp_path / "one-more").as_posix() for path in files] == [
        "CHANGELOG.md",
        "README.md",
        "pyproject.toml",
        "src/magicoder_one_more/__init__.py",
        "src/magicoder_one_more/py.typed",
        "tests/test_one_more.py",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["one-more"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_short(packages, kind):
    (module,) = packages[kind].glob("src/*/__init__.py")
    assert len(code_lines(module)) <= MOST_LINES
    with (packages[kind] / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["entry-points"] == {"magicoder": {packages[kind].name: module.parent.name}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_passes_its_own_tests(packages, kind):
    done = run(
        "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=packages[kind], path=packages[kind] / "src"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


CLEAN = {
    # A benchmark's tests are assertions about figures, wherever they stand.
    "ruff check": ["check", "--no-cache", "--config", ROOT / "pyproject.toml", "--extend-ignore", "S101,PLR2004", "."],
    "ruff format": ["format", "--no-cache", "--config", ROOT / "pyproject.toml", "--check", "."],
    "mypy": ["--strict", "--cache-dir", os.devnull, "src"],
}


@pytest.mark.parametrize("task", CLEAN)
def test_a_package_is_clean(packages, task):
    tool = task.partition(" ")[0]
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")
    for package in packages.values():
        done = run("-m", tool, *CLEAN[task], cwd=package)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(packages, tmp_path_factory):
    """All packages and the fixture plugin, installed by pip into a folder of their own."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, the packages' build backend, is not installed")
    site = tmp_path_factory.mktemp("site")
    flags = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--target", site]
    done = run("-m", "pip", "install", *flags, *packages.values(), FIXTURE, cwd=site)
    assert done.returncode == 0, done.stderr
    return site


RECIPE = """\
# magicoder run all-of-mine.toml
seed = 1
[seed_source]
use = "my-seed-source"
[method]
use = "my-method"
[teacher]
use = "my-teacher"
times = 2
[[filter]]
use = "my-filter"
most = 100000
[trainer]
use = "my-trainer"
[model]
use = "echo"
upper = true
"""


def test_installed_packages_are_found_and_work_in_a_recipe(site, tmp_path):
    """From snippet to checkpoint with nothing but what `magicoder new` writes."""
    (tmp_path / "all-of-mine.toml").write_text(RECIPE)
    done = run("-m", "magicoder_core", "run", "all-of-mine.toml", "--dir", "run", cwd=tmp_path, path=site)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [json.loads(line) for line in (tmp_path / "run" / "kept.jsonl").read_text("utf-8").splitlines()]
    assert row["method"] == "my-method"
    assert row["problem"].count("Invent a task") == 2
    assert json.loads((tmp_path / "run" / "checkpoint" / "config.json").read_text("utf-8")) == {"rows": 1}


def test_an_installed_benchmark_is_listed_with_its_options(site, tmp_path):
    done = run("-m", "magicoder_core", "plugins", "my-benchmark", cwd=tmp_path, path=site)
    assert done.returncode == 0, done.stderr
    assert "magicoder-my-benchmark 0.1.0" in done.stdout
    assert "samples" in done.stdout


def test_the_fixture_plugin_is_small_and_found(site, tmp_path):
    (module,) = FIXTURE.glob("src/*/__init__.py")
    assert len(code_lines(module)) <= MOST_LINES
    done = run("-m", "magicoder_core", "plugins", "echo", cwd=tmp_path, path=site)
    assert "teacher echo (magicoder-echo 0.1.0)" in done.stdout


def test_a_blocked_package_is_not_found(site, tmp_path):
    environment = {"MAGICODER_BLOCK_PLUGINS": "echo"}
    done = run("-m", "magicoder_core", "plugins", "echo", cwd=tmp_path, path=site, **environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "hook"), [("seed-source", "seed_source"), ("Seed_Source", "seed_source"), ("teacher", "teacher")]
)
def test_a_kind_may_be_written_as_people_do(kind, hook):
    assert scaffold.kind_of(kind) == hook


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("techer", "mine", "no kind of provider 'techer'; did you mean 'teacher'?"),
        ("zzz", "mine", "no kind of provider 'zzz'; there are: seed_source, method"),
        ("teacher", "MyTeacher", "'MyTeacher' is no name: lower-case letters"),
        ("teacher", "MyTeacher", "did you mean 'my-teacher'?"),
        ("teacher", "my_teacher", "did you mean 'my-teacher'?"),
        ("teacher", "", "'' is no name"),
        ("teacher", "../evil", "'../evil' is no name"),
        ("teacher", "4o", "'4o' is no name"),
        ("teacher", "a--b", "did you mean 'a-b'?"),
        ("teacher", "openai-compatible", "there is a teacher 'openai-compatible' already, in magicoder-core"),
        ("teacher", "core", "a distribution magicoder-core is installed already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path, kind, name, message):
    with pytest.raises(PluginError) as caught:
        scaffold.create(kind, name, tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(PluginError, match="exists already"):
        scaffold.create("teacher", "mine", tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_failure_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        scaffold.create("teacher", "mine", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["teacher", "reply", "path", "test-bench", "magicoder-mine"])
def test_a_name_that_python_or_pytest_would_misread_works(tmp_path, name):
    files = scaffold.create("teacher", name, tmp_path)
    (module,) = [path for path in files if path.name == "__init__.py"]
    package = module.parent.parent.parent
    assert package.name == name.removeprefix("magicoder-")
    done = run("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=package, path=module.parent.parent)
    assert done.returncode == 0, done.stdout


def test_every_kind_has_its_templates():
    folders = {path.name for path in (resources.templates() / "plugin").iterdir()}
    assert folders == {*KINDS, "common"}
