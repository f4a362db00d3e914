"""What a verdict depends on besides the program: where it was given, by what, with which data."""

from __future__ import annotations

import hashlib
import inspect
import platform
from functools import cache
from pathlib import Path
from typing import Any

from magicoder_core import installed, jsonl, options, sandbox
from magicoder_core.benchmarks import Benchmark
from magicoder_core.errors import attributed
from magicoder_core.recipe import Bound

_OTHERS = frozenset({"limit", "samples", "ks", "style", "max_tokens", "temperature"})
"""Options that say how programs are come by, how many are judged and how they are counted, and change no verdict."""


def facts(bound: Bound[Benchmark]) -> dict[str, Any]:
    """All of it as plain JSON values; verdicts under equal facts can be used for each other.

    Raises:
        SandboxError: this machine cannot isolate programs as strongly as asked.
        RunError: the benchmark fails to say what it is.
    """
    with attributed("benchmark", bound.name):
        provenance, inputs = dict(bound.provider.provenance()), bound.provider.inputs()
    chosen = {
        name: value
        for name, value in options.values(bound.provider).items()
        if name not in _OTHERS and name not in inputs
    }
    return {
        "benchmark": bound.name,
        "options": chosen,
        "inputs": {name: jsonl.digest(path) for name, path in inputs.items() if path.exists()},
        "provenance": provenance,
        "isolation": sandbox.required().level,
        # Not platform(), which reads the interpreter's file to find out about its C library.
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "code": _code(type(bound.provider)),
        "versions": {**versions(bound), "numpy": installed.version("numpy")},
    }


def versions(bound: Bound[Benchmark]) -> dict[str, str]:
    """The software that judges: the core, the benchmark's distribution, Python."""
    named = {bound.distribution: bound.version} if bound.version else {}
    return {"magicoder-core": installed.version("magicoder-core"), **named, "python": platform.python_version()}


@cache
def _code(benchmark: type) -> str:
    """sha256 of the source of the sandbox and of the benchmark's package: a version alone hides a change under work."""
    total = hashlib.sha256()
    for file in (*sorted(Path(sandbox.__file__).parent.rglob("*.py")), *_sources(benchmark)):
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def _sources(benchmark: type) -> list[Path]:
    """The Python files of the package that a class is in, or its module's alone if it is in none."""
    try:
        module = Path(inspect.getfile(benchmark))
    except (OSError, TypeError):  # made in a session of Python, which has no file
        return []
    folder = module.parent
    if not (folder / "__init__.py").exists():
        return [module]
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return sorted(folder.rglob("*.py"))
