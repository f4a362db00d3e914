"""The run directory: everything a run reads, makes and knows, in files that people can open.

    recipe.toml recipe.json      as given; resolved, re-runnable
    run.json                     versions, git commit, platform; per stage status, counts, seconds, digests, key
    journal.jsonl                every attempt's end (`asking.journal`)
    snippets.jsonl  instructions.jsonl  failed.jsonl  kept.jsonl  rejected.jsonl
    checkpoint/  <benchmark>/    what the last two stages make
    report.html                  all of it on one page
    logs/run.log                 what was said, with times

Resume is the default. A finished stage is used again only if its key (options, provider version, digest of its input)
is unchanged; otherwise `changes` says what differs. One process at a time: the second is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from magicoder_core import jsonl
from magicoder_core.errors import RunError
from magicoder_core.recipe import Plan, Recipe

RUNS = Path("runs")

CELLS = "cells"
"""In ``run.json`` of a matrix of runs: the names of the run directories in it."""

FAILED = "failed"
"""There, too: why a run in it could not go on, by its name, until it could."""


class RunDirectory:
    """One run's folder and its ``run.json``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = self._read()

    def __truediv__(self, name: str) -> Path:
        """A file of the run."""
        return self.path / name

    @property
    def stages(self) -> dict[str, Any]:
        """``run.json``'s stages: status, counts, seconds, input and output digests, key."""
        stages: dict[str, Any] = self.facts.setdefault("stages", {})
        return stages

    def _read(self) -> dict[str, Any]:
        file = self.path / "run.json"
        if not file.exists():
            return {}
        try:
            facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{file}: damaged ({error}); delete it to let all stages run again") from error
        return facts

    def save(self) -> None:
        """Write ``run.json``, whole."""
        jsonl.write_json(self.path / "run.json", self.facts)

    def begin(self, recipe: Recipe, plan: Plan) -> None:
        """Write down what is about to run, and with which versions.

        Raises:
            RunError: the directory cannot be written.
        """
        self.facts.setdefault("created", _now())
        self.facts.setdefault("stages", {})
        self.facts |= {
            "name": recipe.name,
            "recipe_key": recipe.key,
            "versions": _versions(plan),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "git_commit": _git_commit(),
            "provenance": _provenance(plan),
        }
        if not recipe.source.lstrip().startswith("{"):  # a recipe.json that is run again was no TOML to begin with
            jsonl.write_text(self / "recipe.toml", recipe.source)
        jsonl.write_json(self / "recipe.json", recipe.table)
        self.save()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process.

        Raises:
            RunError: another process holds it, or it cannot be made.
        """
        try:
            (self.path / "logs").mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / "logs" / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(f"{self.path}: cannot be used as a run directory: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"{self.path}: another magicoder is at work in this run; wait for it or end it") from error
        else:
            self.facts = self._read()
            yield
        finally:
            os.close(lock)

    def log(self, line: str) -> None:
        """Append a line, with its time, to ``logs/run.log``."""
        with (self.path / "logs" / "run.log").open("a", encoding="utf-8") as log:
            log.write(f"{_now()} {line}\n")

    def was_interrupted(self, name: str, key: Mapping[str, Any]) -> bool:
        """Whether an earlier try of this stage, with this key, did not come to its end."""
        stage = self.stages.get(name, {})
        return stage.get("status") in {"running", "failed", "incomplete"} and stage.get("key") == _stored(key)

    def begin_stage(self, name: str, key: Mapping[str, Any]) -> None:
        """Note that a stage runs; the time of earlier, interrupted tries of the same key is kept."""
        spent = self.stages[name]["seconds"] if self.was_interrupted(name, key) else 0.0
        made = {"output": output} if (output := self.stages.get(name, {}).get("output")) else {}
        self.stages[name] = {"status": "running", "counts": {}, "seconds": spent, "key": dict(key)} | made
        self._started = time.monotonic()
        self.save()

    def end_stage(self, name: str, status: str, **facts: Any) -> None:
        """Note how a stage ended: ``done`` or ``failed``, with counts, digests or the error."""
        stage = self.stages[name]
        seconds = round(stage["seconds"] + time.monotonic() - self._started, 2)
        stage |= {"status": status, "seconds": seconds, **facts}
        self.save()

    def outdate(self, names: list[str]) -> None:
        """Note that what these stages made came of another input; the same input again makes it good again."""
        for name in names:
            if self.stages.get(name, {}).get("status") == "done":
                self.stages[name]["status"] = "outdated"
        self.save()

    def renew(self, name: str) -> None:
        """Note that a stage, found done with its key, is not outdated after all."""
        if self.stages[name]["status"] == "outdated":
            self.stages[name]["status"] = "done"
            self.save()

    def is_done(self, name: str, key: Mapping[str, Any], outputs: list[str]) -> bool:
        """Whether a stage is finished, with this key and with its outputs in place."""
        stage = self.stages.get(name, {})
        there = all((self.path / output).exists() for output in outputs)
        return stage.get("status") in {"done", "outdated"} and stage.get("key") == _stored(key) and there

    def changes(self, name: str, key: Mapping[str, Any]) -> list[str]:
        """What differs between the key that a stage finished with and ``key``, one phrase each."""
        before = self.stages.get(name, {})
        ended = before.get("status") in {"done", "incomplete", "outdated"}
        return differences(before["key"], key) if ended else []


def _stored(key: Mapping[str, Any]) -> Any:
    """A key as it comes back from ``run.json``."""
    return json.loads(json.dumps(key))


def differences(before: Any, after: Any) -> list[str]:
    """What differs between two keys of plain values, one phrase each."""
    return list(_differences(_stored(before), _stored(after)))


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif before != after:
        yield f"{path}: {_short(before)} -> {_short(after)}"


def _of_lists(before: list[Any], after: list[Any], path: str) -> Iterator[str]:
    """Entry by entry; with entries more or fewer, what stands the same at both ends is left out of it."""
    head = tail = 0
    if len(before) != len(after):
        shorter = min(len(before), len(after))
        while head < shorter and before[head] == after[head]:
            head += 1
        while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
            tail += 1
    olds, news = before[head : len(before) - tail], after[head : len(after) - tail]
    for number, (old, new) in enumerate(zip(olds, news, strict=False), head):
        yield from _differences(old, new, f"{path}[{number}]")
    more = min(len(olds), len(news))
    yield from (f"{path}[{number}]: gone: {_short(old)}" for number, old in enumerate(olds[more:], head + more))
    yield from (f"{path}[{number}]: new: {_short(new)}" for number, new in enumerate(news[more:], head + more))


def _short(value: Any, width: int = 40) -> str:
    text = json.dumps(value)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def locate(recipe: Recipe, given: Path | None, *, new: bool) -> Path:
    """Where a recipe runs: the directory given, or its latest run under ``runs/``, or a new one there."""
    if given is not None:
        return given
    earlier = sorted(RUNS.glob(f"{glob.escape(recipe.name)}-*-{recipe.key}"))
    if earlier and not new:
        return earlier[-1]
    return RUNS / f"{recipe.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{recipe.key}"


def existing(path: Path) -> RunDirectory:
    """A run that is there to be looked at.

    Raises:
        RunError: there is none in ``path``, or a matrix of them.
    """
    if not (path / "run.json").is_file():
        known = ", ".join(str(item.parent) for item in sorted(RUNS.glob("*/run.json"))[-3:])
        raise RunError(f"{path}: no run here (no run.json){'; the latest runs: ' + known if known else ''}")
    directory = RunDirectory(path)
    if cells := directory.facts.get(CELLS):
        raise RunError(
            f"{path}: a matrix of runs (`magicoder show` has its table); name one of them, as {path / cells[0]}"
        )
    return directory


def _versions(plan: Plan) -> dict[str, str]:
    named = {bound.distribution: bound.version for bound in plan.providers() if bound.version}
    return {"magicoder-core": metadata.version("magicoder-core"), **dict(sorted(named.items()))}


def _provenance(plan: Plan) -> dict[str, dict[str, str]]:
    """What those who make rows say of themselves that options do not: the prompt's hash, a corpus's revision."""
    makers = {"seed_source": plan.seed_source, "method": plan.method, "teacher": plan.teacher}
    said = {kind: dict(bound.provider.provenance()) for kind, bound in makers.items() if bound}
    return {kind: facts for kind, facts in said.items() if facts}


def _git_commit() -> str | None:
    """The commit of the working folder, where it is a git checkout: part of what made a result."""
    command = ["git", "-C", str(Path.cwd()), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 - fixed
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
