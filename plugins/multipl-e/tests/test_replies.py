"""What stands around code in a model's reply goes: thoughts, tags, end marks, quotes, stubs, blocks in other languages."""

import re
from pathlib import Path

import pytest
from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.data import everything
from magicoder_multipl_e.extracting import Form, extracted
from magicoder_multipl_e.prose import without_prose
from magicoder_multipl_e.replies import blocks, cleaned
from magicoder_multipl_e.stopping import HARNESS, cut

TASKS = {task.language: task for task in everything(Path(__file__).parent / "own.jsonl")}

RIGHT = {
    "cpp": "long twice(long x) {\n    return 2 * x;\n}\n",
    "cs": "public static long Twice(long x) {\n    return 2 * x;\n}\n",
    "d": "long twice(long x) {\n    return 2 * x;\n}\n",
    "go": "func twice(x int) int {\n\treturn 2 * x\n}\n",
    "java": "public static long twice(long x) {\n    return 2 * x;\n}\n",
    "js": "function twice(x) {\n  return 2 * x;\n}\n",
    "jl": "function twice(x)\n    2 * x\nend\n",
    "lua": "local function twice(x)\n  return 2 * x\nend\n",
    "php": "function twice($x) {\n    return 2 * $x;\n}\n",
    "pl": "sub twice {\n    my($x) = @_;\n    return 2 * $x;\n}\n",
    "r": "twice <- function(x) {\n    2 * x\n}\n",
    "rb": "def twice(x)\n  2 * x\nend\n",
    "rkt": "(define (twice x)\n  (* 2 x))\n",
    "rs": "fn twice(x: isize) -> isize {\n    2 * x\n}\n",
    "scala": "def twice(x: Long): Long = {\n    2 * x\n}\n",
    "sh": "twice() {\n    echo $((2 * $1))\n}\n",
    "swift": "func twice(x: Int) -> Int {\n    return 2 * x\n}\n",
    "ts": "function twice(x: number): number {\n  return 2 * x;\n}\n",
}
BEGUN = "twice(((\nTwice(((\nfunction twice(x) {\n  draft(((\n"
WORDS = {"js": "JavaScript", "cpp": "cpp", "rb": "ruby"}


def same(language: str, reply: str) -> None:
    # A heading of Markdown is a comment in some languages, and may stay.
    code = re.sub(r"^## .*\n+", "", extracted(TASKS[language], reply), flags=re.MULTILINE)
    assert code.strip() == extracted(TASKS[language], RIGHT[language]).strip()


@pytest.mark.parametrize("language", RIGHT)
@pytest.mark.parametrize(
    "form",
    [
        f"<think>\nMaybe {{ ( this:\n```\n{BEGUN}```\n</think>\n\n%s",
        f"Maybe {{ this:\n```\n{BEGUN}```\nNo.\n</think>\n%s",
        f"[THINK]Maybe {{\n```\n{BEGUN}```\n[/THINK]%s",
        f"<reasoning>\n```\n{BEGUN}```\n</reasoning>\n<answer>\n%s</answer>\n",
        f"<thought>\n{BEGUN}</thought>\n%s",
        f"<|channel|>analysis<|message|>{BEGUN}<|end|><|start|>assistant<|channel|>final<|message|>%s<|return|>",
        "%s<|im_end|>\n<|endoftext|>",
        "%s\n<|EOT|>\nnext (((",
        "%s</s>",
        "assistant\n\n%s<|eot_id|>",
        "<|im_start|>assistant\n%s<|im_end|>",
        "<answer>\n%s</answer>",
        '<code lang="x">\n%s</code>',
        "## Solution\n\n%s\n## Explanation of it\n\n- **Time Complexity:** O(n)\n",
        "\u5f53\u7136\u53ef\u4ee5\uff0c\u4e0b\u9762\u662f\uff1a\n\n%s\n\u89e3\u91ca\uff1a\n1. \u9996\u5148\uff08{\uff09\u3002\n",
        "\u041a\u043e\u043d\u0435\u0447\u043d\u043e, \u0432\u043e\u0442 \u043a\u043e\u0434 {:\n\n%s",
    ],
)
def test_what_stands_around_code_goes(language, form):
    same(language, form.replace("%s", RIGHT[language]))


@pytest.mark.parametrize("language", RIGHT)
@pytest.mark.parametrize(
    "form",
    [
        "````markdown\n# Solution\n\n```\n%s```\n````\n",
        "```md\n# Solution\n\n```x\n%s```\n\nText.\n```\n",
        "> Here:\n>\n> ```\n%s```\n",
        "Here: ```x\n%s```\n",
        "```x\n%s```This is {it}.\n",
        "```x\n%s```This is {it}.\n\n```x\nother(((\n```\n",
        "1. Do:\n\n   ```x\n%s   ```\n\n2. Done.\n",
    ],
)
def test_code_blocks_are_found_where_people_see_them(language, form):
    code = RIGHT[language]
    indent = "> " if form.startswith(">") else "   " if form.startswith("1.") else ""
    code = "".join(f"{indent}{line}" for line in code.splitlines(keepends=True))
    form = form.replace("\n```\n", "\n> ```\n") if indent == "> " else form
    same(language, form.replace("%s", code))


def test_code_blocks_in_items_of_a_list_lose_their_indent():
    code = "package main\n\nfunc twice(x int) int {\n\treturn 2 * x\n}\n"
    inner = "".join(f"   {line}" for line in code.splitlines(keepends=True))
    code = extracted(TASKS["go"], f"1. Do:\n\n   ```go\n{inner}   ```\n")
    assert code.split() == extracted(TASKS["go"], RIGHT["go"]).split()


@pytest.mark.parametrize(
    "info", ["JS", "{.js .x}", "js:main.js", "src/main.js", 'js title="a"', "js{1,3}", "js,editable"]
)
def test_the_word_after_the_marks_may_have_more_than_the_language(info):
    reply = f"```python\ndef twice(x): pass\n```\n```{info}\n{RIGHT['js']}```\n"
    assert blocks("js", reply).ours == (RIGHT["js"].rstrip("\n"),)
    same("js", reply)


def test_blocks_that_say_another_language_count_where_no_other_defines_the_function():
    same("ts", f"```typescript\nconst a = 1;\n```\n```javascript\n{RIGHT['ts']}```\n")
    assert cleaned("a <think>b</think> c") == " c"


TODO = {
    "jl": "    # write it\nend",
    "lua": "  -- write it\nend",
    "pl": "    my($x) = @_;\n}",
    "rb": "  raise NotImplementedError\nend",
    "rkt": "  (void))",
    "rs": "    todo!()\n}",
    "scala": "    ???\n}",
    "sh": "    :\n}",
    "java": '    throw new UnsupportedOperationException("soon");\n}',
    "cs": "    throw new NotImplementedException();\n}",
    "go": '    panic("not written")\n}',
    "swift": '    fatalError("soon")\n}',
    "r": "    # write it\n}",
}


@pytest.mark.parametrize("language", RIGHT)
def test_a_function_that_is_only_begun_is_not_the_answer(language):
    task, right = TASKS[language], RIGHT[language]
    head = right.partition("\n")[0]
    stub = f"{head}\n{TODO.get(language, '    // write it' + chr(10) + '}')}\n"
    for begun in (task.prompt, stub):
        same(language, f"Given:\n```\n{begun}\n```\nDone:\n```\n{right}```\n")
    form = Form.of(task)
    assert form is not None
    assert form.best([stub]) == stub
    assert form.best([right, stub]) == right
    assert Source(language, right).text == right


def test_a_go_function_with_an_empty_interface_as_its_result_may_be_begun():
    head = "func twice(x int) []interface{} {"
    code = extracted(
        TASKS["go"], f"```\n{head}\n    // write\n}}\n```\n```\n{head}\n    return []interface{{}}{{x}}\n}}\n```"
    )
    assert "return" in code


def kept(language: str, answer: str, *lines: str) -> str:
    code = extracted(TASKS[language], answer)
    assert [line for line in lines if line not in code] == [], code
    return code


def test_own_headers_and_modules_without_a_file_go():
    code = kept("cpp", f'#include "twice.h"\n#include "bits/stdc++.h"\n{RIGHT["cpp"]}', '"bits/stdc++.h"')
    assert "twice.h" not in code
    assert "mod other;" not in extracted(TASKS["rs"], f"mod other;\n{RIGHT['rs']}")


@pytest.mark.parametrize(
    ("language", "shows"),
    [
        ("js", "const r = twice([{ a: 1 }], { b: 2 });\nconsole.log(r);\n"),
        ("ts", "const r = twice({ a: 1 } as any);\nconsole.log(r);\n"),
        ("lua", "local r = twice({1, 2})\nlocal t = { r, twice(3) }\nprint(t[1])\n"),
        (
            "js",
            "import test from 'node:test';\nimport { expect } from '@jest/globals';\nconst { it } = require('vitest');\n",
        ),
    ],
)
def test_values_and_frameworks_of_examples_go(language, shows):
    assert (
        extracted(TASKS[language], RIGHT[language] + shows).strip()
        == extracted(TASKS[language], RIGHT[language]).strip()
    )


@pytest.mark.parametrize(
    ("language", "tests", "call"),
    [
        ("js", "function runTests() {\n  assert.equal(twice(2), 4);\n}\n", "runTests();"),
        ("php", "function runTests() {\n    assert(twice(2) === 4);\n}\n", "runTests();"),
        ("lua", "local function run_tests()\n  assert(twice(2) == 4)\nend\n", "run_tests()"),
        ("rb", "def run_tests\n  raise unless twice(2) == 4\nend\n", "run_tests"),
        ("r", "run_tests <- function() {\n  stopifnot(twice(2) == 4)\n}\n", "run_tests()"),
        ("rkt", "(define (run-tests)\n  (unless (= (twice 2) 4) (error 'no)))\n", "(run-tests)"),
    ],
)
def test_calls_of_functions_that_test_the_function_go(language, tests, call):
    code = extracted(TASKS[language], f"{RIGHT[language]}\n{tests}\n{call}\n")
    assert not re.search(rf"^{re.escape(call)}$", code, re.MULTILINE)
    other = {"js": "fill();\n", "php": "fill();\n"}.get(language, "")
    assert other in extracted(TASKS[language], f"{other}{RIGHT[language]}")


@pytest.mark.parametrize(
    "answer",
    [
        "template <typename T>\nT twice(T x) {\n    return 2 * x;\n}\n",
        "long twice(long x, long y) {\n    return x * y;\n}\nlong twice(long x) {\n    return twice(x, 2);\n}\n",
        "long twice(long x, long y);\nlong twice(long x) {\n    return twice(x, 2);\n}\nlong twice(long x, long y) {\n    return x * y;\n}\n",
    ],
)
def test_overloads_and_templates_are_called_by_the_function_whose_address_the_tests_take(answer):
    code = kept("cpp", answer, "long twice(long x) {\n    return magicoder_twice(x);")
    assert len(re.findall(r"\btwice\(", code)) == 1


def test_functions_that_are_called_or_declared_once_more_are_no_overloads():
    answer = "long twice(long x);\nstatic long four = twice(2);\n" + RIGHT["cpp"]
    assert "magicoder_" not in extracted(TASKS["cpp"], answer)
    kept("cpp", f'extern "C" {RIGHT["cpp"]}', 'extern "C" long twice')


def test_classes_that_only_start_a_program_go():
    solution = "class Solution {\n    public long twice(long x) { return 2 * x; }\n}\n"
    main = "public class Main {\n    public static void main(String[] args) { new Solution().twice(2); }\n}\n"
    assert "Main" not in extracted(TASKS["java"], solution + main)
    solution = "class Solution : IS {\n    public long Twice(long x) { return 2 * x; }\n}\n"
    main = "class Program {\n    static void Main() { new Solution().Twice(2); }\n}\n"
    code = kept("cs", f"using System;\nvar s = new Solution();\n{solution}{main}", "new Solution().Twice(x)")
    assert "Program" not in code
    assert "var s" not in code
    helper = "class Program {\n    public static long Two = 2;\n    static void Main() { }\n}\n"
    kept(
        "cs",
        helper + "class S {\n    static long Twice(long x) { return Program.Two * x; }\n}\n",
        "void MagicoderMain()",
    )


def test_a_class_that_another_class_speaks_of_stays():
    other = "class Other {\n    static long same(long x) { return Solution.one(x); }\n}\n"
    answer = "class Solution {\n    static long one(long x) { return x; }\n    static long twice(long x) { return 2 * Other.same(x); }\n}\n"
    kept("java", other + answer, "class Solution {", "return Solution.twice(x);")


def test_of_methods_alike_in_two_classes_the_static_one_counts():
    inner = "class A {\n    A(int n) { }\n    long twice(long x) { return 2 * x; }\n}\n"
    answer = "class S {\n    static long twice(long x) { return new A(1).twice(x); }\n}\n"
    kept("java", inner + answer, "return new A(1).twice(x);")


def test_php_blocks_between_a_colon_and_a_word_are_blocks():
    shows = "foreach ([1, 2] as $x):\n    $y = twice($x);\n    echo $y;\nendforeach;\n"
    assert "foreach" not in extracted(TASKS["php"], f"<?php\n{RIGHT['php']}{shows}")
    inside = RIGHT["php"].replace("    return", "    if ($x < 0): return -1; endif;\n    return")
    assert extracted(TASKS["php"], inside).endswith(inside)


@pytest.mark.parametrize("language", ["sh", "rb", "pl", "r", "php", "jl"])
def test_a_comment_that_looks_like_a_heading_is_code(language):
    text = f"{RIGHT[language]}\n# Test\nif x 1 then\nfi"
    assert without_prose(language, text) == text


def test_a_class_that_starts_the_program_and_has_the_answer_in_it_stays():
    inner = "    static class Inner {\n        long twice(long x) { return 2 * x; }\n    }\n"
    main = "    public static void main(String[] args) { }\n"
    kept("java", f"public class Outer {{\n{inner}{main}}}\n", "class Outer {", "return new Outer.Inner().twice(x);")


@pytest.mark.parametrize("mark", HARNESS)
def test_a_completion_ends_where_the_model_ended_it(mark):
    assert cut(f"a{mark}b", ()) == "a"
