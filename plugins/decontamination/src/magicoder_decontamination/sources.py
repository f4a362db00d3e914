"""Benchmarks that rows are held against, though Magicoder does not score by them: GSM8K and APPS.

Each reads a local file or folder (``data``, or an environment variable), or else the official copy through `datasets`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from magicoder_core import Benchmark, Needle, Problem, RunError, Submission, Verdict, jsonl

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Texts(Benchmark):
    """A benchmark of which only the texts are here."""

    name: ClassVar[str]
    hub: ClassVar[tuple[str, str | None, str]]
    """On the Hub: the data set, its configuration, its split."""
    variable: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    """What each record must have."""

    def problems(self) -> Iterator[Problem]:
        """Each record's task in words."""
        for problem_id, record in self._records():
            yield Problem(
                id=problem_id, benchmark=self.name, prompt=str(record[self.fields[0]]), language=self.language(record)
            )

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """Not here.

        Raises:
            RunError: always.
        """
        del submissions
        raise RunError(f"{self.name}: rows are held against it, programs are not scored by it")

    def needles(self) -> Iterator[Needle]:
        """The texts of each record, but for empty ones."""
        for problem_id, record in self._records():
            for kind, text in self.texts(record):
                if text.strip():
                    yield Needle(benchmark=self.name, problem_id=problem_id, kind=kind, text=text)

    def language(self, record: Record) -> str:
        """The programming language of a record."""
        del record
        return "python"

    def texts(self, record: Record) -> Iterator[tuple[str, str]]:
        """A record's texts, each with its kind."""
        raise NotImplementedError

    def inputs(self) -> Mapping[str, Path]:
        """The local data, where they are read."""
        return {"data": place} if (place := self._place) else {}

    def check(self) -> None:
        """Look whether local data are there.

        Raises:
            RunError: they are named, and are not.
        """
        if self._place and not self._place.exists():
            raise RunError(f"{self.name}.data: {self._place} does not exist")

    @property
    def _place(self) -> Path | None:
        given = os.environ.get(self.variable)
        return self.data or (Path(given) if given else None)

    def _records(self) -> Iterator[tuple[str, Record]]:
        found = self._local(self._place) if self._place else self._official()
        for number, (where, record) in enumerate(found):
            for field in self.fields:
                if not isinstance(record.get(field), str):
                    raise RunError(f"{where}: the field '{field}' is missing or no text; is this {self.name}?")
            yield self.identify(record, number), record

    def identify(self, record: Record, number: int) -> str:
        """A record's id."""
        del record
        return f"{self.name}/{number}"

    def _local(self, place: Path) -> Iterator[tuple[str, Record]]:
        """The records of a JSONL file, or of all such files of a folder."""
        files = sorted(path for path in place.rglob("*.jsonl*") if path.is_file()) if place.is_dir() else [place]
        if not files:
            raise RunError(f"{self.name}.data: {place} holds no .jsonl file")
        for path in files:
            yield from _read(path, self.name)

    def _official(self) -> Iterator[tuple[str, Record]]:
        from magicoder_decontamination.hub import loaded

        return loaded(self.name, self.variable, self.hub)


def _read(path: Path, name: str) -> Iterator[tuple[str, Record]]:
    try:
        if path.suffix != ".gz":
            yield from ((f"{path}:{number}", record) for number, record in enumerate(jsonl.read(path), 1))
            return
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}:{number}", json.loads(line)
    except (OSError, ValueError) as error:
        raise RunError(f"{name}.data: cannot read {path} ({error})") from error


@dataclass(frozen=True, kw_only=True)
class Gsm8k(Texts):
    """GSM8K: 1,319 grade-school problems of arithmetic, to keep out of training data."""

    name: ClassVar[str] = "gsm8k"
    hub: ClassVar[tuple[str, str | None, str]] = ("openai/gsm8k", "main", "test")
    variable: ClassVar[str] = "GSM8K_PATH"
    fields: ClassVar[tuple[str, ...]] = ("question", "answer")

    def texts(self, record: Record) -> Iterator[tuple[str, str]]:
        """The question, and the answer without its calculator's marks."""
        yield "question", record["question"]
        yield "answer", re.sub(r"<<[^>]*>>", "", record["answer"]).partition("\n####")[0]


@dataclass(frozen=True, kw_only=True)
class Apps(Texts):
    """APPS: 5,000 test problems of programming contests with their solutions, to keep out of training data."""

    name: ClassVar[str] = "apps"
    hub: ClassVar[tuple[str, str | None, str]] = ("codeparrot/apps", "all", "test")
    variable: ClassVar[str] = "APPS_PATH"
    fields: ClassVar[tuple[str, ...]] = ("question",)

    def identify(self, record: Record, number: int) -> str:
        """The problem's own number, where the record has it."""
        return f"apps/{record.get('problem_id', record.get('id', number))}"

    def texts(self, record: Record) -> Iterator[tuple[str, str]]:
        """The question, and each solution, as a text and as a program."""
        yield "question", record["question"]
        for solution in _listed(record.get("solutions")):
            yield "solution", solution
            yield "program", solution


def _listed(value: Any) -> Sequence[str]:
    """Solutions as APPS has them: a list, or the JSON text of one."""
    try:
        value = json.loads(value) if isinstance(value, str) and value.strip() else value
    except ValueError:
        return ()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()
