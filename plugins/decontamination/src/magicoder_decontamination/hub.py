"""Official copies of benchmarks' texts, through the library `datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from magicoder_core import RunError


def loaded(benchmark: str, variable: str, source: tuple[str, str | None, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of a data set's configuration and split, each with where it is from.

    Raises:
        RunError: they cannot be had; the message says how to name a local copy.
    """
    name, configuration, split = source
    library = _library(benchmark, variable)
    try:
        records = library.load_dataset(name, configuration, split=split)
    except Exception as error:  # boundary: whatever the Hub's client fails with
        raise _lost(benchmark, variable, error) from error
    return ((f"{name}, record {number}", dict(record)) for number, record in enumerate(records))


def _library(benchmark: str, variable: str) -> Any:
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise RunError(
            f"{benchmark}: its data come through 'datasets': pip install 'magicoder-decontamination[hub]', or name a "
            f"local copy: {benchmark}=PATH, or {variable}"
        ) from error
    return datasets


def _lost(benchmark: str, variable: str, error: Exception) -> RunError:
    cause = " ".join(str(error).split())[:200]
    return RunError(
        f"{benchmark}: cannot be had from the Hub ({type(error).__name__}: {cause}); name a local copy: "
        f"{benchmark}=PATH, or {variable}"
    )
