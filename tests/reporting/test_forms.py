"""The same table for a terminal, as Markdown, as a page and as JSON: nothing is lost, nothing of others is markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from reports import LIBRARIES, SIX, grouped, made, metrics, python

from magicoder_core.reporting import html, markdown, plain, table, text
from magicoder_core.reporting.reading import scores

EVIL = "<script>alert(1)</script>|*x*\x1b[31m\n"
VOID = {"meta", "br", "img", "input", "hr", "link"}


@pytest.fixture
def full(desk):
    """A table with all that a table may have: two models, five suites, marks, what could not be judged, odd names."""
    broken = [{"task_id": f"swift/{number}", "reason": f"no swiftc {EVIL}"} for number in range(158)]
    languages = {**{name: (50, tasks) for name, tasks in SIX.items()}, "ts": (20, 159), "lua": (11, 161), "swift": 158}
    decoding = {"temperature": 0.2, "top_p": 0.95, "samples": 1, "style": "completion"}
    mine = [
        python(110, 101),
        python(280, 240, 378, "mbpp+"),
        grouped("multipl-e", languages, broken=broken, harness_errors=158, versions={"g++": "12.2.0"}),
        grouped("ds1000", {name: (30, tasks) for name, tasks in LIBRARIES.items()}, decoding=decoding, cut=3),
        made("theirs", {**metrics(1, 2), "statuses": {"pass": 1, "fail": 1}}),
    ]
    given = [f"{EVIL}={desk.file(f'{number}.json', report)}" for number, report in enumerate(mine)]
    given.append(f"a second model={desk.file('o.json', python(3, 3, 20, versions={'sha256': 'cd' * 32}))}")
    return table(scores(given))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_on_a_terminal_no_line_is_too_long(full, width):
    lines = [line.text for line in text.lines(full, width)]
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)


def test_on_a_terminal_each_figure_has_its_interval_below(full):
    lines = [line.text for line in text.lines(full)]
    place = next(number for number, line in enumerate(lines) if "67.1 a" in line)
    assert lines[place].split()[-8:] == ["67.1", "a", "61.6", "a", "74.1", "a", "63.5", "a"]
    assert lines[place + 1].split()[-4:] == ["59.6-73.8", "54.0-68.7", "69.4-78.2", "58.5-68.2"]
    assert any(
        line.split() == ["MagicoderS-CL-7B", "[RM,", "LB,", "RN]", "70.7", "66.5", "68.4", "56.6"] for line in lines
    )


def test_on_a_terminal_columns_are_lined_up(full):
    lines = [line.text for line in text.lines(full)]
    head = next(line for line in lines if "HumanEval+" in line)
    figures = [
        line for line in lines[: lines.index("")] + lines[lines.index(head) + 1 :][:4] if "-" in line or "." in line
    ]
    ends = {match.end() for line in figures for match in re.finditer(r"\d+\.\d-\d+\.\d", line)}
    assert ends == {match.end() for match in re.finditer(r"HumanEval\+?|MBPP\+?", head)}


def test_headings_are_strong(full):
    strong = [line.text for line in text.lines(full) if line.strong]
    assert strong[0] == "HumanEval and MBPP: pass@1 in per cent, with 95% interval"
    assert strong[-1] == "a second model, humaneval+"
    assert len(strong) == 4 + 6


@pytest.mark.parametrize("form", [lambda made_of: "\n".join(text for text, _ in text.lines(made_of)), markdown.page])
def test_what_a_score_depends_on_stands_below(full, form):
    found = " ".join(form(full).split()).replace("\\", "")
    for shown in (
        "sha256 abababababab",
        "isolation: bubblewrap",
        "semantics strict",
        "temperature 0.2, top_p 0.95, samples 1",
        "3 answers were cut at their end",
        "158 programs could not be judged (harness_error) and count for nothing",
        "broken here: swift/0 and 157 more tasks: no swiftc",
        "g++ 12.2.0",
        "164 references passed, 3 known mistakes failed",
        "has no figure for Swift: not judged: no swiftc",
        "'a second model' is not to be compared with",
        "[LB] EvalPlus' leaderboard",
    ):
        assert shown in found
    assert not re.search(r"Swift[^\n]{0,40} 0\.0", found)


def test_markdown_is_a_table_for_each_suite_in_which_nothing_is_markup(full):
    page = markdown.page(full)
    tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    assert len(tables) == 4
    for found in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in found.splitlines()}) == 1
    assert r"| \<script\>alert(1)\</script\>\|\*x\*?\[31m | 67.1 [59.6, 73.8] **a** |" in page
    assert "| *GPT-4-Turbo* \\[LB\\] | 85.4 | 81.7 | 83.0 | 70.7 |" in page
    assert "| not judged |" in page


class Balanced(HTMLParser):
    """Notes tags that are not closed in their turn."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.seen = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_whole_and_safe_and_loads_nothing(full):
    page = html.page(full)
    parser = Balanced()
    parser.feed(page)
    assert (parser.open, parser.wrong) == ([], [])
    assert not re.search(r"<script|(src|href)\s*=|url\(|https?://|@import", page)
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert page.count("<table>") == 4
    for shown in ("59.6\N{EN DASH}73.8", "not judged", "<dt>isolation</dt><dd>bubblewrap</dd>", "Table 4"):
        assert shown in page
    styles = [attrs["style"] for tag, attrs in parser.seen if attrs.get("class") == "range"]
    assert "left:59.56%;width:14.24%" in styles


def test_json_has_all_of_it_with_shares(full):
    found = json.loads(json.dumps(plain.document(full)))
    assert found["metric"] == "pass@1"
    suites = {suite["key"]: suite for suite in found["suites"]}
    assert list(suites) == ["python", "multipl-e", "ds1000", "others"]
    first, second, *others = suites["python"]["rows"]
    assert first["cells"]["humaneval"] == {
        **{name: metrics(110, 164)["pass@1"][name] for name in ("value", "low", "high", "tasks")},
        "scores": [0],
        "marks": ["a"],
    }
    assert second["name"] == "a second model"
    assert {row["published"] for row in others} == {True}
    published = next(row for row in others if row["name"] == "MagicoderS-CL-7B")
    assert (published["table"], published["source"]) == ("Table 1", ["RM", "LB", "RN"])
    assert published["cells"]["humaneval+"] == {"value": 0.665}
    swift = suites["multipl-e"]["rows"][0]["cells"]["multipl-e/swift"]
    assert swift["value"] is None
    assert swift["why"].startswith("not judged: no swiftc")
    mark = suites["python"]["marks"][0]
    assert (mark["letter"], mark["row"], mark["beside"]) == ("a", 0, None)
    assert mark["reasons"]["378 tasks instead of 399"] == ["mbpp", "mbpp+"]
    assert [score["benchmark"] for score in found["scores"]][:2] == ["humaneval+", "mbpp+"]
    assert found["scores"][0]["versions"]["sha256"] == "ab" * 32
    assert set(found["sources"]) == {"LB", "RM", "IC", "RN"}
