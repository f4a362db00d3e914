"""The official records, through the library `datasets`."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from magicoder_core import RunError
from magicoder_multipl_e import naming
from magicoder_multipl_e.data import Data, Source, Task, suites, task_of

NAME = "nuprl/MultiPL-E"

_LOST = "name a folder of its files: data=FOLDER"


@lru_cache(maxsize=4)
def loaded(suite: str, languages: tuple[str, ...], revision: str) -> Data:
    """The records of each chosen language and suite at a revision; what was fetched once comes from the cache.

    Raises:
        RunError: they cannot be had; the message says what to do.
    """
    library = _library()
    chosen = languages or naming.PAPER
    tasks: dict[str, Task] = {}
    sources = []
    for configuration in (f"{part}-{language}" for language in chosen for part in suites(suite)):
        records = _records(library, configuration, revision)
        tasks |= {task.id: task for task in _tasks(configuration, records)}
        sources.append(_source(configuration, revision, records))
    return Data(tasks=tasks, sources=tuple(sources), languages=chosen)


def all_of(revision: str) -> Iterator[Task]:
    """The tasks of all suites and languages at a revision.

    Raises:
        RunError: they cannot be had; the message says what to do.
    """
    library = _library()
    try:
        with _quietly():
            configurations = sorted(library.get_dataset_config_names(NAME, revision=revision))
    except Exception as error:  # boundary: whatever the Hub's client fails with
        raise _lost("all languages", revision, error) from error
    for configuration in configurations:
        yield from _tasks(configuration, _records(library, configuration, revision))


def _records(library: Any, configuration: str, revision: str) -> list[dict[str, Any]]:
    try:
        with _quietly():
            return [dict(row) for row in library.load_dataset(NAME, configuration, revision=revision, split="test")]
    except Exception as error:  # boundary: whatever the Hub's client fails with
        raise _lost(configuration, revision, error) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """The Hub's client says each try that fails; what came of it all is said once, by us."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _tasks(configuration: str, records: list[dict[str, Any]]) -> list[Task]:
    language = configuration.rpartition("-")[2]
    return [
        task_of({"language": language, **record}, f"{NAME} {configuration}, record {number}")
        for number, record in enumerate(records)
    ]


def check() -> None:
    """Look whether the library is there, without the network.

    Raises:
        RunError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("datasets") is None:
        raise RunError(
            f"multipl-e: its data come through 'datasets': pip install 'magicoder-multipl-e[hub]', or {_LOST}"
        )


def _library() -> Any:
    check()
    import datasets  # type: ignore[import-untyped]

    return datasets


def _source(configuration: str, revision: str, records: list[dict[str, Any]]) -> Source:
    text = json.dumps(records, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    # What a pinned revision holds is known by the revision.
    return Source(name=f"{NAME}@{revision} {configuration}", sha256=hashlib.sha256(text).hexdigest(), known=True)


def _lost(configuration: str, revision: str, error: Exception) -> RunError:
    cause = " ".join(str(error).split())[:200]
    return RunError(
        f"multipl-e: {NAME} {configuration} at revision {revision} cannot be had ({type(error).__name__}: {cause}); {_LOST}"
    )
