"""`magicoder ds1000 env`: made whole or taken up again, with pinned versions, from packages of our own here."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from magicoder_ds1000 import environments, interpreter, library_data
from magicoder_ds1000.commands import ds1000
from magicoder_ds1000.environments import KINDS, Kind, make
from magicoder_ds1000.libraries import LIBRARIES, Library

from magicoder_core import RunError

PYTHON = Path(sys.executable)


def wheel(folder, name, version, text=""):
    """A package of one module."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    facts = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", text)
        archive.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{facts}/RECORD", "")
    return path


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder of packages, and a kind of environment and two libraries that need them."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in ("ownarrays", "ownplots"):
        wheel(folder, name, "1.5")
    kind = Kind(pythons=((3, 9), (3, 20)), pins={"": ["ownarrays==1.5"], "Plots": ["ownplots==1.5"]})
    monkeypatch.setattr(environments, "KINDS", {"today": kind})
    libraries = {
        name: Library(name=name, tasks=1, needed=(module,), loaded=(), canary="")
        for name, module in (("Arrays", "ownarrays"), ("Plots", "ownplots"))
    }
    monkeypatch.setattr(environments, "LIBRARIES", libraries)
    interpreter._asked.cache_clear()
    return ["--no-index", "--find-links", str(folder)]


def made(place, shop, *, without=(), python=PYTHON):
    return make(place, kind="today", python=python, without=without, pip=shop)


def test_an_environment_is_made_once_and_says_what_is_in_it(tmp_path, shop, said):
    place = tmp_path / "env"
    installed = made(place, shop)
    assert (installed["ownarrays"], installed["ownplots"]) == ("1.5", "1.5")
    record = json.loads((place / environments.RECORD).read_bytes())
    assert (record["kind"], record["without"], record["installed"]) == ("today", [], installed)
    assert not (place / interpreter.UNFINISHED).exists()
    assert interpreter.look(place / "bin" / "python").versions["ownplots"] == "1.5"
    assert made(place, ["--no-such-option"]) == installed, "nothing is installed again"
    assert said[-1].endswith("is made already")


def test_a_library_can_be_left_out(tmp_path, shop):
    assert "ownplots" not in made(tmp_path / "env", shop, without=["Plots"])
    with pytest.raises(RunError, match=r"an environment of another wish \(kind today, without Plots\)"):
        made(tmp_path / "env", shop)


def test_a_half_made_environment_is_known_and_taken_up_again(tmp_path, shop):
    place = tmp_path / "env"
    with pytest.raises(RunError, match=r"pip cannot install them: ERROR: .*ownarrays.*run the same command again"):
        made(place, ["--no-index"])
    with pytest.raises(RunError, match="is half made"):
        interpreter.look(place / "bin" / "python")
    interpreter._asked.cache_clear()
    assert made(place, shop)["ownplots"] == "1.5"
    assert interpreter.look(place / "bin" / "python").python


def test_a_library_that_does_not_import_leaves_it_half_made(tmp_path, shop):
    wheel(tmp_path / "shop", "ownplots", "1.5", "raise ImportError('no such symbol')")
    with pytest.raises(RunError, match=r"Plots is installed and does not import: .*no such symbol|Plots is installed"):
        made(tmp_path / "env", shop)
    assert (tmp_path / "env" / interpreter.UNFINISHED).exists()


def test_another_folder_is_left_alone(tmp_path, shop):
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(RunError, match="holds something else than an environment of this command"):
        made(tmp_path, shop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "shop"]


def test_a_damaged_record_is_said(tmp_path, shop):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / environments.RECORD).write_text("{", "utf-8")
    with pytest.raises(RunError, match=r"magicoder-ds1000.json is damaged .* delete"):
        made(tmp_path / "env", shop)


@pytest.mark.parametrize(
    ("kind", "wanted"), [("old", "3.9 to 3.10"), ("official", "3.9 to 3.11"), ("today", "3.11 to 3.13")]
)
def test_a_python_that_the_versions_are_not_for_is_refused_before_anything_is_done(tmp_path, kind, wanted, monkeypatch):
    """Here a Python that says it is 3.8."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 3 8\n", "utf-8")
    fake.chmod(0o755)
    with pytest.raises(RunError, match=rf"--python: the versions of kind '{kind}' are for Python {wanted}, .* is 3.8"):
        make(tmp_path / "env", kind=kind, python=fake, without=(), pip=())
    assert not (tmp_path / "env").exists()
    with pytest.raises(RunError, match="does not run as a Python"):
        make(tmp_path / "env", kind=kind, python=tmp_path / "nothing", without=(), pip=())


def test_each_kind_pins_what_each_library_needs():
    for kind in KINDS.values():
        assert set(kind.pins) == {"", *LIBRARIES} - {"Numpy", "Pandas"}
        pins = [pin for group in kind.pins.values() for pin in group]
        assert all("==" in pin for pin in pins if not pin.startswith(("PyYAML", "protobuf")))
        assert [pin for pin in pins if pin.startswith("numpy==")]


def test_the_command_gives_pip_what_stands_behind_the_folder(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(library_data, "SOURCES", ())

    def make_none(place, **wish):
        asked.update(place=place, **wish)
        return {"numpy": "1.26.4", "tensorflow_cpu": "2.16.1", "pip": "26"}

    monkeypatch.setattr(environments, "make", make_none)
    arguments = ["env", str(tmp_path / "env"), "--without", "Pytorch", "--find-links", "wheels", "--pre"]
    context = ds1000.make_context("ds1000", arguments)
    lines = ds1000.invoke(context)
    assert asked == {
        "place": tmp_path / "env",
        "kind": "official",
        "python": PYTHON,
        "without": ("Pytorch",),
        "pip": ("--find-links", "wheels", "--pre"),
    }
    assert lines == ["  numpy 1.26.4", "  tensorflow_cpu 2.16.1", f"made: {tmp_path / 'env' / 'bin' / 'python'}"]


def test_help_says_what_torch_means():
    told = " ".join(CliRunner().invoke(ds1000, ["--help"]).output.split())
    assert "a build with CUDA" in told


def test_the_command_is_magicoders(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "magicoder_core", "ds1000", "env", str(tmp_path), "--kind", "none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "'official', 'today', 'old'" in done.stderr
