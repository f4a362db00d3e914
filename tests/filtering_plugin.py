"""Small filters of every kind, and a teacher, for tests of chains; a file that `--plugin` loads."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from magicoder_core import AskingFilter, Filter, Judgement, Reply, Request, RowFilter, Teacher, TeacherError, hookimpl


@dataclass(frozen=True, kw_only=True)
class Without(RowFilter):
    """Drops rows with a word in their problem."""

    word: Annotated[str, "the word"] = "bad"

    def reject(self, row):
        return f"has {self.word}" if self.word in row.problem else None


@dataclass(frozen=True, kw_only=True)
class Measure(Filter):
    """Measures each row, flags long ones and drops very long ones."""

    by_row = True

    flag: Annotated[int, "characters from which on a row is flagged"] = 60
    drop: Annotated[int, "characters from which on it is dropped"] = 90

    def judge(self, batch):
        return [self._judge(len(row.solution)) for row in batch]

    def _judge(self, length):
        reason = "long" if length >= self.flag else None
        evidence = {"characters": length, "a tuple": (1, 2)} if reason else {}
        return Judgement(keep=length < self.drop, reason=reason, evidence=evidence, scores={"length": length})


@dataclass(frozen=True, kw_only=True)
class Below(Filter):
    """Looks at what filters before it have measured: drops rows whose score is not below a limit."""

    by_row = True

    score: Annotated[str, "its name"] = "turn"
    limit: Annotated[float, "the limit"] = 5.0

    def judge(self, batch):
        return [self._judge(row.scores.get(self.score, 0)) for row in batch]

    def _judge(self, value):
        keep = value < self.limit
        return Judgement(keep=keep, reason=None if keep else f"{self.score} is {value:g}", scores={"seen": value})


@dataclass(frozen=True, kw_only=True)
class Turns(Filter):
    """Remembers: numbers the rows that it sees, and drops each third."""

    pause: Annotated[float, "seconds for each row"] = 0.0
    stop: Annotated[Path | None, "a file that holds after how many rows it fails; none: never"] = None

    @cached_property
    def _seen(self):
        return []

    def judge(self, batch):
        return [self._judge(row) for row in batch]

    def _judge(self, row):
        time.sleep(self.pause)
        self._seen.append(row.id)
        turn = len(self._seen)
        if self.stop is not None and self.stop.exists() and turn > int(self.stop.read_text()):
            raise RuntimeError(f"row {turn} was too much")
        keep = turn % 3 != 0
        evidence = {} if keep else {"turn": turn, "after": self._seen[-2]}
        return Judgement(keep=keep, reason=None if keep else "third", evidence=evidence, scores={"turn": turn % 7})

    def report(self):
        return {"seen": len(self._seen)}


@dataclass(frozen=True, kw_only=True)
class Fatal(RowFilter):
    """Kills its own process, as the system does where memory is short, at a row with a word; while a file is there."""

    word: Annotated[str, "the word"] = "fatal"
    armed: Annotated[Path, "the file"] = Path("armed")

    def reject(self, row):
        if self.word in row.problem and self.armed.exists():
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Opinion(AskingFilter):
    """Asks whether a row is good; keeps it with a flag where the answer is so-so."""

    async def assess(self, row, ask):
        reply = await ask(Request.of(f"Good? {row.problem}"))
        word = reply.text.split()[0]
        reason = None if word == "yes" else word
        return Judgement(
            keep=word != "no", reason=reason, evidence={"answer": reply.text} if reason else {}, scores={"asked": 1}
        )


@dataclass(frozen=True, kw_only=True)
class Oracle(Teacher):
    """Answers from the question alone, and writes down each that it was asked."""

    model: Annotated[str, "its name"] = "oracle"
    log: Annotated[Path, "a line for each request, and one for each answer"] = Path("asked.log")
    fails: Annotated[str, "a word of questions that have no answer; none if empty"] = ""

    async def complete(self, request):
        question = request.messages[-1].content
        self._note(f"asked {question}")
        await asyncio.sleep(0.01)
        if self.fails and self.fails in question:
            raise TeacherError("bad_request", "I do not answer that")
        self._note(f"answered {question}")
        return Reply(text="no" if "bad" in question else "hm, well" if "odd" in question else "yes", model=self.model)

    def _note(self, line):
        with self.log.open("a") as log:
            log.write(line + "\n")


@hookimpl(specname="filter")
def filters():
    return {
        "without": Without,
        "measure": Measure,
        "below": Below,
        "turns": Turns,
        "fatal": Fatal,
        "opinion": Opinion,
    }


@hookimpl
def teacher():
    return {"oracle": Oracle}
