"""The assembler of filters on system calls: what it makes, on a machine of our own, and that the kernel takes it."""

import errno
import os
import platform
import random
import re
import struct
import sys
from pathlib import Path

import pytest

from magicoder_core.sandbox import filters
from magicoder_core.sandbox.inside import seccomp
from magicoder_core.sandbox.inside.seccomp import ALLOW, KILL, WHOLE, Is, Rule, program, refuse

LOW = 0xFFFFFFFF
MACHINES = ["x86_64", "aarch64"]
EPERM, ENOSYS = refuse(errno.EPERM), refuse(errno.ENOSYS)

linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in seccomp.MACHINES, reason="no filters on this platform"
)


# What the assembler makes, by a machine of our own.


def instructions(filter_):
    return list(struct.iter_unpack("=HBBI", filter_))


def decide(filter_, machine, number, arguments=(0,) * 6):
    """What a filter says of a call: the kernel's machine, as far as filters of seccomp use it."""
    data = struct.pack("=iIQ6Q", number - (number >> 31 << 32), seccomp.MACHINES[machine], 0, *arguments)
    code, place, value = instructions(filter_), 0, 0
    while True:
        operation, yes, no, constant = code[place]
        place += 1
        if operation == 0x06:
            return constant
        if operation == 0x20:
            [value] = struct.unpack_from("=I", data, constant)
        elif operation == 0x54:
            value &= constant
        elif operation == 0x05:
            place += constant
        else:
            place += yes if {0x15: value == constant, 0x35: value >= constant}[operation] else no


def meant(rules, machine, number, arguments, default):
    if number > seccomp.NEWEST:
        return ENOSYS
    for rule in rules:
        fits = all(arguments[where.place] & where.mask == where.value for where in rule.when)
        if fits and seccomp.NUMBERS[machine][rule.name] == number:
            return rule.action
    return default


def some_rules(chance):
    names = chance.sample(sorted(seccomp.NUMBERS["x86_64"]), chance.randint(1, 60))
    rules = []
    for name in chance.choices(names, k=2 * len(names)):
        when = []
        for place in chance.sample(range(6), chance.choice((0, 0, 1, 2, 3))):
            mask = chance.choice((LOW, WHOLE, 0xF0, 0xFF << 40, 1 << 32 | 1))
            when.append(Is(place, chance.choice((0, 1, WHOLE, 0x1234567890ABCDEF)) & mask, mask))
        rules.append(Rule(name, chance.choice((ALLOW, EPERM, refuse(0), KILL)), tuple(when)))
    return rules


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("seed", range(40))
def test_a_filter_does_what_its_rules_say(machine, seed):
    chance = random.Random(seed)
    rules, default = some_rules(chance), chance.choice((ALLOW, EPERM))
    made = program(iter(rules), default=default, machine=machine)
    edges = [0, seccomp.NEWEST, seccomp.NEWEST + 1, 1 << 30, 1 << 30 | 41, LOW]
    named = [number for rule in rules if (number := seccomp.NUMBERS[machine][rule.name]) is not None]
    for number in {*edges, *named, *(n + d for n in named for d in (-1, 1) if n + d >= 0)}:
        for _ in range(6):
            fits = chance.choice([rule.when for rule in rules])
            arguments = [chance.choice((0, 1, WHOLE, chance.getrandbits(64))) for _ in range(6)]
            for where in fits:
                arguments[where.place] = arguments[where.place] & ~where.mask | where.value
            if chance.random() < 0.3:
                arguments[chance.randrange(6)] ^= 1 << chance.randrange(64)
            expected = meant(rules, machine, number, arguments, default)
            assert decide(made, machine, number, arguments) == expected


@pytest.mark.parametrize(("own", "other"), [MACHINES, MACHINES[::-1]])
def test_a_call_of_another_architecture_kills(own, other):
    made = program([], machine=own)
    assert {decide(made, other, number) for number in range(600)} == {KILL}
    assert decide(made, own, 0) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_every_filter_is_one_that_the_kernel_takes(machine, monkeypatch):
    monkeypatch.setattr(os, "uname", lambda: type("Name", (), {"machine": machine}))
    for made in (filters.strong(), *(filters.weak(abi=abi) for abi in (1, 2, 3, 6, 9))):
        code = instructions(made)
        assert len(code) <= 4096
        assert code[-1][0] == 0x06
        for place, (operation, yes, no, constant) in enumerate(code):
            assert operation in {0x20, 0x54, 0x05, 0x15, 0x35, 0x06}
            farthest = {0x05: constant, 0x15: max(yes, no), 0x35: max(yes, no)}.get(operation, -1)
            assert place + 1 + farthest < len(code)
            assert operation != 0x20 or (constant % 4 == 0 and constant < 64)


@pytest.mark.parametrize("machine", MACHINES)
def test_both_architectures_refuse_the_same(machine, monkeypatch):
    monkeypatch.setattr(os, "uname", lambda: type("Name", (), {"machine": machine}))
    numbers = seccomp.NUMBERS[machine]
    made = filters.strong()
    for name, action in {"shmget": EPERM, "ptrace": EPERM, "clone3": ENOSYS, "sync": refuse(0)}.items():
        assert decide(made, machine, numbers[name]) == action
    assert decide(made, machine, numbers["clone"], (0x10000011, 0, 0, 0, 0, 0)) == EPERM
    assert decide(made, machine, numbers["clone"], (0x003D0F00, 0, 0, 0, 0, 0)) == ALLOW
    vsock = (40 | 0xDEAD << 32, 1, 0, 0, 0, 0)
    assert decide(made, machine, numbers["socket"], vsock) == refuse(errno.EAFNOSUPPORT)
    sneaky = (3, 0x5412 | 1 << 32, 0, 0, 0, 0)
    assert decide(made, machine, numbers["ioctl"], sneaky) == EPERM


HEADERS = [
    ("x86_64", Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")),
    ("aarch64", Path("/usr/include/asm-generic/unistd.h")),
]


@pytest.mark.parametrize(("machine", "header"), HEADERS)
def test_the_numbers_are_the_kernels(machine, header):
    if not header.is_file():
        pytest.skip("the kernel's headers are not installed")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(), re.MULTILINE)
    kernels = {name: int(number) for name, number in found}
    assert len(kernels) > 250
    ours = seccomp.NUMBERS[machine]
    # A name that is in the table only because the other architecture has it must be missing here.
    assert {name: kernels.get(name) for name in ours if ours[name] is None or ours[name] <= 450} == {
        name: number for name, number in ours.items() if number is None or number <= 450
    }


@pytest.mark.parametrize(
    ("rules", "machine", "problem"),
    [
        ([Rule("shmgett", EPERM)], "x86_64", "shmgett"),
        ([], "riscv64", "no filters for riscv64"),
        ([Rule("kill", EPERM, (Is(0, 16, 15),))], "x86_64", "beyond the mask"),
    ],
)
def test_what_cannot_be_meant_is_refused(rules, machine, problem):
    with pytest.raises(ValueError, match=problem):
        program(rules, machine=machine)


@linux
@pytest.mark.parametrize("process", [2, 4242, 1 << 22])
def test_a_process_number_is_put_in_where_it_belongs(process):
    filled = seccomp.own(filters.weak(abi=1), process)
    assert filled == filters.weak(process, abi=1)
    assert filled != filters.weak(process + 1, abi=1)
    assert seccomp.own(filters.strong(), process) == filters.strong()
