"""Whatever an answer looks like, the official program comes out: the function once, closed once, nothing that runs."""

import json
import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_multipl_e.data import Task, everything, task_of
from magicoder_multipl_e.extracting import Form, continued, extracted, signed
from magicoder_multipl_e.languages.golds import gold
from magicoder_multipl_e.lexing import masked
from magicoder_multipl_e.shapes import SHAPES
from magicoder_multipl_e.stopping import cut

HERE = Path(__file__).parent
REAL = HERE.parents[2] / ".." / "shared" / "data" / "multipl-e"
TASKS = {task.language: task for task in everything(HERE / "own.jsonl")}

CLOSER = {"cpp": "}", "rs": "}", "swift": "}", "sh": "}", "java": "    }", "cs": "    }", "scala": "    }"}
"""What closes the function where the tests begin with it."""

EXAMPLES = {
    "cpp": 'int main() {\n    std::cout << NAME(2) << "}" << std::endl;\n    return 0;\n}',
    "d": 'void main() {\n    import std.stdio;\n    writeln("}", NAME(2));\n}\n\nunittest {\n    assert(false);\n}',
    "go": 'func main() {\n\tfmt.Println("}", NAME(2))\n}\n\nfunc TestMain(m *testing.M) {\n}',
    "jl": "println(NAME(2))\n@assert NAME(2) == 4",
    "js": "console.log(`}${NAME(2)}`);\nconst assert = require('assert');\nassert.strictEqual(NAME(2), 4);\nmodule.exports = { NAME };",
    "lua": 'print("end", NAME(2))\nassert(NAME(2) == 4)\nreturn NAME',
    "php": "echo '}', NAME(2);\nprint_r([NAME(2)]);\n?>",
    "pl": 'print "}", NAME(2), "\\n";\n1;\n__END__\n}',
    "r": "print(NAME(2))\nif (interactive()) {\n  cat('}')\n}",
    "rb": "puts NAME(2)\nif __FILE__ == $0\n  puts NAME(3)\nend",
    "rkt": "(displayln (NAME 2))\n(module+ test\n  (require rackunit)\n  (check-equal? (NAME 2) 5))",
    "rs": 'fn main() {\n    println!("}}{}", NAME(2));\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn works() {}\n}',
    "sh": 'echo "}"\nNAME 2\nif [[ "${BASH_SOURCE[0]}" == "$0" ]]; then\n    NAME "$@"\nfi',
    "swift": 'print("}", NAME(x: 2))\nassert(NAME(x: 2) == 4)',
    "ts": "console.log(NAME(2));\nexport { NAME };",
}
"""What people put below a function; NAME is its name."""


def essence(language: str, code: str) -> str:
    """Code without comments and without differences in blanks; imports, whose order is free, apart."""
    if language == "jl":  # a docstring is not for programs, but for people
        code = re.sub(r'""".*?"""', "", code, flags=re.DOTALL)
    bare = masked(language, code)
    kept = "".join(letter if mask != " " else " " for letter, mask in zip(code, bare, strict=True))
    free = (
        r"^[ \t]*(?:import|using|package)\b[^\n]*|^[ \t]*import \([^)]*\)"
        if language in {"go", "java", "cs", "scala"}
        else r"(?!)"
    )
    return "".join(re.sub(free, "", kept, flags=re.MULTILINE).replace("#!/bin/bash", "").split())


def function(task: Task, code: str) -> str:
    """The function alone, as a model repeats it, closed."""
    head = signed(task).split("\n")
    lines = code.rstrip().split("\n")
    first = max(number for number, line in enumerate(head) if re.search(SHAPES[task.language].entry, line))
    closer = CLOSER.get(task.language)
    return "\n".join([*lines[first:], *([closer] if closer else [])])


def answers(task: Task, completion: str) -> dict[str, str]:
    """The forms in which one right solution may come."""
    code = signed(task) + "\n" + completion.lstrip("\n")
    alone = function(task, code)
    name = Form.of(task).name
    closer = CLOSER.get(task.language, "")
    forms = {
        "the program up to the tests": code,
        "the function": alone,
        "in a fence": f"Sure! Here it is:\n\n```{task.language}\n{alone}\n```\n\nIt takes {{one}} number.",
        "in a fence that is left open": f"Sure:\n```\n{alone}",
        "after a thought": f"<think>\n```\nno\n```\n</think>\n```{task.language}\n{alone}\n```",
        "with the prompt before it": f"{code.rstrip()}\n{closer}",
        "the body": f"```\n{completion.strip(chr(10))}\n```",
        "the body, closed": f"```\n{completion.strip(chr(10))}\n{closer}\n```",
        "with line ends of another system": alone.replace("\n", "\r\n"),
    }
    if task.language in EXAMPLES:
        examples = EXAMPLES[task.language].replace("NAME", name)
        forms["with examples"] = f"{code.rstrip()}\n{closer}\n\n{examples}\n"
        forms["with examples in a fence"] = f"```{task.language}\n{alone}\n\n{examples}\n```"
    else:
        forms |= in_classes(task.language, alone, f"{code.rstrip()}\n{closer}\n}}\n")
    return forms


def in_classes(language: str, alone: str, whole: str) -> dict[str, str]:
    inside = textwrap.indent(textwrap.dedent(alone), "    ")
    if language == "scala":
        main = '    def main(args: Array[String]): Unit = {\n        println("}")\n    }'
        return {
            "the class": whole,
            "in an object of another name": f"object Main {{\n{inside}\n\n{main}\n}}\n",
            "in an app": f'object Main extends App {{\n{inside}\n\n    println("}}")\n}}\n',
        }
    main = "public static void main(String[] args)" if language == "java" else "public static void Main(string[] args)"
    words = f'    {main} {{\n        f("}}");\n    }}'
    other = inside.replace("public static", "public", 1)
    return {
        "the class": whole,
        "with a main method": f"public class Solution {{\n{words}\n\n{inside}\n}}\n",
        "with a main method behind": f"class Solution {{\n{inside}\n\n{words}\n}}\n",
        "as an instance's method": f"class Solution {{\n    public Solution() {{\n    }}\n\n{other}\n}}\n",
        "in a namespace": f"namespace A.B {{\nclass Solution {{\n{inside}\n}}\n}}\n" if language == "cs" else whole,
    }


def own(language: str) -> tuple[Task, str]:
    """Our own task in a language, and a right completion of it."""
    task = TASKS[language]
    return task, gold(language).right.removeprefix(task.prompt.rstrip("\n")).lstrip("\n")


@pytest.mark.parametrize("language", TASKS)
def test_every_form_gives_the_official_program(language):
    task, completion = own(language)
    official = essence(language, signed(task) + "\n" + completion)
    found = {form: essence(language, extracted(task, text)) for form, text in answers(task, completion).items()}
    assert found == dict.fromkeys(found, official)


def solved() -> list:
    files = sorted((HERE / "solutions").glob("*.jsonl")) if REAL.is_dir() else []
    return [pytest.param(path, id=path.stem) for path in files]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data in {REAL}")
@pytest.mark.parametrize("path", solved())
def test_every_form_of_each_solution_gives_the_official_program(path):
    language = path.stem
    records = map(json.loads, (REAL / f"humaneval-{language}-reworded.jsonl").read_text("utf-8").splitlines())
    tasks = {record["name"]: task_of(record, "here") for record in records}
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        task = tasks[row["name"]]
        completion = cut(row["completion"], task.stop_tokens)
        if language == "cs":
            completion = re.sub(r"\A\s*public static [^\n]*\n", "", completion)
        official = essence(language, signed(task) + "\n" + completion)
        for form, text in answers(task, completion).items():
            assert essence(language, extracted(task, text)) == official, f"{row['name']}: {form}\n{text}"


HELPERS = {
    "cpp": (
        "long other(long y);\n\nlong twice(long x) {\n    return other(x);\n}\n\nlong other(long y) {\n    return 2 * y;\n}",
        "static inline void magicoder_end() {",
    ),
    "rs": (
        "fn twice(x: isize) -> isize {\n    other(x)\n}\n\nfn other(y: isize) -> isize {\n    2 * y\n}",
        "fn magicoder_end() {",
    ),
    "sh": ("twice() {\n    other $1\n}\n\nother() {\n    echo $((2 * $1))\n}", "magicoder_end() {\n    :"),
    "swift": (
        "func twice(x: Int) -> Int {\n    return other(x)\n}\n\nfunc other(_ y: Int) -> Int {\n    return 2 * y\n}",
        "func magicoderEnd() {",
    ),
    "java": (
        "public static long twice(long x) {\n    return other(x);\n}\n\nprivate static long other(long y) {\n    return 2 * y;\n}",
        "static void magicoderEnd() {",
    ),
    "cs": (
        "public static long Twice(long x) => Other(x);\n\nstatic long Other(long y) {\n    return 2 * y;\n}",
        "static void MagicoderEnd() {",
    ),
    "scala": (
        "def twice(x: Long): Long = other(x)\n\ndef other(y: Long): Long = 2 * y",
        "def magicoderEnd(): Unit = {",
    ),
}


@pytest.mark.parametrize("language", HELPERS)
def test_helpers_behind_the_function_stay_and_another_function_is_left_open(language):
    answer, opened = HELPERS[language]
    code = extracted(TASKS[language], f"```{language}\n{answer}\n```")
    assert code.endswith(opened)
    assert all(line.strip() in code for line in answer.splitlines())


@pytest.mark.parametrize(
    ("language", "answer", "kept", "gone"),
    [
        (
            "go",
            'package main\n\nimport (\n\t"fmt"\n\t"os"\n\t"strings"\n)\n\nfunc twice(x int) int {\n\treturn 2 * len(strings.Repeat("a", x))\n}\n\nfunc main() {\n\tos.Exit(0)\n}',
            ['import "strings"', "package twice_test"],
            ['import "os"', "package main", "func main"],
        ),
        (
            "java",
            "import java.util.concurrent.*;\n\nclass Pair {\n    int a;\n}\n\npublic class Main {\n    static int count = 0;\n\n    public static long twice(long x) {\n        return Main.count + 2 * x;\n    }\n}",
            ["import java.util.concurrent.*;", "class Pair {", "Problem.count", "import org.javatuples.*;"],
            ["Main"],
        ),
        (
            "php",
            "<?php\ndeclare(strict_types=1);\n\nfunction twice($x) {\n    return 2 * $x;\n}\n\nfunction test() {\n}\n\ntest();",
            ["<?php\ndeclare(strict_types=1);"],
            ["test"],
        ),
        (
            "rs",
            "#![allow(unused)]\nuse std::collections::{HashMap, HashSet};\n\nfn twice(x: isize) -> isize {\n    2 * x\n}",
            ["use std::collections::{HashMap, HashSet};"],
            [],
        ),
        (
            "js",
            "const twice = (x) => {\n  return 2 * x;\n};\n\nexport default twice;",
            ["const twice = (x) => {"],
            ["export"],
        ),
        (
            "ts",
            "export function twice(x: number): number {\n  return 2 * x;\n}\n\nfunction test() {\n}\ntest();",
            ["function twice(x: number)"],
            ["export", "test"],
        ),
        (
            "rb",
            "require 'set'\nrequire 'minitest/autorun'\n\nLIMIT = 3\n\ndef twice(x)\n  x * 2 if x\nend\n\nclass TestIt < Minitest::Test\n  def test_it\n    assert_equal 4, twice(2)\n  end\nend",
            ["require 'set'", "LIMIT = 3"],
            ["Minitest", "autorun"],
        ),
        (
            "lua",
            "local M = {}\n\nlocal function twice(x)\n  return 2 * x\nend\n\nM.twice = twice\n\nreturn M",
            ["local function twice(x)"],
            ["return M"],
        ),
        (
            "rkt",
            "#lang racket/base\n(provide twice)\n(define (twice x) (* 2 x))\n(twice 3)",
            ["#lang racket\n", "(define (twice x)"],
            ["racket/base", "(twice 3)"],
        ),
        (
            "pl",
            'use strict;\nuse warnings;\n\nmy %memo;\n\nsub twice {\n    my ($x) = @_;\n    return $memo{$x} //= 2 * $x;\n}\n\nprint twice(2), "\\n";',
            ["use strict;", "my %memo;"],
            ["print"],
        ),
        (
            "sh",
            '#!/usr/bin/env bash\nset -euo pipefail\n\ntwice() {\n    echo $((2 * $1))\n}\n\nmain() {\n    twice 2\n}\n\nmain "$@"',
            ["set -euo pipefail", "main() {"],
            ['main "$@"', "#!/usr/bin/env"],
        ),
        (
            "cpp",
            "#include <iostream>\nusing namespace std;\n\ntemplate <typename T>\nT same(T x) { return x; }\n\nlong twice(long x)\n{\n    return same(2 * x);\n}\n\nint main()\n{\n    return 0;\n}",
            ["#include <iostream>", "#include<bits/stdc++.h>", "template <typename T>"],
            ["main"],
        ),
    ],
)
def test_imports_and_helpers_stay_and_what_would_run_goes(language, answer, kept, gone):
    code = extracted(TASKS[language], f"```{language}\n{answer}\n```")
    assert [text for text in kept if text not in code] == []
    assert [text for text in gone if text in code] == []


def test_a_helper_in_a_block_of_its_own_is_found():
    answer = "First:\n```js\nfunction other(y) {\n  return 2 * y;\n}\n```\nThen:\n```js\nfunction twice(x) {\n  return other(x);\n}\n```\nRun:\n```bash\nnode x.js\n```"
    code = extracted(TASKS["js"], answer)
    assert code.index("function other") < code.index("function twice")
    assert "node" not in code


@pytest.mark.parametrize("language", TASKS)
def test_the_papers_format_goes_on_in_the_block_that_the_prompt_began(language):
    task, completion = own(language)
    closer = CLOSER.get(language, "")
    answer = f"\n{completion.rstrip()}\n{closer}\n```\n\nSome words."
    assert essence(language, continued(task, answer)) == essence(language, signed(task) + "\n" + completion)


@given(st.sampled_from(sorted(TASKS)), st.text("ab (){}\n\"'`/*#;=<>:.end", max_size=80))
def test_any_text_gives_a_program(language, text):
    assert isinstance(extracted(TASKS[language], text), str)


@pytest.mark.parametrize("language", TASKS)
def test_no_answer_gives_no_program_that_could_pass_by_itself(language):
    task = TASKS[language]
    code = extracted(task, "I cannot do that.")
    assert signed(task).splitlines()[-1].strip() in code
