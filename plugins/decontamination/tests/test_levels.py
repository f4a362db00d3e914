"""What each level finds and what it leaves alone, where it says it is, and how sure it is."""

import textwrap

import pytest
from magicoder_decontamination.engine import LEVELS, Engine, Settings
from magicoder_decontamination.needles import ALLOWED

from magicoder_core import Needle

SETTINGS = Settings(allowed=tuple(ALLOWED))


def needle(text, kind="solution", problem_id="one"):
    return Needle(benchmark="own", problem_id=problem_id, kind=kind, text=text)


@pytest.fixture(scope="module")
def needles(bench):
    return [
        needle(bench.WORDS, "docstring"),
        needle(bench.SOLUTION),
        needle(bench.PROGRAM, "program"),
        needle(bench.SHORT, problem_id="short"),
    ]


def found(needles, text, *levels):
    engine = Engine(dict.fromkeys(levels or LEVELS, needles), SETTINGS)
    return engine.find([text])[0]


def levels_of(needles, text):
    return {hit.level for hit in found(needles, text)}


def host(text):
    return f"Write a web page for a zoo.\n\n{text}\n\nIt must load quickly."


DOCUMENTS = {
    "as it is": (lambda words: words, {"exact", "whitespace", "tokens", "ngram-coverage"}),
    "upper case": (str.upper, {"exact", "whitespace", "tokens", "ngram-coverage"}),
    "carriage returns": (lambda words: words.replace("\n", "  \r\n"), {"whitespace", "tokens", "ngram-coverage"}),
    "without indentation": (lambda words: "\n".join(map(str.strip, words.splitlines())), {"whitespace", "tokens"}),
    "wrapped anew": (lambda words: textwrap.fill(" ".join(words.split()), 40), {"whitespace", "tokens"}),
    "other punctuation": (lambda words: words.replace(",", " -").replace(";", "."), {"tokens", "ngram-coverage"}),
    "examples in a code block": (
        lambda words: words.replace("    >>>", "```python\n").replace("3\n", "3\n```"),
        {"tokens"},
    ),
    "without examples": (lambda words: words.partition(">>>")[0], {"tokens", "ngram-coverage"}),
    "other words between": (
        lambda words: words.replace("; it", "; as you know, it").replace("Given", "You are given"),
        {"ngram-coverage"},
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_task_in_words_is_found(needles, bench, name):
    change, least = DOCUMENTS[name]
    hits = found(needles, host(change(bench.WORDS)))
    assert least <= {hit.level for hit in hits}
    assert {hit.needle.problem_id for hit in hits} == {"one"}


SOLUTIONS = {
    "as it is": (lambda code: code, {"exact", "whitespace", "tokens", "ngram-coverage"}),
    "indented by two": (lambda code: code.replace("    ", "  "), {"whitespace", "tokens"}),
    "with comments": (
        lambda code: code.replace("\n", "  # and on\n", 3).replace("    return", "    # last\n    return"),
        {"tokens"},
    ),
    "other quotes and brackets": (
        lambda code: code.replace("after - before > width", "(after - before) > width"),
        {"tokens"},
    ),
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_solution_is_found(needles, bench, name):
    change, least = SOLUTIONS[name]
    assert least <= levels_of(needles, host(f"```python\n{change(bench.SOLUTION)}\n```"))


@pytest.mark.parametrize("commented", ["row", "needle", "both", "neither"])
def test_comments_count_on_neither_side(bench, commented):
    code = bench.SOLUTION
    other = code.replace("\n", "  # as said above\n", 4)
    own = needle(other if commented in {"needle", "both"} else code)
    text = host(other.replace("above", "below") if commented in {"row", "both"} else code)
    assert "tokens" in levels_of([own], text)


RENAMED = """
def count_islands(shores, boat: float) -> int:
    n = 1
    for a, b in zip(shores, shores[1:]):  # one after the other
        if b - a > boat:
            break
        n += 1
    return n
"""


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{RENAMED}\n```",
        f"```\n{RENAMED}\n```",
        RENAMED,
        f"Here it is:\n{textwrap.indent(RENAMED, '    ')}\nThat is all.",
        f"class Solution:\n{textwrap.indent(RENAMED, '    ')}",
        RENAMED.replace("int:\n", 'int:\n    """Islands that a boat can reach."""\n'),
    ],
    ids=["fenced", "fenced without a language", "bare", "indented in prose", "as a method", "documented"],
)
def test_a_renamed_function_is_found_by_its_tree_alone(needles, text):
    assert levels_of(needles, host(text)) == {"ast"}


COPIES = {
    "a variable named like a builtin": RENAMED.replace("shores", "input"),
    "with type hints": RENAMED.replace("islands(shores,", "islands(shores: list[int | None],"),
    "with a docstring full of keywords": RENAMED.replace(
        "int:\n",
        'int:\n    """Count, if there is any, what is in reach and not beyond it.\n\n    return: none\n    """\n',
    ),
    "with a comment full of keywords": RENAMED.replace("n = 1\n", "n = 1  # if there is none, not any is for all\n"),
    "as a method with self": f"class Solution:\n{textwrap.indent(RENAMED.replace('islands(shores', 'islands(self, shores'), '    ')}",
    "as a session": "\n".join(f"{'...' if line[:1] == ' ' else '>>>'} {line}" for line in RENAMED.strip().splitlines()),
    "as a quotation": "\n".join(f"> {line}" for line in RENAMED.strip().splitlines()),
    "with carriage returns and blank lines": RENAMED.replace("\n", "\r\n\r\n"),
    "async": RENAMED.replace("def ", "async def "),
    "defined by a stub before": f"```python\ndef count_islands(shores, boat):\n    pass\n```\n\n{RENAMED}",
}


@pytest.mark.parametrize("name", COPIES)
def test_a_renamed_function_is_found_however_it_is_dressed_up(needles, name):
    text = host(COPIES[name])
    (hit,) = found(needles, text, "ast")
    assert text[hit.start : hit.end].startswith(("def count_islands(", "async def count_islands("))
    assert "break" in text[hit.start :]
    assert "pass" not in text[hit.start :]


def test_helpers_are_in_any_code():
    program = (
        "def even(x):\n    return x % 2 == 0 and x > 1\n\ndef evens(xs):\n    return sorted(x for x in xs if even(x))\n"
    )
    copy = "def f(a):\n    return a % 2 == 0 and a > 1\n"
    assert found([needle(program, "program")], copy, "ast") == []
    assert found([needle(program, "program")], "def g(a):\n    return sorted(b for b in a if h(b))\n", "ast") != []


def test_many_bare_functions_take_time_for_each_and_no_more():
    text = "\n".join(f"def f{number}(a):\n    return a" for number in range(5_000))
    program = needle("def g(values):\n    return sorted(set(values))[::-1]\n", "program")
    assert len(found([program], f"{text}\ndef h(a):\n    return sorted(set(a))[::-1]\n", "ast")) == 1


def test_a_function_that_does_something_else_is_not_found(needles):
    assert found(needles, host(f"```python\n{RENAMED.replace('n += 1', 'n += 2')}\n```")) == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("def f(width):\n    return width / 7.25", True),
        ("def f(width):\n    return width / 7.25  # as they fly", True),
        ("def f(width):\n    return width / 7.25 + 1", False),
        ("we return width / 7.25 in the end", False),
        ("def f(width):\n    return width / 7.255", False),
        ("def f(width):\n    return width * 7.25", False),
    ],
)
def test_a_short_solution_must_be_all_that_stands_on_its_lines(needles, text, is_found):
    hits = [hit for hit in found(needles, text, "exact", "whitespace", "tokens") if hit.needle.problem_id == "short"]
    assert bool(hits) == is_found
    assert all(hit.confidence < 0.5 for hit in hits)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Return #t if the list is sorted, and #f if it is not", "return"),
        ("<?php\n// Write a function that adds two numbers and gives their sum.\nfunction add($a, $b) {", "<?php"),
        ("    return (n + 1) * n // 2", "    return (n + 1) * n"),
        ("[Look here](https://example.com/a/b/c) for the numbers", "[Look here]("),
    ],
)
def test_what_is_left_of_a_needle_without_its_comments_must_tell_as_much(text, line):
    assert found([needle(text), needle(text, "words")], f"```\nfoo()  # why; // not\n{line}\n```") == []


def test_a_decomposed_letter_before_it_hides_no_copy(needles, bench):
    text = f"E\u0301cris la fonction demande\u0301e.\n```python\n{bench.SOLUTION.replace(':', ':  # so')}\n```"
    hit = max(found(needles, text, "tokens"), key=lambda hit: hit.confidence)
    assert text[hit.start : hit.end].startswith("reached = 1")


@pytest.mark.parametrize("before", ["> ", "+", ">>> ", "... ", "\t"])
def test_a_short_solution_may_stand_in_a_quotation_a_difference_or_a_prompt(needles, before):
    assert found(needles, f"So:\n{before}return width / 7.25\nis it", "whitespace")


def test_quotes_of_the_other_kind_are_the_same_in_short_solutions():
    assert found([needle("    return '-'.join(strings)")], 'def f(strings):\n    return "-".join(strings)\n', "tokens")


def test_the_examples_of_a_task_in_few_words_are_looked_for_by_themselves():
    task = "Length of a string.\n>>> length_of('')\n0\n>>> length_of('abc')\n3"
    text = "How long is a text?\n\n### Examples\n```python\n>>> length_of('')\n0\n>>> length_of('abc')\n3\n```"
    assert {hit.note for hit in found([needle(task, "docstring")], text, "tokens")} == {"its examples alone"}


def test_a_match_within_a_word_is_none():
    needles = [needle("return the sum of all even numbers between low and high")]
    assert found(needles, "please return the sum of all even numbers between low and high or so") != []
    assert found(needles, "please return the sum of all even numbers between low and highest", "exact", "tokens") == []


@pytest.mark.parametrize("text", ["return x + y", "return len(string)", "return n**2"])
def test_what_is_allowed_is_not_looked_for(text):
    assert found([needle(f"    {text}\n")], f"def f(x, y):\n    {text}\n") == []


def test_honest_texts_have_no_hits(needles):
    text = host("def zip_all(heights):\n    return list(zip(heights, heights[1:]))\n\nGiven some towers, find a bird.")
    assert found(needles, text) == []


@pytest.mark.parametrize("level", ["exact", "whitespace", "tokens", "ngram-coverage", "ast"])
def test_a_hit_says_where_it_is(needles, bench, level):
    code = f"```python\n{bench.PROGRAM}\n```"
    text = host(f"\u00c4hnlich \u201cwie\u201d hier:\n{code}")
    hit = max(found(needles, text, level), key=lambda hit: hit.confidence)
    piece = text[hit.start : hit.end]
    if level == "ast":
        assert piece == "def towers_in_reach(heights, width):"
    else:
        assert piece.split()[0] in {"Given", "reached"}
        assert piece.split()[-1] in {"3", "reached"}
    assert 0 < hit.confidence <= 1


def test_what_one_text_holds_is_not_said_of_another(needles, bench):
    engine = Engine(dict.fromkeys(LEVELS, needles), SETTINGS)
    texts = ["nothing", bench.WORDS, "", host(bench.SOLUTION), "still nothing", RENAMED]
    together = engine.find(texts)
    assert together == [engine.find([text])[0] for text in texts]
    assert [bool(hits) for hits in together] == [False, True, False, True, False, True]


def test_what_is_found_of_one_needle_does_not_depend_on_the_others(needles, bench):
    text = host(f"{bench.WORDS}\n```python\n{bench.SOLUTION}\n{RENAMED}\n```")
    alone = [hit for one in needles for hit in found([one], text)]
    key = repr
    assert sorted(found(needles, text), key=key) == sorted(alone, key=key)


@pytest.mark.parametrize("level", LEVELS)
def test_there_may_be_nothing_to_look_for(level):
    assert found([needle("a b")], "a b", level) == []
    assert found([], "a b", level) == []


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "def f(:\n", "def " * 3000, "```" * 999, "\n" * 5000, "(" * 3000])
def test_odd_texts_do_no_harm(needles, text):
    assert found(needles, text) == []


def test_phrases_that_all_tasks_of_a_benchmark_have_tell_nothing():
    phrase = "The first line of the input contains a single integer, the number of test cases that follow below it."
    many = [
        needle(f"{phrase} Task {number} asks what {number * 7} is.", "question", f"t{number}") for number in range(150)
    ]
    own = needle(
        f"{phrase} Count the towers that a bird can reach from the first one without resting on its way.",
        "question",
        "own",
    )
    assert found([*many, own], f"Something else. {phrase} And so on.", "ngram-coverage") == []
    text = "Well: count the towers that a bird can reach from the first one without resting on its way."
    assert {hit.needle.problem_id for hit in found([*many, own], text, "ngram-coverage")} == {"own"}
