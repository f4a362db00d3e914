"""Finds the source files of a place: a folder, a glob, a git checkout, a file, an installed package.

A corpus has one root; its files are named relative to that root, so that a snippet is called the same on every
machine. Files are only listed here, never opened. Links are not followed: they lead out of the corpus, or in circles.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from magicoder_core import RecipeError
from magicoder_core.builtin import checkouts, licences

WHERE = "seed_source.paths"

_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "dist-packages"})
_STANDARD_LIBRARY_LEFT_OUT = frozenset(
    # Tests and demos; what is data or generated for one machine, only written as Python.
    {"test", "tests", "idle_test", "idlelib", "lib2to3", "turtledemo", "_bundled", "encodings", "pydoc_data"}
)
_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Corpus:
    """A place with source files, and what is stated for it as a whole."""

    name: str
    root: Path
    repository: str | None = None
    revision: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Document:
    """One source file: its corpus, and its path there with forward slashes."""

    corpus: Corpus
    path: str

    @property
    def key(self) -> str:
        """The file's name, the same on every machine."""
        return f"{self.corpus.name}\0{self.path}"

    @property
    def file(self) -> Path:
        """The file on this machine."""
        return self.corpus.root / self.path


def documents(path: str) -> Iterator[Document]:
    """All files that ``path`` (an item of the option ``paths``) names, of whatever language.

    Raises:
        RecipeError: there is no such file, folder or package.
    """
    if path.startswith("package:"):
        return _package(path.removeprefix("package:"))
    place = Path(path).expanduser()
    if place.is_dir():
        return _folder(place.resolve())
    if place.is_file():
        return _beside(place.resolve())
    if _MAGIC.search(path):
        return _glob(place)
    raise RecipeError(f"{WHERE}: no such file or folder: '{path}'")


def standard_library() -> Iterator[Document]:
    """The modules of the running Python, without tests, tools and tables."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    corpus = Corpus(
        f"python-{version} standard library",
        Path(sysconfig.get_path("stdlib")),
        revision=sys.version.split()[0],
        licence=licences.STANDARD_LIBRARY,
    )
    for path in _below(corpus.root, _LEFT_OUT | _STANDARD_LIBRARY_LEFT_OUT):
        if not path.startswith(("_sysconfigdata", "sitecustomize", "config-")):
            yield Document(corpus, path)


def _folder(folder: Path) -> Iterator[Document]:
    """A folder's files; a git checkout, at the folder or below it, is a corpus of its own."""
    if checkout := checkouts.around(folder):
        corpus = _of_checkout(checkout)
        yield from (Document(corpus, path) for path in checkout.files if _visible(path, _LEFT_OUT))
        return
    corpus = _of_folder(folder)
    for path in _below(folder, _LEFT_OUT):
        if path.endswith("/.git"):
            yield from _folder(folder / path.removesuffix("/.git"))
        else:
            yield Document(corpus, path)


def _beside(file: Path) -> Iterator[Document]:
    """The one file, as a part of the folder or checkout that it lies in."""
    checkout = checkouts.around(file)
    corpus = _of_checkout(checkout) if checkout else _of_folder(file.parent)
    yield Document(corpus, file.relative_to(corpus.root).as_posix())


def _of_checkout(checkout: checkouts.Checkout) -> Corpus:
    # Not the folder's name where it can be helped: people clone into folders of any name.
    name = checkout.repository.rpartition("/")[2] if checkout.repository else checkout.top.name
    return Corpus(name, checkout.top, checkout.repository, checkout.revision, licences.of_folder(checkout.top))


def _of_folder(folder: Path) -> Corpus:
    return Corpus(folder.name or "files", folder, licence=licences.of_folder(folder))


def _glob(pattern: Path) -> Iterator[Document]:
    """Files that match, and all files below folders that match."""
    fixed = 0
    while not _MAGIC.search(pattern.parts[fixed]):
        fixed += 1
    root = Path(*pattern.parts[:fixed]).resolve()
    if not root.is_dir():
        raise RecipeError(f"{WHERE}: no such folder: '{root.name}' (of '{pattern}')")
    matches = re.compile(_regex("/".join(pattern.parts[fixed:]))).fullmatch
    for document in _folder(root):
        if matches(document.file.relative_to(root).as_posix()):
            yield document


def _regex(pattern: str) -> str:
    """A glob as a regular expression: ``**`` is any number of folders, and no other sign matches a slash."""
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]/]+\])", pattern)
    written = (signs.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
    return "".join(written).replace("[!", "[^") + "(?:/.*)?"


def _package(name: str) -> Iterator[Document]:
    """An installed package's files, from its metadata or, where that lists none, from its import folder."""
    distribution = _distribution(name)
    top, licence = Path(str(distribution.locate_file(""))), licences.of_distribution(distribution)
    corpus = Corpus(distribution.name, top, None, distribution.version, licence)
    listed = [file.as_posix() for file in distribution.files or ()]
    paths = [path for path in listed if not path.startswith(("..", "/")) and _visible(path, _LEFT_OUT)]
    if any(path.endswith(".py") and "/" in path for path in paths):
        return (Document(corpus, path) for path in sorted(paths))
    return _imported(corpus, distribution)


def _imported(corpus: Corpus, distribution: metadata.Distribution) -> Iterator[Document]:
    """Files of an editable install, or of one whose list of files a Linux distribution removed."""
    listed = (distribution.read_text("top_level.txt") or "").split()
    for name in listed or [distribution.name.replace("-", "_")]:
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found = Path(folder)
            inside = Corpus(corpus.name, found.parent, None, corpus.revision, corpus.licence)
            yield from (Document(inside, f"{found.name}/{path}") for path in _below(found, _LEFT_OUT))


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        pass
    if providers := metadata.packages_distributions().get(name):
        return metadata.distribution(providers[0])
    near = difflib.get_close_matches(name, {item.name for item in metadata.distributions()}, n=1)
    hint = f"did you mean 'package:{near[0]}'?" if near else "is it installed beside magicoder?"
    raise RecipeError(f"{WHERE}: no installed package '{name}'; {hint}")


def _below(root: Path, left_out: frozenset[str], prefix: str = "") -> Iterator[str]:
    """Paths of the regular files below ``root``, sorted; a checkout on the way is given as its ``.git`` alone."""
    try:
        # DirEntry knows what it is without a further system call: a million files list in seconds.
        entries = sorted(os.scandir(root / prefix), key=lambda entry: entry.name)
    except OSError:
        return
    names = {entry.name for entry in entries}
    if prefix and ".git" in names:
        yield f"{prefix}.git"
    elif not prefix or "pyvenv.cfg" not in names:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield prefix + entry.name
            elif entry.is_dir(follow_symlinks=False) and _visible(entry.name, left_out):
                yield from _below(root, left_out, f"{prefix}{entry.name}/")


def _visible(path: str, left_out: frozenset[str]) -> bool:
    return not any(part.startswith(".") or part in left_out for part in path.split("/"))
