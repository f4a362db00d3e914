"""What runs inside the box; also the encoding of values that both sides share.

This one file is bound into the box and started there as a script, so it imports nothing of the project. The first
process (number 1 of its namespace) is the warden: it forks the program, stops it at the wall limit or when the
other side hangs up, and reports its end and its CPU time over ``control``. The program's process alone speaks over
``channel``: it is untrusted, and nothing that it says is more than a value or a failure to the trusted side.

A frame is four bytes of length (big endian) and that many bytes of JSON.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any, NoReturn

FRAME_BYTES = 8 << 20
"""No frame is longer: a value of this size takes some 200 MB as Python objects."""

PROGRAM = "<program>"
_WORD = 64
_HEAD = 4
_GLANCE = 0.05


def encode(value: Any) -> Any:
    """``value`` as JSON data: builtin types stay apart (tuple from list, int from float), subclasses become plain.

    Iterators are used up. Any other object becomes its type's name alone, and is equal to nothing when decoded.

    Raises:
        RecursionError: ``value`` holds itself.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > _WORD:
        return {"int": hex(value)}
    if value is None or isinstance(value, str | int | float):
        return value
    for kind, (name, parts) in _ENCODERS.items():
        if isinstance(value, kind):
            return {name: parts(value)} if name else parts(value)
    if hasattr(type(value), "__next__"):
        return {"iterator": [encode(item) for item in value]}
    return {"object": type(value).__name__}


def _items(value: Any) -> list[Any]:
    return [encode(item) for item in value]


def _unordered(value: Any) -> list[Any]:
    return sorted(_items(value), key=json.dumps)


_ENCODERS: dict[type, tuple[str, Any]] = {
    list: ("", _items),
    tuple: ("tuple", _items),
    dict: ("dict", lambda value: [[encode(key), encode(item)] for key, item in dict.items(value)]),
    set: ("set", _unordered),
    frozenset: ("frozenset", _unordered),
    complex: ("complex", lambda value: [value.real, value.imag]),
    bytes: ("bytes", lambda value: value.hex()),
    range: ("range", lambda value: [value.start, value.stop, value.step]),
    type({}.keys()): ("keys", _items),
    type({}.values()): ("iterator", _items),
    type({}.items()): ("iterator", _items),
}


class Foreign:
    """Stands for an object that does not cross; equal to nothing, not even to itself."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        """Never."""
        return False

    __hash__ = None  # type: ignore[assignment]  # no member of a set, no key

    def __repr__(self) -> str:
        """The type's name."""
        return f"<{self.kind}>"


def decode(value: Any) -> Any:
    """The value of JSON data that `encode` made: objects of exact builtin types, or `Foreign`.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: no such data.
    """
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    [(name, content)] = value.items()
    return _DECODERS[name](content)


_DECODERS: dict[str, Any] = {
    "int": lambda content: int(content, 16),
    "tuple": lambda content: tuple(decode(content)),
    "dict": lambda content: {decode(key): decode(item) for key, item in content},
    "set": lambda content: set(decode(content)),
    "frozenset": lambda content: frozenset(decode(content)),
    "complex": lambda content: complex(*content),
    "bytes": bytes.fromhex,
    "range": lambda content: range(*content),
    "keys": lambda content: dict.fromkeys(decode(content)).keys(),
    "iterator": lambda content: iter(decode(content)),
    "object": lambda content: Foreign(str(content)[:80]),
}


def frame(message: dict[str, Any]) -> bytes:
    """One message, ready to be sent.

    Raises:
        ValueError: it is longer than `FRAME_BYTES`.
    """
    body = json.dumps(message).encode("ascii")
    if len(body) > FRAME_BYTES:
        raise ValueError(f"a value of {len(body)} bytes; at most {FRAME_BYTES} can be handed out")
    return len(body).to_bytes(_HEAD, "big") + body


def _send(place: int, message: dict[str, Any]) -> None:
    data = memoryview(frame(message))
    while data:
        data = data[os.write(place, data) :]


def _read(place: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := os.read(place, size - len(data))):
        data += more
    return data


def _receive(place: int) -> dict[str, Any] | None:
    """The next message, None when the other side has hung up."""
    head = _read(place, _HEAD)
    body = _read(place, int.from_bytes(head, "big")) if len(head) == _HEAD else b""
    return dict(json.loads(body)) if body else None


def main(control: int, channel: int) -> None:
    """The warden: take one job, have it done by a child, report."""
    job = _receive(control)
    if job is None:
        return
    begin = time.monotonic()
    child = os.fork()
    if not child:
        _program(job, control, channel)
    os.close(channel)
    state = {"expired": False, "crowded": False, "over": False}
    _thread.start_new_thread(_watch, (child, control, job["limits"], state))
    _, status, usage = os.wait4(child, 0)
    state["over"] = True
    _kill(os.killpg, child)
    report = {
        "exit": os.waitstatus_to_exitcode(status),
        "expired": state["expired"],
        "crowded": state["crowded"],
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - begin,
    }
    with contextlib.suppress(BrokenPipeError):
        _send(control, report)


def _watch(child: int, control: int, limits: dict[str, Any], state: dict[str, bool]) -> None:
    """End the program at the wall limit, when it is too many, or when the other side hangs up."""
    deadline = time.monotonic() + limits["wall"]
    while not select.select([control], [], [], _GLANCE)[0]:
        state["expired"] = time.monotonic() > deadline
        state["crowded"] = _crowded(limits["processes"])
        if state["expired"] or state["crowded"]:
            break
    # Once the child is waited for, its number may belong to somebody else.
    if not state["over"]:
        _kill(os.kill, child)


def _crowded(most: int | None) -> bool:
    """Whether there are more processes than allowed; if so, all are ended.

    The kernel lets real root, whatever it is called in the namespace, pass the limit on processes.
    """
    if os.getpid() != 1 or most is None or sum(name.isdigit() for name in os.listdir("/proc")) <= most + 1:  # noqa: PTH208 - pathlib costs 5 ms here
        return False
    # From process 1 of a namespace, "all" is the namespace.
    _kill(os.kill, -1)
    return True


def _kill(kill: Callable[[int, int], None], child: int) -> None:
    """End the program, or all of its session; what has left the session ends with the namespace."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        kill(child, signal.SIGKILL)


def _program(job: dict[str, Any], control: int, channel: int) -> NoReturn:
    """The untrusted side, from here on."""
    os.setsid()
    os.close(control)
    _streams(job)
    _first_to_die()
    _limit(job["limits"])
    work = _serve if job["serve"] else _run
    # 70 says that something of ours broke; what the program itself raises is reported by `work`.
    status = 70
    try:
        work(job, channel)
        status = 0
    finally:
        os._exit(status)


def _streams(job: dict[str, Any]) -> None:
    given = os.open(".stdin", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(".stdin")  # noqa: PTH108 - pathlib costs 5 ms here
    os.write(given, job["stdin"].encode("utf-8", "surrogatepass"))
    os.lseek(given, 0, os.SEEK_SET)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(given, 0)
    os.dup2(nowhere, 2)
    if job["serve"]:
        os.dup2(nowhere, 1)
    sys.argv = ["program.py"]


def _first_to_die() -> None:
    """Should the machine run out of memory, the kernel ends this process before anybody else's."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - pathlib costs 5 ms here
        score.write("1000")


def _limit(limits: dict[str, Any]) -> None:
    wanted = {
        "RLIMIT_CPU": limits["cpu"] + 1,
        "RLIMIT_AS": limits["memory"],
        "RLIMIT_FSIZE": limits["file"],
        "RLIMIT_NPROC": limits["processes"],
        "RLIMIT_NOFILE": 128,
        "RLIMIT_CORE": 0,
    }
    for name, most in wanted.items():
        kind = getattr(resource, name, None)
        # macOS refuses some of them; the level "rlimits" is the weak one.
        if kind is not None and most is not None:
            with contextlib.suppress(ValueError, OSError):
                # The signal of the soft limit says why; who ignores it is killed a second later.
                soft = most - 1 if name == "RLIMIT_CPU" else most
                resource.setrlimit(kind, (soft, most))


def _run(job: dict[str, Any], channel: int) -> None:
    """Run the whole program as a script; only its end fetches the token that says so."""
    if _executed(job, channel, "__main__") is None:
        return
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stdout.flush()
    token = _receive(channel)
    _send(channel, {"done": token and token["token"]})


def _serve(job: dict[str, Any], channel: int) -> None:
    """Define what the program defines, then answer calls until the other side hangs up."""
    module = _executed(job, channel, "solution")
    if module is None:
        return
    _send(channel, {"ready": True})
    while (call := _receive(channel)) is not None:
        _send(channel, _answer(module, call))


def _executed(job: dict[str, Any], channel: int, name: str) -> ModuleType | None:
    module = ModuleType(name)
    sys.modules[name] = module
    try:
        code: CodeType = compile(job["code"], PROGRAM, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        _send(channel, {**_failure(error), "compile": True})
        return None
    try:
        exec(code, module.__dict__)  # noqa: S102 - this is the sandbox
    except BaseException as error:  # noqa: BLE001 - boundary: whatever an untrusted program raises is data
        _send(channel, _failure(error))
        return None
    return module


def _answer(module: ModuleType, call: dict[str, Any]) -> dict[str, Any]:
    try:
        value = getattr(module, call["name"])(*decode(call["args"]), **decode(call["kwargs"]))
        answer = {"value": encode(value)}
        frame(answer)
    except BaseException as error:  # noqa: BLE001 - boundary: whatever an untrusted program raises is data
        return _failure(error)
    return answer


def _failure(error: BaseException) -> dict[str, Any]:
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)[:500]
    except BaseException:  # noqa: BLE001 - boundary: the error is the program's own class
        text = ""
    return {"raised": type(error).__name__, "text": text, "line": _line(error)}


def _line(error: BaseException) -> int | None:
    """The line of the program where an error came up, counted from 1."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
