"""Pictures and the page: they parse, load nothing, say what they show, and stand anybody's names."""

import copy
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from magicoder_quality.analysis import charts, svg
from magicoder_quality.analysis.categories import NAMES
from magicoder_quality.analysis.lengths import Lengths
from magicoder_quality.analysis.writing import page, write

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "link", "br", "img", "hr", "input"}


def figures(*lengths):
    made = Lengths()
    for length in lengths:
        made.add(length)
    return made.facts()


def facts(*names):
    """An analysis of sets of these names."""
    histogram = [0] * 101
    histogram[9], histogram[10], histogram[42] = 5, 3, 1
    near = {
        "mean": 0.125,
        "median": 0.09,
        "p95": 0.42,
        "max": 0.4189,
        "histogram": histogram,
        "nearest": [{"item": "b/7", "rows": 8}],
        "closest": [{"row": 3, "item": "b/7", "cosine": 0.4189}],
    }
    return {
        "analysis": 1,
        "sets": [{"name": name, "path": f"some/{name}", "rows": 9} for name in names],
        "lengths": {
            "encoding": "cl100k_base",
            "bucket": 20,
            "shown": 700,
            "sets": [{"set": name, "problem": figures(3, 25, 25, 699), "solution": figures(12, 900)} for name in names],
        },
        "categories": {
            "embedding": "word-vectors",
            "text": "problem",
            "categories": list(NAMES),
            "sets": [{"set": name, "counts": [4, 0, 2, 0, 0, 1, 0, 0, 1, 0], "none": 1} for name in names],
        },
        "similarity": [
            {
                "benchmark": "b",
                "items": 10,
                "provenance": {},
                "texts": 19,
                "terms_counted": 100,
                "terms_exact": True,
                "cosine_error": 0.0,
                "sets": [{"set": name, **copy.deepcopy(near)} for name in names],
            }
        ],
        "versions": {"magicoder-quality": "0.1.0"},
    }


class Checked(HTMLParser):
    """Reads a page and notes what it would load, and elements that are not closed where they should be."""

    def __init__(self, text):
        super().__init__()
        self.opened, self.wrong, self.loaded, self.text, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        self.wrong += self.opened

    def handle_starttag(self, tag, attributes):
        if tag in {"script", "iframe", "object", "embed", "link", "base", "form"}:
            self.loaded.append(tag)
        for name, value in attributes:
            if name in {"src", "href", "srcset", "action", "xlink:href", "data"} or name.startswith("on"):
                self.loaded.append((tag, name, value))
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.opened.pop()

    def handle_endtag(self, tag):
        if not self.opened or self.opened.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text.append(data)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=6, unique=True))
@settings(max_examples=40, deadline=None)
def test_a_page_loads_nothing_and_parses_whatever_sets_are_called(names):
    text = page(facts(*names))
    checked = Checked(text)
    assert checked.loaded == []
    assert checked.wrong == []
    assert len(checked.ids) == len(set(checked.ids))
    assert not re.search(r"url\(|@import", text)
    elsewhere = [
        address for address in re.findall(r"https?://[^\s\"'<]*", text) if not any(address in n for n in names)
    ]
    assert set(elsewhere) <= {"http://www.w3.org/2000/svg"}, "the name of SVG's vocabulary is no address"


@pytest.mark.parametrize(
    "name", ['<script>alert("1")</script>', "a & b", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"]
)
def test_names_are_escaped(name):
    text = page(facts(name))
    assert name in "".join(Checked(text).text)
    assert Checked(text).loaded == []
    assert "<script" not in text
    for _, picture in charts.pictures(facts(name)):
        ET.fromstring(picture.made())


@pytest.mark.parametrize("sets", range(1, 7))
def test_pictures_say_what_they_show(sets):
    names = [f"set {number}" for number in range(sets)]
    made = dict(charts.pictures(facts(*names)))
    assert list(made) == ["lengths-problem", "lengths-solution", "categories", "similarity-b"]
    for picture in made.values():
        root = ET.fromstring(picture.made())
        title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert root.get("aria-labelledby").split() == [title.get("id"), description.get("id")]
        assert root.get("role") == "img"
        assert all(name in description.text for name in names)
        words = [text.text for text in root.iter(f"{SVG}text")]
        assert all(any(name in word for word in words) for name in names), "the legend"
        assert any("share of rows" in word for word in words), "the axes"


@pytest.mark.parametrize("sets", range(1, 7))
def test_nothing_is_drawn_outside_a_picture(sets):
    for _, picture in charts.pictures(facts(*["a rather long name of a set, as files have them"] * sets)):
        root = ET.fromstring(picture.made())
        wide, high = (float(value) for value in root.get("viewBox").split()[2:])
        for path in root.iter(f"{SVG}path"):
            numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path.get("d"))]
            assert all(0 <= x <= wide for x in numbers[::2])
            assert all(0 <= y <= high for y in numbers[1::2])
        for bar in root.iter(f"{SVG}rect"):
            assert float(bar.get("x", 0)) + float(bar.get("width")) <= wide
            assert float(bar.get("y", 0)) + float(bar.get("height")) <= high
        for text in root.iter(f"{SVG}text"):
            if text.get("text-anchor") is None:
                assert float(text.get("x")) + svg.width(text.text) <= wide + 1
            assert 0 < float(text.get("y")) < high


def test_the_height_of_a_step_is_the_share_of_its_bucket():
    """Of four problems two have 20 to 39 tokens: half of the rows, and all of the highest tick."""
    picture = dict(charts.pictures(facts("a")))["lengths-problem"]
    root = ET.fromstring(picture.made())
    curve = max(
        (path for path in root.iter(f"{SVG}path") if path.get("class") == "line s0"), key=lambda p: len(p.get("d"))
    )
    points = [tuple(map(float, point.split())) for point in curve.get("d")[1:].split("L")]
    base, step = max(y for _, y in points), min(y for _, y in points)
    assert [y for x, y in points[2:4]] == [step, step], "the second bucket is the highest"
    assert points[0][1] == pytest.approx((base + step) / 2, abs=0.1), "the first is half of it"
    assert all(left[0] <= right[0] for left, right in pairwise(points))


def test_bars_are_as_long_as_their_shares():
    root = ET.fromstring(dict(charts.pictures(facts("a")))["categories"].made())
    bars = [bar for bar in root.iter(f"{SVG}rect") if bar.get("class") == "bar s0"]
    widths = [float(bar.get("width")) for bar in bars][: len(NAMES)]
    assert widths[2] == pytest.approx(widths[0] / 2, abs=0.1)
    assert widths[1] == 0


def luminance(colour):
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_out_on_light_and_on_dark_ground():
    """WCAG 2.1 wants 3 of graphics and 4.5 of text."""
    light, dark = re.findall(r"--ground: (#\w+)", svg.style())
    for on_light, on_dark in svg.COLOURS:
        assert contrast(on_light, light) >= 4.5
        assert contrast(on_dark, dark) >= 4.5
    for name in ("ink", "soft"):
        on_light, on_dark = re.findall(rf"--{name}: (#\w+)", svg.style())
        assert contrast(on_light, light) >= 4.5
        assert contrast(on_dark, dark) >= 4.5
    assert len(set(svg.DASHES)) == len(svg.COLOURS)


@given(st.one_of(st.just(0), st.floats(1e-6, 100)))
def test_ticks_are_round_and_reach_the_most(most):
    found = svg.ticks(most)
    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-6)
    assert 2 <= len(found) <= 8
    assert all(len(f"{value:g}") <= 8 for value in found)


def test_all_files_of_an_analysis_are_written(tmp_path):
    written = write(facts("a"), tmp_path / "out", json=tmp_path / "a.json", html=tmp_path / "a.html")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "analysis.json",
        "categories.svg",
        "index.html",
        "lengths-problem.svg",
        "lengths-solution.svg",
        "similarity-b.svg",
    ]
    assert all(path.exists() for path in written)
    assert len(written) == 8
    assert (tmp_path / "a.html").read_text("utf-8") == (tmp_path / "out" / "index.html").read_text("utf-8")


def test_parts_that_were_not_asked_for_are_left_out(tmp_path):
    alone = {name: value for name, value in facts("a").items() if name not in {"categories", "similarity"}}
    text = page(alone)
    assert "Lengths" in text
    assert "Categories" not in text
    assert "Similarity" not in text
