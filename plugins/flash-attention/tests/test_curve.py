"""The picture of the loss."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from magicoder_flash_attention import curve

SVG = "{http://www.w3.org/2000/svg}"


def drawn(loss, held_out=()):
    return ET.fromstring(curve.picture("Loss <of> a run", loss, held_out))


def points(root, kind):
    lines = [line for line in root.iter(f"{SVG}polyline") if line.get("class") == kind]
    longest = max(lines, key=lambda line: len(line.get("points")))
    return [tuple(map(float, pair.split(","))) for pair in longest.get("points").split()]


def test_a_falling_loss_falls():
    line = points(drawn([(1, 3.0), (2, 2.0), (3, 1.0)]), "train")
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted(y for _, y in line), "down is a larger y"


@pytest.mark.parametrize(
    "loss",
    [
        [],
        [(1, 2.0)],
        [(1, 0.0), (2, 0.0)],
        [(1, -0.5), (2, 0.5)],
        [(n, 1e-9 * n) for n in range(1, 9)],
        [(1, 1e6), (2, 0)],
    ],
    ids=["none", "one", "zeros", "negative", "tiny", "wide"],
)
def test_all_that_is_drawn_lies_within_the_picture(loss):
    root = drawn(loss, loss)
    _, _, width, height = map(float, root.get("viewBox").split())
    for line in root.iter(f"{SVG}polyline"):
        for x, y in (map(float, pair.split(",")) for pair in line.get("points").split()):
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_many_steps_make_a_small_picture():
    text = curve.picture("Loss", [(n, 1 / n) for n in range(1, 200_000)], [])
    assert len(text) < 50_000


def test_held_out_rows_have_a_line_of_their_own():
    root = drawn([(1, 3.0), (2, 2.0)], [(0, 3.5), (2, 2.5)])
    assert points(root, "held") != points(root, "train")
    assert "held-out rows" in "".join(root.itertext())
    assert "held-out rows" not in "".join(drawn([(1, 3.0), (2, 2.0)]).itertext())
