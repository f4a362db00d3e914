"""In the box: one problem of the older tree with one answer.

As the official scorer does (HKUNLP/DS-1000 49c1c54, ``ds1000.py``): the program runs once for each test case, in a process
of its own, and leaves ``result/result_<case>.pkl``; afterwards ``test_code.py`` compares each result with the pickled
answer. Only then are the answers and tests where a program could find them.
"""

from __future__ import annotations

import base64
import contextlib
import marshal
import os
import pickle
import signal
import sys
import time
import zlib
from types import ModuleType
from typing import Any

_STRING_TEST = 3
_PAUSE = 0.01
_SUBREAPER = 36
"""Of prctl: PR_SET_CHILD_SUBREAPER."""


class NoCodeError(Exception):
    """The program is no Python."""


def run(program: str, answer: str, *, test: str, packed: str, cases: int, kind: int, seconds: float) -> None:
    """Run a program on all its cases and the tests on what it leaves; returns if they pass.

    Args:
        program: with the answer in it.
        answer: for tests of its text.
        test: the source of ``test_code.py``.
        packed: two dictionaries of file names and contents, as `pack` packs them: those that the program needs, and the
            answers with all else that the tests do.
        cases: how many, from 1 on.
        kind: of the tests; 3 looks at the answer's text, too.
        seconds: elapsed seconds of each case, 0 for no limit here.

    Raises:
        NoCodeError: the program does not compile.
        AssertionError: the answer is wrong; says by which case.
        TimeoutError: a case took too long.
    """
    given, kept = unpack(packed)
    try:
        code = compile(program, "program.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise NoCodeError(f"{type(error).__name__}: {error.msg}") from None
    _write({**given, "program.py": program.encode("utf-8", "surrogatepass")})
    os.makedirs("result", exist_ok=True)  # noqa: PTH103 - the other interpreter's programs have not loaded pathlib
    _adopt()
    for case in range(1, cases + 1):
        _run_case(code, case, seconds)
    _end_all()
    _write({**kept, "test_code.py": test.encode("utf-8", "surrogatepass")})
    tests = _module("test_code", compile(test, "test_code.py", "exec", dont_inherit=True))
    if kind == _STRING_TEST and not tests.stringTest(without_prints(answer)):
        raise AssertionError("the answer is not written as the problem asks (stringTest)")
    for case in range(1, cases + 1):
        if tests.test(_left(case), _expected(case)) != 1:
            raise AssertionError(f"the result of case {case} is wrong")


def unpack(packed: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What `pack` packed."""
    given, kept = marshal.loads(zlib.decompress(base64.b85decode(packed)))  # noqa: S302 - it came from outside
    return given, kept


def without_prints(answer: str) -> str:
    """An answer without most lines that print, as the official scorer drops them: of two such lines in a row one stays."""
    lines = answer.split("\n")
    place = 0
    while place < len(lines):
        line = lines[place]
        if "print" in line and "#" not in line.split("print"):
            lines.remove(line)
        place += 1
    return "\n".join(lines)


def _write(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if folder := os.path.dirname(name):  # noqa: PTH120 - as above
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
        with open(name, "wb") as file:  # noqa: PTH123 - as above
            file.write(content)


def _run_case(code: Any, case: int, seconds: float) -> None:
    """Run the program on one case, in a process of its own. How it ends says nothing: what counts is what it leaves."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setsid()
            sys.argv = ["program.py", "--test_case", str(case)]
            _module("__main__", code)
            status = 0
        finally:
            os._exit(status)
    ends = time.monotonic() + seconds
    while seconds and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if time.monotonic() > ends:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"case {case} was still running after {seconds:g} s")
        time.sleep(_PAUSE)
    os.waitpid(child, 0)


def _adopt() -> None:
    """Become the parent of all processes that those of this one leave behind, where the system can do that (Linux)."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _end_all() -> None:
    """End what the program has left running: it would see the answers, and could put them in its results' place."""
    with contextlib.suppress(OSError):
        while found := [name for name in os.listdir("/proc") if name.isdigit() and _parent(name) == os.getpid()]:  # noqa: PTH208
            for name in found:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(int(name), signal.SIGKILL)
                    os.waitpid(int(name), 0)


def _parent(process: str) -> int:
    """Of a process, by its number; 0 if it has ended."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123 - as above
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _module(name: str, code: Any) -> Any:
    module = sys.modules[name] = ModuleType(name)
    exec(code, module.__dict__)  # noqa: S102 - this is the sandbox
    return module


def _left(case: int) -> Any:
    """What the program left of a case.

    Raises:
        AssertionError: nothing, or half a pickle.
    """
    try:
        return _pickled(f"result/result_{case}.pkl")
    except (FileNotFoundError, EOFError):
        raise AssertionError(f"the program left no result of case {case}") from None


def _pickled(name: str) -> Any:
    with open(name, "rb") as file:  # noqa: PTH123 - as above
        return pickle.load(file)  # noqa: S301 - this is the sandbox


def _expected(case: int) -> Any:
    """The answer of a case; None where there is none, or it cannot be read under these versions, as officially."""
    try:
        return _pickled(f"ans/ans{case}.pkl")
    except Exception:  # noqa: BLE001 - as officially
        return None
