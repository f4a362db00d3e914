"""What a box shows beside the system, and other interpreters that serve in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from magicoder_core import sandbox
from magicoder_core.errors import SandboxError
from magicoder_core.sandbox import Calls, Image, Inputs, Limits, Program, Value, python_image, standby

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measured on Linux only")

EVERY = pytest.mark.parametrize("level", ["usual", "namespaces", "landlock", "rlimits"], indirect=True)
LOCKED = pytest.mark.parametrize("level", ["usual", "namespaces", "landlock"], indirect=True)
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
LIMITS = Limits(cpu_seconds=5)


def pythons():
    """An interpreter of each version that there is: pyenv's, and those in PATH."""
    found = {}
    places = [*Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python")]
    places += [Path(folder, f"python{version}") for folder in ("/usr/bin", "/usr/local/bin") for version in VERSIONS]
    for place in places:
        if place.exists():
            asked = [str(place), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            found.setdefault(subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip(), place)
    return found


PYTHONS = pythons()


@pytest.fixture
def environment(tmp_path):
    """A virtual environment of our own Python's, with a package; everybody may read it."""
    where = tmp_path / "environment"
    python = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([python, "-m", "venv", "--without-pip", str(where)], check=True)
    [packages] = where.glob("lib/python*/site-packages")
    package = packages / "only_there"
    package.mkdir()
    (package / "__init__.py").write_text("from random import random\nNUMBERS = list(range(100_000))\n")
    (packages / "breaks.py").write_text("raise OSError('no such library')\n")
    for folder in (tmp_path, *tmp_path.parents[:1]):
        folder.chmod(0o755)
    return where / "bin" / "python"


def run(code, image, **limits):
    [outcome] = sandbox.run([Program(code=code, image=image, limits=Limits(**{"cpu_seconds": 5, **limits}))])
    return outcome


CODES = {
    "print(input())": "pass",
    "1 / 0": "fail",
    "def (": "compile_error",
    "while True: pass": "timeout",
    "x = [0] * 10**9": "out_of_memory",
    "import os\nos.abort()": "crash",
    "import os\nos._exit(0)": "fail",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_serves_whole_programs_and_calls(version):
    if version not in PYTHONS:
        pytest.skip(f"no Python {version} here")
    image = python_image(PYTHONS[version])
    limits = Limits(cpu_seconds=1, wall_seconds=5)
    programs = [Program(code=code, stdin="in\n", limits=limits, image=image) for code in CODES]
    outcomes = list(sandbox.run(programs, workers=1))
    assert [outcome.status for outcome in outcomes] == list(CODES.values()), outcomes
    code = "import sys, math, re, json, random\ndef f(x): return sys.version_info[:2], x, {1, 2}, random.random()"
    inputs = Inputs.of("f", [(1.5,), ({"a": [True]},)])
    calls = Calls(program=Program(code=code, image=image, limits=limits, name="solution"), inputs=inputs)
    first, second = sandbox.call([calls, calls], workers=1)
    assert first.records == second.records
    values = [sandbox.answer(record) for record in first.records]
    wanted = tuple(map(int, version.split(".")))
    assert [value.value[:3] for value in values] == [(wanted, 1.5, {1, 2}), (wanted, {"a": [True]}, {1, 2})]


def test_a_folder_s_own_modules_are_not_imported_instead():
    for python in PYTHONS.values():
        code = "open('colorsys.py', 'w').write('x')\nimport colorsys, sys\nassert colorsys.ONE_THIRD, sys.path\n"
        try:
            image = python_image(python)
        except SandboxError:
            continue
        assert run(code, image).status == "pass"


@EVERY
def test_packages_of_an_environment(level, environment):
    image = python_image(environment)
    code = "import only_there, sys\nprint(only_there.NUMBERS[-1], 'only_there' in sys.modules)"
    outcome = run(code, image)
    assert (outcome.status, outcome.stdout, outcome.isolation) == ("pass", "99999 True\n", level), outcome
    # The interpreter behind it has packages of its own, which are not the environment's.
    assert run("import numpy", image).detail.startswith("ModuleNotFoundError")
    assert run("import only_there", Image()).detail.startswith("ModuleNotFoundError")


@EVERY
@pytest.mark.usefixtures("level")
def test_modules_are_imported_before_the_first_program(environment):
    image = python_image(environment, preload=("only_there", "colorsys"), environment={"WHO": "me"})
    code = (
        "import sys, os\nassert {'only_there', 'colorsys'} <= set(sys.modules)\n"
        "import only_there\nprint(len(only_there.NUMBERS), os.environ['WHO'])\nonly_there.NUMBERS.clear()"
    )
    outcomes = list(sandbox.run([Program(code=code, image=image, limits=LIMITS)] * 3, workers=1))
    assert [one.stdout for one in outcomes] == ["100000 me\n"] * 3, outcomes


def test_what_is_imported_before_counts_for_no_program(environment):
    [package] = environment.parent.parent.glob("lib/python*/site-packages/only_there")
    (package / "__init__.py").write_text("KEPT = b'x' * (200 << 20)\n")
    image = python_image(environment, preload=("only_there",))
    small = {"memory_bytes": 48 << 20}
    code = "import only_there, time\nassert len(only_there.KEPT) == 200 << 20\nx = b'x' * (16 << 20)\nend = time.time() + .3\nwhile time.time() < end: pass"
    assert run(code, image, **small).status == "pass"
    assert run("x = []\nwhile True: x.append(b'x' * (4 << 20))", image, **small).status == "out_of_memory"


@pytest.mark.parametrize("name", ["breaks", "not_there"])
def test_a_module_that_cannot_be_imported_is_named(environment, name):
    outcome = run("print(1)", python_image(environment, preload=(name,)))
    assert outcome.status == "harness_error"
    assert f"the image's module {name}: " in outcome.detail


def test_details_do_not_tell_where_an_environment_lies(environment):
    code = "import only_there\nraise ValueError(only_there.__file__)"
    assert run(code, python_image(environment)).detail == (
        "ValueError: <packages>/only_there/__init__.py (line 2 of the program)"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file"),
        ("#!/bin/sh\necho hello\n", "it is no Python"),
        ("#!/bin/sh\nexit 1\n", "it is no Python"),
        (
            '#!/bin/sh\necho \'{"version": [3, 8], "executable": "", "prefix": "", "library": "", "packages": []}\'\n',
            "Python 3.8 cannot",
        ),
    ],
)
def test_what_is_no_python_is_refused(tmp_path, text, problem):
    python = tmp_path / "python"
    if text:
        python.write_text(text)
        python.chmod(0o755)
    with pytest.raises(SandboxError, match=problem) as found:
        python_image(python)
    assert "\n" not in str(found.value)
    assert str(found.value).startswith(f"{python}: ")
    assert run("print(1)", Image(python=str(python))).status == "harness_error"


def test_an_old_python_is_refused():
    old = [place for version, place in PYTHONS.items() if version in {"3.6", "3.7", "3.8"}]
    if not old:
        pytest.skip("no old Python here")
    for place in old:
        with pytest.raises(SandboxError, match=r"use 3\.9 or newer"):
            python_image(place)


@LOCKED
@pytest.mark.usefixtures("level")
def test_folders_are_seen_at_their_places_and_cannot_be_written(tmp_path):
    tmp_path.chmod(0o755)
    real = tmp_path / "real"
    (real / "inner").mkdir(parents=True)
    (real / "inner" / "text").write_text("seen")
    (tmp_path / "beside").write_text("not seen")
    link = tmp_path / "link"
    link.symlink_to(real)
    code = f"""
import os
print(open({str(link / "inner" / "text")!r}).read(), open({str(real / "inner" / "text")!r}).read())
for path in {str(tmp_path / "beside")!r}, {str(real / "new")!r}:
    try: open(path, "w" if path.endswith("new") else "r"); print("opened", path)
    except OSError: pass
"""
    outcome = run(code, Image(folders=(str(link),)))
    if sandbox.probe().level == "landlock":
        # No name leads there by a link that is not to be read; the kernel looks at the real place.
        assert outcome.stdout == "seen seen\n", outcome
    assert (outcome.status, outcome.stdout) == ("pass", "seen seen\n"), outcome
    assert not (real / "new").exists()
    hidden = run(f"import os\nprint(os.path.exists({str(real / 'inner' / 'text')!r}))", Image())
    if sandbox.probe().level == "bubblewrap":
        assert hidden.stdout == "False\n"


@LOCKED
@pytest.mark.usefixtures("level")
def test_a_single_file_can_be_shown(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    code = f"print(open({str(tmp_path / 'one')!r}).read(), flush=True)\nopen({str(tmp_path / 'two')!r})"
    outcome = run(code, Image(folders=(str(tmp_path / "one"),)))
    assert outcome.stdout == "1\n"
    assert outcome.detail.startswith(("FileNotFoundError", "PermissionError"))


def test_a_shown_folder_in_the_usual_place_to_write_leaves_that_clean(tmp_path):
    if sandbox.probe().level != "bubblewrap":
        pytest.skip("no bubblewrap here")
    image = Image(folders=("/usr/share",) if not str(tmp_path).startswith("/tmp/") else (str(tmp_path),))
    tmp_path.chmod(0o755)
    code = "import os, tempfile\nprint(os.listdir('.'))\ntempfile.mkdtemp()\nopen('x', 'w').close()"
    outcomes = list(sandbox.run([Program(code=code, image=image, limits=LIMITS)] * 3, workers=1))
    assert [(one.status, one.stdout) for one in outcomes] == [("pass", "[]\n")] * 3, outcomes


@pytest.mark.parametrize("folder", ["relative", "/no/such/folder", "/proc", "/dev/shm/x", "/box/x"])
def test_folders_that_cannot_be_shown_are_named(folder):
    outcome = run("print(1)", Image(folders=(folder,)))
    assert outcome.status == "harness_error"
    assert f"the image names {folder}" in outcome.detail


def test_a_folder_that_not_everybody_may_read_is_named(tmp_path):
    if not sandbox.probe().as_root:
        pytest.skip("boxes run as the user who owns it")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    outcome = run("print(1)", Image(folders=(str(closed),)))
    assert (outcome.status, "not everybody may read" in outcome.detail) == ("harness_error", True), outcome


def test_packages_beside_the_standard_library_stay_hidden(tmp_path):
    beside = json.loads(
        subprocess.run(
            [
                getattr(sys, "_base_executable", sys.executable),
                "-c",
                "import json, site; print(json.dumps(site.getsitepackages()))",
            ],
            capture_output=True,
            check=True,
        ).stdout
    )
    library = Path(os.__file__).resolve().parent
    code = f"import os\nprint([len(os.listdir(f)) for f in {beside!r} if os.path.isdir(f)])"
    # Named or not, a folder around them opens no way to them.
    for image in (Image(), Image(folders=(str(library.parent),))):
        outcome = run(code, image)
        assert set(json.loads(outcome.stdout or "[1]")) <= {0}, outcome


def test_boxes_stand_by_for_their_own_image_only(environment):
    image = python_image(environment)
    with standby():
        for _ in range(2):
            assert run("import only_there", image).status == "pass"
            assert run("import only_there", Image()).status == "fail"
            found = sandbox.call([Calls.of("def f(x): return x", Inputs.of("f", [(1,)]))])
            assert [sandbox.answer(record) for one in found for record in one.records] == [Value(1)]
