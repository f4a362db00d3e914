"""Small real providers that take their time, so that a run can be killed in the middle of any stage."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Annotated

from magicoder_core import (
    Benchmark,
    Checkpoint,
    Needle,
    Problem,
    Reply,
    Request,
    RowFilter,
    SeedSource,
    Teacher,
    Trainer,
    Verdict,
    find,
    hookimpl,
    jsonl,
    sandbox,
)

PROBLEMS = {f"sums/{number}": number for number in range(6)}


@dataclass(frozen=True, kw_only=True)
class SlowFiles(SeedSource):
    """`files`, one snippet at a time."""

    limit: Annotated[int, "snippets"] = 20
    pause: Annotated[float, "seconds between two snippets"] = 0.0

    def snippets(self, shard):
        for snippet in find("seed_source", "files")(limit=self.limit).snippets(shard):
            time.sleep(self.pause)
            yield snippet


@dataclass(frozen=True, kw_only=True)
class SlowFilter(RowFilter):
    """Drops every row whose problem has an odd length."""

    pause: Annotated[float, "seconds for each row"] = 0.0

    def reject(self, row):
        time.sleep(self.pause)
        return "odd" if len(row.problem) % 2 else None


@dataclass(frozen=True, kw_only=True)
class Count(Trainer):
    """Learns how many rows there are, a row at a time, and keeps its state as it goes."""

    pause: Annotated[float, "seconds for each row"] = 0.0

    @property
    def base(self):
        return "nothing"

    def train(self, data, output):
        state = output / "state.json"
        seen = json.loads(state.read_text()) if state.exists() else []
        for row in list(data)[len(seen) :]:
            time.sleep(self.pause)
            seen.append(row.id)
            jsonl.write_json(state, seen)
        state.unlink(missing_ok=True)
        jsonl.write_json(output / "model.json", seen)
        return Checkpoint(path=str(output), base_model="nothing", digest=jsonl.digest(output))


@dataclass(frozen=True, kw_only=True)
class Adder(Teacher):
    """The model under test: right on all problems but one."""

    model: Annotated[str, "a checkpoint"] = ""
    pause: Annotated[float, "seconds for each answer"] = 0.0

    @property
    def identity(self):
        return "adder"

    async def complete(self, request):
        number = int(request.messages[-1].content.split()[-1])
        return Reply(text=f"def add(n):\n    return n + {number if number != 3 else 4}\n")


@dataclass(frozen=True, kw_only=True)
class Sums(Benchmark):
    """Six problems."""

    pause: Annotated[float, "seconds before each program"] = 0.0

    def problems(self):
        for name, number in PROBLEMS.items():
            yield Problem(id=name, benchmark="sums", prompt=f"add(n) returns n + {number}", entry_point="add")

    def request(self, problem):
        return Request.of(f"Write add(n) that adds {PROBLEMS[problem.id]}")

    def extract(self, problem, reply):
        return reply.text

    def judge(self, submissions):
        for submission in submissions:
            time.sleep(self.pause)
            test = f"{submission.code}\nassert add(1) == {1 + PROBLEMS[submission.problem_id]}\n"
            (outcome,) = sandbox.run([sandbox.Program(code=test)])
            yield Verdict(
                problem_id=submission.problem_id,
                sample=submission.sample,
                status=outcome.status,
                detail=outcome.detail,
                cpu_seconds=outcome.cpu_seconds,
                isolation=outcome.isolation,
            )

    def needles(self):
        yield from (Needle(benchmark="sums", problem_id=name, kind="prompt", text=name) for name in PROBLEMS)


@hookimpl
def seed_source():
    return {"slow-files": SlowFiles}


@hookimpl(specname="filter")
def filters():
    return {"slow": SlowFilter}


@hookimpl
def trainer():
    return {"count": Count}


@hookimpl
def teacher():
    return {"adder": Adder}


@hookimpl
def benchmark():
    return {"sums": Sums}
