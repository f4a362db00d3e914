import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_quality import Syntax
from magicoder_quality.blocks import blocks, is_code, prose
from magicoder_quality.grammars import GRAMMARS, parse

from magicoder_core.testing import instruction

GOOD = {
    "python": "def f(x):\n    return [y for y in x if y]",
    "c": '#include <stdio.h> \n\nint main(void) { printf("%d\\n", 1); return 0; }',
    "cpp": "#include <vector>\nusing namespace std;\ntemplate <typename T> T f(const vector<T>& v) { return v[0]; }",
    "csharp": "public class A { public int F(int x) => x + 1; }",
    "go": "package main\n\nfunc f(x int) int { return x + 1 }",
    "java": "public class A { int f(int x) { return x + 1; } }",
    "javascript": "const f = async (x) => { await x; return `${x}`; };",
    "php": "<?php\nfunction f($x) { return $x + 1; }\n?>",
    "ruby": "def f(x)\n  x.map { |y| y + 1 }\nend",
    "rust": "fn f(x: &[i32]) -> i32 { x.iter().sum() }",
    "shell": 'for f in *.txt; do echo "$f"; done',
    "swift": "func f(_ x: Int) -> Int { return x + 1 }",
    "typescript": "interface A { x: number }\nfunction f<T extends A>(a: T): number { return a.x; }",
}
BROKEN = {
    "python": "def f(x):\nreturn x",
    "c": "int main(void) { return 0;",
    "cpp": "int f(int x { return x; }",
    "csharp": "public class A { public int F(int x) { return x + ; } }",
    "go": "func f(x int) int { return x +",
    "java": "public class A { int f(int x) { return x + 1; }",
    "javascript": "function f(x) { return x + 1;",
    "php": "<?php\n$s = \u201cwelcome\u201d to;\n",
    "ruby": "def f(x)\n  if x\n    1\n",
    "rust": "fn f(x: i32) -> i32 { x + }",
    "shell": "if [ -f x ]; then echo yes",
    "swift": "func f(_ x: Int) -> Int { return x +",
    "typescript": "interface A { x: number",
}
SNIPPETS = [
    ("java", "public static int f(int[] a) {\n    return a.length;\n}\n\nprivate int x = 1;"),
    ("java", "private final Map<String, Integer> m = new HashMap<>();\n\npublic A(int x) { this.x = x; }"),
    ("java", "int x = 1;\nfor (int i = 0; i < x; i++) {\n    System.out.println(i);\n}"),
    ("java", '@Override\npublic String toString() { return ""; }'),
    ("csharp", "public int X { get; set; }\npublic A() { }"),
    ("csharp", "var q = from s in students where s.Grade > 90 select s;"),
    ("csharp", 'using System;\nConsole.WriteLine($"{1 + 1}");'),
    ("cpp", "int x = 1;\nfor (int i = 0; i < x; i++) cout << i;"),
    ("cpp", "#include <iostream> \n#define N 5  \nint main() { return N; }\n#endif"),
    ("php", "function f($x) { return $x; }\necho f(1);"),
    ("php", "public function f(): ?int { return $this->x; }"),
    ("php", "<html><?php foreach ($a as $b): ?><p><?= $b ?></p><?php endforeach; ?></html>"),
    ("javascript", 'return <div className="a">{x}</div>;'),
    ("javascript", "constructor(x) { this.x = x; }\nget y() { return this.x; }"),
    ("javascript", "// ...\nfunction f() {\n    ...\n}"),
    ("javascript", "const x = await fetch('/a');"),
    ("typescript", "const a = <Foo bar={1}>x</Foo>;"),
    ("typescript", "@Input() name: string;\nconstructor(private readonly x: X) {}"),
    ("go", "x := 1\nif x > 0 {\n\tfmt.Println(x)\n}"),
    ("rust", 'let x = vec![1, 2];\nfor y in &x { println!("{y}"); }'),
    ("rust", "pub fn len(&self) -> usize { self.n }"),
    ("swift", "let x = [1, 2].map { $0 + 1 }\nprint(x)"),
    ("shell", "git clone <repository-url>\ncd <folder name>"),
    ("shell", 'for ((i=0; i<${#s}; i++)); do echo "${s:$i:1}"; done'),
    ("python", ">>> f(1)\n2\n>>> for x in y:\n...     print(x)\n...\n1"),
    ("python", "    def f(self):\n        ...\n"),
    ("python", "    def f(self):\n        return '''\nat the margin\n'''\n"),
    ("python", "?df\ndf.head()"),
    ("python", "df??\nx = 1"),
    ("python", "$ python x.py\nhello, it works"),
    ("php", "<ul>\n<li>one</li>\n</ul>"),
    ("ruby", "irb(main):001:0> x = 1\n=> 1\nirb(main):002:0> [x].map { |y|\nirb(main):003:1*   y }\n=> [1]"),
    ("ruby", ">> 1 + 1\n=> 2"),
    ("shell", 'function f() { echo "$1"; }\nf 1'),
    ("shell", "function f() { ... }\nf"),
    ("shell", "f() { }"),
    ("python", "!pip install numpy\n%matplotlib inline\nimport numpy as np"),
    ("python", "async with a as b:\n    await b\nreturn"),
    ("python", "import re\nre.match('\\d', x)"),
]


def test_there_is_an_example_for_each_language():
    assert set(GOOD) == set(BROKEN) == set(GRAMMARS) - {"tsx", "php-only"}


@pytest.mark.parametrize("language", GOOD)
def test_right_code_is_kept(row, judged, language):
    judgement = judged(Syntax(), row(GOOD[language], language=language))
    assert judgement.keep, judgement.evidence
    assert judgement.scores == {"syntax.blocks": 1, "syntax.errors": 0, "syntax.unknown": 0}


@pytest.mark.parametrize("language", BROKEN)
def test_broken_code_is_dropped(row, judged, language):
    judgement = judged(Syntax(), row(BROKEN[language], language=language))
    assert not judgement.keep
    assert judgement.reason == f"{language} does not parse"
    assert judgement.evidence["errors"] >= 1
    assert 2 <= judgement.evidence["line"] <= 4, "the solution's line, which begins with the fence"
    assert judgement.evidence["near"]


@pytest.mark.parametrize(("language", "code"), SNIPPETS)
def test_a_snippet_is_no_error(row, judged, language, code):
    judgement = judged(Syntax(), row(code, language=language))
    assert judgement.keep, judgement.evidence


@pytest.mark.parametrize(
    "code",
    ['print "Python 2"', "def f(x):\nreturn x", "x = (1,\n", "for x in y:\n", "if x:\n  a\n b", "print(1) // 2 things"],
)
def test_python_is_held_to_python(row, judged, code):
    assert not judged(Syntax(), row(code)).keep


@pytest.mark.parametrize(
    "code", ["type X = int", "def f[T](x: T) -> T:\n    return x", "x = f'{d['a']}'", "class A[T]:\n    pass"]
)
def test_python_newer_than_the_one_that_runs_is_python(row, judged, code):
    assert judged(Syntax(), row(code)).keep


def test_names_of_languages_are_known_by_their_aliases(row, judged):
    for alias in ("C++", "c#", "JS", "ts", "py", "bash", "golang"):
        assert judged(Syntax(), row("x", language=alias)).scores["syntax.blocks"] == 1, alias


def test_an_unknown_language_is_told_and_kept(row, judged):
    judgement = judged(Syntax(), row("SELEC * FRM x", language="sql"))
    assert judgement.keep
    assert judgement.scores == {"syntax.blocks": 0, "syntax.errors": 0, "syntax.unknown": 1}


def test_a_block_without_a_language_beside_others_is_output(judged):
    text = f"```python\n{GOOD['python']}\n```\nIt prints\n```\n1 2 3 (\n```"
    assert judged(Syntax(), instruction(solution=text)).scores == {
        "syntax.blocks": 1,
        "syntax.errors": 0,
        "syntax.unknown": 1,
    }


def test_the_first_block_without_a_language_is_in_the_rows(judged):
    text = "```\ndef f(:\n```\nand\n```\n1 (\n```"
    assert judged(Syntax(), instruction(solution=text)).evidence["block"] == 1


def test_the_place_of_an_error_is_the_solutions_line(judged):
    text = "Two blocks:\r\n\r\n```python\r\nx = 1\r\n```\r\n\r\n```python\r\ny = 2\r\nz = = 3\r\n```\r\n"
    evidence = judged(Syntax(), instruction(solution=text)).evidence
    assert (evidence["block"], evidence["line"]) == (2, 9)
    assert evidence["near"].endswith("z = = 3")


def test_tolerance_is_by_number_or_by_share(row, judged):
    code = "int f() { return 1; }\n" * 20 + "int g( { }\n"
    assert not judged(Syntax(), row(code, language="c")).keep
    assert judged(Syntax(max_errors=2), row(code, language="c")).keep
    assert judged(Syntax(max_error_share=0.2), row(code, language="c")).keep


def test_languages_that_are_not_named_are_not_looked_at(row, judged):
    assert judged(Syntax(languages=("python",)), row(BROKEN["java"], language="java")).keep
    assert not judged(Syntax(languages=("Java",)), row(BROKEN["java"], language="java")).keep
    with pytest.raises(ValueError, match="no grammar for 'cobol'"):
        Syntax(languages=("cobol",))


def test_a_page_with_a_script_is_a_page(judged):
    text = "<script>\nfunction f() { return 1; }\n</script>"
    assert judged(Syntax(), instruction(solution=text, language="javascript")).scores["syntax.unknown"] == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def f(x):\n    return x", True),
        ('"""\nSearch an element in a sorted array of integers.\n"""\ndef f(a):\n    pass', True),
        ("# The function returns the sum of two given numbers.\ndef f(a, b): return a + b", True),
        ("SELECT *\nFROM a\nWHERE x = 1;", True),
        ("You can convert an integer to a string in Java by using the Integer.toString() method.", False),
        ("In Java, inheritance is achieved with the keyword. For example:\n\npublic class A {\n}", False),
        ("C# and Java both belong to the family of object-oriented languages (OOP); there are differences.", False),
        ("35", False),
        ("", False),
    ],
)
def test_what_is_code_as_a_whole(text, code):
    assert is_code(text) is code


def test_bare_solutions_are_looked_at_if_wanted(judged):
    broken = instruction(solution="def f(x):\nreturn x\n")
    assert not judged(Syntax(), broken).keep
    assert judged(Syntax(bare=False), broken).keep
    assert not judged(
        Syntax(require_code=True), instruction(solution="It is three, and that is all there is to say.")
    ).keep


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(GRAMMARS)), st.text(max_size=200))
def test_no_text_breaks_a_grammar(language, text):
    found = parse(language, text)
    assert found.errors >= 0
    assert (found.errors == 0) == (found.line == 0)
    assert found.line <= text.count("\n") + 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["```python\nx = 1\n```", "words and more", "~~~\ny\n~~~", "", "```", "a\r\nb"]), max_size=6
    )
)
def test_blocks_and_prose_are_the_text(parts):
    text = "\n".join(parts)
    subject = instruction(solution=text)
    said = prose(text)
    for block in blocks(subject):
        assert block.code in text.replace("\r\n", "\n")
        assert 1 <= block.line <= text.count("\n") + 2
    assert "x = 1" not in said
    assert said.count("words and more") + sum(
        one.code.count("words and more") for one in blocks(subject)
    ) >= text.count("words and more")


@pytest.mark.parametrize("code", ["$x = ;", "function f( { }", "class A { public function f() { return 1 }", "echo 'a"])
def test_broken_php_without_its_tag_is_dropped(row, judged, code):
    assert not judged(Syntax(), row(code, language="php")).keep
    assert not judged(Syntax(), row(f"<?php\n{code}", language="php")).keep


@pytest.mark.parametrize(
    ("language", "code"),
    [("ruby", "irb(main):001:0> def f(\n=> 1"), ("python", ">>> f(\n1"), ("shell", "f() { echo 1; } }")],
)
def test_what_was_typed_into_a_session_must_be_right(row, judged, language, code):
    assert not judged(Syntax(), row(code, language=language)).keep


def test_the_language_of_rows_that_name_none_can_be_said(judged):
    subject = instruction(solution="def f(x:\n    return x", language="")
    assert judged(Syntax(), subject).scores["syntax.unknown"] == 1
    assert judged(Syntax(language="py"), subject).reason == "python does not parse"
    named = instruction(solution="```javascript\nconst x = [1];\n```", language="")
    assert judged(Syntax(language="py"), named).keep
    with pytest.raises(ValueError, match="language: no grammar for 'klingon'"):
        Syntax(language="klingon")
