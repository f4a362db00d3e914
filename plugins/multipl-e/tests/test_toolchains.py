"""Looking for toolchains: found, too old, missing; the real place behind version managers; what a box must show."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from magicoder_multipl_e import toolchains
from magicoder_multipl_e.languages import looking
from magicoder_multipl_e.languages.model import Kit
from magicoder_multipl_e.languages.table import LANGUAGES


@pytest.fixture(autouse=True)
def looked_for_anew():
    toolchains.forget()
    yield
    toolchains.forget()


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Makes tools in a folder that alone is looked in; each prints a text."""
    folder = tmp_path / "opt" / "tools" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(toolchains, "_BESIDE", ())

    def made(name: str, says: str, status: int = 0) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return made


def test_a_tool_that_is_there_is_found_with_its_version(tools):
    place = tools("php", "PHP 8.2.1 (cli)")
    found = toolchains.probe("php")
    assert isinstance(found, Kit)
    assert found.version == "php 8.2.1"
    assert found.commands == {"php": str(place)}


def test_a_tool_of_somebody_is_shown_with_the_folder_that_it_was_installed_to(tools, tmp_path):
    tools("php", "PHP 8.2.1 (cli)")
    assert str(tmp_path / "opt" / "tools") in toolchains.probe("php").folders


def test_all_of_a_home_is_never_shown_for_one_tool(tools, tmp_path, monkeypatch):
    place = tools("php", "PHP 8.2.1 (cli)")
    monkeypatch.setenv("HOME", str(tmp_path / "opt" / "tools" / "somebody"))
    folders = toolchains.probe("php").folders
    assert str(place) in folders
    assert str(tmp_path / "opt" / "tools") not in folders


def test_a_missing_tool_is_told_with_its_packages(tools):
    found = toolchains.probe("php")
    assert isinstance(found, toolchains.Missing)
    assert (
        found.message
        == "PHP: php is missing; apt install php-cli | brew install php | conda install -c conda-forge php"
    )


def test_an_old_tool_is_told_with_what_is_needed(tools):
    place = tools("node", "v12.22.9")
    found = toolchains.probe("js")
    assert isinstance(found, toolchains.TooOld)
    assert f"{place} is 12.22.9 and too old, 16 is needed; apt install nodejs" in found.message


def test_a_tool_that_tells_no_version_is_not_trusted(tools):
    tools("node", "node: library 3.0 is missing", status=1)
    assert "does not tell its version ('node: library 3.0 is missing')" in toolchains.probe("js").message


def test_a_missing_library_counts_as_missing(tools):
    # This perl exits with 1 when it is asked to load something.
    place = tools("perl", "This is perl 5, version 36, subversion 0 (v5.36.0)")
    place.write_text(place.read_text("utf-8").replace("exit 0", 'case "$1" in -M*) exit 1;; esac'), encoding="utf-8")
    found = toolchains.probe("pl")
    assert isinstance(found, toolchains.Missing)
    assert found.message == "Perl: Test::Deep is missing; apt install libtest-deep-perl | cpan Test::Deep"


def test_the_second_name_of_a_tool_will_do(tools):
    mono = "Mono JIT compiler version 6.8.0.105"
    tools("mono", mono)
    place = tools("mcs", "Mono C# compiler version 6.8.0.105")
    assert toolchains.probe("cs").commands["csc"] == str(place)


def test_the_tool_behind_rustup_is_the_one_that_it_would_choose(tools, tmp_path):
    proxy = tools("rustup", str(tmp_path / "toolchain"))
    (proxy.parent / "rustc").symlink_to(proxy)
    real = tmp_path / "toolchain" / "bin" / "rustc"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho rustc 1.80.0\n", encoding="utf-8")
    real.chmod(0o755)
    tools("cc", "cc 12.2.0")
    found = toolchains.probe("rs")
    assert found.commands["rustc"] == str(real)
    assert found.version == "rustc 1.80.0, cc 12.2.0"
    assert str(tmp_path / "toolchain") in found.folders


def test_the_tool_behind_a_version_manager_is_asked_for(tools, tmp_path):
    real = tmp_path / "versions" / "20" / "bin" / "node"
    real.parent.mkdir(parents=True)
    shutil.copy("/bin/true", real)  # no script
    shim = tools("node", "")
    shim.write_text(f'#!/bin/sh\n[ "$1" = -p ] && echo {real} || echo v20.1.0\n', encoding="utf-8")
    assert toolchains.find("node", itself=("-p", "process.execPath")) == str(real)


def test_homebrew_is_shown_whole(tools, tmp_path, monkeypatch):
    real = tmp_path / "brew" / "Cellar" / "php" / "8.3" / "bin" / "php"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho PHP 8.3.0\n", encoding="utf-8")
    real.chmod(0o755)
    linked = tmp_path / "brew" / "bin"
    linked.mkdir()
    (linked / "php").symlink_to(real)
    monkeypatch.setenv("PATH", str(linked))
    assert str(tmp_path / "brew") in toolchains.probe("php").folders


def test_a_tool_of_the_system_needs_no_folder_of_its_own():
    assert list(toolchains._around(Path("/usr/bin/php8.2"))) == []


def test_each_language_is_told_in_a_line(tools):
    tools("php", "PHP 8.2.1 (cli)")
    told = list(toolchains.told(["php", "swift"]))
    assert told[0] == ("php", True, "PHP: php 8.2.1")
    assert told[1][:2] == ("swift", False)
    assert "swiftc is missing" in told[1][2]


def test_a_tool_that_says_garbage_is_told_in_a_line(tools):
    tools("php", "\\0377\\nwhat?", status=0)
    [line] = toolchains.doubts(["php"])
    assert "php does not tell its version" in line
    assert "apt install php-cli" in line
    assert "\n" not in line


def test_a_tool_that_hangs_is_told_in_a_line_and_leaves_nothing(tools, monkeypatch, tmp_path):
    place = tools("php", "")
    place.write_text(f"#!/bin/sh\n/bin/sleep 60 &\necho $! > {tmp_path}/pid\nwait\n", encoding="utf-8")
    monkeypatch.setattr(toolchains, "said", lambda *argv: looking.said(*argv, seconds=1))
    [line] = toolchains.doubts(["php"])
    assert "php does not tell its version ('no answer in 1 seconds'); apt install php-cli" in line
    left = Path("/proc", (tmp_path / "pid").read_text("utf-8").strip(), "stat")
    assert not left.exists() or left.read_text("utf-8").split()[2] == "Z"


def test_a_link_to_nothing_is_a_missing_tool(tools, tmp_path):
    (tmp_path / "opt" / "tools" / "bin" / "php").symlink_to(tmp_path / "gone")
    [line] = toolchains.doubts(["php"])
    assert line.startswith("PHP: php is missing; apt install php-cli")


def test_the_next_name_is_taken_where_the_first_is_another_program(tools):
    tools("csc", "usage: csc FILENAME", status=1)
    assert "csc does not tell its version" in next(toolchains.doubts(["cs"]))
    toolchains.forget()
    tools("mcs", "Mono C# compiler version 6.8.0.105")
    tools("mono", "Mono JIT compiler version 6.8.0.105")
    assert toolchains.probe("cs").version.startswith("mcs 6.8.0.105")


@pytest.mark.parametrize(("compiler", "doubted"), [("mcs", True), ("csc", False)])
def test_a_compiler_that_lacks_what_right_answers_use_is_doubted(tools, compiler, doubted):
    tools(compiler, "version 6.8.0.105")
    tools("mono", "Mono JIT compiler version 6.8.0.105")
    lines = list(toolchains.doubts(["cs"]))
    assert len(lines) == doubted
    assert all(line.startswith("C#: mcs compiles no local functions") and "brew install mono" in line for line in lines)


def test_a_virtual_machine_without_its_compiler_names_the_package_of_the_compiler(tools):
    tools("java", 'openjdk version "17.0.2"')
    [line] = toolchains.doubts(["java"])
    assert line.startswith("Java: javac is missing; apt install default-jdk-headless")


@pytest.mark.parametrize("where", [".nvm/versions/node/v{}/bin", ".sdkman/candidates/{}/current/bin"])
def test_version_managers_are_looked_into_and_the_newest_is_taken(tmp_path, monkeypatch, where):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(toolchains, "_BESIDE", tuple(place for place in toolchains._BESIDE if "*" in place))
    for version in ("9.1.0", "18.2.0"):
        node = tmp_path / where.format(version) / "node"
        node.parent.mkdir(parents=True)
        node.write_text(f"#!/bin/sh\necho v{version}\n", encoding="utf-8")
        node.chmod(0o755)
    assert toolchains.find("node") == str(tmp_path / where.format("18.2.0") / "node")


def test_a_tool_of_conda_is_found_where_its_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchains, "_BESIDE", ("$CONDA_PREFIX/bin",))
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "env"))
    php = tmp_path / "env" / "bin" / "php"
    php.parent.mkdir(parents=True)
    php.write_text("#!/bin/sh\n", encoding="utf-8")
    php.chmod(0o755)
    assert toolchains.find("php") == str(php)
    monkeypatch.delenv("CONDA_PREFIX")
    assert toolchains.find("php") is None


def test_tools_are_looked_for_where_nobody_has_a_home(tools, monkeypatch):
    """As in a container whose user is in no list: `Path.home` raises there."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}[0])
    tools("php", "PHP 8.2.1 (cli)")
    monkeypatch.setattr(toolchains, "_BESIDE", ("~/.cargo/bin",))
    assert toolchains.probe("php").version == "php 8.2.1"


def test_every_language_can_be_looked_for_here():
    found = toolchains.probes(LANGUAGES)
    assert list(found) == list(LANGUAGES)
    for one in found.values():
        if isinstance(one, Kit):
            assert one.version
            assert all(os.access(command, os.X_OK) for command in one.commands.values())
            assert all(Path(folder).exists() for folder in one.folders)
        else:
            assert "\n" not in one.message
