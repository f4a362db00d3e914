"""A benchmark of two tasks, as a plugin of somebody else would bring it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from magicoder_core import Benchmark, Needle, Problem, Submission, Verdict, hookimpl

WORDS = (
    "Given the heights of some towers and the width of a river, find how many towers a bird can reach without a rest.\n"
    "    The bird starts at the first tower; it cannot cross a gap that is wider than the river.\n"
    "    >>> towers_in_reach([1, 5, 9], 4)\n"
    "    3\n"
)
SOLUTION = (
    "    reached = 1\n"
    "    for before, after in zip(heights, heights[1:]):\n"
    "        if after - before > width:\n"
    "            break\n"
    "        reached += 1\n"
    "    return reached\n"
)
PROGRAM = f'def towers_in_reach(heights, width):\n    """{WORDS}    """\n{SOLUTION}'
SHORT = "    return width / 7.25\n"


@dataclass(frozen=True, kw_only=True)
class Towers(Benchmark):
    """Towers: two tasks about birds."""

    def problems(self) -> Iterator[Problem]:
        """Both."""
        for number in range(2):
            yield Problem(id=f"towers/{number}", benchmark="towers", prompt=WORDS, entry_point="towers_in_reach")

    def judge(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        """All pass."""
        for one in submissions:
            yield Verdict(problem_id=one.problem_id, sample=one.sample, status="pass")

    def needles(self) -> Iterator[Needle]:
        """The first task's texts, and a short solution of the second."""
        for number, kind, text in (
            (0, "docstring", WORDS),
            (0, "solution", SOLUTION),
            (0, "program", PROGRAM),
            (1, "solution", SHORT),
        ):
            yield Needle(benchmark="towers", problem_id=f"towers/{number}", kind=kind, text=text)


@dataclass(frozen=True, kw_only=True)
class Rivers(Towers):
    """Rivers: one task with one short solution."""

    def problems(self) -> Iterator[Problem]:
        """The one."""
        yield Problem(id="rivers/0", benchmark="rivers", prompt="How deep is it?", entry_point="depth")

    def needles(self) -> Iterator[Needle]:
        """Its solution."""
        yield Needle(benchmark="rivers", problem_id="rivers/0", kind="solution", text="    return number % 1.0\n")


@hookimpl
def benchmark() -> Mapping[str, type[Benchmark]]:
    """Both."""
    return {"towers": Towers, "rivers": Rivers}
