"""Pictures as SVG text: a few shapes, one style for light and dark, and nothing that is loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#c04a00", "#ff9a4d"),
    ("#00785a", "#2fd1a5"),
    ("#a3488a", "#e59fcb"),
    ("#6b5d00", "#f0e442"),
    ("#57606a", "#c3ccd5"),
)
"""For each set its colour on light and on dark ground, after Okabe and Ito's palette, which the colour-blind can tell
apart; darkened or lightened until each has a contrast of 4.5 or more to its ground."""

DASHES = ("", "7 3", "2 3", "9 3 2 3", "14 4", "4 2")
"""For each set how its line is broken: colour is never the only difference."""

_CHARACTER = 0.56
"""Width of a character in parts of the font's size, on average and rather too much, in common sans-serif fonts."""

_STYLE = """
  svg.chart { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --grid: #d8dee4; LIGHT
    max-width: 100%; height: auto; font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 13px; color-scheme: light dark }
  @media (prefers-color-scheme: dark) {
    svg.chart { --ground: #14181d; --ink: #e6edf3; --soft: #a3adb8; --grid: #343b44; DARK } }
  .chart .ground { fill: var(--ground) } .chart text { fill: var(--ink) } .chart .soft { fill: var(--soft); font-size: 12px }
  .chart .head { font-weight: 600; font-size: 14px } .chart .grid { stroke: var(--grid); stroke-width: 1 }
  .chart .axis { stroke: var(--soft); stroke-width: 1 } .chart .number { font-variant-numeric: tabular-nums }
"""


def style() -> str:
    """The style sheet that pictures carry, with a class for each set: ``s0``, ``s1`` and on."""
    light = " ".join(f"--s{number}: {pair[0]};" for number, pair in enumerate(COLOURS))
    dark = " ".join(f"--s{number}: {pair[1]};" for number, pair in enumerate(COLOURS))
    series = "".join(
        f"  .chart .line.s{number} {{ fill: none; stroke: var(--s{number}); stroke-width: 2; stroke-dasharray: {dash or 'none'} }}\n"
        f"  .chart .area.s{number} {{ fill: var(--s{number}); fill-opacity: .14; stroke: none }}\n"
        f"  .chart .bar.s{number} {{ fill: var(--s{number}) }}\n"
        for number, dash in enumerate(DASHES)
    )
    return _STYLE.replace("LIGHT", light).replace("DARK", dark) + series


def look(number: int) -> str:
    """The class of a set."""
    return f"s{number}"


def width(text: str, size: float = 13) -> float:
    """About how wide a text is, in pixels."""
    return len(text) * size * _CHARACTER


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters; what is left out is in its middle."""
    if len(text) <= most:
        return text
    return f"{text[: (most - 1) // 2]}\N{HORIZONTAL ELLIPSIS}{text[-(most // 2) :]}"


@dataclass
class Picture:
    """An SVG in the making.

    Args:
        name: tells its ids apart from those of other pictures on a page.
        title: what it is, in a line.
        description: what it shows, for those who do not see it.
        width: in pixels.
        height: in pixels.
    """

    name: str
    title: str
    description: str
    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start", *, turned: float = 0) -> None:
        """Words whose base line begins, is centred or ends at a point, ``turned`` by degrees about it."""
        turn = f' transform="rotate({turned:g} {x:.1f} {y:.1f})"' if turned else ""
        named = f' class="{kind}"' if kind else ""
        placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{named}{placed}{turn}>{escape(words)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        self.parts.append(f'<path class="{kind}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>')

    def path(self, points: Sequence[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """A line through points."""
        drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path class="{kind}" d="M{drawn}{"Z" if closed else ""}"/>')

    def bar(self, x: float, y: float, wide: float, high: float, kind: str) -> None:
        """A filled rectangle."""
        self.parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(0, wide):.1f}" height="{high:.1f}"/>'
        )

    def made(self, *, styled: bool = True) -> str:
        """The whole SVG; without its style sheet where the page around it has that."""
        ids = f"{self.name}-title", f"{self.name}-description"
        sheet = f"<style>{style()}</style>" if styled else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby="{ids[0]} {ids[1]}" '
            f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}">\n'
            f'<title id="{ids[0]}">{escape(self.title)}</title>\n<desc id="{ids[1]}">{escape(self.description)}</desc>\n'
            f'{sheet}<rect class="ground" width="{self.width:g}" height="{self.height:g}" rx="6"/>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )


def ticks(most: float, about: int = 5) -> list[float]:
    """Round numbers from 0 to the first that is no less than ``most``, about so many."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= rough * 0.999)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]
