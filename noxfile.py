"""Everything that is done to this repository: `nox --list` names the sessions, `nox -s NAME` runs one.

A new folder under `plugins/` needs no edit here. `.venv` holds the core, all plugins and all tools, and is shared
by the sessions that need all of it, because torch and its friends take minutes and 2 GB to install. Sessions that
prove what stands alone (`core`, `plugins`, `build`) have environments of their own.
"""

from __future__ import annotations

import functools
import json
import os
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"  # venv_location, project.dependency_groups
nox.options.default_venv_backend = "virtualenv"  # uv takes torch's CUDA build, several GB, whatever we ask of it
nox.options.error_on_missing_interpreters = False  # `core` says which Python it skips, in CI too
nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PYTHONS = ("3.11", "3.12", "3.13")

# The build backend stands in the environment and pip builds without isolation: a fifth of the CPU for eight packages.
BUILD = ("pip>=25.1", "hatchling>=1.27", "editables>=0.5")

# What we install is pinned here and not in what we publish. pip takes this very version as a CPU build where a local
# folder (PIP_FIND_LINKS) has one; left to a plugin's open range it would be a newer one from the index, with CUDA.
CONSTRAINTS = ("torch==2.13.0",)

# nox looks for `python3.12` among pyenv's active versions only; all that are installed may serve here.
if pyenv := os.environ.get("PYENV_ROOT"):
    installed = [path.name for version in PYTHONS for path in sorted(Path(pyenv).glob(f"versions/{version}.*"))]
    os.environ.setdefault("PYENV_VERSION", ":".join(installed))

everything = functools.partial(nox.session, venv_location=".venv", reuse_venv=True)
"""A session in the shared environment. It may be the one that nox itself runs in: nothing in it is ever removed."""


def lowest(requirements: Iterable[str]) -> list[str]:
    """Pip constraints that hold each requirement at the lowest version it declares.

    ``click>=8.1.8,<9`` gives ``click==8.1.8``; markers are kept; a requirement without ``>=`` gives nothing.
    """
    from packaging.requirements import Requirement

    held = []
    for requirement in map(Requirement, requirements):
        marker = f"; {requirement.marker}" if requirement.marker else ""
        floors = [item.version for item in requirement.specifier if item.operator in {">=", "~="}]
        held += [f"{requirement.name}=={version}{marker}" for version in floors]
    return held


def entry_points(folders: Iterable[Path]) -> set[str]:
    """The names under which the distributions in ``folders`` announce themselves to the core."""
    projects = [tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"] for folder in folders]
    return {name for project in projects for name in project.get("entry-points", {}).get("magicoder", {})}


def group(*names: str) -> list[str]:
    """The requirements of dependency groups, read here because older pips do not know `--group`."""
    return list(nox.project.dependency_groups(PROJECT, *names))


def install(session: nox.Session, folders: Sequence[Path], *requirements: str, constraints: Iterable[str] = ()) -> None:
    """Install ``folders`` editable, in one pip command: plugins find the core there, as it is on no index yet."""
    session.install(*BUILD)
    held = Path(session.virtualenv.location) / "constraints.txt"
    held.write_text("\n".join([*CONSTRAINTS, *constraints]) + "\n", encoding="utf-8")
    editable = [f"--editable={folder}" for folder in folders]
    session.install("--no-build-isolation", f"--constraint={held}", *editable, *requirements)


def install_everything(session: nox.Session, *groups: str) -> None:
    """Core, all plugins, and the tools of ``groups``."""
    install(session, [ROOT, *PLUGINS], *group(*groups))


@everything()
def quickstart(session: nox.Session) -> None:
    """The main job: install everything, then `magicoder run` (with what follows `--`)."""
    install_everything(session)
    session.run("magicoder", "run", *session.posargs)


@everything()
def tests(session: nox.Session) -> None:
    """All that CI must pass. With arguments after `--`: pytest alone, with those."""
    install_everything(session, "dev")
    if not session.posargs:
        check_style(session)
        check_types(session)
        check_docs(session)
    session.run("pytest", *(session.posargs or ["tests", *plugin_tests(PLUGINS)]))


@everything()
def dev(session: nox.Session) -> None:
    """Make `.venv` with the core, all plugins and all tools."""
    install_everything(session, "dev")
    session.log("ready: .venv/bin/magicoder, .venv/bin/pytest, .venv/bin/nox")


@nox.session(python=PYTHONS)
@nox.parametrize("versions", ["newest", "lowest"])
def core(session: nox.Session, versions: str) -> None:
    """The core alone, with the newest and with the lowest versions it declares."""
    held = lowest(PROJECT["project"]["dependencies"]) if versions == "lowest" else []
    install(session, [ROOT], *group("test"), constraints=held)
    session.run("pytest", "-m", "not model and not plugins", *(session.posargs or ["tests"]))


@nox.session
@nox.parametrize("folder", [nox.param(folder, id=folder.name) for folder in PLUGINS])
def plugins(session: nox.Session, folder: Path) -> None:
    """Each plugin alone with the core: it declares all that it needs."""
    install(session, [ROOT, folder], *group("test"))
    session.run("magicoder", "plugins")
    session.run("pytest", *plugin_tests([folder]), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, ruff, import contracts, spelling: nothing of ours is installed."""
    session.install(*group("lint"))
    check_style(session)


@everything()
def types(session: nox.Session) -> None:
    """Strict mypy over the core, all plugins and the scripts."""
    install_everything(session, "types")
    check_types(session)


@everything()
def docs(session: nox.Session) -> None:
    """Generate the reference anew and build the site; a warning is an error."""
    install_everything(session, "docs")
    session.run("python", "docs/generate.py")
    session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", str(ROOT / "site"))


@nox.session
def build(session: nox.Session) -> None:
    """Wheels of all, installed in a clean environment; `magicoder plugins` must list them."""
    session.install(*BUILD, "virtualenv")
    wheels = ROOT / "dist"
    for old in wheels.glob("*.whl"):
        old.unlink()
    sources = [str(folder) for folder in (ROOT, *PLUGINS)]
    session.run("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), *sources)
    clean = Path(session.virtualenv.location) / "clean"
    session.run("virtualenv", "--quiet", "--clear", str(clean))
    built = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    python = str(clean / "bin" / "python")
    session.run(python, "-m", "pip", "install", "--quiet", *CONSTRAINTS, *built)
    with session.chdir(clean):  # where the sources cannot be imported by accident
        listed = session.run(python, "-m", "magicoder_core.cli.main", "plugins", "--json", silent=True)
    missing = entry_points(PLUGINS) - loaded(str(listed))
    if missing:
        session.error(f"not listed by `magicoder plugins` after installing the wheels: {', '.join(sorted(missing))}")


@everything(default=False)
def bench(session: nox.Session) -> None:
    """Benchmarks, which time and so need a quiet machine."""
    install_everything(session, "dev", "bench")
    session.run("pytest", "tests/benchmarks", *session.posargs)


@everything(default=False)
def gpu(session: nox.Session) -> None:
    """The tests that need a CUDA device."""
    install_everything(session, "test")
    session.run("pytest", "-m", "gpu", *(session.posargs or ["tests", *plugin_tests(PLUGINS)]))


def check_style(session: nox.Session) -> None:
    """Ruff and typos over all; import-linter reads the sources, so they need not be installed."""
    session.run("ruff", "format", "--check", "--quiet", ".")
    session.run("ruff", "check", "--quiet", ".")
    session.run("typos")
    sources = os.pathsep.join(str(path) for path in (ROOT, *(folder / "src" for folder in PLUGINS)))
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": sources})


def check_types(session: nox.Session) -> None:
    """Mypy over all that is ours but tests."""
    session.run("mypy", "noxfile.py", "docs/generate.py", "magicoder_core", *(str(path / "src") for path in PLUGINS))


def check_docs(session: nox.Session) -> None:
    """The reference is what the code says, and each link leads somewhere."""
    session.run("python", "docs/generate.py", "--check")
    session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", str(ROOT / "site"))


def plugin_tests(folders: Iterable[Path]) -> list[str]:
    """The test folders of plugins, as pytest takes them."""
    return [str((folder / "tests").relative_to(ROOT)) for folder in folders if (folder / "tests").is_dir()]


def loaded(listed: str) -> set[str]:
    """The plugins that `magicoder plugins --json` says it loaded."""
    return {item["distribution"].removeprefix("magicoder-") for item in json.loads(listed)}
