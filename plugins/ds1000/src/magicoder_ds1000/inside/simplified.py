"""In the box: one problem of the JSONL with one answer.

What the official scorer runs as one text (``code_context``, the answer as ``code``, ``test_execution(code)`` and perhaps
``test_string(code)``, in an empty namespace) is run here in pieces of the same namespace, so that in between it can be
looked whether the tests are still those that came.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any

Watched = list[tuple[dict[str, Any], str, Any, Any]]

_COMPARING = {
    "numpy": ("allclose", "array_equal", "isclose", "array", "asarray", "all", "abs"),
    "numpy.testing": (
        "assert_allclose",
        "assert_almost_equal",
        "assert_array_almost_equal",
        "assert_array_equal",
        "assert_equal",
    ),
    "pandas.testing": ("assert_frame_equal", "assert_index_equal", "assert_series_equal"),
    "torch": ("allclose", "equal", "isclose", "all"),
    "torch.testing": ("assert_close",),
    "tensorflow": ("reduce_all", "equal", "convert_to_tensor"),
    "PIL.Image": ("open",),
}
"""What the tests compare with."""


class NoCodeError(Exception):
    """The answer is no Python where it was put."""


class TamperedError(Exception):
    """The answer has changed what judges it."""


def run(context: str, answer: str, *, strict: bool) -> None:
    """Run the tests of ``context`` on an answer; returns if it passes.

    Args:
        context: the problem's ``code_context``.
        answer: what goes where ``[insert]`` is.
        strict: whether the tests must end as they began, and random numbers are the same each time.

    Raises:
        NoCodeError: the answer does not compile.
        TamperedError: see there.
        BaseException: whatever the tests or the answer raise.
    """
    space: dict[str, Any] = {}
    exec(compile(context + "\n", "<tests>", "exec", dont_inherit=True), space)  # noqa: S102 - this is the sandbox
    watched = _watched(space) if strict else []
    if strict and "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    space["code"] = answer
    tests = ["test_execution", *(["test_string"] if "test_string(" in context else [])]
    functions = [space[name] for name in tests]
    for function in functions:
        _run(function, answer)
        _look(watched)


def _run(function: Any, answer: str) -> None:
    try:
        function(answer)
    except SyntaxError as error:
        # What the tests compile has no file: an answer's own imports would have one.
        if error.filename in ("<string>", "<unknown>", None):
            raise NoCodeError(f"{type(error).__name__}: {error.msg}") from None
        raise


def _watched(space: dict[str, Any]) -> Watched:
    """The functions of the tests, Python's own and those that compare, each with its code."""
    found = [(space, name) for name, value in space.items() if hasattr(value, "__code__")]
    found += [(vars(builtins), name) for name in vars(builtins)]
    for module, names in _COMPARING.items():
        there = vars(sys.modules[module]) if module in sys.modules else {}
        found += [(there, name) for name in names if name in there]
    return [(there, name, there[name], _code(there[name])) for there, name in found]


def _look(watched: Watched) -> None:
    """See whether all is as it was.

    Raises:
        TamperedError: it is not.
    """
    for there, name, value, code in watched:
        if there.get(name) is not value or _code(value) is not code:
            raise TamperedError(f"the answer changed {name}, which judges it")


def _code(value: Any) -> Any:
    return getattr(value, "__code__", None)
