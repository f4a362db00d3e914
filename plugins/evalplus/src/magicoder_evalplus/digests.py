"""Values too large to cross each time: they come as digests, and where these differ the values may be equal all the same.

First both programs are asked for a normal form, in which numbers that are equal have the same bytes, so that most
programs that give 2 where the reference gives 2.0 need no more than one further run. What differs still is asked for
whole, a few values at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from magicoder_core import sandbox

LARGEST_BYTES = 12 << 20
"""A longer value is not looked into: read, it can take forty times as much memory."""

_TOGETHER_BYTES = 12 << 20
_ROUNDS = 8
"""How often values are asked for whole; a right program that needs more is not known."""

_NORMAL = """

pass


def magicoder_normal(*arguments):
    def normal(value):
        if type(value).__module__ in ("numpy", "fractions"):
            item = value.item() if hasattr(value, "item") else value
            value = item.numerator if getattr(item, "denominator", 0) == 1 else item
        kind = type(value)
        if kind is complex and not value.imag:
            value, kind = value.real, float
        if kind is float:
            return int(value) if value.is_integer() else value
        if kind is bool:
            return int(value)
        if kind is list:
            return [normal(item) for item in value]
        if kind is tuple:
            return tuple([normal(item) for item in value])
        if kind is dict:
            return {normal(key): normal(item) for key, item in value.items()}
        return value

    return normal(FUNCTION(*arguments))
"""

Found = tuple[int, sandbox.Value | sandbox.Raised | sandbox.Large, sandbox.Value | sandbox.Raised | sandbox.Large]
"""A call's number, what the candidate answered, and what the reference did."""


def normal_records(calls: sandbox.Calls) -> list[bytes]:
    """What the program answers in the normal form; fewer records than calls where it ended early.

    The form is made in the program's own process, which can spoil it only to its own harm: it does not know what its
    answers are held against.
    """
    code = calls.program.code + _NORMAL.replace("FUNCTION", calls.inputs.function)
    inputs = replace(calls.inputs, function="magicoder_normal")
    return _answers(replace(calls, program=replace(calls.program, code=code), inputs=inputs))[0].records


def unlike(numbers: Sequence[int], one: Sequence[bytes], other: Sequence[bytes]) -> list[int]:
    """Those of the calls that were not answered alike."""
    count = min(len(one), len(other))
    return [number for number in numbers if number >= count or one[number] != other[number]]


def fetched(candidate: sandbox.Calls, reference: sandbox.Calls, sizes: Mapping[int, int]) -> Iterator[Found]:
    """The values of some calls, whole.

    Args:
        candidate: the program that is judged, with its calls.
        reference: the reference, with the same calls.
        sizes: how many bytes the longer of the two values of each wanted call has. In that order.

    A value that is too long, that does not come this time, or for which there was no more room comes as `sandbox.Large`.
    """
    given = {number: size for number, size in sizes.items() if size <= LARGEST_BYTES}
    for together in islice(_batches(given), _ROUNDS):
        pair = [replace(calls, whole=frozenset(together)) for calls in (candidate, reference)]
        ours, theirs = (answers.records for answers in _answers(*pair))
        for number in together:
            del given[number]
            yield number, _answer(ours, number), _answer(theirs, number)
    for number, size in sizes.items():
        if number in given or size > LARGEST_BYTES:
            yield number, sandbox.Large(b"", size), sandbox.Large(b"", size)


def _batches(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    together: list[int] = []
    room = _TOGETHER_BYTES
    for number, size in list(sizes.items()):
        if together and size > room:
            yield together
            together, room = [], _TOGETHER_BYTES
        together.append(number)
        room -= size
    if together:
        yield together


def _answer(records: Sequence[bytes], number: int) -> sandbox.Value | sandbox.Raised | sandbox.Large:
    return sandbox.answer(records[number]) if number < len(records) else sandbox.Large(b"", 0)


def _answers(*calls: sandbox.Calls) -> list[sandbox.Answers]:
    return list(sandbox.call(calls))
