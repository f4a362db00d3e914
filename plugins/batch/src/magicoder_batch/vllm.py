"""The teacher `vllm-run-batch`: vLLM's offline engine, which reads a file of requests and writes one of answers."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

from magicoder_batch import lines
from magicoder_batch.work import Work
from magicoder_core import RecipeError, Reply, Request, RunError, Sampling, http, progress
from magicoder_core.deferring import Batch, BatchState, DeferredTeacher, Result


@dataclass(frozen=True, kw_only=True)
class VLLMRunBatch(DeferredTeacher):
    """vLLM's ``run-batch``: the fastest way through many prompts on GPUs of one's own, without a server.

    With ``wait_for`` nothing is started here: the run says which command to run where the GPUs are, and goes on when
    its output lies beside the input.

    What a process that ended early has answered is kept: the next starts with what is missing. One that outlived
    this program (which was killed) is waited for and not started twice.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"seed", "json_schema", "n"})

    model: Annotated[str, "the model: a name on the Hugging Face Hub, or a folder"]
    command: Annotated[tuple[str, ...], "the program that reads and writes batches"] = ("vllm", "run-batch")
    arguments: Annotated[tuple[str, ...], "more arguments for it, as --max-model-len 8192"] = ()
    wait_for: Annotated[bool, "start nothing; wait until somebody has run the command and put its output here"] = False
    temperature: Annotated[float, "0 for the likeliest answer, more for more variety"] = 0.0
    top_p: Annotated[float | None, "draw from the likeliest tokens that together have this probability"] = None
    max_tokens: Annotated[int, "tokens after which an answer is cut"] = 2048
    linger_seconds: Annotated[float, "a batch that is not full goes out when so long no request has come"] = 1.0
    poll_seconds: Annotated[float, "seconds between looks at a batch"] = 2.0
    settle_seconds: Annotated[float, "nothing needs to settle on this machine"] = 0.0

    def sampling(self) -> Sampling:
        """How to draw where a request leaves it open."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    def check(self) -> None:
        """Look whether the program is there.

        Raises:
            RecipeError: it is not, or an option makes no sense.
        """
        super().check()
        if not self.command:
            raise RecipeError("teacher.command: a program was expected, as ['vllm', 'run-batch']")
        if not self.wait_for and shutil.which(self.command[0]) is None:
            raise RecipeError(
                f"teacher.command: there is no program '{self.command[0]}' here; install it (pip install vllm), name "
                "another, or set teacher.wait_for = true and run it elsewhere"
            )

    def line(self, custom_id: str, request: Request) -> bytes:
        """A line of OpenAI's batch format, which vLLM reads."""
        return lines.line(custom_id, http.body(request, self.model, self.sampling()))

    async def submit(self, batch: Batch) -> str:
        """Nothing goes anywhere: its name is its id, and `poll` starts what is to be started."""
        return batch.name

    async def find(self, batch: Batch) -> str | None:
        """A batch is there if its file is."""
        return batch.name if batch.input.exists() else None

    async def poll(self, batch: Batch) -> BatchState:
        """How many answers are there; starts the program if it does not run and some are missing.

        Raises:
            RunError: the program failed, or cannot be started.
        """
        work = self._work(batch)
        done = work.answered()
        running = self._is_running(work, batch, done)
        return BatchState(status="running" if running else "ended", done=done)

    def _is_running(self, work: Work, batch: Batch, done: int) -> bool:
        if self.wait_for:
            if done < batch.size and not work.told:
                work.told = True
                progress.say(self._instruction(batch, work))
            return done < batch.size
        if (code := work.ended()) is not None:
            if code:
                raise RunError(
                    f"{self.command[0]} ended with status {code}: {work.last_words()} (all of it: {work.log}); "
                    f"{done} of {batch.size} answers are kept; run the same command again for the rest"
                )
            return False
        if not work.runs() and done < batch.size:
            work.start(self._arguments)
        return work.runs()

    def _arguments(self, given: Path, output: Path) -> list[str]:
        return [*self.command, "-i", str(given), "-o", str(output), "--model", self.model, *self.arguments]

    def _instruction(self, batch: Batch, work: Work) -> str:
        command = shlex.join(self._arguments(batch.input, work.output))
        return f"waiting for {batch.size} answers in {work.output}; where the GPUs are, run: {command}"

    async def results(self, batch: Batch) -> AsyncIterator[Result]:
        """What there is, of this process and of those before it."""
        for raw in self._work(batch).lines():
            yield lines.outcome(raw)

    def read(self, request: Request, body: bytes) -> Reply:  # noqa: ARG002 - the line says all
        """The reply in a line of results.

        Raises:
            TeacherError: as `magicoder_core.http.read`.
        """
        return lines.read(body)

    async def close(self) -> None:
        """End the processes that were started; what they have answered stays."""
        for work in self._works.values():
            await work.stop()
        self._works.clear()

    def _work(self, batch: Batch) -> Work:
        return self._works.setdefault(batch.name, Work(batch))

    @cached_property
    def _works(self) -> dict[str, Work]:
        return {}
