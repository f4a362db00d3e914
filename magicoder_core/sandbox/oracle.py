"""The split oracle: the program computes in the box, the tests compare out here.

Whatever a program does to its own process (to the comparison, the builtins, the frames, the clock), the assertions
run elsewhere, on values that crossed as plain data. It can only be wrong or right about the values.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from magicoder_core.sandbox.box import Box, Gone
from magicoder_core.sandbox.ending import about, failed, judged, silent
from magicoder_core.sandbox.inside import FRAME_BYTES, decode, encode
from magicoder_core.sandbox.isolation import Isolation
from magicoder_core.sandbox.program import Examination, Outcome

_SHOWN = 120


class ProgramError(Exception):
    """The program raised an exception, called ``kind``, in a call from outside."""

    def __init__(self, message: dict[str, Any]) -> None:
        super().__init__(about(message))
        self.message = message


class Unsendable(Exception):  # noqa: N818 - never seen outside this module
    """The tests call the program with something that is no plain data."""


class _Caller:
    """Calls functions of the program in the box, one after another."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.last = ""
        self.gone: Gone | None = None

    def greet(self) -> None:
        """Wait until the program has defined its functions.

        Raises:
            ProgramError: it raised.
            Gone: it is no more.
        """
        greeting = self._box.channel.receive()
        if "ready" not in greeting:
            raise ProgramError(greeting)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The value that the function ``name`` gives.

        Raises:
            ProgramError: it raised.
            Gone: the program is no more, or sent what is no value.
            Unsendable: an argument cannot cross.
        """
        if self.gone:
            raise self.gone
        call = {"name": name, "args": _sendable(list(args)), "kwargs": _sendable(kwargs)}
        try:
            self._box.channel.send(call)
            answer = self._box.channel.receive()
            if "value" not in answer:
                raise ProgramError(answer)
            value = decode(answer["value"])
        except Gone as gone:
            self.gone = gone
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self.gone = Gone(nonsense=True)
            raise self.gone from error
        self.last = json.dumps(answer["value"])
        return value


def _sendable(value: Any) -> Any:
    encoded = encode(value)
    text = json.dumps(encoded)
    if '{"object":' in text or len(text) > FRAME_BYTES // 4:
        raise Unsendable("the tests call the program with what is no plain data, or too much of it")
    return encoded


def examine_one(examination: Examination, isolation: Isolation, box: Box) -> Outcome:
    """Judge the program in ``box`` (begun, serving) by ``examination.check``."""
    caller = _Caller(box)
    try:
        caller.greet()
        examination.check({name: partial(caller.call, name) for name in examination.functions})
    except Gone as gone:
        caller.gone = gone
    except ProgramError as error:
        return failed(box, isolation, error.message)
    except Unsendable as error:
        return judged(box, isolation, "harness_error", str(error), stop=True)
    except Exception as error:  # noqa: BLE001 - boundary: tests that stumble over a wrong value raise anything
        if not caller.gone:
            return judged(box, isolation, "fail", _stumbled(error, caller), stop=True)
    # Also where the tests swallowed the exception: a program that is gone has not passed them.
    if caller.gone:
        return silent(box, isolation, caller.gone, "the program ended before its tests did")
    return judged(box, isolation, "pass", "", stop=True)


def _stumbled(error: Exception, caller: _Caller) -> str:
    value = caller.last if len(caller.last) <= _SHOWN else caller.last[:_SHOWN] + "..."
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{text[:300]}; the last call gave {value}" if value else text
