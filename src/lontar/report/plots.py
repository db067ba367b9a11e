"""Plots as SVG text, without a plot library: colors come from the page's style sheet, so dark mode and print follow.

Two shapes. A *row plot* is one cell of a table: a drawing without text, stretched to the cell, whose value, interval
and n stand in the cells beside it. A *line chart* is an SVG without `viewBox`, so that its text keeps its size on a
phone; only the paths stand in a nested, stretched SVG. Strokes never scale, and a dot is a stroke of no length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from lontar.pages.numbers import MINUS

MOST_POINTS = 300
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis; `ticks` are round numbers and its ends are the first and the last of them."""

    ticks: tuple[float, ...]

    @property
    def low(self) -> float:
        """Left or lower end."""
        return self.ticks[0]

    @property
    def high(self) -> float:
        """Right or upper end."""
        return self.ticks[-1]

    def at(self, value: float) -> float:
        """Place of a value in percent of the axis, kept inside it."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure in a row plot: a dot, and its interval when it has one."""

    value: float
    low: float | None = None
    high: float | None = None
    style: str = "after"
    """class that gives the color: before, after, better, worse, open"""


def axis(values: Iterable[float], *, steps: int = 4, zero: bool = False) -> Axis:
    """An axis over all values, with about `steps` steps of 1, 2 or 5 times a power of ten.

    Args:
        values: what must be on it; NaN is passed over.
        steps: about how many steps.
        zero: whether 0 must be on it.
    """
    found = [value for value in values if math.isfinite(value)] + ([0.0] if zero else [])
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if high - low < 1e-12:
        low, high = low - abs(low or 1) / 2, high + abs(high or 1) / 2
    step = _round_step((high - low) / steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(round(i * step, 12) for i in range(first, last + 1)))


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)


def tick(value: float, unit: str = "") -> str:
    """A tick's label."""
    return f"{value:g}".replace("-", MINUS) + unit


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


# --- row plots


def row(scale: Axis, marks: Sequence[Mark], *, reference: float | None = None) -> str:
    """One row of a row plot: grid, a reference line (chance, zero), intervals and dots; marks share the height."""
    grid = "".join(f"M{_n(scale.at(value))} 0V10" for value in scale.ticks)
    drawn = [f'<path class="grid" d="{grid}"/>']
    if reference is not None and scale.low <= reference <= scale.high:
        drawn.append(f'<path class="ref" d="M{_n(scale.at(reference))} 0V10"/>')
    for number, mark in enumerate(marks):
        height = _n(10 * (number + 1) / (len(marks) + 1))
        if mark.low is not None and mark.high is not None:
            drawn.append(
                f'<path class="ci {mark.style}" d="M{_n(scale.at(mark.low))} {height}H{_n(scale.at(mark.high))}"/>'
            )
        dot = f"M{_n(scale.at(mark.value))} {height}h.01"
        drawn.append(f'<path class="dot {mark.style}" d="{dot}"/>')
        if mark.style == "before":  # a ring: told from the other dots by its shape, not by color alone
            drawn.append(f'<path class="hole" d="{dot}"/>')
    return _stretched("row", "".join(drawn))


def bar(share: float, style: str = "after") -> str:
    """A bar from 0; `share` of the full width."""
    width = _n(100 * min(1.0, max(0.0, share)))
    return _stretched("row bar", f'<path class="grid" d="M0 0V10"/><path class="fill {style}" d="M0 2H{width}V8H0z"/>')


def _stretched(name: str, inner: str) -> str:
    return f'<svg class="{name}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{inner}</svg>'


def scale_text(scale: Axis, unit: str = "") -> str:
    """The labels of a row plot's axis: first, last, and those between that have room."""
    ticks = scale.ticks if len(scale.ticks) <= 5 else scale.ticks[:: math.ceil((len(scale.ticks) - 1) / 4)]
    texts = [_tick_text(scale, value, unit) for value in ticks]
    return f'<svg class="scale" aria-hidden="true">{"".join(texts)}</svg>'


def _tick_text(scale: Axis, value: float, unit: str) -> str:
    place = scale.at(value)
    anchor = "start" if place < 1 else "end" if place > 99 else "middle"
    return f'<text x="{_n(place)}%" y="12" text-anchor="{anchor}">{escape(tick(value, unit))}</text>'


# --- line charts


@dataclass(frozen=True, slots=True)
class Line:
    """A series; its name stands beside its last point when it is drawn with others."""

    points: Sequence[Point]
    style: str = "c1"
    name: str = ""


def line_chart(lines: Sequence[Line], across: Axis, up: Axis, finding: str, *, margin: int = 8) -> str:
    """A line chart.

    Args:
        lines: what is drawn.
        across: the axis of the first numbers.
        up: the axis of the second numbers.
        finding: what a reader who does not see it should know.
        margin: room for the labels at the left, in percent of the width; a small drawing needs more.
    """
    grid = "".join(f"M0 {_n(100 - up.at(value))}H100" for value in up.ticks)
    paths = "".join(f'<path class="line {line.style}" d="{_path(line.points, across, up)}"/>' for line in lines)
    dots = "".join(_end_dot(line, across, up) for line in lines if line.points)
    inner = f'<path class="grid" d="{grid}"/>{paths}{dots}'
    nested = (
        f'<svg x="{margin}%" y="8" width="{96 - margin}%" height="76%" viewBox="0 0 100 100" '
        f'preserveAspectRatio="none">{inner}</svg>'
    )
    label = escape(finding, quote=True)
    texts = _up_labels(up, margin) + _across_labels(across, margin)
    return f'<svg class="chart" role="img" aria-label="{label}">{nested}{texts}</svg>'


def _path(points: Sequence[Point], across: Axis, up: Axis) -> str:
    places = [(across.at(x), 100 - up.at(y)) for x, y in thinned(points)]
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in places) if places else ""


def _end_dot(line: Line, across: Axis, up: Axis) -> str:
    x, y = line.points[-1]
    return f'<path class="dot {line.style}" d="M{_n(across.at(x))} {_n(100 - up.at(y))}h.01"/>'


def _up_labels(up: Axis, margin: int) -> str:
    ticks = up.ticks if len(up.ticks) <= 4 else (up.low, up.ticks[len(up.ticks) // 2], up.high)
    # The nested drawing begins 8 px from the top and is 76 % high; the label's middle is 4 px above its baseline.
    places = ((value, (100 - up.at(value)) * 0.76) for value in ticks)
    return "".join(
        f'<text x="{margin - 2}%" y="{_n(y)}%" dy="12" text-anchor="end">{tick(value)}</text>' for value, y in places
    )


def _across_labels(across: Axis, margin: int) -> str:
    first, last = tick(across.low), tick(across.high)
    left = f'<text x="{margin}%" y="76%" dy="24">{first}</text>'
    return left + f'<text x="96%" y="76%" dy="24" text-anchor="end">{last}</text>'


def thinned(points: Sequence[Point], limit: int = MOST_POINTS) -> list[Point]:
    """At most `limit` points that keep every spike: the lowest and the highest of each stretch, in order."""
    if len(points) <= limit:
        return list(points)
    cuts = [round(i * len(points) / (limit // 2)) for i in range(limit // 2 + 1)]
    kept: list[Point] = []
    for begin, end in pairwise(cuts):
        ends = {min(range(begin, end), key=lambda i: points[i][1]), max(range(begin, end), key=lambda i: points[i][1])}
        kept += [points[i] for i in sorted(ends)]
    return kept


def heat(value: float | None, low: float, high: float, *, levels: int = 9) -> int:
    """Step 1 to `levels` of a color scale; 0 where there is no value."""
    if value is None or not math.isfinite(value):
        return 0
    share = 0.5 if high <= low else (value - low) / (high - low)
    return 1 + min(levels - 1, max(0, int(share * levels)))
