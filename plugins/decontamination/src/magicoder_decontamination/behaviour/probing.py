"""Which tasks' examples a function agrees with: all first examples in one program, then the others of the few left."""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from magicoder_core import sandbox
from magicoder_decontamination.behaviour.asking import UNANSWERED, Patience, Question, Record, Records, answered
from magicoder_decontamination.behaviour.comparing import agreement
from magicoder_decontamination.behaviour.functions import Function
from magicoder_decontamination.behaviour.tasks import Task, magnitude

Key = tuple[int, str]
"""A task: the place of its benchmark, and its id."""

Check = Callable[[Record], bool]


@dataclass(frozen=True)
class Probed:
    """The tasks no example of which a function is wrong about, in order, with how many it is right about.

    ``cut`` says that it could not be asked all examples that there are for it.
    """

    agreed: Mapping[Key, int]
    cut: bool


@dataclass(frozen=True)
class _Sheet:
    """A question, what is expected of each call, and how many examples of each task are in it."""

    question: Question
    checks: Sequence[Sequence[tuple[Key, Check]]]
    counts: Mapping[Key, int]

    @classmethod
    def of(cls, asked: Iterable[tuple[Key, tuple[Any, ...], Check]], patience: Patience) -> _Sheet:
        """Tasks with the same example share a call. The largest numbers come last: what takes long is likely there."""
        calls: dict[bytes, tuple[tuple[Any, ...], list[tuple[Key, Check]]]] = {}
        counts: Counter[Key] = Counter()
        for key, arguments, check in asked:
            calls.setdefault(_spelled(arguments), (arguments, []))[1].append((key, check))
            counts[key] += 1
        ordered = sorted(calls.values(), key=lambda call: magnitude(call[0]))
        return cls(
            Question([arguments for arguments, _ in ordered], patience), [checks for _, checks in ordered], counts
        )

    def agreed(self, records: Records) -> Iterator[tuple[Key, int]]:
        """The tasks whose examples here got no wrong answer, with how many got a right one."""
        right: Counter[Key] = Counter()
        unknown: Counter[Key] = Counter()
        for number, record in records.items():
            if record == UNANSWERED:
                unknown.update(key for key, _ in self.checks[number])
            else:
                right.update([key for key, check in self.checks[number] if check(record)])
        for key in right | unknown:
            if right[key] + unknown[key] == self.counts[key]:
                yield key, right[key]


class Prober:
    """Asks functions the examples of tasks; what it asks is made once for all functions of the same signature."""

    def __init__(self, tasks: Iterable[Task], patience: Patience) -> None:
        self._patience = patience
        self._examples = {
            (task.owner, task.id): [(one.arguments, agreement(one)) for one in task.examples]
            for task in tasks
            if task.examples
        }
        self._opening = {
            (task.owner, task.id): 2 if isinstance(task.examples[0].expected, bool) else 1
            for task in tasks
            if task.examples
        }
        self._sheets: dict[tuple[int, int], _Sheet] = {}

    def errand(self, function: Function) -> sandbox.Errand[Probed]:
        """Ask the first examples of all tasks that a function could be for, then the others of those it agrees with."""
        sheet = self._sheet(function)
        if not sheet.counts:
            return Probed({}, cut=False)
        first = yield from answered(function, sheet.question)
        agreed = {key: count for key, count in sheet.agreed(first) if count}
        cut = UNANSWERED in first.values()
        if more := [key for key in agreed if len(self._examples[key]) > self._opening[key]]:
            left = ((key, *example) for key in more for example in self._examples[key][self._opening[key] :])
            rest = _Sheet.of(left, self._patience)
            second = yield from answered(function, rest.question)
            found = dict(rest.agreed(second))
            agreed = {
                key: count + found.get(key, 0) for key, count in agreed.items() if key in found or key not in more
            }
            cut = cut or UNANSWERED in second.values()
        return Probed(agreed, cut)

    def _sheet(self, function: Function) -> _Sheet:
        signature = (function.least, function.most)
        if signature not in self._sheets:
            asked = (
                (key, *example)
                for key, examples in self._examples.items()
                if all(function.takes(len(arguments)) for arguments, _ in examples)
                for example in examples[: self._opening[key]]
            )
            self._sheets[signature] = _Sheet.of(asked, self._patience)
        return self._sheets[signature]


def _spelled(arguments: tuple[Any, ...]) -> bytes:
    """What is equal for arguments that no function could tell apart."""
    try:
        return marshal.dumps(arguments, 2)
    except ValueError:
        return repr(arguments).encode()
