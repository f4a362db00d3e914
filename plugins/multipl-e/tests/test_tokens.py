"""What a right answer may do at the top of its file, in each language with its real tools: it still gives back the token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest
from magicoder_multipl_e import judging, toolchains
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.languages.model import Kit

from magicoder_core import Submission, Verdict

pytestmark = pytest.mark.usefixtures("kept")

D_ATTRIBUTES = ("@safe:", "pure:", "nothrow:", "@nogc:", "@safe pure nothrow @nogc:", "private:", "static:", "final:")
GO_PACKAGES = (
    *("embed", "html/template", "testing/quick", "net/http", "go/ast", "image/png", "crypto/tls", "os/user", "plugin"),
    *("database/sql", "text/template", "math/cmplx", "container/ring", "unsafe"),
)

# (what stands in the right gold program, what takes its place): one piece of text that is there once.
Change = tuple[str, str]


def above(key: str, top: str) -> Change:
    """A line of its own above the whole program."""
    return "", f"{top}\n"


TOPS: Mapping[str, Mapping[str, Change]] = {
    "cpp": {
        top: ("// Give", f"{top}\n// Give")
        for top in (
            "#define read 5\n#define write 6\n#define close 7",
            "using namespace std; int data = 1, size = 2, count = 3;",
            "long read(long x) { return x; } long write(long x) { return x; } void close() {}",
            '#pragma GCC optimize("O3")\n#pragma GCC target("avx2")',
            "#define long long long",
            "#include <unistd.h>",
        )
    },
    "d": {
        **{top: above("d", top) for top in D_ATTRIBUTES},
        "module x;\nimport std;": above("d", "module x;\nimport std;"),
        "names": above("d", "long read(long a) { return a; } int write, close; alias size_t = int;"),
        "unittest": above("d", "unittest { assert(twice(1) == 2); }"),
    },
    "go": {
        **{f"import {name}": ('"fmt"', f'"fmt"\n    _ "{name}"') for name in GO_PACKAGES},
        "names": ("// Give", "func make() {}\nfunc len() {}\ntype byte int\n// Give"),
        "comment": above("go", "/*\npackage other is no clause\n*/"),
        "build tag": above("go", "//go:build linux\n"),
        "package main": ("package twice_test", "package main"),
        "it says FAIL": ("    return 2", '    fmt.Println("--- FAIL: FAIL")\n    return 2'),
    },
    "js": {top: above("js", top) for top in ("'use strict';", "#!/usr/bin/env node", "const Buffer = 1, fs = 2;")},
    "php": {
        top: ("<?php", f"<?php {top}")
        for top in (
            "declare(strict_types=1);",
            "namespace A; function fopen() {} function fread() {} function fwrite() {}",
        )
    },
    "rs": {
        top: above("rs", top)
        for top in (
            "#![deny(warnings)]\n#![forbid(unsafe_code)]",
            "extern crate core;",
            "struct Vec; struct u8; mod fs {}",
        )
    },
    "java": {
        "public class": ("class Problem", "public class Problem"),
        "names": ("class Problem", "class FileInputStream {} class IOException extends Exception {}\nclass Problem"),
    },
    "cs": {
        "static class": ("class Problem", "static class Problem"),
        "names": ("class Problem", "class FileStream {} class TraceListener {}\nclass Problem"),
        "it says Unhandled": ("        return", '        Console.WriteLine("Unhandled Exception");\n        return'),
    },
    "rb": {
        top: above("rb", top) for top in ("# frozen_string_literal: true", "BEGIN { $a = 1 }", "$, = nil; $/ = nil")
    },
    "pl": {
        top: above("pl", top)
        for top in ("package X;", "use strict; use warnings FATAL => 'all';", "$/ = undef; $, = 'x';")
    },
    "lua": {top: above("lua", top) for top in ("local io = {}", "\n".join(f"local v{n} = {n}" for n in range(190)))},
    "r": {
        top: above("r", top)
        for top in ("rm(list = ls())", "c <- file <- close <- function(...) stop(); T <- FALSE", "options(warn = 2)")
    },
    "sh": {
        top: ("# Give", f"{top}\n# Give")
        for top in (
            "set -euo pipefail",
            "IFS=$'\\n\\t'; readonly IFS",
            "set -o posix",
            "trap 'exit 1' ERR; trap 'echo bye >&2' EXIT",
            "printf() { :; }; readonly -f printf",
            "shopt -s failglob; set -f",
        )
    },
    "rkt": {
        "racket/base": ("#lang racket\n", "#lang racket/base\n"),
        "names": (";; Give", "(provide twice)\n(define (unless . x) x)\n(define (read-bytes . x) 1)\n;; Give"),
        "modules": (";; Give", "(module+ test (require rackunit))\n(module+ main (void))\n;; Give"),
    },
    "scala": {"names": ("object Problem", "class FileInputStream; class Byte\ncase class P(a: Int)\nobject Problem")},
    "ts": {top: above("ts", top) for top in ("'use strict';", "interface Buffer {}\nenum E { A }")},
}


@cache
def judged(key: str) -> Mapping[str, Verdict]:
    """The verdicts on all programs of a language, judged at once."""
    if not isinstance(found := toolchains.probe(key), Kit):
        pytest.skip(found.message)
    golden = gold(key)
    programs = [golden.right.lstrip("\n").replace(old, new, 1) for old, new in TOPS[key].values()]
    given = [Submission(problem_id="p", sample=number, code=code) for number, code in enumerate(programs)]
    task = judging._Golden(language=key, gold=golden)
    return dict(zip(TOPS[key], judging.verdicts(given, {"p": task}, judging.Options(cache=False)), strict=True))


@pytest.mark.parametrize(("key", "top"), [(key, top) for key, tops in TOPS.items() for top in tops])
def test_a_right_answer_passes_whatever_stands_at_its_top(key, top):
    assert TOPS[key][top][0] in gold(key).right
    verdict = judged(key)[top]
    assert (verdict.status, verdict.detail) == ("pass", "")
