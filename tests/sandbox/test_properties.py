"""Programs and values that nobody thought of: what holds for the corpus holds for whatever hypothesis makes up."""

import functools
import hashlib
import marshal
import math
import os
import struct
import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sandbox.corpus import INPUTS, judging, opening, witness

from magicoder_core import sandbox
from magicoder_core.sandbox import Calls, Foreign, Inputs, Large, Limits, Program, Raised, Value

THOROUGH = int(os.environ.get("THOROUGH", "1"))
"""How many times the usual number of examples."""
pytestmark = pytest.mark.timeout(600 * THOROUGH)
boxed = pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}")
STATUSES = {"pass", "fail", "timeout", "crash", "compile_error", "out_of_memory"}
# A box is for programs that may write as much as each other: as the witness may.
LIMITS = Limits(cpu_seconds=0.15, wall_seconds=0.4, file_bytes=witness.LIMITS.file_bytes)


def examples(number):
    """So many examples, most of which start a box: no deadline, and no folder of past failures in the tree."""
    return settings(
        max_examples=number * THOROUGH, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


# Values.

text = st.text(st.characters(exclude_categories=()), max_size=20)
numbers = st.integers() | st.integers(-(2**200), 2**200) | st.booleans()
fractions = st.fractions() | st.decimals(allow_nan=False)
atoms = st.none() | numbers | text | st.binary(max_size=20) | st.floats(allow_nan=False) | fractions
ranges = st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
hashable = st.recursive(
    atoms | ranges | st.complex_numbers(allow_nan=False),
    lambda part: st.lists(part, max_size=3).map(tuple) | st.frozensets(part, max_size=3),
    max_leaves=5,
)
plain = st.recursive(
    hashable | st.floats() | st.complex_numbers(),
    lambda part: (
        st.lists(part, max_size=4)
        | st.lists(part, max_size=4).map(tuple)
        | st.dictionaries(hashable, part, max_size=4)
        | st.sets(hashable, max_size=4)
    ),
    max_leaves=12,
)


def form(value):
    """A text of the value that tells apart what ``==`` does not: types, signs of zero; and no two not-a-numbers."""
    if isinstance(value, list | tuple):
        parts = ",".join(map(form, value))
    elif isinstance(value, dict):
        # In order: that of a dictionary is part of what it is.
        parts = ",".join(f"{form(key)}={form(item)}" for key, item in value.items())
    elif isinstance(value, set | frozenset):
        parts = ",".join(sorted(map(form, value)))
    elif isinstance(value, float):
        parts = "nan" if math.isnan(value) else value.hex()
    elif isinstance(value, complex):
        parts = form(value.real) + form(value.imag)
    else:
        parts = hex(value) if type(value) is int else repr(value)
    return f"{type(value).__name__}({parts})"


def echoed(values, *, whole):
    program = Program(code="def echo(x): return x", name="solution", limits=Limits(cpu_seconds=10))
    inputs = Inputs.of("echo", [(value,) for value in values])
    [answers] = sandbox.call([Calls(program=program, inputs=inputs, whole=whole)], workers=1)
    assert answers.status == "pass", answers.detail
    return answers.records


@boxed
@examples(6)
@given(st.lists(plain, min_size=5, max_size=60))
@example([0.0, -0.0, float("nan"), 1, True, 1.0, 1 + 0j, Decimal(1), Fraction(1), "1", b"1", (1,), [1], {1}, {1: 1}])
@example(
    [10**5000, -(10**5000), 2**15, -(2**15), 2**30, 2**31, -(2**31), 2**60, "\ud800\0", Decimal("-0.00"), range(0)]
)
def test_what_comes_out_is_what_went_in(values):
    records = echoed(values, whole=frozenset(range(len(values))))
    answers = [sandbox.answer(record) for record in records]
    assert [form(answer.value) for answer in answers] == [form(value) for value in values]


@boxed
@examples(3)
@given(st.lists(st.integers(1, 300).map(lambda size: [str(size) * size] * size), min_size=1, max_size=10))
def test_a_digest_is_that_of_the_whole_value(values):
    whole = echoed(values, whole=frozenset(range(len(values))))
    for value, record, full in zip(values, echoed(values, whole=frozenset()), whole, strict=True):
        answer = sandbox.answer(record)
        if isinstance(answer, Large):
            assert (answer.digest, answer.size) == (hashlib.sha256(full[1:]).digest(), len(full) - 1)
        else:
            assert answer == Value(value)


@boxed
@examples(6)
@given(st.integers(1, 3000), st.sampled_from(["[%s]", "(%s,)", "{1: %s}", "[0, %s, 2]"]))
def test_depth_is_no_trap(depth, shape):
    code = f"def echo(n):\n    v = 1\n    for _ in range(n): v = {shape.replace('%s', 'v')}\n    return v"
    program = Program(code=code, name="solution", limits=Limits(cpu_seconds=10))
    [answers] = sandbox.call([Calls(program=program, inputs=Inputs.of("echo", [(depth,)]))], workers=1)
    assert answers.status == "pass", answers.detail
    answer = sandbox.answer(answers.records[0])
    # Either it came over as it is, or it was refused: nothing between.
    if isinstance(answer, Value) and not isinstance(answer.value, Foreign):
        value, met = answer.value, 0
        while not isinstance(value, int):
            value, met = value[1] if isinstance(value, dict) or len(value) > 1 else value[0], met + 1
        assert met == depth
    else:
        assert depth > 50, answer


# Streams that no honest program writes.

kinds = st.sampled_from([b"V", b"E", b"L"])
codes = st.sampled_from([bytes([code]) for code in b"NTF.igylsu[({<>0rRtcfa?\xff\x00"])
sizes = st.integers(-(2**31), 2**31 - 1).map(lambda size: struct.pack("<i", size)) | st.integers(0, 9).map(
    lambda size: struct.pack("<i", size)
)
soup = st.lists(
    codes | sizes | st.binary(max_size=9) | st.sampled_from([b"u\x08\x00\x00\x00fraction", b"(\x03\x00\x00\x00."])
)
data = soup.map(b"".join) | st.binary(max_size=200)


@examples(300)
@given(kinds, data)
def test_no_bytes_break_the_reader(kind, data):
    answer = sandbox.answer(kind + data)
    assert isinstance(answer, Value | Raised | Large)
    assert len(str(answer) if isinstance(answer, Raised | Large) else "") < 10_000
    if isinstance(answer, Value):
        assert answer.value == answer.value or form(answer.value)


@examples(200)
@given(plain, st.integers(0, 400), st.integers(0, 255), st.sampled_from(["put", "cut", "drop", "twice"]))
def test_no_bent_value_breaks_the_reader(value, place, byte, change):
    from magicoder_core.sandbox.inside import values

    good = values.spell(value)
    place %= len(good)
    bent = {
        "put": good[:place] + bytes([byte]) + good[place + 1 :],
        "cut": good[:place],
        "drop": good[:place] + good[place + 1 :],
        "twice": good[:place] + good[place:] * 2,
    }[change]
    assert isinstance(sandbox.answer(b"V" + bent), Value)


def table(keys):
    """The bytes of a dictionary with these keys, which it would take too long to make."""
    return b"{" + b"".join(marshal.dumps(key, 2) + b"N" for key in keys) + b"0"


SLOW = {
    "a fraction of giants": marshal.dumps((..., "fraction", 3**400_000, 7**300_000), 2),
    "keys that collide": table(number * (2**61 - 1) for number in range(200_000)),
    "half of the keys collide": table(number * (2**61 - 1) if number % 2 else number for number in range(100_000)),
    "small tables that collide": b"[" + struct.pack("<i", 300) + table(n * (2**61 - 1) for n in range(1000)) * 300,
    "a long number": marshal.dumps(3**2_000_000, 2),
    "a decimal of many digits": marshal.dumps((..., "decimal", "9" * 3_000_000), 2),
    "a deep key": table([functools.reduce(lambda key, _: (key, key), range(16), 1)]),
    "many decimals": marshal.dumps([(..., "decimal", "1e999999999")] * 50_000, 2),
}
"""Values that were asked for whole, of up to 40 MB, made to keep us busy."""


@pytest.mark.parametrize("name", SLOW)
def test_no_value_takes_long_to_read(name):
    begin = time.process_time()
    answer = sandbox.answer(b"V" + SLOW[name])
    _ = answer.value == answer.value
    assert time.process_time() - begin < 0.5 + len(SLOW[name]) / 1e6, repr(answer)[:100]


def forger(stream, count, state, end):
    """A program that puts ``stream`` where answers are expected, and says what it likes of it."""
    return (
        f"{opening('insider')}\ndef double(x):\n"
        f"    claim({stream!r}, {count}, state={state}, end={end})\n    __import__('os')._exit(0)\n"
    )


streams = st.lists(
    st.builds(lambda kind, data: struct.pack("<cI", kind, len(data)) + data, kinds, data), max_size=8
).map(b"".join) | st.binary(max_size=100)
counts = st.integers(0, 8) | st.sampled_from([2**31, 2**32 - 1])
ends = st.none() | st.integers(0, 2**64 - 1) | st.integers(25 << 20, 64 << 20)
forgers = st.builds(forger, streams, counts, st.none() | st.integers(0, 9), ends)


@boxed
@examples(5)
@given(st.lists(forgers, min_size=4, max_size=10))
def test_no_forged_stream_breaks_the_pool(codes):
    assert not list(faults(codes))


# Programs.

YES = "class Yes(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
PRELUDE = f"import atexit, builtins, ctypes, gc, os, resource, signal, sys, threading, time\n{YES}"
DEEDS = st.sampled_from(
    [
        "pass",
        "os._exit(0)",
        "sys.exit(0)",
        "raise KeyboardInterrupt",
        "raise MemoryError",
        "os.abort()",
        "os.kill(os.getpid(), 9)",
        "os.kill(os.getppid(), 9)",
        "os.kill(-1, 15)",
        "os.killpg(0, 10)",
        "os.kill(os.getpid(), 19)",
        "os.setsid()",
        "os.closerange(0, 300)",
        "os.write(2, b'x' * 70000)",
        "print('pass', 'x' * 1000)",
        "while True: pass",
        "time.sleep(60)",
        "os.fork()",
        "[os.fork() for _ in range(3)]",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))",
        "[signal.signal(n, signal.SIG_IGN) for n in (2, 10, 12, 14, 15, 17, 24)]",
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 26, 1 << 26))",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
        "sys.modules.clear()",
        "builtins.__dict__.clear()",
        "sys.setrecursionlimit(60)",
        "sys.settrace(lambda *a: 1 / 0)",
        "sys.setprofile(lambda *a: sys.exit(0))",
        "gc.callbacks.append(lambda *a: os._exit(0))",
        "builtins.len = builtins.isinstance = builtins.type = lambda *a: 0",
        "[m.__dict__.update(dict.fromkeys(m.__dict__)) for n, m in list(sys.modules.items()) if n.startswith('inside')]",
        "[setattr(sys.modules['marshal'], n, lambda *a: b'N') for n in ('dumps', 'loads')]",
        "[m.__setitem__(slice(-4096, None), bytes(4096)) for m in memories()]",
        "claim(b'V' * 50, 6)",
        "open('file', 'wb').write(bytes(3 << 20))",
        "os.makedirs('a/b/c/d/e', 0o000)",
        "os.symlink('/', 'root')",
        "os.mkfifo('pipe')",
        "os.chmod('.', 0)",
        "os.rmdir(os.getcwd())",
        "[os.unlink('/dev/shm/' + n) for n in os.listdir('/dev/shm')]",
        "os.chdir('/'); os.umask(0o777); os.nice(3)",
        "os.environ.clear(); os.environ['PYTHONPATH'] = '/tmp'",
        "open('json.py', 'w').write('1 / 0')",
        "bytearray(1 << 30)",
        "ctypes.string_at(0)",
        "ctypes.memset(id(7), 0, 8)",
        "ctypes.CDLL(None).prctl(15, b'\\xff\\xfe)', 0, 0, 0)",
        "os.execv(sys.executable, [sys.executable, '-S', '-c', 'pass'])",
        "sys.stdout.close()",
        "raise ValueError('x' * 100000 + '\\x1b[2J')",
        "return [x] * 100000",
        "return Yes(3)",
        "yield x",
    ]
)


def indented(code):
    return "".join(f"    {line}\n" for line in code.splitlines())


def wrapped(deed):
    """Deeds within deeds: tried, repeated, in a thread, a child, a hook, a handler, a finaliser, one after another."""
    body = deed.map(indented)
    return st.one_of(
        body.map(lambda code: f"try:\n{code}except BaseException: pass\n"),
        body.map(lambda code: f"try: 1 / 0\nfinally:\n{code}"),
        body.map(lambda code: f"for _ in range(3):\n{code}"),
        body.map(lambda code: f"def deed():\n{code}threading.Thread(target=deed, daemon=True).start()\n"),
        body.map(lambda code: f"if not os.fork():\n{code}    os._exit(0)\n"),
        body.map(lambda code: f"if os.fork():\n{code}"),
        body.map(lambda code: f"def deed():\n{code}atexit.register(deed)\n"),
        body.map(lambda code: f"def deed(*a):\n{code}signal.signal(14, deed)\nsignal.setitimer(0, 0.005)\n"),
        body.map(lambda code: f"class Late:\n    def __del__(self):\n{indented(code)}LATE = Late()\n"),
        body.map(lambda code: f"def deed(x):\n{code}deed(x)\n"),
        st.tuples(deed, deed).map(lambda both: "".join(f"{code.rstrip()}\n" for code in both)),
    )


deeds = st.recursive(DEEDS, wrapped, max_leaves=4)
outside = deeds.filter(lambda code: "return" not in code and "yield" not in code)
answers = st.sampled_from(
    [
        "-1",
        "None",
        "x",
        "(x, x)",
        "Yes(7)",
        "[Yes(1)]",
        "float('nan')",
        "double",
        "iter([x])",
        "'\\ud800'",
        "1 / 0",
        "Ellipsis",
        "[[x]] * 9",
    ]
)
programs = st.builds(
    lambda before, body, answer, after: (
        f"{PRELUDE}{opening('insider')}{before}\ndef double(x):\n{indented(body)}    return {answer}\n{after}\n"
    ),
    st.just("") | outside,
    deeds,
    answers,
    st.just("") | outside,
)


def faults(codes):
    """What is wrong with the verdicts on these programs, or with what a witness sees after each."""
    jobs = [witness.CALLS]
    for code in codes:
        program = Program(code=code, name="solution", limits=LIMITS)
        jobs += [Calls(program=program, inputs=INPUTS), witness.CALLS]
    found = list(sandbox.call(jobs, workers=1))
    for number, code in enumerate(codes):
        one, told = found[2 * number + 1], judging.read(found[2 * number + 1])
        wrong = [
            *judging.leaks(one, (), ("/root", "/work")),
            *told[1],
            *judging.changes(*found[2 * number : 2 * number + 3 : 2]),
        ]
        if one.status not in STATUSES or judging.right(one, told[0]) or wrong:
            yield f"{one.status} {one.detail} {wrong}: {code[len(PRELUDE) + len(opening('insider')) :]}"


@boxed
@examples(8)
@given(st.lists(programs, min_size=4, max_size=12))
def test_no_program_made_of_these_deeds_is_right_or_leaves_a_trace(codes):
    assert not list(faults(codes))
