"""The program that calls a function in the box: our own text around that of a row."""

from __future__ import annotations
import __future__

import marshal
import warnings
from functools import cache

from magicoder_core import sandbox

TOGETHER, ONE = "magicoder_together", "magicoder_one"
"""What it answers: a list of calls at once, see `unpacked`, and a single one."""

UNANSWERED = "magicoder: there was no time for this call"
"""The value of a call that took too long, or was not made. Of one that raised it is ``...``."""

ITEMS, LONGEST = 2000, 16 << 10
"""Items or characters, and bytes, of the longest value that is looked at: none longer is expected (`tasks`)."""

_PROGRAM = """\
import marshal
SPACE = {{"PROGRAM": marshal.loads({program!r}), "TARGET": {target!r}, "FRESH": {fresh}}}


def {together}(shim, calls):
    exec(marshal.loads(shim), SPACE)
    return SPACE["together"](calls)


def {one}(shim, *args):
    if "one" not in SPACE:
        exec(marshal.loads(shim), SPACE)
    return SPACE["one"](*args)
"""
"""What the box is given, beside arguments that are the same for all programs. All is compiled here, where the compiler is
warm: a fork would copy pages for it."""

# A function's program runs in a space of its own, so that no name of it hides one that is needed here. A call that
# computes for too long is stopped from within: to end the process and to start another takes a hundred times as long as
# most functions do. The alarm rings by elapsed time, which the system's clocks of processor time are too coarse for, but
# goes by processor time. A program that fights it harms itself alone: the limits outside hold, and all that is believed
# of it is which values it gave.
_SHIM = """\
import _signal, marshal, sys
from struct import pack
from time import process_time

COUNT, INSIDE, SPENT, SEEN, SINCE, LEFT = 0, False, False, 0, 0.0, {stops}


def made():
    space = {{"__name__": "solution"}}
    exec(PROGRAM, space)
    return space


def one(*args):
    global COUNT, INSIDE
    if SPENT:
        return {unanswered!r}
    COUNT += 1
    try:
        INSIDE = True
        value = (CALL or eval(GOAL, made() if FRESH else DEFINED))(*args)
        return list(value) if hasattr(type(value), "__next__") else value
    except GeneratorExit:
        return {unanswered!r}
    except BaseException:
        # No test expects an exception, and to describe one takes longer than most calls do.
        return ...
    finally:
        INSIDE = False


def together(calls):
    found, odd = [], []
    for number, args in enumerate(calls):
        value = one(*args)
        if value is ... or (type(value) in (list, tuple, dict, set, str) and len(value) > {items}):
            continue
        try:
            # It would take a number of numpy's for bytes.
            data = b"" if "numpy" in sys.modules else marshal.dumps(value, 2)
        except ValueError:
            data = b""
        if not data:
            odd.append((number, value))
        elif len(data) <= {longest}:
            found.append(pack("<II", number, len(data)) + data)
    return b"".join(found), odd


def look(*_):
    global SPENT, SEEN, SINCE, LEFT
    now = process_time()
    if INSIDE and COUNT == SEEN and now - SINCE > {each}:
        LEFT -= 1
        SPENT = LEFT <= 0 or now > END
        raise GeneratorExit  # which no `except Exception` catches
    SPENT = SPENT or now > END
    if COUNT != SEEN:
        SEEN, SINCE = COUNT, now


GOAL = compile(TARGET, "<target>", "eval", dont_inherit=True)
try:
    DEFINED = made()
    # A method is called on an instance of its own each time.
    CALL = None if FRESH or "." in TARGET else DEFINED[TARGET]
except BaseException:
    def together(calls):
        return b"", []
END = process_time() + {all}
_signal.signal(_signal.SIGALRM, look)
_signal.setitimer(_signal.ITIMER_REAL, {each}, {look})  # most functions have answered all before
"""
_NO_ANNOTATIONS = __future__.annotations.compiler_flag
_LOOK = 0.001
"""Seconds between looks at the call that is under way."""


def text_of(program: str, target: str, *, fresh: bool) -> str:
    """The text that the box is given.

    Args:
        program: the row's definitions.
        target: the expression that gives the function.
        fresh: whether each call needs definitions of its own.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: the program is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about it is the writer's business
        # Not by the statement, which takes half a millisecond in the box.
        compiled = compile(program, "<program>", "exec", _NO_ANNOTATIONS, dont_inherit=True)
    return _PROGRAM.format(
        program=marshal.dumps(compiled),
        target=target,
        fresh=fresh,
        together=TOGETHER,
        one=ONE,
    )


@cache
def shim_of(each: float, stops: int, whole: float) -> bytes:
    """The first argument of each call.

    Args:
        each: processor seconds of a call, on the nominal machine.
        stops: how many calls are stopped that take longer, before no more are made.
        whole: processor seconds of all calls, as ``each``.
    """
    slowness = sandbox.speed()
    source = _SHIM.format(
        unanswered=UNANSWERED,
        items=ITEMS,
        longest=LONGEST,
        look=_LOOK,
        stops=stops,
        each=round(slowness * each, 4),
        all=round(slowness * whole, 4),
    )
    return marshal.dumps(compile(source, "<shim>", "exec", dont_inherit=True, optimize=2))
