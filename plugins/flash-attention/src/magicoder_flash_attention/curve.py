"""The loss over the steps, as a picture (SVG) that any browser shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 44, 48
_POINTS = 1000
"""Most points of a line: more than there are pixels would only make the file larger."""

_STYLE = """
  svg { --ground: #ffffff; --ink: #1f2328; --grid: #d8dee4; --train: #0072b2; --held: #c04a00;
    font: 13px system-ui, 'DejaVu Sans', sans-serif }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #14181d; --ink: #e6edf3; --grid: #343b44; --train: #56b4e9; --held: #ff9a4d } }
  .ground { fill: var(--ground) } text { fill: var(--ink) } .grid { stroke: var(--grid) }
  polyline { fill: none; stroke-width: 2 } .train { stroke: var(--train) }
  .held { stroke: var(--held); stroke-dasharray: 7 3 } .dot { fill: var(--held) }
"""


def picture(title: str, loss: Points, held_out: Points) -> str:
    """An SVG document: the loss of each step as a line, that of the held-out rows as a broken one.

    Args:
        title: what it shows.
        loss: (step, nats a token).
        held_out: the same, of rows that are not trained on; may be empty.
    """
    every = [*loss, *held_out]
    place = _Scale(every)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text x="{_LEFT}" y="24">{escape(title)}</text>',
        *place.axes(),
        _line("train", place, loss),
        _line("held", place, held_out),
        *(_dot(place, point) for point in held_out[:: max(1, len(held_out) // 50)]),
        _legend(held_out=bool(held_out)),
        "</svg>",
    ]
    return "\n".join(line for line in lines if line) + "\n"


class _Scale:
    """Where a point stands; the axes with round numbers."""

    def __init__(self, points: Points) -> None:
        values = [value for _, value in points] or [0.0]
        self._last = max([step for step, _ in points] or [1]) or 1
        self._tick = _round_step((max(values) - min(0.0, *values)) / 5)
        self._low = math.floor(min(values) / self._tick) * self._tick
        self._high = max(math.ceil(max(values) / self._tick) * self._tick, self._low + self._tick)

    def __call__(self, point: tuple[float, float]) -> tuple[float, float]:
        across = (_WIDTH - _LEFT - _RIGHT) * point[0] / self._last
        share = (point[1] - self._low) / (self._high - self._low)
        return round(_LEFT + across, 1), round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share, 1)

    def axes(self) -> list[str]:
        """Grid lines and their numbers."""
        made = []
        for number in range(round((self._high - self._low) / self._tick) + 1):
            value = self._low + number * self._tick
            _, y = self((0, value))
            made.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
            made.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{value:.4g}</text>')
        across = max(1, round(_round_step(self._last / 6)))
        for step in range(0, int(self._last) + 1, across):
            x, y = self((step, self._low))
            made.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{step}</text>')
        made.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 10}" text-anchor="end">optimizer step</text>')
        return made


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power: float = 10 ** math.floor(math.log10(max(rough, 1e-6)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _line(kind: str, place: _Scale, points: Points) -> str:
    if len(points) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    kept = points[:: max(1, math.ceil(len(points) / _POINTS))]
    return f'<polyline class="{kind}" points="{" ".join(f"{x},{y}" for x, y in map(place, kept))}"/>'


def _dot(place: _Scale, point: tuple[float, float]) -> str:
    x, y = place(point)
    return f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>'


def _legend(*, held_out: bool) -> str:
    shown = [("train", "training rows"), *([("held", "held-out rows")] if held_out else [])]
    parts = []
    for number, (kind, name) in enumerate(shown):
        x = _WIDTH - _RIGHT - 130 * (len(shown) - number)
        parts.append(f'<polyline class="{kind}" points="{x},20 {x + 24},20"/><text x="{x + 30}" y="24">{name}</text>')
    return "".join(parts)
