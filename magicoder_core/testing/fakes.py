"""Stand-ins for what a provider is given: a snippet, a row, rows in a file, and an `Ask` that answers from a script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from magicoder_core import jsonl
from magicoder_core.records import Instruction, Origin, Reply, Request, Snippet, TrainingData


def snippet(code: str = "def double(x):\n    return 2 * x\n", language: str = "python") -> Snippet:
    """A snippet of that code, from a made-up repository with a licence."""
    origin = Origin(
        corpus="sample",
        repository="example/arithmetic",
        path="arithmetic/double.py",
        revision="0123456789abcdef",
        licence="Apache-2.0",
        lines=(1, max(1, len(code.splitlines()))),
    )
    return Snippet(code=code, language=language, origin=origin)


def instruction(
    problem: str = "Write a function `double` that returns twice its argument.",
    solution: str = "```python\ndef double(x):\n    return 2 * x\n```",
    language: str = "python",
) -> Instruction:
    """A row with that problem and solution, whose parent is `snippet`."""
    return Instruction(
        problem=problem, solution=solution, language=language, method="sample", parent=snippet(language=language).id
    )


def training_data(rows: Iterable[Instruction], folder: Path, seed: int = 0) -> TrainingData:
    """The ``rows`` as the file that a trainer is given, written into ``folder``."""
    path = folder / "kept.jsonl"
    count = jsonl.write(path, (row.to_dict() for row in rows))
    return TrainingData(path=path, rows=count, seed=seed)


class ScriptedAsk:
    """An `Ask` that gives the ``script`` one after another and remembers what it was asked.

        ask = ScriptedAsk(["first answer", TeacherError("timeout", "no answer in 60 s")])
        asyncio.run(method.instruct(snippet(), ask))
        assert len(ask.requests) == 2

    Args:
        script: answers: texts, whole replies, or errors to raise.
        capabilities: what `supports` says yes to, as ``grammar``.
        repeat: give the last answer again when the script is at its end, instead of failing the test.
    """

    def __init__(
        self, script: Sequence[str | Reply | Exception], *, capabilities: Iterable[str] = (), repeat: bool = False
    ) -> None:
        self._script = list(script)
        self._capabilities = frozenset(capabilities)
        self._repeat = repeat
        self.requests: list[Request] = []
        """Every request so far, in order."""

    async def __call__(self, request: Request) -> Reply:
        """The next answer of the script.

        Raises:
            AssertionError: the script is at its end, or what came was no `Request`.
        """
        if not isinstance(request, Request):
            raise AssertionError(f"ask() takes a magicoder_core.Request, not {type(request).__name__}")  # noqa: TRY004 - a failed test, as documented
        self.requests.append(request)
        answer = self._script[self._next()]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(text=answer, model="scripted")

    def _next(self) -> int:
        number = len(self.requests) - 1
        if number < len(self._script):
            return number
        if self._repeat and self._script:
            return -1
        raise AssertionError(f"asked {number + 1} times; the script has {len(self._script)} answers")

    def supports(self, capability: str) -> bool:
        """Whether it was made with that capability."""
        return capability in self._capabilities
