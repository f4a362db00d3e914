"""Layouts that models of today emit, and answers that must be rejected: most are found, and no pair is ever wrong."""

# ruff: noqa: RUF001 - signs that look like others are what is tested here

from __future__ import annotations

import itertools
import json
import time

import pytest

from magicoder_core import answers
from magicoder_core.answers import Unparsed, sections
from magicoder_core.answers.published import published as short_way

P = "Write a function `count(words)` that returns how often each word occurs.\n\nFor example, `count(['a'])` gives `{'a': 1}`."
S = "```python\nfrom collections import Counter\n\n\ndef count(words):\n    return dict(Counter(words))\n```"
BARE_CODE = "from collections import Counter\n\n\ndef count(words):\n    return dict(Counter(words))"
THOUGHT = "Let me think.\n\n[Problem Description]\nA draft.\n\n[Solution]\n```python\npass\n```\nNo, better:"


def plain(problem="[Problem Description]", solution="[Solution]"):
    """An answer with these headings."""
    return f"{problem}\n{P}\n\n{solution}\n{S}"


def indented(text, by="  "):
    return "\n".join(by + line if line else "" for line in text.split("\n"))


HEADINGS = {
    # brackets
    "asked": ("[Problem Description]", "[Solution]"),
    "brackets lower": ("[problem description]", "[solution]"),
    "brackets upper": ("[PROBLEM DESCRIPTION]", "[SOLUTION]"),
    "brackets colon": ("[Problem Description]:", "[Solution]:"),
    "colon in brackets": ("[Problem Description:]", "[Solution:]"),
    "brackets bold": ("**[Problem Description]**", "**[Solution]**"),
    "brackets bold inside": ("[**Problem Description**]", "[**Solution**]"),
    "brackets heading": ("## [Problem Description]", "## [Solution]"),
    "brackets heading bold": ("### **[Problem Description]**", "### **[Solution]**"),
    "brackets numbered": ("1. [Problem Description]", "2. [Solution]"),
    "brackets code": ("`[Problem Description]`", "`[Solution]`"),
    "brackets escaped": (r"\[Problem Description\]", r"\[Solution\]"),
    "brackets double": ("[[Problem Description]]", "[[Solution]]"),
    "brackets fullwidth": ("［Problem Description］", "［Solution］"),
    "brackets lenticular": ("【Problem Description】", "【Solution】"),
    "brackets corner": ("「Problem Description」", "「Solution」"),
    "brackets tortoise": ("〔Problem Description〕", "〔Solution〕"),
    "brackets round": ("(Problem Description)", "(Solution)"),
    "brackets curly": ("{Problem Description}", "{Solution}"),
    "brackets angle": ("<Problem Description>", "<Solution>"),
    "brackets doubled angle": ("<<Problem Description>>", "<<Solution>>"),
    "brackets language": ("[Problem Description]", "[Solution in Python]"),
    "brackets language colon": ("[Problem Description]", "[Solution: Python]"),
    "brackets with a title": ("[Problem Description: Word Count]", "[Solution: Word Count]"),
    "brackets and parentheses": ("[Problem Description] (easy)", "[Solution] (Python 3)"),
    "brackets numbers inside": ("[Problem Description 1]", "[Solution 1]"),
    "brackets emoji": ("📝 [Problem Description]", "✅ [Solution]"),
    "brackets dash": ("- [Problem Description]", "- [Solution]"),
    "brackets upper bold heading colon": ("### **[PROBLEM DESCRIPTION]**:", "### **[SOLUTION]**:"),
    # Markdown
    **{f"level {n}": ("#" * n + " Problem Description", "#" * n + " Solution") for n in range(1, 7)},
    "two levels": ("# Problem Description", "## Solution"),
    "no blank": ("##Problem Description", "##Solution"),
    "closed": ("## Problem Description ##", "## Solution ##"),
    "heading bold": ("## **Problem Description**", "## **Solution**"),
    "heading bold colon": ("## **Problem Description:**", "## **Solution:**"),
    "heading numbered": ("## 1. Problem Description", "## 2. Solution"),
    "heading numbered bracket": ("## 1) Problem Description", "## 2) Solution"),
    "heading roman": ("## I. Problem Description", "## II. Solution"),
    "heading letters": ("## A. Problem Description", "## B. Solution"),
    "heading part": ("## Part 1: Problem Description", "## Part 2: Solution"),
    "heading step": ("## Step 1 – Problem", "## Step 2 – Solution"),
    "heading emoji": ("## 🧩 Problem Description", "## 💡 Solution"),
    "heading emoji after": ("## Problem Description 🧩", "## Solution 💡"),
    "heading keycap": ("## 1️⃣ Problem Description", "## 2️⃣ Solution"),
    "heading code": ("## `Problem Description`", "## `Solution`"),
    "heading language": ("## Problem", "## Solution (Python)"),
    "heading in language": ("## Problem", "## Solution in Python 3"),
    "heading dash language": ("## Problem", "## Solution - Python"),
    "heading statement": ("## Problem Statement", "## Solution Code"),
    "heading the": ("## The Problem", "## The Solution"),
    "heading coding": ("## Coding Problem", "## Proposed Solution"),
    "heading python solution": ("## Programming Problem", "## Python Solution"),
    "heading implementation": ("## Problem Definition", "## Solution Implementation"),
    "heading hyphen": ("## Problem-Description", "## Solution"),
    "heading underscore": ("## problem_description", "## solution"),
    "heading camel": ("## ProblemDescription", "## Solution"),
    "heading one": ("## Problem 1", "## Solution 1"),
    "heading hash one": ("## Problem #1", "## Solution #1"),
    "setext equals": ("Problem Description\n===================", "Solution\n========"),
    "setext dashes": ("Problem Description\n-------------------", "Solution\n--------"),
    "rst tildes": ("Problem Description\n~~~~~~~~~~~~~~~~~~~", "Solution\n~~~~~~~~"),
    "rst carets": ("Problem Description\n^^^^^^^^^^^^^^^^^^^", "Solution\n^^^^^^^^"),
    "asciidoc": ("== Problem Description", "== Solution"),
    "wiki": ("== Problem Description ==", "== Solution =="),
    "equals": ("=== Problem Description ===", "=== Solution ==="),
    "dashes": ("--- Problem Description ---", "--- Solution ---"),
    "org": ("* Problem Description", "* Solution"),
    "task": ("## Task", "## Solution"),
    "task description": ("**Task Description:**", "**Solution:**"),
    "question and answer": ("## Question", "## Answer"),
    # bold and the like
    "bold": ("**Problem Description**", "**Solution**"),
    "bold colon in": ("**Problem Description:**", "**Solution:**"),
    "bold colon out": ("**Problem Description**:", "**Solution**:"),
    "bold italic": ("***Problem Description***", "***Solution***"),
    "bold underscores": ("__Problem Description__", "__Solution__"),
    "italic": ("*Problem Description*", "*Solution*"),
    "italic underscore": ("_Problem Description_", "_Solution_"),
    "bold numbered": ("1. **Problem Description**", "2. **Solution**"),
    "bold numbered in": ("**1. Problem Description**", "**2. Solution**"),
    "bold bracketed number": ("(1) **Problem Description**", "(2) **Solution**"),
    "bold bullet": ("- **Problem Description**", "- **Solution**"),
    "bold star bullet": ("* **Problem Description:**", "* **Solution:**"),
    "bold emoji": ("**📝 Problem Description**", "**✅ Solution**"),
    "bold language": ("**Problem**", "**Solution (Python):**"),
    "bold section": ("**Section 1: Problem Description**", "**Section 2: Solution**"),
    "bold upper": ("**PROBLEM DESCRIPTION**", "**SOLUTION**"),
    "bold open": ("**Problem Description", "**Solution"),
    "code": ("`Problem Description`", "`Solution`"),
    # HTML, tags, TeX
    "h2": ("<h2>Problem Description</h2>", "<h2>Solution</h2>"),
    "h3 with a class": ('<h3 class="t">Problem Description</h3>', '<h3 class="t">Solution</h3>'),
    "b": ("<b>Problem Description</b>", "<b>Solution</b>"),
    "strong colon": ("<strong>Problem Description:</strong>", "<strong>Solution:</strong>"),
    "p strong": ("<p><strong>Problem Description</strong></p>", "<p><strong>Solution</strong></p>"),
    "u": ("<u>Problem Description</u>", "<u>Solution</u>"),
    "summary": ("## Problem Description", "<details><summary>Solution</summary>\n"),
    "section": (r"\section{Problem Description}", r"\section{Solution}"),
    "section star": (r"\section*{Problem Description}", r"\section*{Solution}"),
    "textbf": (r"\textbf{Problem Description}", r"\textbf{Solution}"),
    # bare
    "bare": ("Problem Description", "Solution"),
    "bare colon": ("Problem Description:", "Solution:"),
    "bare upper": ("PROBLEM DESCRIPTION:", "SOLUTION:"),
    "bare fullwidth colon": ("Problem Description：", "Solution："),
    "bare numbered": ("1. Problem Description", "2. Solution"),
    "bare numbered bracket": ("1) Problem Description:", "2) Solution:"),
    "bare section": ("Section 1: Problem Description", "Section 2: Solution"),
    "bare emoji": ("🔹 Problem Description:", "🔹 Solution:"),
    "bare space before colon": ("Problem Description :", "Solution :"),
    "bare break": ("Problem Description:  ", "Solution:  "),
    # odd ones
    "quoted": ('"Problem Description"', '"Solution"'),
    "single quotes": ("'Problem Description'", "'Solution'"),
    "kbd": ("<kbd>Problem Description</kbd>", "<kbd>Solution</kbd>"),
    "attributes": ("## Problem Description {#p}", "## Solution {#s}"),
    "link": ("## [Problem Description](#problem)", "## [Solution](#solution)"),
    "begin": ("=== BEGIN PROBLEM ===", "=== BEGIN SOLUTION ==="),
    "start": ("[START Problem Description]", "[START Solution]"),
    "section in brackets": ("[Section 1: Problem Description]", "[Section 2: Solution]"),
    "speaker": ("Assistant: [Problem Description]", "[Solution]"),
    "adjectives": ("## Self-Contained Problem Description", "## Correct Solution"),
    "more adjectives": ("## Programming Problem Description", "## Complete Python Solution"),
    "description of both": ("[Problem Description]", "[Solution Description]"),
    "implementation": ("## Problem", "## Implementation"),
    "example": ("## Problem Statement", "## Example Solution"),
    "arrow": ("→ Problem Description", "→ Solution"),
    "square": ("■ Problem Description:", "■ Solution:"),
    # one of each
    "mixed 1": ("[Problem Description]", "**Solution**"),
    "mixed 2": ("**Problem Description**", "### Solution"),
    "mixed 3": ("# Problem Description", "[Solution]"),
    "mixed 4": ("Problem:", "## Solution"),
}


@pytest.mark.parametrize("pair", HEADINGS.values(), ids=HEADINGS.keys())
def test_headings_in_any_dress(pair):
    assert sections(plain(*pair)) == {"problem": P, "solution": S}


@pytest.mark.parametrize("pair", HEADINGS.values(), ids=HEADINGS.keys())
def test_headings_in_any_dress_between_other_text(pair):
    answer = f"Here is one that the snippet inspired.\n\n---\n\n{plain(*pair)}\n\n---\n"
    assert sections(answer) == {"problem": P, "solution": S}


@pytest.mark.parametrize("pair", HEADINGS.values(), ids=HEADINGS.keys())
def test_a_second_pair_in_any_dress_is_a_doubt(pair):
    other = plain(*pair).replace("count", "tally")
    assert isinstance(sections(f"{plain(*pair)}\n\n{other}"), Unparsed)


SAME_LINE = {
    "brackets": ("[Problem Description] ", "[Solution]\n"),
    "brackets colon": ("[Problem Description]: ", "[Solution]: \n"),
    "bold colon in": ("**Problem:** ", "**Solution:**\n"),
    "bold colon out": ("**Problem**: ", "**Solution**:\n"),
    "bold dash": ("**Problem** – ", "**Solution**\n"),
    "heading": ("## Problem: ", "## Solution:\n"),
    "bare": ("Problem: ", "Solution:\n"),
    "bullets": ("- **Problem:** ", "- **Solution:**\n"),
    "fence on the line": ("**Problem:** ", "**Solution:** "),
    "bare fence on the line": ("Problem: ", "Solution: "),
    "bracket fence on the line": ("[Problem Description] ", "[Solution] "),
    "tag": ("<problem>", "</problem>\n<solution>"),
}


@pytest.mark.parametrize("pair", SAME_LINE.values(), ids=SAME_LINE.keys())
def test_text_on_the_line_of_a_heading(pair):
    assert sections(f"{pair[0]}{P}\n\n{pair[1]}{S}") == {"problem": P, "solution": S}


YAML = f"problem: |\n{indented(P)}\nsolution: |\n{indented(S)}\n"
CONTAINERS = {
    "JSON": json.dumps({"problem": P, "solution": S}),
    "JSON indented": json.dumps({"problem_description": P, "solution": S}, indent=2),
    "JSON titles": json.dumps({"Problem Description": P, "Solution": S}),
    "JSON brackets in names": json.dumps({"problem": P, "solution": S, "language": "python", "tags": ["x"]}),
    "JSON raw line ends": json.dumps({"problem": P, "solution": S}).replace("\\n", "\n"),
    "JSON in a block": f"```json\n{json.dumps({'problem': P, 'solution': S})}\n```",
    "JSON raw in a block": f"```json\n{json.dumps({'problem': P, 'solution': S})}\n```".replace("\\n", "\n"),
    "JSON in a plain block": f"```\n{json.dumps({'problem': P, 'solution': S}, indent=4)}\n```",
    "JSON in tildes": f"~~~json\n{json.dumps({'problem': P, 'solution': S})}\n~~~",
    "JSON between text": f"Sure:\n\n```json\n{json.dumps({'problem': P, 'solution': S})}\n```\n\nHope it helps.",
    "JSON after text": f"Here you are:\n{json.dumps({'problem': P, 'solution': S})}",
    "JSON in an object": json.dumps({"result": {"problem": P, "solution": S}}),
    "JSON in a list": json.dumps([{"problem": P, "solution": S}]),
    "JSON with a mark at its begin": "\ufeff" + json.dumps({"problem": P, "solution": S}),
    "YAML": YAML,
    "YAML strip": YAML.replace("|", "|-"),
    "YAML document": f"---\n{YAML}---\n",
    "YAML in a block": f"```yaml\n{YAML}```",
    "YAML names": YAML.replace("problem:", "problem_description:"),
    "TOML": f"problem = '''\n{P}'''\nsolution = '''\n{S}\n'''",
    "TOML in a block": f'```toml\nproblem = """\n{P}"""\nsolution = """\n{S}\n"""\n```',
    "XML": f"<problem>\n{P}\n</problem>\n<solution>\n{S}\n</solution>",
    "XML names": f"<problem_description>\n{P}\n</problem_description>\n\n<solution>\n{S}\n</solution>",
    "XML attributes": f'<problem id="1" level="easy">\n{P}\n</problem>\n<solution language="python">\n{S}\n</solution>',
    "XML root": f"<response>\n<problem>\n{P}\n</problem>\n<solution>\n{S}\n</solution>\n</response>",
    "XML root on the line": f"<response><problem>{P}</problem>\n<solution>{S}\n</solution></response>",
    "XML declaration": f'<?xml version="1.0"?>\n<item>\n<problem>\n{P}\n</problem>\n<solution>\n{S}\n</solution>\n</item>',
    "XML one line apart": f"<problem>{P}</problem><solution>\n{S}\n</solution>",
    "XML CDATA": f"<problem><![CDATA[{P}]]></problem>\n<solution><![CDATA[\n{S}\n]]></solution>",
    "XML and talk": f"Sure!\n<problem>\n{P}\n</problem>\n\nNow the code.\n\n<solution>\n{S}\n</solution>\n\nDone.",
    "XML in a block": f"```xml\n<problem>\n{P}\n</problem>\n<solution>\n{S}\n</solution>\n```",
    "XML capitals": f"<PROBLEM>\n{P}\n</PROBLEM>\n<SOLUTION>\n{S}\n</SOLUTION>",
    "bracket tags": f"[Problem Description]\n{P}\n[/Problem Description]\n[Solution]\n{S}\n[/Solution]",
    "end tags in words": f"[Problem Description]\n{P}\n[End of Problem Description]\n[Solution]\n{S}\n[End of Solution]",
    "begin and end": f"=== BEGIN PROBLEM ===\n{P}\n=== END PROBLEM ===\n\n=== BEGIN SOLUTION ===\n{S}\n=== END SOLUTION ===",
    "TeX": f"\\begin{{problem}}\n{P}\n\\end{{problem}}\n\\begin{{solution}}\n{S}\n\\end{{solution}}",
}


@pytest.mark.parametrize("answer", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_containers(answer):
    assert sections(answer) == {"problem": P, "solution": S}


WRAPPED = {
    "markdown": f"```markdown\n{plain()}\n```",
    "md": f"```md\n{plain('## Problem', '## Solution')}\n```",
    "plain": f"```\n{plain()}\n```",
    "text": f"```text\n{plain()}\n```",
    "four ticks": f"````markdown\n{plain()}\n````",
    "tildes": f"~~~markdown\n{plain()}\n~~~",
    "four tildes": f"~~~~\n{plain()}\n~~~~",
    "unclosed": f"```markdown\n{plain()}",
    "text before": f"Here is the task:\n\n```markdown\n{plain()}\n```",
    "text around": f"Here is the task:\n\n```markdown\n{plain()}\n```\n\nI hope this helps!",
    "four ticks, text around": f"Here:\n\n````\n{plain()}\n````\n\nI hope this helps!",
    "title in the wrapper": f"```markdown\n# Word Count\n\n{plain('## Problem', '## Solution')}\n```",
    "each in a block": f"````\n[Problem Description]\n{P}\n````\n\n````\n[Solution]\n{S}\n````",
    "first in a block": f"```plaintext\n[Problem Description]\n{P}\n```\n\n[Solution]\n{S}",
    "quoted": "\n".join(f"> {line}".rstrip() for line in plain().split("\n")),
    "quoted without blanks": "\n".join(f">{line}" for line in plain().split("\n")),
    "answer tag": f"<answer>\n{plain()}\n</answer>",
    "output tag": f"<output>\n{plain('## Problem', '## Solution')}\n</output>",
}


@pytest.mark.parametrize("answer", WRAPPED.values(), ids=WRAPPED.keys())
def test_wrapped_as_a_whole(answer):
    assert sections(answer) == {"problem": P, "solution": S}


THOUGHTS = {
    "think": f"<think>\n{THOUGHT}\n</think>\n\n{plain()}",
    "thinking": f"<thinking>\n{THOUGHT}\n</thinking>\n\n{plain()}",
    "thought": f"<thought>{THOUGHT}</thought>{plain()}",
    "reasoning": f"<reasoning>\n{THOUGHT}\n</reasoning>\n{plain()}",
    "scratchpad": f"<scratchpad>\n{THOUGHT}\n</scratchpad>\n{plain()}",
    "brackets": f"[THINK]\n{THOUGHT}\n[/THINK]\n{plain()}",
    "upper": f"<THINK>{THOUGHT}</THINK>\n{plain()}",
    "seed": f"<seed:think>\n{THOUGHT}\n</seed:think>{plain()}",
    "kimi": f"◁think▷{THOUGHT}◁/think▷{plain()}",
    "open thoughts": f"<|begin_of_thought|>\n{THOUGHT}\n<|end_of_thought|>\n\n{plain()}",
    "harmony": f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{plain()}<|return|>",
    "harmony without its tokens": f"analysis{THOUGHT}assistantfinal{plain()}",
    "end alone": f"{THOUGHT}\n</think>\n\n{plain()}",
    "end alone, code in the thought": f"Let me see.\n```python\nx = 1\n```\n</think>\n\n{plain()}",
    "end alone, open code in the thought": f"Let me see.\n```python\nx = 1\n</think>\n\n{plain()}",
    "empty": f"<think>\n\n</think>\n\n{plain()}",
    "two": f"<think>a</think>\n<think>{THOUGHT}</think>\n{plain()}",
    "after a word": f"Sure.\n<think>\n{THOUGHT}\n</think>\n{plain()}",
    "between": f"[Problem Description]\n{P}\n\n<think>{THOUGHT}</think>\n[Solution]\n{S}",
    "with attributes": f'<think duration="3s">{THOUGHT}</think>{plain()}',
    "end token": f"{plain()}<|im_end|>",
    "end tokens": f"{plain()}</s>\n<|endoftext|>",
    "answer after": f"<think>{THOUGHT}</think>\n<answer>\n{plain()}\n</answer>",
}


@pytest.mark.parametrize("answer", THOUGHTS.values(), ids=THOUGHTS.keys())
def test_thoughts_are_no_answer(answer):
    assert sections(answer) == {"problem": P, "solution": S}


ENDS = {
    "CRLF": plain().replace("\n", "\r\n"),
    "CR": plain().replace("\n", "\r"),
    "U+2028": plain().replace("\n", "\u2028"),
    "U+2029": plain().replace("\n", "\u2029"),
    "NEL": plain().replace("\n", "\u0085"),
    "mixed": plain().replace("\n\n", "\r\n\n"),
    "no-break blanks": plain("[Problem\u00a0Description]", "\u00a0[Solution]\u00a0"),
    "no-break in a heading": plain("##\u00a0Problem\u00a0Description", "##\u00a0Solution"),
    "zero width": plain("\u200b[Problem Description]\u200b", "\u200b[Solution]"),
    "word joiner": plain("\u2060**Problem**", "\u2060**Solution**"),
    "BOM": "\ufeff" + plain(),
    "BOM before bold": "\ufeff" + plain("**Problem**", "**Solution**"),
    "blanks at the ends": "\n\n  \n" + plain("[Problem Description]  ", "[Solution]\t") + "  \n\n",
    "blanks before": plain("  [Problem Description]", "   [Solution]"),
}


@pytest.mark.parametrize("answer", ENDS.values(), ids=ENDS.keys())
def test_line_ends_and_blanks(answer):
    assert sections(answer) == {"problem": P, "solution": S}


def answer(problem=P, solution=S, heads=("[Problem Description]", "[Solution]")):
    return f"{heads[0]}\n{problem}\n\n{heads[1]}\n{solution}"


WITHIN = {
    "words": ("The [Solution] to the [Problem Description] is asked for.\n" + P, S),
    "sentences": ("Problem solving is fun.\nSolution quality matters.\nSolutions vary.\n" + P, S),
    "a sentence with a colon": ("Solution: returns an int.\n" + P, S),
    "a sentence in brackets": ("[Solution] must be a function.\n" + P, S),
    "restated": ("**Problem:** Count.\n" + P, S),
    "restated as a heading": ("### Problem Statement\n" + P, S),
    "a sub-heading": ("### Solution Requirements\n- fast\n### Problem Constraints\n" + P, S),
    "code": (P + "\n```\n[Solution]\nx = 1\n```", S),
    "code of both": (P + "\n```\n[Problem Description]\nx\n[Solution]\ny\n```", S),
    "code with comments": (P, "```python\n# Problem: count\n# Solution\n# Solution:\nx = 1\n```"),
    "code with headings": (P, "```python\n## Problem\n## Solution\nx = 1\n```"),
    "docstring": (P, '```python\ndef f():\n    """\n    Problem:\n    Solution:\n    [Solution]\n    """\n```'),
    "docstring at the left": (P, '```python\n"""\nProblem Description\n[Problem Description]\n"""\n```'),
    "slashes": (P, "```java\n// Problem\n// Solution:\n/* Solution */\nclass Solution {}\n```"),
    "dashes": (P, "```sql\n-- Problem\n-- Solution\nSELECT 1;\n```"),
    "a class": ("Write the class `Solution` with a method `count`.", "```python\nclass Solution:\n    pass\n```"),
    "a fence in a docstring": (
        P,
        '```python\ndef f():\n    """\n    ```\n    # Solution\n    ```\n    """\n# Solution\n```',
    ),
    "a longer fence": (P + "\n````md\n```\n[Solution]\n```\n````", S),
    "explained": (P, S + "\n\n### Explanation\nEasy.\n### Solution approach\nMore."),
    "problem in the explanation": (P, S + "\n\nProblem: the naive way is slow."),
    "sub-heading of the solution": (P, "### Solution Explanation\nFirst.\n" + S),
    "test cases": (P, S + "\n\n**Test cases**\n```python\nassert count([]) == {}\n```"),
    "JSON as an example": (P + '\n{"problem": "a", "solution": "b"}', S),
    "JSON in the solution": (P, S + '\n```json\n{"problem": "a", "solution": "b"}\n```'),
    "YAML as an example": (P + "\n```yaml\nproblem: a\nsolution: b\n```", S),
    "think in code": (P, "```python\ntag = '<think>'\nend = '</think>'\nprint('</think>')\n```"),
    "think quoted": ("Strip `<think>` and `</think>` from a text.", S),
    "tags in code": (P, "```python\nx = '<solution>'\ny = '</problem>'\n```"),
    "HTML in code": (P, "```html\n<h2>Problem</h2>\n<h2>Solution</h2>\n```"),
    "a table": ("| Problem | Solution |\n|---|---|\n| a | b |\n" + P, S),
    "a link": ("See [Solution](https://example.org) later.\n" + P, S),
    "tildes": (P + "\n~~~\n[Solution]\n```\n~~~", S),
    "a quotation": ("> Solution: none\n" + P, S),
    "umlauts": ("Zähle die Wörter im İstanbul-Text: ß, ﬁ.\n" + P, S),
}


@pytest.mark.parametrize("pair", WITHIN.values(), ids=WITHIN.keys())
def test_names_of_sections_within_their_text(pair):
    problem, solution = pair
    assert sections(answer(problem, solution)) == {"problem": problem, "solution": solution}


def test_names_within_text_under_other_headings():
    for pair, heads in itertools.product(
        WITHIN.values(), [("## Problem", "## Solution"), ("**Problem**", "**Solution**")]
    ):
        found = sections(answer(*pair, heads))
        # Less sure headings leave more doubt; what is found is right, be it without a heading that said it again.
        if not isinstance(found, Unparsed):
            assert pair[0].endswith(found["problem"])
            assert P in found["problem"] or found["problem"] == pair[0]
            assert found["solution"] == pair[1]


OPEN = {
    "solution": (P, S.removesuffix("\n```"), S),
    "solution with tildes": (P, "~~~python\nx = 1", "~~~python\nx = 1\n~~~"),
    "solution with text before": (P, "So:\n```python\nx = 1", "So:\n```python\nx = 1\n```"),
}


@pytest.mark.parametrize("case", OPEN.values(), ids=OPEN.keys())
def test_a_block_left_open_is_closed_if_the_answer_has_ended(case):
    problem, left, whole = case
    assert sections(answer(problem, left)) == {"problem": problem, "solution": left}
    assert sections(answer(problem, left), finished=True) == {"problem": problem, "solution": whole}


@pytest.mark.parametrize(
    "heads", [("[Problem Description]", "[Solution]"), ("## Problem", "## Solution"), ("**Problem**", "**Solution**")]
)
def test_a_block_left_open_in_the_problem_hides_no_solution(heads):
    left = "Complete this:\n```python\ndef count(words):\n    ..."
    assert sections(answer(left, S, heads), finished=True) == {"problem": f"{left}\n```", "solution": S}


ECHO = (
    "Please gain inspiration from the following random code snippet to create a high-quality programming problem. "
    "Present your output in two distinct sections: [Problem Description] and [Solution].\n\n"
    "Code snippet for inspiration:\n```\nx = 1\n```\n\nGuidelines for each section:\n\n"
    "1. [Problem Description]: This should be **completely self-contained**, providing all the context.\n\n"
    "2. [Solution]: Offer a comprehensive, **correct** solution.\n\n"
)
REJECTED = {
    "nothing": "",
    "blank": " \n\t\n",
    "refusal": "I'm sorry, but I can't help with that.",
    "problem only": f"[Problem Description]\n{P}",
    "solution only": f"[Solution]\n{S}",
    "code only": S,
    "swapped": f"[Solution]\n{S}\n\n[Problem Description]\n{P}",
    "swapped bold": f"**Solution**\n{S}\n\n**Problem**\n{P}",
    "empty problem": f"[Problem Description]\n\n[Solution]\n{S}",
    "dots for a problem": f"[Problem Description]\n...\n\n[Solution]\n{S}",
    "empty solution": f"[Problem Description]\n{P}\n\n[Solution]\n",
    "rules for a solution": f"[Problem Description]\n{P}\n\n[Solution]\n---\n***\n",
    "empty block for a solution": f"[Problem Description]\n{P}\n\n[Solution]\n```\n```",
    "two pairs": plain() + "\n\n" + plain(),
    "two pairs, numbered": plain("## Problem 1", "## Solution 1") + "\n\n" + plain("## Problem 2", "## Solution 2"),
    "second pair numbered": plain() + "\n\n" + plain("## Problem 2", "## Solution 2"),
    "second pair in brackets numbered": plain() + "\n\n" + plain("[Problem Description 2]", "[Solution 2]"),
    "second pair named another": plain() + "\n\n" + plain("**Another Problem**", "**Another Solution**"),
    "second pair bold": plain() + "\n\n" + plain("**Problem**", "**Solution**"),
    "second pair bare": plain() + "\n\n" + plain("Problem:", "Solution:"),
    "second pair on lines": plain() + "\n\nProblem: another.\nSolution: " + S,
    "second problem": plain() + "\n\n**Problem**\nNow for trees.",
    "problem, solution, problem": f"[Problem Description]\n{P}\n\n[Solution]\n{S}\n\n[Problem Description]\nB",
    "solution, problem, solution": f"[Solution]\nA\n\n[Problem Description]\n{P}\n\n[Solution]\n{S}",
    "two solutions": f"[Problem Description]\n{P}\n\n[Solution]\nA\n\n[Solution]\n{S}",
    "two solutions, two styles": f"[Problem Description]\n{P}\n\n**Solution**\nA\n\n[Solution]\n{S}",
    "solution within the problem": f"## Problem\n{P}\n### Solution\nA\n## Solution\n{S}",
    "interleaved": f"**Problem**\nA\n\nSolution: of A\n\nProblem: B\n\n**Solution**\n{S}",
    "thought without an end": f"<think>\n{plain()}",
    "thinking without an end": f"<thinking>\n{plain()}",
    "brackets without an end": f"[THINK]\n{plain()}",
    "second thought without an end": f"<think>a</think>\n<think>\n{plain()}",
    "thought without an end later": f"[Problem Description]\n{P}\n<think>\n[Solution]\n{S}",
    "answer within the thought": f"{plain()}\n</think>\nI cannot do that.",
    "answer within the thought, complete": f"<think>\n{plain()}\n</think>\nI cannot do that.",
    "harmony without an answer": f"<|channel|>analysis<|message|>{plain()}",
    "the prompt alone": ECHO,
    "the prompt and a solution": f"{ECHO}[Solution]\n{S}",
    "the prompt's end and a solution": ECHO[ECHO.index("1. [") :] + f"[Solution]\n{S}",
    "headings in code": f"```python\n# Problem Description\n# {P.splitlines()[0]}\n\n# Solution\n{BARE_CODE}\n```",
    "headings in slashes": "```java\n// Problem Description\n// Count.\n// Solution\nclass A {}\n```",
    "headings in a docstring": f'```python\n"""\nProblem Description\n{P}\nSolution\n"""\n{BARE_CODE}\n```',
    "solution heading in code": f"[Problem Description]\n{P}\n\n```python\n# Solution\nx = 1\n```",
    "sentences": f"The problem: count words. The solution: {S}",
    "indented": indented(plain(), "    "),
    "JSON without a solution": json.dumps({"problem": P}),
    "JSON with an empty solution": json.dumps({"problem": P, "solution": ""}),
    "JSON with two problems": json.dumps({"problem": P, "Problem Description": "b", "solution": S}),
    "JSON list of two": json.dumps([{"problem": P, "solution": S}, {"problem": "b", "solution": "c"}]),
    "JSON lines": json.dumps({"problem": P, "solution": S}) + "\n" + json.dumps({"problem": "b", "solution": "c"}),
    "JSON cut": json.dumps({"problem": P, "solution": S})[:-20],
    "two XML pairs": f"<problem>a</problem>\n<solution>b</solution>\n<problem>{P}</problem>\n<solution>\n{S}\n</solution>",
    "XML swapped": f"<solution>\n{S}\n</solution>\n<problem>\n{P}\n</problem>",
}


@pytest.mark.parametrize("text", REJECTED.values(), ids=REJECTED.keys())
def test_in_doubt_there_is_no_pair(text):
    assert isinstance(sections(text), Unparsed)


def test_the_prompt_said_again_before_a_whole_answer_does_not_disturb_it():
    for pair in HEADINGS.values():
        found = sections(ECHO + plain(*pair))
        assert isinstance(found, Unparsed) or found == {"problem": P, "solution": S}
    assert sections(ECHO + plain()) == {"problem": P, "solution": S}


def published(text):
    """The published parser (arXiv 2312.02120): the first lines that hold the two marks."""
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if "[problem description]" in line.lower()), None)
    second = next((n for n, line in enumerate(lines) if "[solution]" in line.lower()), None)
    if first is None or second is None or first >= second:
        return None
    return {"problem": "".join(lines[first + 1 : second]).strip(), "solution": "".join(lines[second + 1 :]).strip()}


@pytest.mark.parametrize("problem", ["Do it.", P, "a\n\n- b\n- c\n\n```\nx\n```"])
@pytest.mark.parametrize("solution", [S, "Just do it.", f"First:\n\n{S}\n\nThen:\n\n{S}\n\nDone."])
def test_as_asked_it_is_what_the_published_parser_finds(problem, solution):
    for text in (answer(problem, solution), f"{answer(problem, solution)}\n", f"Sure.\n\n{answer(problem, solution)}"):
        assert sections(text) == published(text)


@pytest.mark.parametrize("head", ["", "[Problem Description]\nA\n[Solution]\n", "<problem>\n", "## Problem\n"])
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "---\n",
            "</div>\n",
            "</problem> x",
            "Problem: x\n",
            "Solution\n",
            "<solution>\n",
            "<think>\n",
            "> ",
            "\u2028",
        ),
        *("~~~\n", '{\n"a": ', "x = '''\n", "İ", "[Problem Description: ", "</a>", "[/x]\n", "<|channel|>", "\r"),
    ],
)
def test_time_is_linear_whatever_comes_again_and_again(head, piece):
    text = head + piece * (100_000 // len(piece))
    start = time.process_time()
    sections(text, finished=True)
    # Not a benchmark: a quadratic reading of this takes minutes.
    assert time.process_time() - start < 20


EVERYTHING = [
    *(plain(*pair) for pair in HEADINGS.values()),
    *(f"{pair[0]}{P}\n\n{pair[1]}{S}" for pair in SAME_LINE.values()),
    f"[Problem Description]\n{P}\n\n[Solution]\n{S}\n",
    f"[Problem Description]\n{P}\n\n[Solution]\nCount them.\n\n{S}\n\nIt is linear.",
    f"[Problem Description]\n{P}\n[Solution]\n```python\nprint(1)",
    f"[Problem Description]\n# {P}\n[Solution]\n{S}",
    f"[Problem Description]\n{P}\n---\n[Solution]\n{S}\n---",
    f"[Problem Description]\n{P}\n[Solution]\n{S}\n[Solution]\n{S}",
    f"[Problem Description]\n\n[Solution]\n{S}",
    f"[Problem Description]\n{P}\n[Solution]\n\n",
    f"[Problem Description]\n```\n{P}\n[Solution]\n{S}",
]


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("answer", EVERYTHING)
def test_the_short_way_reads_what_the_long_way_reads(answer, finished):
    short = short_way(answer)
    long = answers._weighed(answer, answers.PROBLEM_AND_SOLUTION, finished=finished)
    assert short is None or {"problem": short[0], "solution": short[1]} == long


def test_the_published_layout_is_read_the_short_way():
    assert short_way(f"[Problem Description]\n{P}\n\n[Solution]\n{S}\n") == (P, S)
