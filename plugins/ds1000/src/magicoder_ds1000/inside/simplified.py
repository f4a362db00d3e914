"""In the box: one problem of the JSONL with one answer.

What the official scorer runs as one text (``code_context``, the answer as ``code``, ``test_execution(code)`` and perhaps
``test_string(code)``, in an empty namespace) is run here in pieces of the same namespace, so that in between it can be
looked whether the tests are still those that came.

Guarded, the code that the tests execute runs in a thread of its own: no frame of the tests is above it, in which it could
read what is expected; and what judges it is looked at as soon as it is done, before anything is compared.
"""

from __future__ import annotations

import _thread
import builtins
import sys
from types import FunctionType
from typing import Any

Watched = list[tuple[dict[str, Any], str, Any, Any]]

_COMPARING = {
    "numpy": ("allclose", "array_equal", "isclose", "array", "asarray", "all", "abs", "testing"),
    "pandas": ("testing",),
    "torch": ("allclose", "equal", "isclose", "all", "testing"),
    "tensorflow": ("reduce_all", "equal", "convert_to_tensor"),
    "PIL.Image": ("open",),
    "matplotlib.pyplot": ("close", "gca", "gcf", "savefig"),
}
"""What the tests compare with."""

_ALL_COMPARING = (
    "numpy.testing",
    "numpy.testing._private.utils",
    "pandas.testing",
    "pandas._testing",
    "pandas._testing.asserters",
    "torch.testing",
    "torch.testing._comparison",
)
"""Modules all of whose functions and classes compare."""

_LOOKING = frozenset({"gc.get_objects", "gc.get_referrers", "sys._current_frames", "sys._current_exceptions"})
"""What would find the tests' own objects. Not ``gc.get_referents``: pandas asks it what an assignment would reach."""

_COMPARED = (
    "__eq__",
    "__ne__",
    "__array__",
    "__array_function__",
    "__array_ufunc__",
    "__torch_function__",
    "__getattribute__",
)
"""Methods by which a value has its say in a comparison."""

_HEAP = 1 << 9
"""Of a type's flags: it was made by a class statement, not by the interpreter."""


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
    guard = _Guard(space) if strict else None
    if strict and "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    space["code"] = answer
    tests = ["test_execution", *(["test_string"] if "test_string(" in context else [])]
    functions = [space[name] for name in tests]
    for function in functions:
        _run(function, answer)
        if guard:
            guard.look()


class _Guard:
    """Runs the code that the tests execute apart from them, and looks at what judges it."""

    def __init__(self, space: dict[str, Any]) -> None:
        self._watched = _watched(space)
        self._asked: list[str] = []
        space["exec"] = self._executed
        sys.addaudithook(self._hear)

    def look(self) -> None:
        """See whether all is as it was.

        Raises:
            TamperedError: it is not.
        """
        if self._asked:
            raise TamperedError(f"the answer called {self._asked[0]}, by which it could find its tests")
        for there, name, value, code in self._watched:
            if there.get(name) is not value or _code(value) is not code:
                raise TamperedError(f"the answer changed {name}, which judges it")

    def _hear(self, event: str, _: Any) -> None:
        if event in _LOOKING:
            self._asked.append(event)

    def _executed(self, code: Any, space: Any = None, local: Any = None, /) -> None:
        """What ``exec`` is to the tests."""
        if space is None:
            caller = sys._getframe(1)  # noqa: SLF001 - as exec does
            space, local = caller.f_globals, caller.f_locals
        if isinstance(code, (str, bytes)):
            code = compile(code, "<string>", "exec", dont_inherit=True)
        raised: list[BaseException] = []
        done = _thread.allocate_lock()
        done.acquire()
        # Its frame is above the answer's: it must lead nowhere.
        apart = FunctionType(_apart.__code__, {})
        _thread.start_new_thread(apart, (exec, (code, space, *([local] if local is not None else [])), raised, done))
        done.acquire()
        if raised:
            raise raised[0]
        self.look()
        for value in space.values():
            if own := _pretending(value):
                raise TamperedError(f"the answer made a class {own}, which says itself what it equals")


def _apart(execute: Any, arguments: Any, raised: Any, done: Any) -> None:
    """Execute some code; all that its frame leads to is what is given here."""
    try:
        execute(*arguments)
    except BaseException as error:  # noqa: BLE001 - the tests get it, whatever it is
        raised.append(error)
    finally:
        done.release()


def _pretending(value: Any) -> str:
    """The name of the answer's own class of a value, if it has one that compares for itself; else nothing."""
    for kind in type(value).__mro__[:-1]:
        # A class of the answer has this module, since its namespace has no name.
        own = kind.__module__ == "builtins" and vars(builtins).get(kind.__name__) is not kind and kind.__flags__ & _HEAP
        if own and any(name in vars(kind) for name in _COMPARED):
            return kind.__name__
    return ""


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
    for module in _ALL_COMPARING:
        there = vars(sys.modules[module]) if module in sys.modules else {}
        found += [
            (there, name) for name, value in there.items() if hasattr(value, "__code__") or isinstance(value, type)
        ]
    return [(there, name, there[name], _code(there[name])) for there, name in found]


def _code(value: Any) -> Any:
    return getattr(value, "__code__", None)
