"""The other Python: what it is asked, and what is wrong with one."""

import sys
from pathlib import Path

import pytest
from magicoder_ds1000 import interpreter
from magicoder_ds1000.interpreter import look
from magicoder_ds1000.libraries import LIBRARIES, Library

from magicoder_core import RunError


@pytest.fixture(autouse=True)
def forgotten():
    interpreter._asked.cache_clear()
    yield
    interpreter._asked.cache_clear()


def test_the_python_that_runs_this_is_one():
    found = look(Path(sys.executable))
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert {"argparse", "pickle", "copy"} <= found.modules
    assert "magicoder_core" not in found.modules, "only what matters is asked for"
    own = Library(name="Own", tasks=1, needed=("nowhere", "pickle"), loaded=("nowhere.at.all", "json"), canary="")
    assert found.missing(own) == ["nowhere"]
    assert "pickle" in found.preload(own)
    assert not [name for name in found.preload(own) if name.startswith("nowhere")]


def test_modules_are_found_without_an_import_of_what_they_are_in(tmp_path, monkeypatch):
    """A find_spec of ``torch.testing`` would import torch, for two seconds."""
    package = tmp_path / "own_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemError('imported')", "utf-8")
    (package / "inner" / "__init__.py").write_text("", "utf-8")
    (package / "inner" / "deep.py").write_text("", "utf-8")
    names = ["own_package", "own_package.inner.deep", "own_package.gone", "own_package.inner.deep.er", "sys"]
    script = interpreter._LOOK.replace("found =", f"sys.path.insert(0, {str(tmp_path)!r})\nfound =")
    monkeypatch.setattr(interpreter, "_LOOK", script)
    monkeypatch.setattr(
        interpreter, "LIBRARIES", {"Own": Library(name="Own", tasks=1, needed=(), loaded=names, canary="")}
    )
    found = look(Path(sys.executable)).modules
    assert {name for name in names if name in found} == {"own_package", "own_package.inner.deep", "sys"}


def script(folder, text):
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", r"does not work as a Python \(exit status 3\)"),
        ("echo broken >&2; exit 1", r"does not work as a Python \(broken\)"),
        ("echo what", r"is no Python \(JSONDecodeError\)"),
        (
            """echo '{"python": "3.7.16", "prefix": "/nowhere", "modules": [], "versions": {}}'""",
            "is Python 3.7.16; 3.9 is the oldest that will do",
        ),
    ],
)
def test_what_is_no_python_is_refused(tmp_path, text, said):
    with pytest.raises(RunError, match=rf"ds1000.interpreter: .*{said}.*magicoder ds1000 env PATH"):
        look(script(tmp_path, text))


def test_a_half_made_environment_is_refused(tmp_path):
    (tmp_path / interpreter.UNFINISHED).write_text("{}", "utf-8")
    told = f"""echo '{{"python": "3.12.1", "prefix": "{tmp_path}", "modules": [], "versions": {{}}}}'"""
    with pytest.raises(RunError, match="is half made; run the 'magicoder ds1000 env' of it once more"):
        look(script(tmp_path, told))


def test_versions_to_show_are_named_alike(tmp_path):
    told = (
        """echo '{"python": "3.12.1", "prefix": "/nowhere", "modules": [], """
        """"versions": {"tensorflow_cpu": "2", "NumPy": "1", "pip": "3"}}'"""
    )
    assert look(script(tmp_path, told)).shown == {"numpy": "1", "tensorflow-cpu": "2"}


def test_the_libraries_are_the_datas():
    assert {name: library.tasks for name, library in LIBRARIES.items()} == {
        "Matplotlib": 155,
        "Numpy": 220,
        "Pandas": 291,
        "Pytorch": 68,
        "Scipy": 106,
        "Sklearn": 115,
        "Tensorflow": 45,
    }
