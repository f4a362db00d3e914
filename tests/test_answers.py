"""Reading a model's answer: many layouts, and never a wrong pair."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from magicoder_core.answers import Fence, Unparsed, fences, has_code, sections
from magicoder_core.answers.fence import closed, is_one_block

CODE = "```python\ndef f():\n    return 1\n```"
PAIR = {"problem": "Do it.", "solution": CODE}

LAYOUTS = {
    "as asked": f"[Problem Description]\nDo it.\n\n[Solution]\n{CODE}",
    "lower case": f"[problem description]\nDo it.\n[solution]\n{CODE}",
    "bold brackets": f"**[Problem Description]**\nDo it.\n\n**[Solution]**\n{CODE}",
    "bold brackets with colon": f"**[Problem Description]:**\nDo it.\n\n**[Solution]:**\n{CODE}",
    "escaped brackets": f"\\[Problem Description\\]\nDo it.\n\\[Solution\\]\n{CODE}",
    "heading with brackets": f"### [Problem Description]\n\nDo it.\n\n### [Solution]\n\n{CODE}",
    "headings": f"## Problem Description\nDo it.\n\n## Solution\n{CODE}",
    "headings with colon": f"### Problem Description:\nDo it.\n\n### Solution:\n{CODE}",
    "closed headings": f"## Problem ##\nDo it.\n## Solution ##\n{CODE}",
    "setext headings": f"Problem Description\n-------------------\nDo it.\n\nSolution\n--------\n{CODE}",
    "bold": f"**Problem Description**\n\nDo it.\n\n**Solution**\n\n{CODE}",
    "bold with inner colon": f"**Problem:**\nDo it.\n**Solution:**\n{CODE}",
    "bold with outer colon": f"**Problem**: Do it.\n\n**Solution**:\n{CODE}",
    "bold around the text": f"**Problem: Do it.**\n\n**Solution:**\n{CODE}",
    "underscores": f"__Problem__\nDo it.\n__Solution__\n{CODE}",
    "bare with colon": f"Problem Description:\nDo it.\n\nSolution:\n{CODE}",
    "bare": f"Problem Description\n\nDo it.\n\nSolution\n\n{CODE}",
    "text on the line": f"[Problem Description] Do it.\n[Solution]\n{CODE}",
    "text on the line after a colon": f"Problem: Do it.\nSolution:\n{CODE}",
    "numbered": f"1. **Problem Description**\nDo it.\n2. **Solution**\n{CODE}",
    "numbered headings": f"## 1. Problem Description\nDo it.\n## 2. Solution\n{CODE}",
    "section words": f"Section 1: Problem Description\nDo it.\nSection 2: Solution\n{CODE}",
    "language in parentheses": f"## Problem\nDo it.\n## Solution (Python)\n{CODE}",
    "statement": f"## Problem Statement\nDo it.\n## Solution\n{CODE}",
    "tags": f"<problem>\nDo it.\n</problem>\n<solution>\n{CODE}\n</solution>",
    "tags with underscores": f"<problem_description>\nDo it.\n</problem_description>\n\n<solution>\n{CODE}\n</solution>",
    "CRLF": f"[Problem Description]\r\nDo it.\r\n\r\n[Solution]\r\n{CODE}".replace("return 1\n", "return 1\r\n"),
    "mixed styles": f"[Problem Description]\nDo it.\n\n## Solution\n{CODE}",
    "preamble": f"Sure! Here is a problem:\n\n[Problem Description]\nDo it.\n\n[Solution]\n{CODE}",
    "rules between": f"[Problem Description]\n\nDo it.\n\n---\n\n[Solution]\n---\n{CODE}\n\n---\n",
    "up to three spaces": f"  [Problem Description]\nDo it.\n   [Solution]\n{CODE}",
    "reasoning": f"<think>\n[Problem Description] maybe?\n[Solution]\nno\n</think>\n[Problem Description]\nDo it.\n[Solution]\n{CODE}",
    "end of reasoning alone": f"I will write a [Problem Description]\n</think>\n\n[Problem Description]\nDo it.\n[Solution]\n{CODE}",
    "wrapped in markdown": f"```markdown\n[Problem Description]\nDo it.\n\n[Solution]\n{CODE}\n```",
    "wrapped without a language": f"```\n## Problem\nDo it.\n\n## Solution\n{CODE}\n```",
    "wrapped and unclosed": f"```markdown\n[Problem Description]\nDo it.\n\n[Solution]\n{CODE}",
    "JSON": json.dumps({"Problem Description": "Do it.", "solution": CODE}),
    "JSON in a code block": "```json\n"
    + json.dumps({"problem": " Do it.", "solution": CODE, "n": 1}, indent=1)
    + "\n```",
    "JSON with line ends in its texts": json.dumps({"problem": "Do it.", "solution": CODE}).replace("\\n", "\n"),
    "a stray fence before it": f"```python\n### Problem Description\n\nDo it.\n\n### Solution\n\n{CODE}",
    "wrapped as code": f"```python\nProblem Description:\nDo it.\n\nSolution:\n{CODE}\n```",
    "fullwidth brackets": f"【Problem Description】\nDo it.\n【Solution】\n{CODE}",
}


@pytest.mark.parametrize("answer", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_finds_both_sections(answer):
    assert sections(answer) == PAIR


def test_unclosed_code_block_of_the_solution_stays():
    assert sections("[Problem Description]\nDo it.\n[Solution]\n```python\nx = 1") == {
        "problem": "Do it.",
        "solution": "```python\nx = 1",
    }


def test_unclosed_code_block_of_the_problem_does_not_hide_the_solution():
    found = sections(f"[Problem Description]\nDo:\n```python\nx\n\n[Solution]\n{CODE}")
    assert found == {"problem": "Do:\n```python\nx", "solution": CODE}


def test_headings_in_code_are_code():
    found = sections(f"[Problem Description]\nParse this:\n```ini\n[Solution]\nx = 1\n```\n\n[Solution]\n{CODE}")
    assert found == {"problem": "Parse this:\n```ini\n[Solution]\nx = 1\n```", "solution": CODE}


def test_comments_in_code_are_no_headings():
    code = "```python\n# Solution\n# Problem: none\nx = 1\n```"
    assert sections(f"## Problem\nDo it.\n## Solution\n{code}") == {"problem": "Do it.", "solution": code}


def test_longer_and_other_fences_hold_shorter_ones():
    code = "````md\n```\n[Solution]\n```\n````"
    answer = f"[Problem Description]\nRender:\n{code}\n~~~\n[Solution]\n```\n~~~\n[Solution]\n{CODE}"
    assert sections(answer) == {"problem": f"Render:\n{code}\n~~~\n[Solution]\n```\n~~~", "solution": CODE}


def test_marker_words_within_the_text_are_text():
    problem = "Write the [Solution] to this: the problem is hard.\nProblem is: no colon after it.\nSolutions vary."
    assert sections(f"[Problem Description]\n{problem}\n[Solution]\n{CODE}") == {"problem": problem, "solution": CODE}


def test_a_sentence_that_starts_with_a_marker_is_text():
    problem = "Do it.\n[Solution] must be a function.\nSolution: returns an int."
    assert sections(f"[Problem Description]\n{problem}\n\n[Solution]\n{CODE}") == {"problem": problem, "solution": CODE}


def test_a_restated_problem_is_text():
    answer = f"## Problem Description\n**Problem:** Do it.\n\n## Solution\n{CODE}"
    assert sections(answer) == {"problem": "**Problem:** Do it.", "solution": CODE}


def test_a_sub_heading_of_the_solution_is_text():
    answer = f"## Problem\nDo it.\n## Solution\n{CODE}\n### Explanation\nEasy.\n### Solution approach\nMore."
    assert sections(answer)["solution"].endswith("### Solution approach\nMore.")


UNPARSED = {
    "nothing": ("", "no problem section"),
    "talk": ("I cannot help with that.", "no problem section"),
    "no solution": ("[Problem Description]\nDo it.", "no solution section"),
    "no problem": (f"[Solution]\n{CODE}", "no problem section"),
    "wrong order": (f"[Solution]\n{CODE}\n[Problem Description]\nDo it.", "sections out of order"),
    "empty problem": (f"[Problem Description]\n\n[Solution]\n{CODE}", "empty problem"),
    "empty solution": ("[Problem Description]\nDo it.\n[Solution]\n\n---\n", "empty solution"),
    "two pairs": (
        f"[Problem Description]\nA\n[Solution]\n{CODE}\n[Problem Description]\nB\n[Solution]\n{CODE}",
        "two problem",
    ),
    "two solutions": ("[Problem Description]\nA\n[Solution]\nfirst\n[Solution]\nsecond", "two solution sections"),
    "interleaved styles": (
        f"**Problem**\nA\n\nSolution: of A\n\nProblem: B\n\n**Solution**\n{CODE}",
        "a second problem",
    ),
    "another pair, less sure, after it": (
        f"[Problem Description]\nA\n[Solution]\n{CODE}\n\nProblem:\nB\n\nSolution:\n{CODE}",
        "a second problem",
    ),
    "one heading twice": (
        "[Problem Description]\n[Problem Description]\nDo it.\n[Solution]\nx",
        "two problem sections",
    ),
    "headings within code": ("```python\nx = 1\n[Problem Description]\nA\n[Solution]\nx\n```", "no problem section"),
    "unfinished reasoning": (f"<think>\n[Problem Description]\nDo it.\n[Solution]\n{CODE}", "unfinished reasoning"),
    "indented as code": ("    [Problem Description]\n    Do it.\n    [Solution]\n    x", "no problem section"),
    "JSON of something else": (json.dumps({"problem": "x"}), "no problem section"),
    "JSON with two problems": (json.dumps({"problem": "a", "Problem": "b", "solution": "c"}), "no problem section"),
    "JSON with a list": (json.dumps({"problem": "a", "solution": ["c"]}), "no problem section"),
    "broken JSON": ("{" * 5000, "no problem section"),
    "deep JSON": ('{"a":' * 50_000, "no problem section"),
    "half a bracket": (f"[Problem Description\nDo it.\n[Solution]\n{CODE}", "no problem section"),
}


@pytest.mark.parametrize(("answer", "reason"), UNPARSED.values(), ids=UNPARSED.keys())
def test_gives_a_reason_instead_of_a_guess(answer, reason):
    found = sections(answer)
    assert isinstance(found, Unparsed)
    assert found.reason.startswith(reason)


def test_other_sections_can_be_named():
    found = sections("## Tests\nassert f()\n## Code\nx", {"tests": ("tests", "unit tests"), "code": ("code",)})
    assert found == {"tests": "assert f()", "code": "x"}


@pytest.mark.parametrize(
    "piece",
    [
        "[Solution]\n",
        "```\n",
        "#",
        "*",
        "[",
        "Problem ",
        " ",
        "(",
        "1. ",
        "\n",
        "<think>",
        "</think>",
        "```python\n[Solution]\n",
    ],
)
def test_time_is_linear_in_the_answer(piece):
    start = time.process_time()
    sections("[Problem Description]\n" + piece * (1_000_000 // len(piece)))
    fences(piece * (1_000_000 // len(piece)))
    # Not a benchmark: a quadratic reading of a megabyte takes hours.
    assert time.process_time() - start < 60


def test_fences():
    text = "a\n```python\nx = 1\n\n```\nb\n~~~ C++ title\n```\n~~~\n```\nrest"
    assert fences(text) == [
        Fence("python", "x = 1\n", closed=True),
        Fence("C++ title", "```", closed=True),
        Fence("", "rest", closed=False),
    ]
    assert [fence.language for fence in fences(text)] == ["python", "c++", ""]


def test_inline_backticks_are_no_fence():
    assert fences("```not a fence``` here\n`x`") == []


def test_a_code_block_that_only_comes_first_is_no_wrapper():
    answer = f"```\nsample\n```\n[Problem Description]\nDo it.\n[Solution]\n{CODE}"
    assert sections(answer) == PAIR


def test_a_wrapped_answer_whose_code_is_unclosed_is_not_guessed_at():
    found = sections("```markdown\n[Problem Description]\nDo it.\n[Solution]\n```python\nx\n```")
    assert found == {"problem": "Do it.", "solution": "```python\nx\n```"}


def test_the_quick_look_for_code_says_what_the_thorough_one_does():
    """All texts of up to six pieces of what makes code blocks."""
    pieces = ["```", "\n", "x", "`", "~~~", " "]
    for count in range(7):
        for parts in itertools.product(pieces, repeat=count):
            text = "".join(parts)
            assert has_code(text) == any(block.code.strip() for block in fences(text)), repr(text)
            if is_one_block(text):
                assert closed(text) == text
                assert len(fences(text)) <= 1, repr(text)
