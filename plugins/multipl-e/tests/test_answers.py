"""Right answers in odd clothes: what they need stays, what only shows or tests them goes, the tests can call them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from magicoder_multipl_e.data import everything
from magicoder_multipl_e.extracting import Form, extracted
from magicoder_multipl_e.forwarding import arguments
from magicoder_multipl_e.prose import without_prose

TASKS = {task.language: task for task in everything(Path(__file__).parent / "own.jsonl")}


def lines(code):
    return [line.strip() for line in code.splitlines() if line.strip()]


def check(language, answer, kept=(), gone=(), end=""):
    code = extracted(TASKS[language], answer)
    assert [text for text in kept if text not in code] == [], code
    assert [text for text in gone if text in code] == [], code
    assert lines(code)[-1].endswith(end)
    return code


LUA = "local function twice(x)\n  return 2 * x\nend\n"
JS = "function twice(x) {\n  return 2 * x;\n}\n"
JAVA = "public static long twice(long x) {\n    return 2 * x;\n}\n"


@pytest.mark.parametrize(
    "helper",
    [
        "local function other(y)\n  return y\nend\n",
        "local M = {}\n\nfunction M:other(y)\n  return y\nend\n",
        "local M = {}\nfunction M.new(y)\n  return y\nend\n",
        "local other\n\nfunction other(y)\n  return y\nend\n",
        "local function test()\n  assert(twice(2) == 4)\n  return 1\nend\n",
    ],
)
def test_functions_that_return_on_a_line_of_their_own_stay(helper):
    check("lua", f"{helper}\n{LUA}return twice\n", kept=[*lines(helper)], gone=["return twice"])


def test_a_helper_in_a_block_of_its_own_stays_with_its_imports_and_its_own_helpers():
    blocks = [
        "#include <numeric>\nlong least(long y) {\n    return y;\n}",
        "long other(long y) {\n    return least(y);\n}",
        "long twice(long x) {\n    return 2 * other(x);\n}",
        "int main() {\n    return twice(2);\n}",
    ]
    answer = "\nand\n".join(f"```cpp\n{block}\n```" for block in blocks)
    code = check("cpp", answer, kept=["#include <numeric>", "long least("], gone=["main"], end="return 2 * other(x);")
    assert code.index("least(long") < code.index("other(long") < code.index("twice(long")


PROSE_FRONT = (
    "Sure! The approach is simple:\n\n1. Reject what is (not) fine.\n2. Go on, {with};\n\nHere's the code:\n\n"
)
PROSE_BACK = (
    "\nThis doubles x (i.e., 2 * x), and that's it; really.\n\n**Explanation:**\n- x < 2: not special; return 2 * x.\n"
    "**Note:** It doesn't need more, because multiplying\nby two is enough.\n"
)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("js", JS),
        ("cpp", "long twice(long x) {\n    return 2 * x;\n}\n"),
        ("rs", "fn twice(x: isize) -> isize {\n    2 * x\n}\n"),
        ("go", "func twice(x int) int {\n\treturn 2 * x\n}\n"),
        ("pl", "sub twice {\n    my($x) = @_;\n    return 2 * $x;\n}\n"),
        ("sh", "twice() {\n    echo $((2 * $1))\n}\n"),
        ("php", "function twice($x) {\n    return 2 * $x;\n}\n"),
        ("lua", LUA),
        ("java", f"class Problem {{\n{JAVA}}}\n"),
        ("scala", "object Problem {\n  def twice(x: Long): Long = {\n    2 * x\n  }\n}\n"),
    ],
)
def test_sentences_around_code_without_fences_go(language, code):
    assert extracted(TASKS[language], PROSE_FRONT + code + PROSE_BACK) == extracted(TASKS[language], code)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("js", "/*\nTwice a number is meant here.\n*/\nfunction f() {}"),
        ("js", "const t = `\nTwice a number is meant here.\n`;"),
        ("rb", "Num = Struct.new(:n) do\n  def f\n    n\n  end\nend"),
        ("r", 'Checker <- setRefClass("Checker", fields = list(n = "numeric"))'),
        ("cpp", "Union_long twice(long x) {\n    Some Thing;\n}"),
        ("lua", "--[[\nReturn twice the number given.\n]]\nlocal x = 1"),
    ],
)
def test_code_that_looks_like_sentences_stays(language, text):
    assert without_prose(language, text) == text


@pytest.mark.parametrize(
    ("language", "prepares", "function"),
    [
        ("sh", "declare -A small\nfor p in 2 3 5; do\n    small[$p]=1\ndone\n", "twice() {\n    echo $((2 * $1))\n}\n"),
        (
            "rkt",
            "(define small (make-hash))\n(for ([p '(2 3)]) (hash-set! small p #t))\n",
            "(define (twice x) (* 2 x))",
        ),
        (
            "php",
            "<?php\nif (!defined('LIM')) {\n    define('LIM', 200);\n}\n",
            "function twice($x) {\n    return 2 * $x;\n}\n",
        ),
        (
            "php",
            "$a = [];\nforeach ([2, 3] as $p) {\n    $a[$p] = true;\n}\n",
            "function twice($x) {\n    return 2 * $x;\n}\n",
        ),
        ("js", "const a = new Set();\n(function fill() {\n  [2, 3].forEach((p) => a.add(p));\n})();\n", JS),
        ("js", "if (typeof Symbol === 'function') {\n  globalThis.a = 1;\n}\n", JS),
        ("js", "twice.memo = {};\n", JS),
        (
            "swift",
            "var a: [Int] = []\nfor i in 2..<50 {\n    a.append(i)\n}\n",
            "func twice(x: Int) -> Int {\n    return 2 * x\n}\n",
        ),
    ],
)
def test_statements_that_fill_what_the_function_needs_stay(language, prepares, function):
    check(language, prepares + function, kept=[line for line in lines(prepares) if line != "<?php"])


@pytest.mark.parametrize(
    ("language", "function", "shows"),
    [
        ("js", JS, "for (const n of [1, 2]) {\n  console.log(n);\n}\n"),
        ("js", JS, "if (require.main === module) {\n  run();\n}\n"),
        ("js", JS, "const candidate = twice;\nlet t = candidate(7);\nif (t > 3) {\n  t++;\n}\n"),
        ("sh", "twice() {\n    echo $((2 * $1))\n}\n", "[[ $# -lt 1 ]] && usage\n"),
        ("sh", "twice() {\n    echo $((2 * $1))\n}\n", 'if [ "$(twice 2)" = 4 ]; then\n    x=1\nfi\n'),
        ("pl", "sub twice {\n    return 2 * $_[0];\n}\n", "unless (caller) {\n    $n = <STDIN>;\n}\n"),
    ],
)
def test_statements_that_only_show_the_function_go(language, function, shows):
    assert extracted(TASKS[language], function + shows) == extracted(TASKS[language], function)


STATEFUL = {
    "this": "class Solution {\n    private long two = 2;\n    public long twice(long x) {\n        return this.two * x;\n    }\n}",
    "reference": "class Solution {\n    public long twice(long x) {\n        return apply(this::go, x);\n    }\n}",
    "state": "class Solution {\n    private long sum;\n    public long twice(long x) {\n        sum += x;\n        return sum + x;\n    }\n}",
    "parent": "interface T { long twice(long x); }\nclass Main implements T {\n    @Override\n    public long twice(long x) {\n        return 2 * x;\n    }\n}",
    "constructor": "class Solution {\n    long f;\n    Solution() { f = 2; }\n    public long twice(long x) {\n        return f * x;\n    }\n}",
}


@pytest.mark.parametrize("answer", STATEFUL.values(), ids=STATEFUL)
def test_a_method_of_an_object_is_called_in_its_own_class(answer):
    name = "Main" if "Main" in answer else "Solution"
    code = check(
        "java", answer, kept=[line for line in lines(answer) if line != "}"], end=f"return new {name}().twice(x);"
    )
    assert "    public static long twice(long x) {\n" in code


def test_a_class_that_makes_its_own_objects_is_left_whole():
    for text in ("private static final Solution ONE = new Solution();", "Solution(int a) { }"):
        answer = f"public class Solution {{\n    {text}\n    public static long twice(long x) {{ return 2 * x; }}\n}}"
        check("java", answer, kept=["\nclass Solution {", text], gone=["public class"], end="return Solution.twice(x);")


def test_an_object_of_the_class_that_the_tests_have_gets_another_name():
    answer = "public class Problem {\n    long two = 2;\n    public long twice(long x) { return this.two * x; }\n    public static void main(String[] a) { new Problem(); }\n}"
    code = check("java", answer, gone=["void main"], end="return new MagicoderAnswer().twice(x);")
    assert code.count("class Problem") == 1


def test_csharp_and_scala_call_such_methods_too():
    answer = "namespace A {\npublic class S : IS {\n    long two = 2;\n    long Twice(long x) { return this.two * x; }\n    static void Main() { }\n}\n}"
    check(
        "cs",
        answer,
        kept=["class S : IS {", "public long Twice"],
        gone=["void Main", "namespace"],
        end="return new S().Twice(x);",
    )
    answer = "trait T { def twice(x: Long): Long }\nclass S(two: Long = 2L) extends T {\n  override def twice(x: Long): Long = two * x\n}"
    check("scala", answer, kept=["class S(two: Long = 2L) extends T {"], end="new S().twice(x)")


@pytest.mark.parametrize(
    ("helper", "call"),
    [
        ("private static long other(long y) {\n    return y;\n}", "other(x)"),
        ("class Other {\n    static long same(long y) { return y; }\n}", "Other.same(x)"),
    ],
)
def test_helpers_in_other_blocks_stay_in_java(helper, call):
    function = f"class Problem {{\n    public static long twice(long x) {{\n        return 2 * {call};\n    }}\n}}"
    code = check(
        "java", f"```java\n{helper}\n```\n```java\n{function}\n```", kept=lines(helper)[:-1], end=f"return 2 * {call};"
    )
    assert code.count("class Problem") == 1


def test_helpers_in_other_blocks_stay_in_scala():
    answer = "```scala\ndef other(y: Long): Long = {\n  y\n}\n```\n```scala\ndef twice(x: Long): Long = {\n  2 * other(x)\n}\n```"
    check("scala", answer, kept=["def other"], end="2 * other(x)")


@pytest.mark.parametrize(
    ("language", "answer", "end"),
    [
        ("cpp", "class S {\npublic:\n    long twice(long x) { return 2 * x; }\n};", "return S().twice(x);"),
        ("cpp", "struct S {\n    static long twice(long x) { return 2 * x; }\n};", "return S::twice(x);"),
        ("cpp", "namespace a { namespace b {\nlong twice(long x) { return 2 * x; }\n} }", "return a::b::twice(x);"),
        ("rs", "struct S;\nimpl S {\n    fn twice(x: isize) -> isize { 2 * x }\n}", "S::twice(x)"),
        ("rs", "struct S;\nimpl T for S {\n    fn twice(&self, x: isize) -> isize { 2 * x }\n}", "S.twice(x)"),
        ("rs", "mod m {\n    pub fn twice(x: isize) -> isize { 2 * x }\n}", "m::twice(x)"),
        ("js", "class S {\n  twice(x) {\n    return 2 * x;\n  }\n}", "return new S().twice(x);\n}"),
        ("js", "class S {\n  static twice(x) {\n    return 2 * x;\n  }\n}", "return S.twice(x);\n}"),
        ("js", "const M = {\n  twice: function (x) {\n    return 2 * x;\n  },\n};", "return M.twice(x);\n}"),
        (
            "ts",
            "export class S {\n  public twice(x: number): number {\n    return 2 * x;\n  }\n}",
            "return new S().twice(x);\n}",
        ),
        ("lua", "local M = {}\nfunction M.twice(x)\n  return 2 * x\nend\nreturn M", "return M.twice(x)\nend"),
        ("lua", "local M = {}\nfunction M:twice(x)\n  return 2 * x\nend", "return M:twice(x)\nend"),
        (
            "php",
            "class S {\n    public function twice($x) {\n        return 2 * $x;\n    }\n}",
            "return (new S())->twice($x);\n}",
        ),
        ("rb", "class S\n  def twice(x)\n    2 * x\n  end\nend", "S.new.twice(x)\nend"),
        ("rb", "module M\n  def self.twice(x)\n    2 * x\n  end\nend", "M.twice(x)\nend"),
        ("rb", "def self.twice(x)\n  2 * x\nend", "TOPLEVEL_BINDING.receiver.twice(x)\nend"),
        ("go", "type S struct{}\n\nfunc (s *S) twice(x int) int {\n\treturn 2 * x\n}", "return new(S).twice(x)\n}"),
        ("d", "class S {\n    long twice(long x) { return 2 * x; }\n}", "return (new S).twice(x);\n}"),
        ("swift", "class S {\n    func twice(x: Int) -> Int { return 2 * x }\n}", "return S().twice(x: x)"),
    ],
)
def test_a_function_in_a_class_or_a_module_is_called_by_one_outside(language, answer, end):
    whole = "\n".join(line.strip() for line in extracted(TASKS[language], answer).strip().splitlines())
    assert whole.endswith(end)
    inside = answer.removesuffix("\nreturn M").removeprefix("export ")
    assert "\n".join(map(str.strip, inside.splitlines())) in whole


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("cpp", "namespace a {\nlong twice(long x) { return 2 * x; }\n}\nusing a::twice;"),
        ("rb", "module M\n  def twice(x)\n    2 * x\n  end\nend\ninclude M"),
        ("jl", "module M\nexport twice\nfunction twice(x)\n    2x\nend\nend\nusing .M"),
        ("js", "class S {\n  static twice(x) {\n    return 2 * x;\n  }\n}\nconst { twice } = S;"),
        (
            "php",
            "class S {\n    function twice($x) {\n        return 2 * $x;\n    }\n}\nfunction twice($x) { return (new S())->twice($x); }",
        ),
    ],
)
def test_what_gives_the_function_its_name_outside_by_itself_is_left_so(language, answer):
    assert extracted(TASKS[language], answer).count("twice") == answer.count("twice")


def test_what_follows_the_end_of_a_ruby_program_goes():
    code = check("rb", "def twice(x)\n  2 * x\nend\n\n__END__\nputs twice(3)\n", gone=["__END__", "puts"])
    assert code.rstrip().endswith("end")


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("sh", "twice() (\n    echo $((2 * $1))\n)"),
        ("rkt", "(define/contract (twice x)\n  (-> any/c any/c)\n  (* 2 x))"),
        ("rkt", "(define/match (twice x)\n  [(y) (* 2 y)])"),
        ("cpp", "auto twice = [](long x) -> long {\n    return 2 * x;\n};"),
        ("go", "var twice = func(x int) int {\n\treturn 2 * x\n}"),
        ("d", "long twice(long x) => 2 * x;"),
        ("r", "(function(x) {\n  2 * x\n}) -> twice"),
        ("js", "twice = function (x) {\n  return 2 * x;\n};"),
        ("js", "let twice;\ntwice = (x) => {\n  return 2 * x;\n};"),
    ],
)
def test_a_definition_in_another_form_is_one(language, answer):
    task = TASKS[language]
    assert Form.of(task).defined_in(answer)
    code = extracted(task, answer)
    assert answer in code
    assert len(re.findall(r"\btwice\b", code)) == len(re.findall(r"\btwice\b", answer))


def test_statements_at_the_top_of_a_csharp_program_go():
    answer = "using System;\n\nConsole.WriteLine(Twice(7));\nvar y = Twice(3);\n\nstatic long Twice(long x)\n{\n    return 2 * x;\n}"
    check("cs", answer, gone=["Console", "var y"], end="return 2 * x;")


def test_of_definitions_the_outermost_counts():
    inner = "    static class Inner {\n        long twice(long x) {\n            return 2 * x;\n        }\n    }\n"
    answer = f"public class Problem {{\n{inner}    public static long twice(long x) {{\n        return new Inner().twice(x);\n    }}\n}}"
    check("java", answer, kept=["class Inner {"], end="return new Inner().twice(x);")


def test_a_condition_that_calls_the_function_is_no_definition():
    assert not Form.of(TASKS["cpp"]).defined_in("void f() {\n    if (1 > 0 && twice(7)) {\n    }\n}")


def test_a_byte_order_mark_is_no_code():
    assert extracted(TASKS["js"], f"\ufeff{JS}") == extracted(TASKS["js"], JS)


def test_exports_of_types_go():
    code = extracted(
        TASKS["ts"], f"{JS}\nexport type {{ }};\nexport type {{ A }};\nexport * from './x';\nexport type B = number;\n"
    )
    assert "export" not in code
    assert lines(code)[-1] == "type B = number;"


@pytest.mark.parametrize(
    ("language", "answer", "gone"),
    [
        (
            "java",
            f"import org.junit.jupiter.api.Test;\nimport static org.junit.jupiter.api.Assertions.*;\n\nclass Problem {{\n{JAVA}}}\n\nclass ProblemTest {{\n    @Test\n    void works() {{ assertTrue(Problem.twice(2) == 4); }}\n}}",
            ["junit", "ProblemTest"],
        ),
        (
            "cs",
            "using NUnit.Framework;\nclass S {\n    public static long Twice(long x) { return 2 * x; }\n}\n[TestFixture]\nclass Tests {\n    [Test]\n    public void A() { }\n}",
            ["NUnit", "Tests"],
        ),
        (
            "php",
            "<?php\nrequire_once 'vendor/autoload.php';\nfunction twice($x) { return 2 * $x; }\nfinal class T extends TestCase { }\n?>\n<h1>Hi</h1>\n<?= twice(2) ?>",
            ["require_once", "TestCase", "<h1>", "?>"],
        ),
        ("js", f"const twice = require('./twice');\n{JS}", ["require"]),
        ("js", f"import {{ twice }} from '../twice.js';\n{JS}", ["import"]),
        (
            "cpp",
            "#include <gtest/gtest.h>\nlong twice(long x) {\n    return 2 * x;\n}\nTEST(A, B) { EXPECT_EQ(twice(2), 4); }",
            ["gtest", "TEST"],
        ),
    ],
)
def test_what_an_answer_has_for_its_own_tests_goes(language, answer, gone):
    check(language, answer, gone=gone)


def test_an_import_under_another_name_does_not_replace_the_prompts():
    task = replace(TASKS["rs"], prompt=f"use std::collections::HashMap;\n\n{TASKS['rs'].prompt}")
    function = "fn twice(x: isize) -> isize {\n    2 * x\n}"
    code = extracted(task, f"use std::collections::HashMap as Map;\n{function}")
    assert "use std::collections::HashMap;\n" in code
    assert extracted(task, f"use std::collections::{{HashMap, HashSet}};\n{function}").count("use ") == 1


def test_another_value_for_the_function_is_no_example():
    check("js", f"{JS}twice = () => true;\n", kept=["twice = () => true;"])


@pytest.mark.parametrize(
    ("language", "signature", "expected"),
    [
        ("cpp", "long f(std::map<int, std::pair<int, int>> a, long& b) {", ["a", "b"]),
        ("rs", "fn f(a: Vec<(isize, isize)>, mut b: isize) -> bool {", ["a", "b"]),
        ("swift", "func f(a: [Int], _ b: Int, c d: Int) -> Int {", ["a: a", "b", "c: d"]),
        ("php", "function f($a, array $b = []) {", ["$a", "$b"]),
        ("go", "func f(a []int, b map[string]int) int {", ["a", "b"]),
        ("ts", "function f(a: { [key: string]: number }, b: number): number {", ["a", "b"]),
        ("java", "public static long f(HashMap<String,Long> a, long b) {", ["a", "b"]),
        ("js", "function f(){", []),
    ],
)
def test_a_call_hands_on_the_parameters_of_a_signature(language, signature, expected):
    assert arguments(language, "f", signature) == expected
